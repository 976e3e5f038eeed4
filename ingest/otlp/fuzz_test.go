package otlp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
	"errata/ingest/otlp/decode"
	"errata/schema"
)

// seeds gives a fuzz target what real exporters send, and what tests build.
func seeds(f *testing.F, ext string, write func(proto.Message) ([]byte, error)) {
	f.Helper()
	for _, m := range []proto.Message{
		tracesOf(attrs("service.name", "s"), span(2, 1, 0, 5, thrownAt(1, "E", "m", traceback("E", "m", "/a.py:1:f"))), span(1, 0, 0, 9, thrownAt(2, "E", "m", ""))),
		logsOf(attrs("service.name", "s"), &logspb.LogRecord{TimeUnixNano: at(1), SeverityNumber: 17, Body: str("b"), Attributes: attrs("exception.type", "E", "exception.message", "m")}),
		metricsOf(&metricspb.Metric{Name: "m", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{{Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}}}}}}),
	} {
		b, err := write(m)
		require.NoError(f, err)
		f.Add(b)
	}
	for _, pattern := range []string{"otlp_traces", "otlp_logs"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern+"."+ext))
		require.NoError(f, err)
		for _, file := range files {
			b, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(b)
		}
	}
}

// FuzzProtobuf and FuzzJSON send any bytes through all three adapters.
func FuzzProtobuf(f *testing.F) {
	seeds(f, "pb", proto.Marshal)
	f.Fuzz(func(t *testing.T, body []byte) { anything(t, body, decode.Protobuf) })
}

func FuzzJSON(f *testing.F) {
	seeds(f, "json", protojson.Marshal)
	f.Fuzz(func(t *testing.T, body []byte) { anything(t, body, decode.JSON) })
}

func anything(t *testing.T, body []byte, contentType string) {
	for _, s := range []Signal{SignalTraces, SignalLogs, SignalMetrics} {
		b, p, err := Adapt(s)(request(t), body, contentType)
		if err != nil {
			var e *intake.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, []int{400, 413}, e.Status)
			continue
		}
		balanced(t, b)
		if p != nil {
			// None rejected is a warning: something of an item was left out.
			require.GreaterOrEqual(t, p.Rejected, int64(0))
			require.NotEmpty(t, p.Message)
		}
		for _, e := range b.Events {
			require.True(t, json.Valid(e.Payload), "%q", e.Payload)
			require.Len(t, e.EventId, 16)
			require.NotEmpty(t, e.Hashes)
			require.Len(t, e.FramesFile, len(e.FramesFunction))
			_, err := schema.EncodeRecord(&schema.Record{Event: e})
			require.NoError(t, err)
		}
		for _, sp := range b.Spans {
			require.Len(t, sp.TraceId, 32)
			require.Len(t, sp.SpanId, 16)
			require.True(t, utf8.ValidString(sp.Name))
			require.LessOrEqual(t, len(sp.Attributes), schema.MaxAttributes+5)
		}
	}
}
