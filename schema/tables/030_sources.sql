-- Every column of what the protocols bring names its Sentry and its OTLP source.
-- OTLP's release is service.version as sent: one release of both protocols is
-- one release here.
{{define "events"}}
    COMMENT COLUMN weight 'Both: occurrences: 1; 0 for a twin; N for a counted flood row.',
    COMMENT COLUMN twin_of 'Both: event that counts for this witness; zero where this row counts itself.',
    COMMENT COLUMN protocol 'Both: witness: Sentry envelope or store, OTLP span event, OTLP log record.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.',
    COMMENT COLUMN outer_span_id 'Sentry: empty. OTLP: parent of the outermost span that recorded this exception.';
{{end -}}
ALTER TABLE {{local "events"}}{{onCluster}} {{template "events"}}
{{if not single}}ALTER TABLE {{name "events"}}{{onCluster}} {{template "events"}}{{end}}
{{define "spans"}}
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.';
{{end -}}
ALTER TABLE {{local "spans"}}{{onCluster}} {{template "spans"}}
{{if not single}}ALTER TABLE {{name "spans"}}{{onCluster}} {{template "spans"}}{{end}}
{{define "logs"}}
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN release 'Sentry: release. OTLP: service.version as sent, else sentry.release.';
{{end -}}
ALTER TABLE {{local "logs"}}{{onCluster}} {{template "logs"}}
{{if not single}}ALTER TABLE {{name "logs"}}{{onCluster}} {{template "logs"}}{{end}}
{{define "sessions"}}
    COMMENT COLUMN started 'Sentry: started of a session, or of a bucket of aggregates. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: timestamp of the update. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN session_id 'Sentry: sid; zero for a bucket of aggregates. OTLP: none.',
    COMMENT COLUMN user_hash 'Sentry: hash of did; 0 where unknown. OTLP: none.',
    COMMENT COLUMN seq 'Sentry: seq. OTLP: none.',
    COMMENT COLUMN init 'Sentry: init. OTLP: none.',
    COMMENT COLUMN status 'Sentry: status, or the counter of a bucket. OTLP: none.',
    COMMENT COLUMN errors 'Sentry: errors. OTLP: none.',
    COMMENT COLUMN quantity 'Sentry: 1, or the count of a bucket. OTLP: none.',
    COMMENT COLUMN duration_ms 'Sentry: duration. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: attrs.environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: attrs.release. OTLP: none.',
    COMMENT COLUMN sdk_name 'Sentry: sdk of the envelope. OTLP: none.',
    COMMENT COLUMN os 'Sentry: attrs.os or contexts. OTLP: none.',
    COMMENT COLUMN topic_partition 'Sentry: Kafka partition of the record. OTLP: none.',
    COMMENT COLUMN topic_offset 'Sentry: Kafka offset of the record. OTLP: none.';
{{end -}}
ALTER TABLE {{local "sessions"}}{{onCluster}} {{template "sessions"}}
{{if not single}}ALTER TABLE {{name "sessions"}}{{onCluster}} {{template "sessions"}}{{end}}
{{define "check_ins"}}
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN check_in_id 'Sentry: check_in_id. OTLP: none.',
    COMMENT COLUMN monitor 'Sentry: monitor_slug. OTLP: none.',
    COMMENT COLUMN status 'Sentry: in_progress, ok, error; computed: missed, timeout. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: when the check-in came. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN duration_ms 'Sentry: duration. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: release. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: contexts.trace.trace_id. OTLP: none.',
    COMMENT COLUMN expected_at 'Sentry: for missed ones: when it should have come. OTLP: none.';
{{end -}}
ALTER TABLE {{local "check_ins"}}{{onCluster}} {{template "check_ins"}}
{{if not single}}ALTER TABLE {{name "check_ins"}}{{onCluster}} {{template "check_ins"}}{{end}}
{{define "monitors"}}
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN slug 'Sentry: monitor_slug. OTLP: none.',
    COMMENT COLUMN schedule_type 'Sentry: monitor_config.schedule.type: crontab or interval. OTLP: none.',
    COMMENT COLUMN schedule 'Sentry: monitor_config.schedule: crontab text, or "N unit". OTLP: none.',
    COMMENT COLUMN checkin_margin_min 'Sentry: monitor_config.checkin_margin, minutes. OTLP: none.',
    COMMENT COLUMN max_runtime_min 'Sentry: monitor_config.max_runtime, minutes. OTLP: none.',
    COMMENT COLUMN timezone 'Sentry: monitor_config.timezone. OTLP: none.',
    COMMENT COLUMN failure_issue_threshold 'Sentry: monitor_config.failure_issue_threshold. OTLP: none.',
    COMMENT COLUMN recovery_threshold 'Sentry: monitor_config.recovery_threshold. OTLP: none.',
    COMMENT COLUMN updated_at 'Sentry: when this configuration came; the newest wins. OTLP: none.';
{{end -}}
ALTER TABLE {{local "monitors"}}{{onCluster}} {{template "monitors"}}
{{if not single}}ALTER TABLE {{name "monitors"}}{{onCluster}} {{template "monitors"}}{{end}}
{{define "metrics"}}
    COMMENT COLUMN protocol 'Both: which protocol brought it.',
    COMMENT COLUMN type 'Sentry: type (counter, gauge, distribution, set). OTLP: kind of the metric (counter for a sum, gauge, histogram, exponential_histogram, summary).',
    COMMENT COLUMN min 'Sentry: none. OTLP: min of a histogram.',
    COMMENT COLUMN max 'Sentry: none. OTLP: max of a histogram.',
    COMMENT COLUMN bounds 'Sentry: none. OTLP: explicit bounds.',
    COMMENT COLUMN buckets 'Sentry: none. OTLP: bucket counts.',
    COMMENT COLUMN monotonic 'Sentry: none. OTLP: is_monotonic of a sum.',
    COMMENT COLUMN temporality 'Sentry: 0. OTLP: aggregation_temporality, 1 delta, 2 cumulative.',
    COMMENT COLUMN release 'Sentry: sentry.release. OTLP: service.version as sent, else sentry.release.',
    COMMENT COLUMN resource 'Sentry: none. OTLP: resource attributes.';
{{end -}}
ALTER TABLE {{local "metrics"}}{{onCluster}} {{template "metrics"}}
{{if not single}}ALTER TABLE {{name "metrics"}}{{onCluster}} {{template "metrics"}}{{end}}
{{define "attachments"}}
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN event_id 'Sentry: event_id of the envelope. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: when it came. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN name 'Sentry: filename. OTLP: none.',
    COMMENT COLUMN type 'Sentry: attachment_type. OTLP: none.',
    COMMENT COLUMN content_type 'Sentry: content_type. OTLP: none.',
    COMMENT COLUMN item_type 'Sentry: item type: attachment, minidump, profile, replay_recording. OTLP: none.',
    COMMENT COLUMN size 'Sentry: bytes. OTLP: none.',
    COMMENT COLUMN key 'Sentry: key in the blob store; empty where the body was not kept. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: trace of the event. OTLP: none.';
{{end -}}
ALTER TABLE {{local "attachments"}}{{onCluster}} {{template "attachments"}}
{{if not single}}ALTER TABLE {{name "attachments"}}{{onCluster}} {{template "attachments"}}{{end}}
{{define "feedback"}}
    COMMENT COLUMN project_id 'Sentry: project of the DSN. OTLP: none.',
    COMMENT COLUMN feedback_id 'Sentry: event_id of the feedback item; derived for user reports. OTLP: none.',
    COMMENT COLUMN event_id 'Sentry: associated_event_id, or event_id of a user report; zero where none. OTLP: none.',
    COMMENT COLUMN ts 'Sentry: timestamp. OTLP: none.',
    COMMENT COLUMN received_at 'Sentry: stamped once at the edge. OTLP: none.',
    COMMENT COLUMN retention_days 'Sentry: retention class of the project. OTLP: none.',
    COMMENT COLUMN name 'Sentry: contexts.feedback.name. OTLP: none.',
    COMMENT COLUMN email 'Sentry: contexts.feedback.contact_email. OTLP: none.',
    COMMENT COLUMN message 'Sentry: contexts.feedback.message, or comments. OTLP: none.',
    COMMENT COLUMN url 'Sentry: contexts.feedback.url. OTLP: none.',
    COMMENT COLUMN source 'Sentry: contexts.feedback.source. OTLP: none.',
    COMMENT COLUMN environment 'Sentry: environment. OTLP: none.',
    COMMENT COLUMN release 'Sentry: release. OTLP: none.',
    COMMENT COLUMN trace_id 'Sentry: contexts.trace.trace_id. OTLP: none.',
    COMMENT COLUMN replay_id 'Sentry: contexts.feedback.replay_id. OTLP: none.';
{{end -}}
ALTER TABLE {{local "feedback"}}{{onCluster}} {{template "feedback"}}
{{if not single}}ALTER TABLE {{name "feedback"}}{{onCluster}} {{template "feedback"}}{{end}}
{{define "outcomes"}}
    COMMENT COLUMN protocol 'Both: which protocol brought the items; unknown for receipts.',
    COMMENT COLUMN quantity 'Both: items.',
    COMMENT COLUMN bytes 'Both: bytes of the items as received.';
{{end -}}
ALTER TABLE {{local "outcomes"}}{{onCluster}} {{template "outcomes"}}
{{if not single}}ALTER TABLE {{name "outcomes"}}{{onCluster}} {{template "outcomes"}}{{end}}
{{define "event_outcomes"}}
    COMMENT COLUMN protocol 'Both: which protocol brought it.';
{{end -}}
ALTER TABLE {{local "event_outcomes"}}{{onCluster}} {{template "event_outcomes"}}
{{if not single}}ALTER TABLE {{name "event_outcomes"}}{{onCluster}} {{template "event_outcomes"}}{{end}}
