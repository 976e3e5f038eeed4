package sentry

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// TestCaptures replays every captured envelope and compares the rows with what
// the scenario observed of its own requests.
func TestCaptures(t *testing.T) {
	t.Parallel()
	root := sharedDir(t, "captures")
	dirs, err := filepath.Glob(filepath.Join(root, "*", "expected.json"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, f := range dirs {
		t.Run(filepath.Base(filepath.Dir(f)), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(f)
			require.NoError(t, err)
			var want struct {
				Observed struct {
					Events []struct {
						EventID     string `json:"event_id"`
						Level       string
						Transaction string
						Release     string
						Environment string
						Platform    string
						Tags        map[string]any
						Breadcrumbs int
						TraceID     string `json:"trace_id"`
						SpanID      string `json:"span_id"`
						Extra       []string
						Contexts    []string
						Exceptions  []string
						User        map[string]any
					}
					Items map[string]int
				}
			}
			require.NoError(t, json.Unmarshal(raw, &want))
			got := map[string]*schema.Event{}
			for _, c := range captures(t, filepath.Dir(f)) {
				if !strings.HasSuffix(strings.Trim(c.Path, "/"), "envelope") {
					continue
				}
				b, _, err := Envelope(testRequest(t), c.Body)
				require.NoError(t, err, c.Name)
				checkLedger(t, b)
				for _, e := range b.Events {
					got[hex.EncodeToString(e.EventId)+e.TraceId] = e
				}
			}
			for _, w := range want.Observed.Events {
				e := got[strings.ReplaceAll(w.EventID, "-", "")+w.TraceID]
				require.NotNil(t, e, "event %s is lost", w.EventID)
				var p payloadView
				require.NoError(t, json.Unmarshal(e.Payload, &p))
				if w.Level != "" {
					require.Equal(t, w.Level, p.Level)
				}
				require.Equal(t, w.Transaction, e.Transaction)
				require.Equal(t, w.Release, e.Release)
				require.Equal(t, w.Environment, e.Environment)
				if w.Platform != "" {
					require.Equal(t, w.Platform, e.Platform)
				}
				require.Equal(t, w.TraceID, e.TraceId)
				require.Equal(t, w.SpanID, e.SpanId)
				for k, v := range w.Tags {
					require.Equal(t, strings.Trim(jsonText(v), `"`), p.Tags[k], "tag %s", k)
				}
				require.Len(t, p.Breadcrumbs.Values, min(w.Breadcrumbs, schema.MaxBreadcrumbs))
				for _, k := range w.Extra {
					require.Contains(t, p.Extra, k)
				}
				for _, k := range w.Contexts {
					require.Contains(t, p.Contexts, k)
				}
				for i, x := range w.Exceptions {
					v := p.Exception.Values[i]
					typ, val := "None", "None"
					if v.Type != nil {
						typ = *v.Type
					}
					if v.Value != nil {
						val = *v.Value
					}
					require.Equal(t, x, typ+": "+val)
				}
				if len(w.User) > 0 {
					require.NotZero(t, e.UserHash)
				}
				require.NotContains(t, string(e.Payload), "_timestamp\"") // No time was moved.
			}
		})
	}
}

func jsonText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// payloadView is what tests look at in a payload.
type payloadView struct {
	Level       string
	Tags        map[string]string
	Breadcrumbs struct{ Values []map[string]any }
	Extra       map[string]any
	Contexts    map[string]any
	Exception   struct {
		Values []struct{ Type, Value *string }
	}
	Errors []struct{ Type, Name, Reason string }
}
