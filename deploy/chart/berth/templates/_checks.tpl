{{/* What the schema cannot say: values that are right each and wrong together. Prints nothing. */}}

{{- define "berth.check" -}}
{{- include "berth.checkPaths" . }}
{{- include "berth.checkInline" . }}
{{- include "berth.checkPorts" . }}
{{- include "berth.checkWatchers" . }}
{{- if and .driver.volumeAttributesClasses (semverCompare "<1.34.0-0" .top.Capabilities.KubeVersion.Version) }}
{{- fail (printf "%s.volumeAttributesClasses: a VolumeAttributesClass needs Kubernetes 1.34 or newer, and this is %s"
    .kind .top.Capabilities.KubeVersion.Version) }}
{{- end }}
{{- end }}

{{- define "berth.checkWatchers" -}}
{{- with .top.Values }}
{{- if and .networkPolicy.enabled .metrics.podMonitor.enabled (not .networkPolicy.metricsFrom) }}
{{- fail "networkPolicy.metricsFrom: nobody may read /metrics, and metrics.podMonitor is enabled; name Prometheus' namespace" }}
{{- end }}
{{- end }}
{{- end }}

{{/* A container has one mount at a path. */}}
{{- define "berth.checkPaths" -}}
{{- $seen := dict .top.Values.kubelet.folder "kubelet.folder" "/dev" "the devices" "/tmp" "a folder of the pod's own"
    "/run/berth" "a folder of the pod's own" }}
{{- $names := dict }}
{{- range $pool := .driver.pools }}
{{- if hasKey $names $pool.name }}
{{- fail (printf "%s.pools: two are named %s" $.kind $pool.name) }}
{{- end }}
{{- $_ := set $names $pool.name true }}
{{- with $pool.path }}
{{- if hasKey $seen . }}
{{- fail (printf "%s.pools: %s cannot be a pool's path: it is %s" $.kind . (get $seen .)) }}
{{- end }}
{{- $_ := set $seen . (printf "the path of pool %s" $pool.name) }}
{{- end }}
{{- end }}
{{- range $value, $paths := dict "allowedHostPaths" .driver.allowedHostPaths "inline.hostPaths" .driver.inline.hostPaths }}
{{- $named := dict }}
{{- range $paths }}
{{- if or (hasKey $seen .) (hasKey $named .) }}
{{- fail (printf "%s.%s: %s cannot be named: it is %s" $.kind $value . (get $seen . | default "named already")) }}
{{- end }}
{{- $_ := set $named . true }}
{{- end }}
{{- end }}
{{- end }}

{{/* What is said of inline volumes where there are none would do nothing. */}}
{{- define "berth.checkInline" -}}
{{- with .driver.inline }}
{{- if and (or .pools .maxSize .hostPaths) (not (has "Ephemeral" $.driver.csiDriver.volumeLifecycleModes)) }}
{{- fail (printf "%s.inline: inline volumes are not offered; set %s.csiDriver.volumeLifecycleModes to [Persistent, Ephemeral]"
    $.kind $.kind) }}
{{- end }}
{{- range .pools }}
{{- $pool := . }}
{{- $known := false }}
{{- range $.driver.pools }}{{ if eq .name $pool }}{{ $known = true }}{{ end }}{{ end }}
{{- if not $known }}
{{- fail (printf "%s.inline.pools: %s is none of %s.pools" $.kind $pool $.kind) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Pods in the network of a node have its ports: the node pods of nfs, and controllers that are put there. */}}
{{- define "berth.checkPorts" -}}
{{- $values := .top.Values }}
{{- if and $values.nfs.enabled $values.nfs.controller.hostNetwork $values.hostpath.enabled $values.hostpath.controller.hostNetwork }}
{{- fail "hostpath.controller.hostNetwork and nfs.controller.hostNetwork: both would take metrics.controllerPort of a node; set one to false" }}
{{- end }}
{{- $seen := dict }}
{{- $ports := list (list "metrics.port" $values.metrics.port) (list "metrics.controllerPort" $values.metrics.controllerPort) }}
{{- with $values.sidecars.livenessprobe }}
{{- if .enabled }}
{{- $ports = concat $ports (list (list "sidecars.livenessprobe.port" .port) (list "the one after sidecars.livenessprobe.port" (add1 .port))) }}
{{- end }}
{{- end }}
{{- range $ports }}
{{- $port := last . | int | toString }}
{{- if hasKey $seen $port }}
{{- fail (printf "%s: port %s is %s already" (first .) $port (get $seen $port)) }}
{{- end }}
{{- $_ := set $seen $port (first .) }}
{{- end }}
{{- end }}
