{{- define "acs-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "acs-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "acs-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "acs-operator.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "acs-operator.selector" -}}
app.kubernetes.io/name: {{ include "acs-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "acs-operator.labels" -}}
{{ include "acs-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: acs-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "acs-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "acs-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "acs-operator.image" -}}
{{- include "acs-operator.imageOf" (list . .Values.image) }}
{{- end }}

{{- define "acs-operator.relayImage" -}}
{{- include "acs-operator.imageOf" (list . .Values.relay.image) }}
{{- end }}

{{- /* Image from its parts: the context, then registry, repository, tag and digest. */ -}}
{{- define "acs-operator.imageOf" -}}
{{- $root := index . 0 }}
{{- with index . 1 }}
{{- $repository := ternary .repository (printf "%s/%s" .registry .repository) (empty .registry) }}
{{- $tag := default $root.Chart.AppVersion .tag }}
{{- if .digest }}
{{- ternary (printf "%s:%s@%s" $repository .tag .digest) (printf "%s@%s" $repository .digest) (not (empty .tag)) }}
{{- else }}
{{- printf "%s:%s" $repository $tag }}
{{- end }}
{{- end }}
{{- end }}

{{- define "acs-operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "acs-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* Cluster-scoped, so it carries the namespace of the release where several releases may each watch their own namespaces. */ -}}
{{- define "acs-operator.roleName" -}}
{{- if .Values.watchNamespaces }}
{{- printf "%s-%s" .Release.Namespace (include "acs-operator.fullname" .) | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- include "acs-operator.fullname" . }}
{{- end }}
{{- end }}
