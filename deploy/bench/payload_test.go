package bench

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

func TestSentryPayloadIsTheStandardEvent(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for k := range 200 {
		tpl := sentryTemplate(k)
		o := newOccurrence(r, 100, time.Now())
		b := tpl.append(nil, &o, r)
		var ev struct {
			EventID   string `json:"event_id"`
			Exception struct {
				Values []struct {
					Stacktrace struct{ Frames []map[string]any }
				}
			}
			Breadcrumbs struct{ Values []map[string]any }
		}
		require.NoError(t, json.Unmarshal(b, &ev), "issue %d: %s", k, b)
		require.Len(t, ev.EventID, 32)
		require.False(t, seen[ev.EventID], "an id came twice")
		seen[ev.EventID] = true
		require.Len(t, ev.Exception.Values[0].Stacktrace.Frames, 7)
		require.Len(t, ev.Breadcrumbs.Values, 3)
		require.InDelta(t, 5000, len(b), 700, "the standard payload is about 5 KB")
		require.NotContains(t, string(b), "<<")
	}
}

func TestPayloadsOfOneIssueDiffer(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	tpl := sentryTemplate(7)
	values := map[string]bool{}
	for range 100 {
		o := newOccurrence(r, 1000, time.Now())
		_, rest, _ := strings.Cut(string(tpl.append(nil, &o, r)), `"value":"`)
		value, _, _ := strings.Cut(rest, `"`)
		values[value] = true
	}
	require.Greater(t, len(values), 95)
}

func TestOTLPEncodingsSayTheSame(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	set := []*template{tracebackTemplate(0), tracebackTemplate(1)}
	batch := []occurrence{newOccurrence(r, 10, time.Now()), newOccurrence(r, 10, time.Now())}
	req := otlpSpans(set, batch, r)
	var back coltrace.ExportTraceServiceRequest
	require.NoError(t, proto.Unmarshal(otlpBody(req, false), &back))
	require.Len(t, back.ResourceSpans[0].ScopeSpans[0].Spans, 2)
	var asJSON struct {
		ResourceSpans []struct {
			ScopeSpans []struct {
				Spans []struct {
					TraceID string `json:"traceId"`
					Events  []struct {
						Attributes []struct {
							Key   string
							Value struct{ StringValue string }
						}
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(otlpBody(req, true), &asJSON))
	for i, s := range asJSON.ResourceSpans[0].ScopeSpans[0].Spans {
		require.Equal(t, string(appendHex(nil, batch[i].trace[:])), s.TraceID)
		pb := back.ResourceSpans[0].ScopeSpans[0].Spans[i].Events[0].Attributes
		for j, a := range s.Events[0].Attributes {
			require.Equal(t, pb[j].Key, a.Key)
			require.Equal(t, pb[j].Value.GetStringValue(), a.Value.StringValue)
		}
		require.Equal(t, 7, strings.Count(s.Events[0].Attributes[2].Value.StringValue, "  File "))
	}
}

func TestCheckRefusesTargetsAway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg Config
		bad string
	}{
		"loopback":         {Config{DSN: "http://k@127.0.0.1:8000/1"}, ""},
		"localhost":        {Config{DSN: "http://k@localhost:8000/1"}, ""},
		"another machine":  {Config{DSN: "http://k@192.0.2.7/1"}, "--allow-away"},
		"allowed":          {Config{DSN: "http://k@192.0.2.7/1", AllowAway: true}, ""},
		"no dsn":           {Config{}, "no dsn"},
		"unknown mode":     {Config{DSN: "http://k@127.0.0.1/1", Mode: "soap"}, "envelope, store or otlp"},
		"otlp needs a url": {Config{DSN: "http://k@127.0.0.1/1", Mode: "otlp"}, "no otlp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.cfg.check()
			if tc.bad == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.bad)
		})
	}
}

func BenchmarkPayload(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	tpl := sentryTemplate(3)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		o := newOccurrence(r, 1000, time.Now())
		buf = tpl.append(buf[:0], &o, r)
	}
	b.SetBytes(int64(len(buf)))
}

func TestCheckRefusesLessThanNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{"rate": {Rate: -1}, "duration": {Duration: -1}, "callers": {Callers: -1}, "events": {Events: -1}} {
		require.ErrorContains(t, c.check(), "--"+name+" is less than 0", name)
	}
}
