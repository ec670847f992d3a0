{{/* Pieces of pods. */}}

{{- define "berth.podSpec" -}}
{{- with .top.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
enableServiceLinks: false
{{- with .pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
nodeSelector:
  kubernetes.io/os: linux
  {{- with .pod.nodeSelector }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The flags that every driver has, in any role. */}}
{{- define "berth.flags" -}}
- --node-id=$(NODE_NAME)
- --driver-name={{ .driver.driver }}
- --log-format={{ .top.Values.log.format }}
- --log-level={{ .top.Values.log.level }}
- --metrics-address={{ include "berth.metricsAddress" . }}:{{ .port }}
{{- if .driver.attach }}
- --attach
{{- end }}
{{- end }}

{{/* Whether a pod is in the network of its node: controllers by a value, nodes of nfs because a mount has its connection in
the network of whoever made it. */}}
{{- define "berth.isInNodesNetwork" -}}
{{ eq .part "controller" | ternary .pod.hostNetwork (and (eq .kind "nfs") (eq .part "node")) }}
{{- end }}

{{/* Where nobody but the kubelet asks, nobody else in the node's network is answered. */}}
{{- define "berth.metricsAddress" -}}
{{- if .top.Values.metrics.address }}
{{- .top.Values.metrics.address }}
{{- else if and (include "berth.isInNodesNetwork" . | eq "true") (not .top.Values.metrics.podMonitor.enabled) -}}
127.0.0.1
{{- else -}}
0.0.0.0
{{- end }}
{{- end }}

{{- define "berth.probeHost" -}}
{{- if include "berth.metricsAddress" . | eq "127.0.0.1" }}
host: 127.0.0.1
{{- end }}
{{- end }}

{{- define "berth.poolFlags" -}}
{{- $kind := .kind }}
{{- range .driver.pools }}
- --pool={{ .name }}={{ $kind }}:{{ .export | default .path }}{{ range .options }},{{ . }}{{ end }}
{{- end }}
{{- end }}

{{- define "berth.environment" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- end }}

{{/* Of Berth's container: it answers probes itself, or the livenessprobe sidecar asks it. */}}
{{- define "berth.probes" -}}
ports:
  - name: metrics
    containerPort: {{ .port }}
startupProbe:
  httpGet:
    path: /healthz
    port: metrics
    {{- with include "berth.probeHost" . | trim }}{{ . | nindent 4 }}{{ end }}
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: 300 # a machine that is slow would not be faster the next time
livenessProbe:
  httpGet:
    path: /healthz
    port: {{ .top.Values.sidecars.livenessprobe.enabled | ternary (include "berth.livenessPort" . | int) "metrics" }}
    {{- if not .top.Values.sidecars.livenessprobe.enabled }}
    {{- with include "berth.probeHost" . | trim }}{{ . | nindent 4 }}{{ end }}
    {{- end }}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 5
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
    {{- with include "berth.probeHost" . | trim }}{{ . | nindent 4 }}{{ end }}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end }}

{{/* A controller may run in the network of a node, beside the node's pod. */}}
{{- define "berth.livenessPort" -}}
{{ eq .part "controller" | ternary (add1 .top.Values.sidecars.livenessprobe.port) .top.Values.sidecars.livenessprobe.port }}
{{- end }}

{{/* Mounts files and makes those of others, so it is root with what that takes and nothing more. */}}
{{- define "berth.controllerSecurity" -}}
securityContext:
  runAsUser: 0
  {{- with .top.Values.seLinuxOptions }}
  seLinuxOptions:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  readOnlyRootFilesystem: true
  appArmorProfile:
    type: Unconfined # the usual profile forbids mount(2)
  seccompProfile:
    type: RuntimeDefault
  capabilities:
    drop: [ALL]
    add: [SYS_ADMIN, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP]
{{- end }}

{{/* Bidirectional mounts, without which no pod would see a volume, are for privileged containers alone. */}}
{{- define "berth.nodeSecurity" -}}
securityContext:
  privileged: true
  runAsUser: 0
  readOnlyRootFilesystem: true
{{- end }}

{{- define "berth.poolMounts" -}}
{{- range .driver.pools }}
{{- if .path }}
- name: pool-{{ .name }}
  mountPath: {{ .path }}
  mountPropagation: HostToContainer
{{- end }}
{{- end }}
{{- end }}

{{- define "berth.poolVolumes" -}}
{{- range .driver.pools }}
{{- if .path }}
- name: pool-{{ .name }}
  hostPath:
    path: {{ .path }}
    type: DirectoryOrCreate
{{- end }}
{{- end }}
{{- end }}

{{/* A sidecar: scope with name, address (of the CSI socket's folder) and flags. */}}
{{- define "berth.sidecar" -}}
{{- $sidecar := index .top.Values.sidecars .name -}}
- name: {{ .name }}
  image: {{ $sidecar.image }}
  imagePullPolicy: {{ .top.Values.image.pullPolicy | default (include "berth.pullPolicy" $sidecar.image) }}
  args:
    - --csi-address={{ .address }}/csi.sock
    {{- range .flags }}
    - {{ . }}
    {{- end }}
    {{- range $sidecar.args }}
    - {{ . }}
    {{- end }}
  {{- with .ports }}
  ports:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .podFields }}
  env:
    {{- include "berth.environment" . | nindent 4 }}
    - name: NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
  {{- end }}
  {{- include "berth.sidecarSecurity" . | nindent 2 }}
  resources:
    {{- toYaml $sidecar.resources | nindent 4 }}
  volumeMounts:
    - name: socket
      mountPath: {{ .address }}
    {{- range .mounts }}
    - {{ toYaml . | nindent 6 | trim }}
    {{- end }}
{{- end }}

