{{- /* What the operator may do where it watches: bound cluster-wide, or once per watched namespace. */ -}}
{{- define "acs-operator.rules" -}}
# Our kinds: watch them; put the finalizer on and take it off; record the Azure name in an annotation. Never create or delete one.
- apiGroups: [acs-operator.dev]
  resources: [azureaccounts, communicationservices, eventrelays, eventsubscriptions, notificationhubnamespaces, notificationhubs]
  verbs: [get, list, watch, patch]
# Our kinds' status: conditions and announced calls, written by compare-and-swap.
- apiGroups: [acs-operator.dev]
  resources:
    - azureaccounts/status
    - communicationservices/status
    - eventrelays/status
    - eventsubscriptions/status
    - notificationhubnamespaces/status
    - notificationhubs/status
  verbs: [update]
# Secrets: read credentials that a spec names, by name; watch metadata so that a change is seen; write and delete connection
# Secrets of our own; put the finalizer on the credential that deletion will need.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, patch, delete]
# Pods: see which run a relay, and where. Nothing of them is written.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# What is made for a relay: its configuration and its Service; for a Deployment, that, its disruption budget and its network
# policy; the route that leads to it. Read by name, written by server-side apply (which asks for create too), deleted when no longer
# asked for (the first two always are); metadata of those that carry the operator's label is watched, so that a change is seen.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
# Namespaces: see whether one is going away.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- with .Values.azure.serviceAccountNames }}
# Workload identity: mint a token for these ServiceAccounts, in whatever namespace the account is, and for no other.
- apiGroups: [""]
  resources: [serviceaccounts/token]
  resourceNames:
    {{- range . }}
    - {{ . }}
    {{- end }}
  verbs: [create]
{{- end }}
# Events: say what happened. A repeat is a patch of the first.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.watchNamespaces }}
# The operator's own RoleBinding, by name: put the finalizer on it and take it off. It cannot change what is bound.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [rolebindings]
  resourceNames: [{{ include "acs-operator.fullname" . }}]
  verbs: [get, patch]
{{- end }}
{{- end }}
