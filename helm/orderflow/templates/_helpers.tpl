{{- define "orderflow.name" -}}
{{- default .Chart.Name .Values.nameOverride | replace "." "-" | trunc 38 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for what is put behind it: names of CloudNativePG end at 50. */}}
{{- define "orderflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | replace "." "-" | trunc 38 | trimSuffix "-" -}}
{{- else if contains (include "orderflow.name" .) .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 38 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "orderflow.name" .) | replace "." "-" | trunc 38 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels by which a component is selected. Of: a dict of root and component. */}}
{{- define "orderflow.selector" -}}
app.kubernetes.io/name: {{ include "orderflow.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of pods: without versions, as another label would make another Kafka. */}}
{{- define "orderflow.podLabels" -}}
{{ include "orderflow.selector" . }}
app.kubernetes.io/part-of: orderflow
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "orderflow.labels" -}}
{{ include "orderflow.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* metadata of what belongs to a component. Of: root, component, and perhaps suffix, annotations. */}}
{{- define "orderflow.metadata" -}}
name: {{ include "orderflow.fullname" .root }}-{{ default .component .suffix }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "orderflow.labels" . | nindent 2 }}
{{- with merge (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An image's reference. Of: root, image (repository, tag, digest), and perhaps tag by default. */}}
{{- define "orderflow.image" -}}
{{- $registry := .root.Values.image.registry -}}
{{- if $registry }}{{ trimSuffix "/" $registry }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .tag }}{{ end -}}
{{- end -}}

{{- define "orderflow.ownImage" -}}
{{- include "orderflow.image" (dict "root" . "image" .Values.image "tag" .Chart.AppVersion) -}}
{{- end -}}

{{/* What a service of Orderflow is, whatever the values say. An own one tells `port` and `file` itself. */}}
{{- define "orderflow.facts" -}}
gateway:
  port: 4000
  callers: [dashboard, auditor, check]
  public: true
  # It takes orders while Kafka is away: they wait in its outbox.
  ready: /ready?except=kafka,consumer
payment: {port: 4001, callers: [gateway], askedUnready: true}
inventory: {port: 4002, callers: [gateway]}
shipping: {port: 4003, callers: [gateway], askedUnready: true}
analytics: {port: 4004, callers: [gateway, dashboard], public: true}
auditor: {port: 4005, args: [verify, --watch], tables: false, consumes: false}
replay: {port: 4006, callers: [gateway], consumes: false}
{{- end -}}

{{/* The services that run, as YAML: by name, what they are, the defaults, and their values. */}}
{{- define "orderflow.services" -}}
{{- $facts := include "orderflow.facts" . | fromYaml -}}
{{- $running := dict -}}
{{- range $name, $values := .Values.services -}}
{{- if not (or (hasKey $facts $name) (and $values.file $values.port)) -}}
{{- fail (printf "services.%s: Orderflow has no service of this name; one of your own needs file and port" $name) -}}
{{- end -}}
{{- $service := dict "enabled" true "callers" list "tables" true "consumes" true "ready" "/ready" -}}
{{- $_ := set $service "serves" (default $name $values.file) -}}
{{- $_ := set $service "args" (list "serve" $service.serves) -}}
{{- $service = mergeOverwrite $service (deepCopy $.Values.defaults) (default (dict "public" true) (get $facts $name)) (deepCopy $values) -}}
{{- $_ := set $service "image" (include "orderflow.image" (dict "root" $ "image" (default $.Values.image $values.image) "tag" $.Chart.AppVersion)) -}}
{{- if and $service.enabled (not (and (eq $name "replay") $.Values.operator.enabled)) -}}
{{- $_ := set $running $name $service -}}
{{- end -}}
{{- end -}}
{{- toYaml $running -}}
{{- end -}}

{{- define "orderflow.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "orderflow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Where pods go. Of: root, component, of (nodeSelector, tolerations, affinity, …). */}}
{{- define "orderflow.placement" -}}
{{- with .of.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "orderflow.spread" -}}
{{- with .of.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if .of.topologySpreadConstraints }}
  {{- toYaml .of.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "orderflow.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* --- Kafka and PostgreSQL: where they are, and how one logs in. */}}

{{- define "orderflow.kafka.bootstrap" -}}
{{- if eq .Values.kafka.mode "internal" -}}
{{ include "orderflow.fullname" . }}-kafka.{{ .Release.Namespace }}.svc:9092
{{- else if eq .Values.kafka.mode "strimzi" -}}
{{ include "orderflow.fullname" . }}-kafka-bootstrap.{{ .Release.Namespace }}.svc:9092
{{- else -}}
{{ required "kafka.mode is external: give kafka.external.bootstrapServers, host:9092,host:9092" .Values.kafka.external.bootstrapServers }}
{{- end -}}
{{- end -}}

{{/* Environment of a Kafka client. Of: root, and replay where it is a pod that replays. */}}
{{- define "orderflow.kafka.env" -}}
- name: KAFKA_BOOTSTRAP_SERVERS
  value: {{ include "orderflow.kafka.bootstrap" .root | quote }}
{{- if eq .root.Values.kafka.mode "strimzi" }}
{{- $user := printf "%s-%s" (include "orderflow.fullname" .root) (ternary "replays" "services" (default false .replay)) }}
- {name: KAFKA_SECURITY_PROTOCOL, value: SASL_PLAINTEXT}
- {name: KAFKA_SASL_MECHANISM, value: SCRAM-SHA-512}
- {name: KAFKA_SASL_USERNAME, value: {{ $user }}}
- name: KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $user }}, key: password}}
{{- else if eq .root.Values.kafka.mode "external" }}
{{- with .root.Values.kafka.external }}
- {name: KAFKA_SECURITY_PROTOCOL, value: {{ .securityProtocol }}}
{{- if hasPrefix "SASL" .securityProtocol }}
{{- $secret := required "kafka.external.securityProtocol is SASL: give kafka.external.sasl.existingSecret" .sasl.existingSecret }}
{{- if and $.replay .sasl.replaySecret }}{{ $secret = .sasl.replaySecret }}{{ end }}
- {name: KAFKA_SASL_MECHANISM, value: {{ .sasl.mechanism }}}
- name: KAFKA_SASL_USERNAME
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ .sasl.usernameKey }}}}
- name: KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ .sasl.passwordKey }}}}
{{- end }}
{{- if and .tls.existingSecret (hasSuffix "SSL" .securityProtocol) }}
- {name: KAFKA_SSL_CA_LOCATION, value: /etc/orderflow/kafka/{{ .tls.caKey }}}
{{- if .tls.certificateKey }}
- {name: KAFKA_SSL_CERTIFICATE_LOCATION, value: /etc/orderflow/kafka/{{ .tls.certificateKey }}}
- {name: KAFKA_SSL_KEY_LOCATION, value: /etc/orderflow/kafka/{{ required "kafka.external.tls.certificateKey is given: give keyKey too" .tls.keyKey }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "orderflow.database.url" -}}
{{- $sslmode := "prefer" -}}
{{- $host := printf "%s-postgresql.%s.svc" (include "orderflow.fullname" .) .Release.Namespace -}}
{{- $port := 5432 -}}
{{- if eq .Values.postgresql.mode "cnpg" -}}
{{- $host = printf "%s-postgresql-rw.%s.svc" (include "orderflow.fullname" .) .Release.Namespace -}}
{{- $sslmode = "require" -}}
{{- else if eq .Values.postgresql.mode "external" -}}
{{- with .Values.postgresql.external -}}
{{- $host = required "postgresql.mode is external: give postgresql.external.host" .host -}}
{{- $port = .port -}}
{{- $sslmode = .sslmode -}}
{{- if and (hasPrefix "verify" .sslmode) (not .caSecret) -}}
{{- fail (printf "postgresql.external.sslmode is %s: give postgresql.external.caSecret" .sslmode) -}}
{{- end -}}
{{- end -}}
{{- end -}}
postgresql://{{ $host }}:{{ $port }}/{{ .Values.postgresql.database }}?sslmode={{ $sslmode }}
{{- if and (eq .Values.postgresql.mode "external") .Values.postgresql.external.caSecret -}}
&sslrootcert=/etc/orderflow/postgresql/{{ .Values.postgresql.external.caKey }}
{{- end -}}
{{- end -}}

