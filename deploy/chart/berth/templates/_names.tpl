{{/* Names and labels. A scope is a dict: top (the root context), kind (nfs, hostpath or local), driver (its values). */}}

{{- define "berth.name" -}}
{{- if contains "berth" .top.Release.Name -}}
{{- .top.Release.Name | trunc 40 | trimSuffix "-" }}-{{ .kind }}
{{- else -}}
{{- printf "%s-berth" .top.Release.Name | trunc 40 | trimSuffix "-" }}-{{ .kind }}
{{- end -}}
{{- end }}

{{- define "berth.selector" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .top.Release.Name }}
app.kubernetes.io/component: {{ .kind }}{{ with .part }}-{{ . }}{{ end }}
{{- end }}

{{- define "berth.labels" -}}
{{ include "berth.selector" . }}
app.kubernetes.io/version: {{ .top.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .top.Release.Service }}
helm.sh/chart: {{ .top.Chart.Name }}-{{ .top.Chart.Version }}
{{- end }}

{{- define "berth.metadata" -}}
name: {{ include "berth.name" . }}{{ with .part }}-{{ . }}{{ end }}
namespace: {{ .top.Release.Namespace }}
labels:
  {{- include "berth.labels" . | nindent 2 }}
{{- end }}

{{- define "berth.image" -}}
{{ .top.Values.image.repository }}:{{ .top.Values.image.tag | default .top.Chart.AppVersion }}
{{- end }}

{{/* No registry has an image of localhost; a node that lacks it would ask whoever answers there. */}}
{{- define "berth.pullPolicy" -}}
{{ hasPrefix "localhost/" . | ternary "Never" "IfNotPresent" }}
{{- end }}

{{/* The folder of the node's CSI socket, which is the same inside of pods. */}}
{{- define "berth.socketFolder" -}}
{{ .top.Values.kubelet.folder }}/plugins/{{ .driver.driver }}
{{- end }}
