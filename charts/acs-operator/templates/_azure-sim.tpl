{{- /* Room for what is put behind it: names of Services end at 63 characters. */ -}}
{{- define "acs-operator.azureSim.name" -}}
{{- printf "%s-azure-sim" (include "acs-operator.fullname" .) }}
{{- end }}

{{- define "acs-operator.azureSim.selector" -}}
app.kubernetes.io/name: {{ include "acs-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: azure-sim
{{- end }}

{{- define "acs-operator.azureSim.labels" -}}
{{ include "acs-operator.azureSim.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: acs-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "acs-operator.azureSim.host" -}}
{{- printf "%s.%s.svc" (include "acs-operator.azureSim.name" .) .Release.Namespace }}
{{- end }}

{{- define "acs-operator.azureSim.secret" -}}
{{- default (printf "%s-authority" (include "acs-operator.azureSim.name" .)) .Values.azureSim.authority.existingSecret }}
{{- end }}

{{- /* What the schema cannot say. */ -}}
{{- define "acs-operator.azureSim.check" -}}
{{- if .Values.azureSim.enabled }}
{{- if hasKey .Values.azure.clouds .Values.azureSim.cloud }}
{{- fail (printf "azureSim.cloud and azure.clouds both define the cloud %q: an account that names it could mean either; rename one" .Values.azureSim.cloud) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The operator's arguments. The authority is trusted for this cloud and for no other. */ -}}
{{- define "acs-operator.azureSim.operatorArgs" -}}
{{- $url := printf "https://%s" (include "acs-operator.azureSim.host" .) -}}
- {{ printf "--cloud=%s=%s,%s" .Values.azureSim.cloud $url $url | quote }}
- {{ printf "--cloud-ca=%s=/var/run/azure-sim/ca.crt" .Values.azureSim.cloud | quote }}
- {{ printf "--cloud-push=%s=%s:8443" .Values.azureSim.cloud $url | quote }}
{{- end }}