{{/* Root, to whom the CSI socket belongs, without any of root's powers. */}}
{{- define "berth.sidecarSecurity" -}}
securityContext:
  runAsUser: 0
  {{- with .top.Values.seLinuxOptions }}
  seLinuxOptions:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  seccompProfile:
    type: RuntimeDefault
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Fewer workers than --max-calls of Berth, which does not refuse them so, and has places left for calls of others. */}}
{{- define "berth.provisionerFlags" -}}
- --worker-threads=32
- --timeout=60s
- --retry-interval-max=1m
- --extra-create-metadata
- --kube-api-qps=50
- --kube-api-burst=100
{{- end }}

{{- define "berth.snapshotterFlags" -}}
- --timeout=60s
- --feature-gates=CSIVolumeGroupSnapshot={{ include "berth.groups" . | eq "true" }}
{{- end }}

{{/* The sidecars of a node pod that take over what Berth does itself. */}}
{{- define "berth.nodeSidecars" -}}
{{- $folder := include "berth.socketFolder" . }}
{{- if .top.Values.sidecars.registrar.enabled }}
{{ include "berth.sidecar" (merge (dict "name" "registrar" "address" $folder
    "flags" (list (printf "--kubelet-registration-path=%s/csi.sock" $folder))
    "mounts" (list (dict "name" "registration" "mountPath" "/registration"))) .) }}
{{- end }}
{{- include "berth.livenessprobe" (merge (dict "address" $folder) .) }}
{{- end }}

{{- define "berth.livenessprobe" -}}
{{- if .top.Values.sidecars.livenessprobe.enabled }}
{{ include "berth.sidecar" (merge (dict "name" "livenessprobe"
    "ports" (list (dict "name" "liveness" "containerPort" (include "berth.livenessPort" . | int)))
    "flags" (list (printf "--health-port=%s" (include "berth.livenessPort" .)))) .) }}
{{- end }}
{{- end }}

{{- define "berth.inlineFlags" -}}
{{- range .driver.inline.pools }}
- --inline-pool={{ . }}
{{- end }}
{{- with .driver.inline.maxSize }}
- --inline-max-size={{ . }}
{{- end }}
{{- range .driver.inline.hostPaths }}
- --allow-inline-host-path={{ . }}
{{- end }}
{{- end }}

{{/* The container of Berth on a node; .role is node, or serve where the controller is on the node too. */}}
{{- define "berth.nodeContainer" -}}
- name: berth
  image: {{ include "berth.image" . }}
  imagePullPolicy: {{ .top.Values.image.pullPolicy | default (include "berth.pullPolicy" (include "berth.image" .)) }}
  args:
    - {{ .role }}
    - --endpoint=unix://{{ include "berth.socketFolder" . }}/csi.sock
    {{- include "berth.flags" . | nindent 4 }}
    {{- if not .top.Values.sidecars.registrar.enabled }}
    - --register
    - --plugins-registry={{ .top.Values.kubelet.folder }}/plugins_registry
    {{- end }}
    {{- with include "berth.poolFlags" . | trim }}{{ . | nindent 4 }}{{ end }}
    {{- range .driver.allowedHostPaths }}
    - --allow-host-path={{ . }}
    {{- end }}
    {{- with include "berth.inlineFlags" . | trim }}{{ . | nindent 4 }}{{ end }}
    {{- range .driver.node.args }}
    - {{ . }}
    {{- end }}
  env:
    {{- include "berth.environment" . | nindent 4 }}
  {{- include "berth.probes" . | trim | nindent 2 }}
  {{- include "berth.nodeSecurity" . | nindent 2 }}
  resources:
    {{- toYaml .driver.node.resources | nindent 4 }}
  volumeMounts:
    - name: kubelet
      mountPath: {{ .top.Values.kubelet.folder }}
      mountPropagation: Bidirectional
    - name: dev # loop devices, which come and go
      mountPath: /dev
    - name: tmp
      mountPath: /tmp
    {{- if eq .kind "nfs" }}
    - name: run # exports are mounted below
      mountPath: /run/berth
    {{- end }}
    {{- with include "berth.poolMounts" . | trim }}{{ . | nindent 4 }}{{ end }}
    {{- range $i, $path := concat .driver.allowedHostPaths .driver.inline.hostPaths | uniq }}
    - name: allowed-{{ $i }}
      mountPath: {{ $path }}
      mountPropagation: HostToContainer
    {{- end }}
{{- end }}

{{- define "berth.nodeVolumes" -}}
- name: kubelet
  hostPath:
    path: {{ .top.Values.kubelet.folder }}
    type: Directory
- name: socket
  hostPath:
    path: {{ include "berth.socketFolder" . }}
    type: DirectoryOrCreate
{{- if .top.Values.sidecars.registrar.enabled }}
- name: registration
  hostPath:
    path: {{ .top.Values.kubelet.folder }}/plugins_registry
    type: Directory
{{- end }}
- name: dev
  hostPath:
    path: /dev
    type: Directory
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- if eq .kind "nfs" }}
- name: run
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- end }}
{{- with include "berth.poolVolumes" . | trim }}{{ . | nindent 0 }}{{ end }}
{{- range $i, $path := concat .driver.allowedHostPaths .driver.inline.hostPaths | uniq }}
- name: allowed-{{ $i }}
  hostPath:
    path: {{ $path }}
    type: DirectoryOrCreate
{{- end }}
{{- end }}
