{{/* What every driver has in the cluster: itself and its classes. */}}

{{- define "berth.driver" -}}
{{- include "berth.check" . }}
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata:
  name: {{ .driver.driver }}
  labels:
    {{- include "berth.labels" . | nindent 4 }}
    {{- if has "Ephemeral" .driver.csiDriver.volumeLifecycleModes }}
    security.openshift.io/csi-ephemeral-volume-profile: {{ empty .driver.inline.hostPaths | ternary "baseline" "privileged" }}
    {{- end }}
spec:
  attachRequired: {{ .driver.attach | default false }}
  podInfoOnMount: true
  fsGroupPolicy: {{ .driver.csiDriver.fsGroupPolicy }}
  seLinuxMount: {{ .driver.csiDriver.seLinuxMount }}
  storageCapacity: {{ eq .kind "local" }}
  requiresRepublish: false
  volumeLifecycleModes:
    {{- toYaml .driver.csiDriver.volumeLifecycleModes | nindent 4 }}
{{- range .driver.storageClasses }}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: {{ .name }}
  labels:
    {{- include "berth.labels" $ | nindent 4 }}
  {{- if .default }}
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
  {{- end }}
provisioner: {{ $.driver.driver }}
reclaimPolicy: {{ .reclaimPolicy | default "Delete" }}
volumeBindingMode: {{ .volumeBindingMode | default (eq $.kind "local" | ternary "WaitForFirstConsumer" "Immediate") }}
allowVolumeExpansion: {{ ne .allowVolumeExpansion false }}
{{- with .mountOptions }}
mountOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .parameters }}
parameters:
  {{- range $key, $value := . }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- if .top.Values.snapshots.enabled }}
{{- range .driver.volumeSnapshotClasses }}
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata:
  name: {{ .name }}
  labels:
    {{- include "berth.labels" $ | nindent 4 }}
  {{- if .default }}
  annotations:
    snapshot.storage.kubernetes.io/is-default-class: "true"
  {{- end }}
driver: {{ $.driver.driver }}
deletionPolicy: {{ .deletionPolicy | default "Delete" }}
{{- with .parameters }}
parameters:
  {{- range $key, $value := . }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- if include "berth.groups" $ | eq "true" }}
---
apiVersion: groupsnapshot.storage.k8s.io/v1
kind: VolumeGroupSnapshotClass
metadata:
  name: {{ .name }}
  labels:
    {{- include "berth.labels" $ | nindent 4 }}
driver: {{ $.driver.driver }}
deletionPolicy: {{ .deletionPolicy | default "Delete" }}
{{- end }}
{{- end }}
{{- end }}
{{- range .driver.volumeAttributesClasses }}
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata:
  name: {{ .name }}
  labels:
    {{- include "berth.labels" $ | nindent 4 }}
driverName: {{ $.driver.driver }}
parameters:
  {{- range $key, $value := .parameters }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Whether snapshots of groups are had. Not of local: its snapshotters see nothing but what snapshot-controller has marked
for their node, and it marks no group. */}}
{{- define "berth.groups" -}}
{{ and .top.Values.snapshots.groups (ne .kind "local") }}
{{- end }}
