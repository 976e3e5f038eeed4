package otlp

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
	"errata/schema"
)

// TestNestedCrash looks closer at one failure recorded by three nested spans.
func TestNestedCrash(t *testing.T) {
	t.Parallel()
	c := otlpRequests(t, shared(t, "captures", "otel-nested-crash"))[0]
	b, _, err := Traces(request(t), c.body, c.contentType)
	require.NoError(t, err)
	require.Len(t, b.Events, 1)
	e := b.Events[0]
	require.EqualValues(t, 2, e.Folded)
	require.Equal(t, "98821d2e907ca555", e.SpanId, "the innermost span")
	require.Equal(t, "/nested-crash", e.Transaction)
	require.Equal(t, "nested_crash", e.FramesFunction[len(e.FramesFunction)-1])
	require.Len(t, e.FramesFunction, 18, "the longest of the three stacks")
	require.NotContains(t, e.FramesFunction, "use_span")
	require.Equal(t, "GET", e.HttpMethod)
	require.Equal(t, "http://127.0.0.1:51221/nested-crash", e.Url)
	require.EqualValues(t, 500, e.HttpStatus)
	require.Equal(t, schema.Handled_HANDLED_UNKNOWN, e.Handled)
	require.Equal(t, "python", e.Platform)
	require.Equal(t, "opentelemetry.python", e.SdkName)
	require.Equal(t, "1.45.2", e.SdkVersion)
	require.Equal(t, []string{"error twin nested_span 2"}, fates(b))
}

func fates(b *intake.Batch) []string {
	var out []string
	for _, o := range b.Outcomes {
		out = append(out, fmt.Sprintf("%s %s %s %d", o.Category, o.Outcome, o.Reason, o.Quantity))
	}
	return out
}

func TestCorpusGivesTheSameRowsInBothEncodings(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(shared(t, "corpus", "own-python"), "*", "otlp_traces.pb"))
	require.NoError(t, err)
	require.Len(t, dirs, 31)
	for _, file := range dirs {
		dir := filepath.Dir(file)
		fingerprints := map[uint64]bool{}
		for _, s := range []Signal{SignalTraces, SignalLogs} {
			var got [2]*intake.Batch
			for i, enc := range []struct{ ext, contentType string }{{"pb", "application/x-protobuf"}, {"json", "application/json"}} {
				body, err := os.ReadFile(filepath.Join(dir, "otlp_"+string(s)+"."+enc.ext))
				require.NoError(t, err)
				var p *Partial
				got[i], p, err = Adapt(s)(request(t), body, enc.contentType)
				require.NoError(t, err)
				require.Nil(t, p)
				balanced(t, got[i])
			}
			require.Empty(t, diff(got[0], got[1]), "%s %s", dir, s)
			require.Len(t, got[0].Events, 1, "%s %s", dir, s)
			fingerprints[got[0].Events[0].Fingerprint] = true
			regrouped(t, got[0].Events[0])
		}
		require.Len(t, fingerprints, 1, "%s: one issue for span event and log record", dir)
	}
}

func hexID(b []byte) string { return hex.EncodeToString(b) }
