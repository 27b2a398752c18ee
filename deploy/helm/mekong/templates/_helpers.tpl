{{- define "mekong.labels" -}}
app.kubernetes.io/name: mekong
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: mekong
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "mekong.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "mekong.image" -}}
{{ .root.Values.image.repository }}-{{ .service.module | default .name }}:{{ .service.tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "mekong.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "mekong.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/*
Settings of one service: its own and the shared ones, but for those that come as secret files. The gateway has no broker;
the job `topology` has little else.
*/}}
{{- define "mekong.settings" -}}
{{- $shared := .root.Values.settings -}}
{{- if .service.topology -}}
{{- $shared = pick $shared "nats_url" "nats_monitor_url" "log_format" "log_level" -}}
{{- else if .service.web -}}
{{- $shared = omit $shared "nats_url" "nats_monitor_url" -}}
{{- end -}}
{{- $settings := merge (dict) (.service.settings | default dict) $shared -}}
{{- if not .service.topology -}}
{{- $ports := .root.Values.ports -}}
{{- $_ := set $settings "http_listen" (printf "0.0.0.0:%v" $ports.ops) -}}
{{- $_ := set $settings "issuer_url" (printf "http://mekong-accounts:%v" $ports.ops) -}}
{{- if .service.web -}}
{{- $_ := set $settings "listen" (printf "0.0.0.0:%v" $ports.web) -}}
{{- else -}}
{{- $_ := set $settings "grpc_listen" (printf "0.0.0.0:%v" $ports.grpc) -}}
{{- end -}}
{{- end -}}
{{- $secret := include "mekong.secretFiles" . | fromYaml -}}
{{- range $key, $value := $settings -}}
{{- if or (eq $value "") (hasKey $secret $key) -}}
{{- $_ := unset $settings $key -}}
{{- end -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end }}

{{/* Secret files of one service: its own and the shared ones. The job `topology` has its own and how to reach the broker. */}}
{{- define "mekong.secretFiles" -}}
{{- $shared := .root.Values.secretFiles -}}
{{- if .service.topology -}}
{{- $shared = pick $shared "nats_url" -}}
{{- else if .service.web -}}
{{- $shared = omit $shared "nats_url" -}}
{{- end -}}
{{- toYaml (merge (dict) (.service.secretFiles | default dict) $shared) -}}
{{- end }}

{{- define "mekong.env" -}}
{{- range $key, $value := include "mekong.settings" . | fromYaml }}
- { name: MEKONG_{{ upper $key }}, value: {{ $value | quote }} }
{{- end }}
{{- range $key, $from := include "mekong.secretFiles" . | fromYaml }}
- { name: MEKONG_{{ upper $key }}_FILE, value: /run/secrets/mekong/{{ $key }} }
{{- end }}
{{- range $key, $from := include "mekong.files" . | fromYaml }}
- { name: MEKONG_{{ upper $key }}, value: /run/secrets/mekong/{{ $key }} }
{{- end }}
{{- range $key, $from := .service.folders }}
- { name: MEKONG_{{ upper $key }}, value: /run/secrets/{{ $key }} }
{{- end }}
{{- end }}

{{/*
Files of one service whose paths are settings. The gateway's have the certificate that the ingress shows, whose expiry it
tells; optional, since who issues it may need the gateway to run.
*/}}
{{- define "mekong.files" -}}
{{- $files := merge (dict) (.service.files | default dict) -}}
{{- $ingress := .root.Values.ingress -}}
{{- if and .service.web $ingress.enabled $ingress.tlsSecret (not $files.public_tls_cert_file) -}}
{{- $_ := set $files "public_tls_cert_file" (dict "secret" $ingress.tlsSecret "key" "tls.crt" "optional" true) -}}
{{- end -}}
{{- toYaml $files -}}
{{- end }}

{{/* All of them, as they are mounted together. */}}
{{- define "mekong.mounted" -}}
{{- toYaml (merge (include "mekong.files" . | fromYaml) (include "mekong.secretFiles" . | fromYaml)) -}}
{{- end }}

{{- define "mekong.mounts" -}}
{{- if include "mekong.mounted" . | fromYaml }}
- { name: secrets, mountPath: /run/secrets/mekong, readOnly: true }
{{- end }}
- { name: tmp, mountPath: /tmp }
{{- range $key, $from := .service.folders }}
- { name: {{ $key | replace "_" "-" }}, mountPath: /run/secrets/{{ $key }}, readOnly: true }
{{- end }}
{{- end }}

{{- define "mekong.volumes" -}}
{{- with include "mekong.mounted" . | fromYaml }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $key, $from := . }}
      - secret:
          name: {{ $from.secret }}
          items: [{ key: {{ $from.key }}, path: {{ $key }} }]
          {{- if $from.optional }}
          optional: true
          {{- end }}
      {{- end }}
{{- end }}
- name: tmp
  emptyDir: { sizeLimit: 2Gi }
{{- range $key, $from := .service.folders }}
- name: {{ $key | replace "_" "-" }}
  secret: { secretName: {{ $from.secret }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* rules.yaml, with MekongGone about the services of these values: those of which a replica is to run. */}}
{{- define "mekong.rules" -}}
{{- $absent := list -}}
{{- range $name, $service := .Values.services -}}
{{- if gt (int $service.replicas) 0 -}}
{{- $module := $service.module | default $name -}}
{{- $which := printf "service=%q" $module -}}
{{- if eq $module "notifier" -}}
{{- $settings := merge (dict) ($service.settings | default dict) $.Values.settings -}}
{{- $which = printf "%s,region=%q" $which ($settings.region | default "vn") -}}
{{- end -}}
{{- $absent = append $absent (printf "absent(mekong_build_info{%s})" $which) -}}
{{- end -}}
{{- end -}}
{{- $rules := .Files.Get "rules.yaml" | fromYaml -}}
{{- range $rules.groups -}}
{{- range .rules -}}
{{- if eq (.alert | default "") "MekongGone" -}}
{{- $_ := set . "expr" ($absent | uniq | join " or " | default "vector(0) > 0") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end }}