{{- define "orderflow.database.ownerSecret" -}}
{{- if eq .Values.postgresql.mode "external" -}}
{{ required "postgresql.mode is external: give postgresql.external.existingSecret, with the owner's name and password" .Values.postgresql.external.existingSecret }}
{{- else if eq .Values.postgresql.mode "cnpg" -}}
{{ include "orderflow.fullname" . }}-postgresql-app
{{- else -}}
{{ default (printf "%s-postgresql" (include "orderflow.fullname" .)) .Values.postgresql.internal.existingSecret }}
{{- end -}}
{{- end -}}

{{- define "orderflow.database.rolesSecret" -}}
{{- if and (not .Values.postgresql.roles.manage) (not .Values.postgresql.roles.existingSecret) -}}
{{- fail "postgresql.roles.manage is false: give postgresql.roles.existingSecret, with the roles' passwords" -}}
{{- end -}}
{{ default (printf "%s-roles" (include "orderflow.fullname" .)) .Values.postgresql.roles.existingSecret }}
{{- end -}}

{{/* Who logs in: every service, running or not, and who reads history for replays. */}}
{{- define "orderflow.database.roles" -}}
{{- append (keys .Values.services | sortAlpha) "history" | toYaml -}}
{{- end -}}

{{/* Environment of whoever logs in as a role. Of: root, role. */}}
{{- define "orderflow.database.env" -}}
- name: DATABASE_URL
  value: {{ include "orderflow.database.url" .root | quote }}
