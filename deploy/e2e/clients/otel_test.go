package clients

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOTelPython sends traces, logs and metrics with each exporter of
// OpenTelemetry's Python SDK.
func TestOTelPython(t *testing.T) {
	python(t)
	for transport, endpoint := range map[string]string{"http": store.OTLPHTTP, "grpc": store.OTLPGRPC} {
		t.Run(transport, func(t *testing.T) {
			p := newProject(t, "otel-python-"+transport)
			job := start(t, "../apps/otel_signals", []string{
				"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + endpoint, "OTEL_EXPORTER_OTLP_HEADERS=x-errata-key=" + p.key, "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
			}, python(t), "job.py", transport)
			job.wait(t)
			id := strings.TrimSpace(job.out.String())

			const parse, inner = "ValueError: invalid literal for int() with base 10: 'twelve'", "InnerError: inner span failed"
			all := p.expect(t,
				want{title: parse, events: 1, level: "error", release: "6.0.0", environment: "staging", protocols: []string{"otlp"}, traced: "job"},
				want{title: inner, events: 1, level: "error", release: "6.0.0", environment: "staging", protocols: []string{"otlp"}, frame: "job.py fail", traced: "inner"},
			)
			require.Equal(t, []any{"otlp_logs", id, "could not parse quantity"},
				[]any{all[parse].events[0]["protocol"], all[parse].events[0]["trace_id"], all[parse].events[0]["message"]})
			require.Equal(t, []any{"otlp", id}, []any{all[inner].events[0]["protocol"], all[inner].events[0]["trace_id"]})

			rows := store.sql(t, `SELECT c.name AS name, p.name AS parent, c.service AS service FROM errata.spans AS c LEFT JOIN errata.spans AS p
				ON p.span_id = c.parent_span_id AND p.trace_id = c.trace_id WHERE c.project_id = %s ORDER BY c.ts`, p.id)
			require.Equal(t, []row{
				{"name": "job", "parent": "", "service": "jobs"}, {"name": "outer", "parent": "job", "service": "jobs"}, {"name": "inner", "parent": "outer", "service": "jobs"},
			}, rows)
			rows = store.sql(t, "SELECT attributes['job.id'] AS id, event_name FROM errata.spans WHERE project_id = %s AND name = 'job'", p.id)
			require.Equal(t, []row{{"id": "7", "event_name": []any{"cache.miss"}}}, rows)
			rows = until(t, "SELECT body, severity_text, fingerprint != 0 AS made, trace_id FROM errata.logs WHERE project_id = "+p.id+" ORDER BY severity", rowsAre(2))
			require.Equal(t, []row{
				{"body": "job starts", "severity_text": "INFO", "made": 0.0, "trace_id": id},
				{"body": "could not parse quantity", "severity_text": "ERROR", "made": 1.0, "trace_id": id},
			}, rows)
			rows = until(t, "SELECT name, type, unit, value, count, attributes['queue'] AS queue, service FROM errata.metrics WHERE project_id = "+p.id+
				" AND name LIKE 'jobs.%' ORDER BY name", rowsAre(2))
			require.Equal(t, []row{
				{"name": "jobs.done", "type": "counter", "unit": "1", "value": 3.0, "count": 1.0, "queue": "mail", "service": "jobs"},
				{"name": "jobs.duration", "type": "histogram", "unit": "ms", "value": 262.5, "count": 2.0, "queue": "", "service": "jobs"},
			}, rows)
		})
	}
}
