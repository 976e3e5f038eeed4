package otlp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
)

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body        string
		contentType string
		status      int
		reason      string
	}{
		"content type":     {"{}", "text/plain", 415, "content_type"},
		"no content type":  {"{}", "", 415, "content_type"},
		"broken JSON":      {"{", "application/json", 400, "malformed"},
		"broken protobuf":  {"hello", "application/x-protobuf", 400, "malformed"},
		"empty JSON":       {"", "application/json", 400, "malformed"},
		"too large":        {strings.Repeat(" ", MaxBytes+1), "application/json", 413, "too_large"},
		"too many":         {strings.Repeat("\x0a\x00", 1<<20), "application/x-protobuf", 413, "too_large"},
		"JSON as protobuf": {`{"resourceSpans":[]}`, "application/x-protobuf", 400, "malformed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range []Signal{SignalTraces, SignalLogs, SignalMetrics} {
				b, p, err := Adapt(s)(request(t), []byte(tt.body), tt.contentType)
				require.Nil(t, b)
				require.Nil(t, p)
				var e *intake.Error
				require.ErrorAs(t, err, &e, "%v", err)
				require.Equal(t, tt.status, e.Status)
				require.Equal(t, tt.reason, e.Reason)
				require.NotEmpty(t, e.Detail)
			}
		})
	}
}

func TestEmptyRequests(t *testing.T) {
	t.Parallel()
	for _, s := range []Signal{SignalTraces, SignalLogs, SignalMetrics} {
		for ct, body := range map[string]string{"application/x-protobuf": "", "application/json": "{}"} {
			b, p, err := Adapt(s)(request(t), []byte(body), ct)
			require.NoError(t, err)
			require.Nil(t, p)
			require.Empty(t, b.Receipts)
		}
	}
	require.Nil(t, Adapt("profiles"))
}

// TestAnotherSignalIsNamed: an exporter that is pointed at another signal's path
// hears that nothing of it was read.
func TestAnotherSignalIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   Signal
		body string
		want *Partial
	}{
		{SignalLogs, `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}`, &Partial{Message: "nothing was read: resourceSpans are taken at /v1/traces"}},
		{SignalTraces, "\n {\n  \"resource_logs\": [{}]}", &Partial{Message: "nothing was read: resourceLogs are taken at /v1/logs"}},
		{SignalLogs, `{"resourceMetrics":[]}`, &Partial{Message: "nothing was read: resourceMetrics are taken at /v1/metrics"}},
		{SignalMetrics, `{"resourceSpans":[]}`, &Partial{Message: "nothing was read: resourceSpans are taken at /v1/traces"}},
		{SignalTraces, `{"resourceSpans":[]}`, nil},
		{SignalTraces, `{"later":{"resourceLogs":1}}`, nil},
		{SignalTraces, `{}`, nil},
	} {
		_, p, err := Adapt(c.at)(request(t), []byte(c.body), "application/json")
		require.NoError(t, err)
		require.Equal(t, c.want, p, "%s %s", c.at, c.body)
	}
}

// In protobuf a request of another signal is refused: what is read as another
// message would be kept as something that nobody sent.
func TestAnotherSignalInProtobuf(t *testing.T) {
	t.Parallel()
	body, err := proto.Marshal(metricsOf(&metricspb.Metric{Name: "requests", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{
		{TimeUnixNano: 1, Value: &metricspb.NumberDataPoint_AsInt{AsInt: 3}},
	}}}}))
	require.NoError(t, err)
	for _, own := range []Signal{SignalLogs, SignalTraces} {
		batch, _, err := Adapt(own)(request(t), body, "application/x-protobuf")
		require.Nil(t, batch)
		var e *intake.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, 400, e.Status)
		require.Equal(t, []string{"these are metrics, which are taken at /v1/metrics"}, e.Causes)
	}
	_, p, err := Adapt(SignalMetrics)(request(t), body, "application/x-protobuf")
	require.NoError(t, err)
	require.Nil(t, p)
}
