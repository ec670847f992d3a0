{{/* What the token of a local pool's node may be used for. RBAC cannot say which PersistentVolumes: by it alone whoever is root
on one node could make those of any path on any node, and delete all of them. Kubernetes writes the node into the token of a
pod. */}}

{{- define "berth.tokenPolicies" -}}
{{- $volumes := merge (dict "resource" "persistentvolumes" "group" "" "version" "v1"
    "resources" (list "persistentvolumes") "operations" (list "CREATE" "UPDATE" "DELETE")) . }}
{{- $claims := merge (dict "resource" "persistentvolumeclaims" "group" "" "version" "v1"
    "resources" (list "persistentvolumeclaims") "operations" (list "UPDATE")) . }}
{{- $snapshots := merge (dict "resource" "volumesnapshots" "group" "snapshot.storage.k8s.io" "version" "v1"
    "resources" (list "volumesnapshots") "operations" (list "UPDATE")) . }}
{{- $contents := merge (dict "resource" "volumesnapshotcontents" "group" "snapshot.storage.k8s.io" "version" "v1"
    "resources" (list "volumesnapshotcontents" "volumesnapshotcontents/status") "operations" (list "UPDATE")) . }}
---
{{- include "berth.tokenPolicy" $volumes }}
    - name: volume
      expression: "request.operation == 'DELETE' ? oldObject : object"
    - name: terms
      expression: variables.volume.spec.?nodeAffinity.?required.?nodeSelectorTerms.orValue([])
  validations:
    {{- include "berth.tokenHasNode" . | nindent 4 }}
    - expression: variables.volume.spec.?csi.?driver.orValue('') == '{{ .driver.driver }}'
      message: a node of {{ .driver.driver }} makes, changes and deletes its own PersistentVolumes only
    - expression: >-
        size(variables.terms) > 0 && variables.terms.all(term, term.?matchExpressions.orValue([]).exists(e,
        e.key == 'topology.{{ .driver.driver }}/node' && e.operator == 'In' && e.values == [variables.node]))
      message: a node makes, changes and deletes PersistentVolumes only whose nodeAffinity is that node
    - expression: "request.operation != 'UPDATE' || object.spec == oldObject.spec"
      message: a node changes no spec of a PersistentVolume
---
{{- include "berth.tokenPolicy" $claims }}
    - name: old
      expression: oldObject.metadata.?annotations.orValue({})
    - name: new
      expression: object.metadata.?annotations.orValue({})
    - name: oldNode
      expression: variables.old[?'volume.kubernetes.io/selected-node'].orValue('')
    - name: newNode
      expression: variables.new[?'volume.kubernetes.io/selected-node'].orValue('')
  validations:
    {{- include "berth.tokenHasNode" . | nindent 4 }}
    {{- include "berth.tokenKeeps" "PersistentVolumeClaim" | nindent 4 }}
    - expression: >-
        variables.new.all(key, key == 'volume.kubernetes.io/selected-node'
        || (key in variables.old && variables.old[key] == variables.new[key]))
        && variables.old.all(key, key == 'volume.kubernetes.io/selected-node' || key in variables.new)
      message: of the annotations of a PersistentVolumeClaim a node changes only the selected node
    - expression: >-
        variables.oldNode == variables.newNode
        || [variables.oldNode, variables.newNode].all(name, name == '' || name == variables.node)
      message: a node takes or gives back a PersistentVolumeClaim only for itself
    - expression: >-
        object.metadata.?finalizers.orValue([]).filter(name, name != 'provisioner.storage.kubernetes.io/cloning-protection')
        == oldObject.metadata.?finalizers.orValue([]).filter(name,
        name != 'provisioner.storage.kubernetes.io/cloning-protection')
      message: of the finalizers of a PersistentVolumeClaim a node changes only the one of its clones
{{- if .top.Values.snapshots.enabled }}
---
{{- include "berth.tokenPolicy" $snapshots }}
  validations:
    {{- include "berth.tokenHasNode" . | nindent 4 }}
    {{- include "berth.tokenKeeps" "VolumeSnapshot" | nindent 4 }}
---
{{- include "berth.tokenPolicy" $contents }}
  validations:
    {{- include "berth.tokenHasNode" . | nindent 4 }}
    - expression: >-
        oldObject.spec.driver == '{{ .driver.driver }}'
        && oldObject.metadata.?labels[?'snapshot.storage.kubernetes.io/managed-by'].orValue('') == variables.node
      message: a node changes only VolumeSnapshotContents of {{ .driver.driver }} that it manages
    {{- include "berth.tokenKeeps" "VolumeSnapshotContent" | nindent 4 }}
{{- end }}
{{- end }}

{{/* The beginning of a policy, up to its variables, and its binding before it. */}}
{{- define "berth.tokenPolicy" -}}
{{- $name := printf "%s-node-%s" (include "berth.name" .) .resource }}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}
  labels:
    {{- include "berth.labels" . | nindent 4 }}
spec:
  policyName: {{ $name }}
  validationActions: [Deny]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}
  labels:
    {{- include "berth.labels" . | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [{{ .group | quote }}]
        apiVersions: [{{ .version }}]
        operations: {{ .operations | toJson }}
        resources: {{ .resources | toJson }}
  matchConditions:
    - name: token-of-a-node
      expression: >-
        request.userInfo.username == 'system:serviceaccount:{{ .top.Release.Namespace }}:{{ include "berth.name" . }}-node'
  variables:
    - name: node
      expression: request.userInfo.extra[?'authentication.kubernetes.io/node-name'][0].orValue('')
{{- end }}

{{- define "berth.tokenHasNode" -}}
- expression: variables.node != ''
  message: the token names no node; tokens of pods do
{{- end }}

{{- define "berth.tokenKeeps" -}}
- expression: >-
    object.spec == oldObject.spec
    && object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({})
  message: a node changes neither spec nor labels of a {{ . }}
{{- end }}
