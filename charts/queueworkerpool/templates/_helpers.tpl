{{/* The name of everything in the release: unique, readable, at most 63 characters with the longest suffix. Helm lets a release
have dots in its name, and an alias capitals and underscores; a Service may have none. */}}
{{- define "queueworkerpool.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $prefixed := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default ($prefixed | lower | replace "." "-" | replace "_" "-") | trunc 55 | trimSuffix "-" -}}
{{- end -}}

{{/* The number of shards. It is missing after `helm upgrade --reuse-values` from a release that did not have it. */}}
{{- define "queueworkerpool.shards" -}}
{{- .Values.shards | default 1 | int -}}
{{- end -}}

{{/* The names of the Leases of so many shards, as a list in JSON. Call with a list: the context, the number of shards. */}}
{{- define "queueworkerpool.leases" -}}
{{- $fullname := include "queueworkerpool.fullname" (index . 0) -}}
{{- $names := list $fullname -}}
{{- if gt (index . 1 | int) 1 -}}
{{- range until (index . 1 | int) -}}{{- $names = append $names (printf "%s-shard-%d" $fullname .) -}}{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* Where everything is that has a namespace, but for the Roles of watchNamespaces and a ServiceMonitor with its own. */}}
{{- define "queueworkerpool.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* The labels by which the Deployment and the Service select their pods: they must never change, so no value does. */}}
{{- define "queueworkerpool.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "queueworkerpool.labels" -}}
{{ include "queueworkerpool.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The labels and more of them, which win. Call with a list: the context, the others. */}}
{{- define "queueworkerpool.labelsWith" -}}
{{- include "queueworkerpool.labels" (index . 0) | fromYaml | merge (deepCopy (index . 1 | default dict)) | toYaml -}}
{{- end -}}

{{/* No runAsUser: the image's user is a number other than 0, and OpenShift chooses its own. */}}
{{- define "queueworkerpool.podSecurityContext" -}}
{{- $safe := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- include "queueworkerpool.mergedOver" (list $safe .Values.podSecurityContext) -}}
{{- end -}}

{{- define "queueworkerpool.securityContext" -}}
{{- $safe := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- include "queueworkerpool.mergedOver" (list $safe .Values.securityContext) -}}
{{- end -}}

{{/* Defaults and what was given instead, of which a null takes a default away. Call with a list of both. */}}
{{- define "queueworkerpool.mergedOver" -}}
{{- $given := index . 1 | default dict -}}
{{- $merged := mergeOverwrite (index . 0) (deepCopy $given) -}}
{{- range $key, $value := $given -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $merged $key -}}{{- end -}}
{{- end -}}
{{- toYaml $merged -}}
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
