{{/* Names and labels. */}}

{{- define "gleaner.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* `gleaner` for a release with that name, otherwise `<release>-gleaner`. At most 40 characters, because
a Service's name has a maximum length and templates add suffixes. */}}
{{- define "gleaner.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "gleaner.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gleaner.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gleaner.injector" -}}
{{ include "gleaner.fullname" . }}-injector
{{- end -}}

{{- define "gleaner.selector" -}}
app.kubernetes.io/name: {{ include "gleaner.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: injector
{{- end -}}

{{/* Labels of the chart's objects. managed-by is Helm, because `managed-by: gleaner` marks objects that a run generated. */}}
{{- define "gleaner.labels" -}}
app.kubernetes.io/name: {{ include "gleaner.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: gleaner
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "gleaner.serviceAccount" -}}
{{- if .Values.injector.serviceAccount.create -}}
{{- default (include "gleaner.injector" .) .Values.injector.serviceAccount.name -}}
{{- else -}}
{{- required "injector.serviceAccount.name is required with injector.serviceAccount.create=false" .Values.injector.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gleaner.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Secret that contains the injector's certificate. */}}
{{- define "gleaner.tlsSecret" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{- required "tls.secret.name is required with tls.mode=secret: set it to the name of the certificate's Secret" .Values.tls.secret.name -}}
{{- else if eq .Values.tls.mode "cert-manager" -}}
{{- /* Not the name of the Secret that Helm creates, because the two Secrets would conflict when the mode changes. */ -}}
{{ include "gleaner.injector" . }}-certificate
{{- else -}}
{{ include "gleaner.injector" . }}-tls
{{- end -}}
{{- end -}}

{{/* Non-empty if the cluster supports ValidatingAdmissionPolicies. */}}
{{- define "gleaner.policies" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}true{{- end -}}
{{- end -}}

{{/* Non-empty if the policy in guard.yaml, instead of the webhook, rejects pods while the injector is down. */}}
{{- define "gleaner.guarded" -}}
{{- if and (eq .Values.webhooks.pods.whileDown "refuse") (include "gleaner.policies" .) -}}true{{- end -}}
{{- end -}}