- name: DATABASE_ROLE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "orderflow.database.rolesSecret" .root }}, key: {{ .role }}}}
{{- end -}}

{{/* Volumes with CAs and certificates, and where they are mounted. */}}
{{- define "orderflow.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if and (eq .Values.kafka.mode "external") .Values.kafka.external.tls.existingSecret }}
- name: kafka-tls
  secret: {secretName: {{ .Values.kafka.external.tls.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- if and (eq .Values.postgresql.mode "external") .Values.postgresql.external.caSecret }}
- name: postgresql-ca
  secret: {secretName: {{ .Values.postgresql.external.caSecret }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- define "orderflow.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if and (eq .Values.kafka.mode "external") .Values.kafka.external.tls.existingSecret }}
- {name: kafka-tls, mountPath: /etc/orderflow/kafka, readOnly: true}
{{- end }}
{{- if and (eq .Values.postgresql.mode "external") .Values.postgresql.external.caSecret }}
- {name: postgresql-ca, mountPath: /etc/orderflow/postgresql, readOnly: true}
{{- end }}
{{- end -}}

{{/* Settings as environment. Of: a list of maps; later ones win. */}}
{{- define "orderflow.settings" -}}
{{- $all := dict -}}
{{- range . }}{{ $all = mergeOverwrite $all (default dict .) }}{{ end -}}
{{- range $name, $value := $all }}
- name: {{ $name }}
  value: {{ (kindIs "string" $value | ternary $value (toJson $value)) | quote }}
{{- end }}
{{- end -}}

{{/* Environment without doubles, as names must be unique: of two the later counts. Of: YAML, and a list of more. */}}
{{- define "orderflow.env" -}}
{{- $all := list -}}
{{- range $entry := concat (index . 0 | fromYamlArray) (index . 1) | reverse -}}
{{- $known := false -}}
{{- range $all }}{{ if eq .name $entry.name }}{{ $known = true }}{{ end }}{{ end -}}
{{- if not $known }}{{ $all = prepend $all $entry }}{{ end -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/*
The password of a key of a secret: as it is in the cluster, else a new one. Of: root, name, key.
A new one is kept among the values, so that the Secret and the hashes of one rendering are of the same.
*/}}
{{- define "orderflow.password" -}}
{{- $made := get .root.Values "made" | default dict -}}
{{- $_ := set .root.Values "made" $made -}}
{{- $at := printf "%s/%s" .name .key -}}
{{- if not (hasKey $made $at) -}}
{{- $there := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- $_ := set $made $at (default (randAlphaNum 32 | b64enc) (get (default dict $there.data) .key)) -}}
{{- end -}}
{{- get $made $at -}}
{{- end -}}

{{/* A hash of what a pod logs in with, so that it starts anew with another password. Of: root, roles, replay. */}}
{{- define "orderflow.logins" -}}
{{- $root := .root -}}
{{- $all := list -}}
{{- $roles := include "orderflow.database.rolesSecret" $root -}}
{{- range .roles -}}
{{- if $root.Values.postgresql.roles.existingSecret -}}
{{- $there := lookup "v1" "Secret" $root.Release.Namespace $roles -}}
{{- $all = append $all (get (default dict $there.data) .) -}}
{{- else -}}
{{- $all = append $all (include "orderflow.password" (dict "root" $root "name" $roles "key" .)) -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- if eq $root.Values.kafka.mode "external" -}}
{{- with $root.Values.kafka.external -}}
{{- $names = list .tls.existingSecret (and $.replay .sasl.replaySecret | default .sasl.existingSecret) -}}
{{- end -}}
{{- else if eq $root.Values.kafka.mode "strimzi" -}}
{{- $names = list (printf "%s-%s" (include "orderflow.fullname" $root) (ternary "replays" "services" (default false .replay))) -}}
{{- end -}}
{{- range compact $names -}}
{{- $there := lookup "v1" "Secret" $root.Release.Namespace . -}}
{{- $all = append $all (default dict $there.data | toJson) -}}
{{- end -}}
{{- toJson $all | sha256sum | trunc 16 -}}
{{- end -}}

{{/* --- Parts of NetworkPolicies. */}}

{{- define "orderflow.np.from" -}}
podSelector:
  matchLabels: {{- include "orderflow.selector" . | nindent 4 }}
{{- end }}
{{- define "orderflow.np.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}
{{- define "orderflow.np.kafka" -}}
{{- if eq .Values.kafka.mode "internal" }}
- to:
    - podSelector:
        matchLabels: {{- include "orderflow.selector" (dict "root" . "component" "kafka") | nindent 10 }}
  ports: [{port: 9092}]
{{- else if eq .Values.kafka.mode "strimzi" }}
- to:
    - podSelector:
        matchLabels: {strimzi.io/cluster: {{ include "orderflow.fullname" . }}, strimzi.io/kind: Kafka}
  ports: [{port: 9092}]
{{- else }}
# Brokers have addresses of their own, which only they know: their ports are what can be said.
{{- $ports := list }}
{{- range splitList "," .Values.kafka.external.bootstrapServers }}
{{- $ports = append $ports (splitList ":" . | last) }}
{{- end }}
- ports:
    {{- range uniq $ports }}
    - {port: {{ . }}}
    {{- end }}
{{- end }}
{{- end }}
{{- define "orderflow.np.postgresql" -}}
{{- if eq .Values.postgresql.mode "internal" }}
- to:
    - podSelector:
        matchLabels: {{- include "orderflow.selector" (dict "root" . "component" "postgresql") | nindent 10 }}
  ports: [{port: 5432}]
{{- else if eq .Values.postgresql.mode "cnpg" }}
- to:
    - podSelector:
        matchLabels: {cnpg.io/cluster: {{ include "orderflow.fullname" . }}-postgresql}
  ports: [{port: 5432}]
{{- else }}
- ports: [{port: {{ .Values.postgresql.external.port }}}]
{{- end }}
{{- end }}
{{- define "orderflow.np.apiServer" -}}
- ports:
    {{- range .Values.networkPolicy.apiServer.ports }}
    - {port: {{ . }}}
    {{- end }}
  {{- with .Values.networkPolicy.apiServer.to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Environment of who makes tables, with the settings of a service of one's own. Of: root, of. */}}
{{- define "orderflow.setup.env" -}}
{{- $url := include "orderflow.database.url" .root -}}
{{- $owner := include "orderflow.database.ownerSecret" .root -}}
- name: DATABASE_URL
  value: {{ $url | quote }}
{{- with .root.Values.postgresql }}
- {name: DATABASE_ROLES, value: {{ .roles.manage | quote }}}
- name: PGUSER
  valueFrom: {secretKeyRef: {name: {{ $owner }}, key: {{ ternary .external.usernameKey "username" (eq .mode "external") }}}}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ $owner }}, key: {{ ternary .external.passwordKey "password" (eq .mode "external") }}}}
{{- end }}
{{- range include "orderflow.database.roles" .root | fromYamlArray }}
- name: {{ upper . }}_ROLE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "orderflow.database.rolesSecret" $.root }}, key: {{ . }}}}
{{- end }}
{{- if .of.file }}
{{- include "orderflow.settings" (list .root.Values.settings .of.settings) }}
{{- end }}
{{- end }}

{{/* The setup Job's pod. Of: root, component, of. */}}
{{- define "orderflow.setup" }}
metadata:
  labels:
    {{- include "orderflow.selector" . | nindent 4 }}
    orderflow.dev/setup: SETUP-NAME
    orderflow.dev/kafka-client: "true"
    orderflow.dev/database-client: "true"
spec:
  serviceAccountName: {{ include "orderflow.fullname" .root }}-pods
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: Never # else a pod that has failed for good goes, and its log with it
  securityContext: {{- include "orderflow.podSecurity" 10001 | nindent 4 }}
  {{- include "orderflow.placement" . | nindent 2 }}
  {{- with .root.Values }}
  {{- if ne .kafka.mode "strimzi" }}
  # Topics first: whoever finds the tables may publish.
  initContainers:
    - name: topics
      image: {{ include "orderflow.ownImage" $.root }}
      imagePullPolicy: {{ .image.pullPolicy }}
      args:
        - topics
        - --partitions={{ .kafka.topics.partitions }}
        - --replication={{ .kafka.topics.replicationFactor }}
        - --retention-days={{ .kafka.topics.retentionDays }}
        - --file=/etc/orderflow/topics/topics.yaml
        - --wait={{ .setup.patience }}
      env:
        {{- include "orderflow.kafka.env" $ | nindent 8 }}
      resources: {{- toYaml .setup.resources | nindent 8 }}
      securityContext: {{- include "orderflow.containerSecurity" $.root | nindent 8 }}
      volumeMounts:
        {{- include "orderflow.volumeMounts" $.root | nindent 8 }}
        - {name: topics, mountPath: /etc/orderflow/topics, readOnly: true}
  {{- end }}
  {{- $migrations := dict "tables" (dict "image" (include "orderflow.ownImage" $.root) "migrates" (ternary "--seed" "--no-seed" .setup.seed)) }}
  {{- range $name, $of := include "orderflow.services" $.root | fromYaml }}
  {{- if $of.file }}
  {{- $_ := set $migrations (printf "tables-%s" $name) (merge (dict "migrates" $of.file) $of) }}
  {{- end }}
  {{- end }}
  containers:
    {{- range $name, $of := $migrations }}
    - name: {{ $name }}
      image: {{ $of.image }}
      imagePullPolicy: {{ $.root.Values.image.pullPolicy }}
      args: [migrate, {{ $of.migrates }}, --wait={{ $.root.Values.setup.patience }}]
      env:
        {{- include "orderflow.env" (list (include "orderflow.setup.env" (dict "root" $.root "of" $of)) (default list $of.extraEnv)) | nindent 8 }}
      {{- with $of.extraEnvFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      resources: {{- toYaml $.root.Values.setup.resources | nindent 8 }}
      securityContext: {{- include "orderflow.containerSecurity" $.root | nindent 8 }}
      volumeMounts:
        {{- include "orderflow.volumeMounts" $.root | nindent 8 }}
        {{- with $of.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- end }}
  volumes:
    {{- include "orderflow.volumes" $.root | nindent 4 }}
    {{- $volumes := list }}
    {{- range $migrations }}{{ $volumes = concat $volumes (default list .extraVolumes) }}{{ end }}
    {{- with uniq $volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- if ne .kafka.mode "strimzi" }}
    - name: topics
      configMap: {name: {{ include "orderflow.fullname" $.root }}-topics}
    {{- end }}
  {{- end }}
{{- end }}
