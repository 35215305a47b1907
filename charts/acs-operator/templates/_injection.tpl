{{- /* Whether this API server can inject. `helm template` asks no server: there `--api-versions` or `mode: Policy` says it. */ -}}
{{- define "acs-operator.injection.mutates" -}}
{{- if or (eq .Values.relay.injection.mode "Policy") (and (eq .Values.relay.injection.mode "Auto") (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy")) -}}
true
{{- end }}
{{- end }}

{{- /* Cluster-scoped, so named after the release's namespace where several releases may each watch their own. */ -}}
{{- define "acs-operator.injection.name" -}}
{{- include "acs-operator.roleName" . }}
{{- end }}

{{- /* Labelled pods, in the operations given, and no other request: where a policy that fails closed fails, nobody else waits. */ -}}
{{- define "acs-operator.injection.constraints" -}}
{{- $operations := .operations }}
{{- with .context -}}
matchPolicy: Equivalent
resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: {{ toJson $operations }}
    resources: [pods]
    scope: Namespaced
objectSelector:
  matchExpressions:
    - key: acs-operator.dev/relay
      operator: Exists
# The cluster, and the operator itself, must be able to start whatever becomes of these policies.
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: {{ concat (list "kube-system" .Release.Namespace) .Values.relay.injection.excludedNamespaces | uniq | toJson }}
    {{- with .Values.watchNamespaces }}
    - key: kubernetes.io/metadata.name
      operator: In
      values: {{ toJson . }}
    {{- end }}
{{- end }}
{{- end }}

{{- /* A static pod is started by its node; the API server gets a copy. Nothing can be put into it, and a refusal would only hide it. */ -}}
{{- define "acs-operator.injection.notStatic" -}}
- name: not-a-copy-of-a-static-pod
  expression: >-
    !has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)
{{- end }}
