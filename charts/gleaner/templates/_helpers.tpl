{{/* Names and labels. */}}

{{- define "gleaner.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* `gleaner` for a release with that name, otherwise `<release>-gleaner`. At most 40 characters, to leave room for suffixes within the limit of a Service's name. */}}
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

{{/* Labels of the chart's objects. managed-by is Helm; `managed-by: gleaner` marks objects that a run has generated. */}}
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
{{- required "name the ServiceAccount in injector.serviceAccount.name, or let the chart create one (injector.serviceAccount.create)" .Values.injector.serviceAccount.name -}}
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

{{/* The Secret that holds the injector's certificate. */}}
{{- define "gleaner.tlsSecret" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{- required "name the Secret of the certificate in tls.secret.name" .Values.tls.secret.name -}}
{{- else if eq .Values.tls.mode "cert-manager" -}}
{{- /* This name must differ from that of the Secret that Helm creates; otherwise the two would conflict when the mode changes. */ -}}
{{ include "gleaner.injector" . }}-certificate
{{- else -}}
{{ include "gleaner.injector" . }}-tls
{{- end -}}
{{- end -}}

{{/* Non-empty if the cluster has ValidatingAdmissionPolicies. */}}
{{- define "gleaner.policies" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}true{{- end -}}
{{- end -}}

{{/* Non-empty if a policy, not the webhook itself, refuses pods while the injector is down. */}}
{{- define "gleaner.guarded" -}}
{{- if and (eq .Values.webhooks.pods.whileDown "refuse") (include "gleaner.policies" .) -}}true{{- end -}}
{{- end -}}
