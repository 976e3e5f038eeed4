-- What an update counts for: the consumer knows which ones came before it.
{{define "sessions"}}
    COMMENT COLUMN init 'Sentry: init, of the first update that says so. OTLP: none.',
    COMMENT COLUMN quantity 'Sentry: 1, or the count of a bucket; 0 where an update before it counted the session as ended like this. OTLP: none.';
{{end -}}
ALTER TABLE {{local "sessions"}}{{onCluster}} {{template "sessions"}}
{{if not single}}ALTER TABLE {{name "sessions"}}{{onCluster}} {{template "sessions"}}{{end}}
