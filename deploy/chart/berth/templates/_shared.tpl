{{/* A driver whose pools every node reaches: a controller of a few replicas, and a node service everywhere. Any replica may
make any volume; the sidecars take turns by a Lease. */}}

{{- define "berth.shared" -}}
{{- $folder := "/run/berth" }}
{{- $controller := merge (dict "part" "controller" "pod" .driver.controller "port" .top.Values.metrics.controllerPort
    "address" $folder "podFields" true) . }}
{{- $node := merge (dict "part" "node" "pod" .driver.node "port" .top.Values.metrics.port "role" "node") . }}
{{- $rules := list "provisioner" "resizer" }}
{{- if .top.Values.snapshots.enabled }}{{ $rules = append $rules "snapshotter" }}{{ end }}
{{- if .driver.attach }}{{ $rules = append $rules "attacher" }}{{ end }}
{{- include "berth.driver" . }}
---
{{ include "berth.account" (merge (dict "rules" $rules "ownRules" (list "leases")) $controller) }}
---
{{ include "berth.account" $node }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "berth.metadata" $controller | nindent 2 }}
spec:
  replicas: {{ .driver.controller.replicas }}
  selector:
    matchLabels:
      {{- include "berth.selector" $controller | nindent 6 }}
  strategy:
    rollingUpdate: # a node's ports are free only when the old pod is gone
      maxUnavailable: 1
      maxSurge: {{ .driver.controller.hostNetwork | ternary 0 1 }}
  template:
    metadata:
      labels:
        {{- include "berth.selector" $controller | nindent 8 }}
    spec:
      serviceAccountName: {{ include "berth.name" . }}-controller
      automountServiceAccountToken: true
      {{- include "berth.podSpec" $controller | trim | nindent 6 }}
      {{- if .driver.controller.hostNetwork }}
      hostNetwork: true
      dnsPolicy: ClusterFirstWithHostNet
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "berth.selector" $controller | nindent 14 }}
      containers:
        - name: berth
          image: {{ include "berth.image" . }}
          imagePullPolicy: {{ .top.Values.image.pullPolicy | default (include "berth.pullPolicy" (include "berth.image" .)) }}
          args:
            - controller
            - --endpoint=unix://{{ $folder }}/csi.sock
            {{- include "berth.flags" $controller | nindent 12 }}
            {{- with include "berth.poolFlags" . | trim }}{{ . | nindent 12 }}{{ end }}
            {{- range .driver.controller.args }}
            - {{ . }}
            {{- end }}
          env:
            {{- include "berth.environment" . | nindent 12 }}
          {{- include "berth.probes" $controller | trim | nindent 10 }}
          {{- include "berth.controllerSecurity" . | nindent 10 }}
          resources:
            {{- toYaml .driver.controller.resources | nindent 12 }}
          volumeMounts:
            - name: socket
              mountPath: {{ $folder }}
            - name: tmp
              mountPath: /tmp
            {{- with include "berth.poolMounts" . | trim }}{{ . | nindent 12 }}{{ end }}
        {{- $flags := list "--leader-election" }}
        {{- include "berth.sidecar" (merge (dict "name" "provisioner"
            "flags" (concat $flags (include "berth.provisionerFlags" . | fromYamlArray))) $controller) | nindent 8 }}
        {{- include "berth.sidecar" (merge (dict "name" "resizer"
            "flags" (concat $flags (list "--handle-volume-inuse-error=false"))) $controller) | nindent 8 }}
        {{- if .top.Values.snapshots.enabled }}
        {{- include "berth.sidecar" (merge (dict "name" "snapshotter"
            "flags" (concat $flags (include "berth.snapshotterFlags" . | fromYamlArray))) $controller) | nindent 8 }}
        {{- end }}
        {{- if .driver.attach }}
        {{- include "berth.sidecar" (merge (dict "name" "attacher" "flags" $flags) $controller) | nindent 8 }}
        {{- end }}
        {{- with include "berth.livenessprobe" $controller | trim }}{{ . | nindent 8 }}{{ end }}
      volumes:
        - name: socket
          emptyDir:
            medium: Memory
            sizeLimit: 1Mi
        - name: tmp
          emptyDir:
            sizeLimit: 16Mi
        {{- with include "berth.poolVolumes" . | trim }}{{ . | nindent 8 }}{{ end }}
---
{{- if gt (int .driver.controller.replicas) 1 }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "berth.metadata" $controller | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "berth.selector" $controller | nindent 6 }}
---
{{- end }}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  {{- include "berth.metadata" $node | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "berth.selector" $node | nindent 6 }}
  updateStrategy:
    rollingUpdate:
      maxUnavailable: {{ .driver.node.maxUnavailable }}
  template:
    metadata:
      labels:
        {{- include "berth.selector" $node | nindent 8 }}
    spec:
      serviceAccountName: {{ include "berth.name" . }}-node
      {{- include "berth.podSpec" $node | trim | nindent 6 }}
      {{- if include "berth.isInNodesNetwork" $node | eq "true" }}
      hostNetwork: true # a mount has its connection in the network of whoever made it, and outlives the pod
      dnsPolicy: ClusterFirstWithHostNet
      {{- end }}
      containers:
        {{- include "berth.nodeContainer" $node | nindent 8 }}
        {{- with include "berth.nodeSidecars" $node | trim }}{{ . | nindent 8 }}{{ end }}
      volumes:
        {{- include "berth.nodeVolumes" $node | nindent 8 }}
{{- end }}
