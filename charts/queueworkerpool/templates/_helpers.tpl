{{/* The name of everything in the release: unique, readable, at most 63 characters with the longest suffix. */}}
{{- define "queueworkerpool.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 55 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 55 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels by which the Deployment and the Service select their pods: they must never change. */}}
{{- define "queueworkerpool.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "queueworkerpool.labels" -}}
{{ include "queueworkerpool.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "queueworkerpool.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "queueworkerpool.fullname" .) -}}
{{- end -}}

{{- define "queueworkerpool.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.metrics.tls.secretName)) -}}
{{- end -}}

{{/* The global values are missing after `helm upgrade --reuse-values` from a release without any. */}}
{{- define "queueworkerpool.image" -}}
{{- with (.Values.global | default dict).imageRegistry | default .Values.image.registry -}}
{{ . }}/
{{- end -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The longest tenants that fit into a variable: Linux allows 128 KiB. Longer ones are mounted from a ConfigMap. */}}
{{- define "queueworkerpool.tenantsInFile" -}}
{{- if gt (len (toJson .Values.tenants)) 65536 }}true{{ end -}}
{{- end -}}

{{/* The kinds that pools may scale by the operator's own default, as JSON. */}}
{{- define "queueworkerpool.defaultScaleTargets" -}}
[{"apiVersion":"apps/v1","kind":"Deployment"},{"apiVersion":"apps/v1","kind":"StatefulSet"}]
{{- end -}}

{{/* Those of the values. They are missing after `helm upgrade --reuse-values` from a release that did not have them. */}}
{{- define "queueworkerpool.scaleTargets" -}}
{{- with .Values.scaleTargets -}}{{ toJson . }}{{- else -}}{{ include "queueworkerpool.defaultScaleTargets" . }}{{- end -}}
{{- end -}}

{{/* The operator's rights, the same in the ClusterRole and in the Roles of watchNamespaces. No rule is unused. */}}
{{- define "queueworkerpool.rules" -}}
- apiGroups: [queueworker.dev]
  resources: [queueworkerpools]
  verbs: [get, list, watch]
- apiGroups: [queueworker.dev]
  resources: [queueworkerpools/status]
  verbs: [patch]
{{- range include "queueworkerpool.scaleTargets" . | fromJsonArray }}
{{- $group := ternary (index (splitList "/" .apiVersion) 0) "" (contains "/" .apiVersion) }}
{{- $resource := .resource | default (printf "%ss" (lower .kind)) }}
{{- $kind := printf "%s/%s" $group .kind }}
- apiGroups: [{{ $group | quote }}]
  resources: [{{ $resource }}]
  verbs: [get, list, watch]
- apiGroups: [{{ $group | quote }}]
  resources: [{{ $resource }}/scale]
  # Of a kind that is not known by name, only the scale says how many pods there are, and which.
  verbs: {{ has $kind (list "apps/Deployment" "apps/StatefulSet" "argoproj.io/Rollout") | ternary "[patch]" "[get, patch]" }}
{{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}
