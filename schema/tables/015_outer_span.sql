-- What joins the records of one exception that passes through nested spans and
-- is exported in several requests.
ALTER TABLE {{local "events"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS outer_span_id String COMMENT 'Sentry: empty. OTLP: parent of the outermost span that recorded this exception.' CODEC(ZSTD(1));
{{if not single}}ALTER TABLE {{name "events"}}{{onCluster}}
    ADD COLUMN IF NOT EXISTS outer_span_id String;
{{end}}
