package sentry

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// scenarioIssue is what a scenario states of one issue.
type scenarioIssue struct {
	Title       string
	TitlePrefix bool `json:"title_prefix"`
	TitleOf     string
	Events      int
	OtelEvents  int `json:"otel_events"`
	Level       string
	Protocol    string
	Protocols   []string
	Handled     *bool
	Mechanism   string
	Platform    string
	Transaction string
	Logger      string
	Template    string
	TraceID     string `json:"trace_id"`
	Release     string
	Environment string
	Users       *int
	Tags        map[string]any
	TagsAbsent  []string `json:"tags_absent"`
	Extra       map[string]any
	ExtraKeys   []string `json:"extra_keys"`
	Contexts    map[string]any
	Exceptions  []string
	FramesMin   int               `json:"frames_min"`
	Vars        map[string]string // Of any frame.
	GroupSizes  []int             `json:"group_sizes"`
	Groups      any
	Request     *struct {
		Method, Path, URL string
		QueryString       string `json:"query_string"`
	}
	TopFrame *struct {
		Function string
		InApp    bool `json:"in_app"`
	} `json:"top_frame"`
}

// scenario is a scenario's expected.json.
type scenario struct {
	Marker       string
	Issues       []scenarioIssue
	Transactions []struct {
		Name, Op, Status string
		Count            int
		TraceID          string `json:"trace_id"`
		ParentSpanID     string `json:"parent_span_id"`
		Spans            []struct {
			Op, Description string
			Data            map[string]any
		}
	}
	MustNot []string `json:"must_not"`
}

// TestCaptureIssues replays each scenario and compares the events, grouped by
// fingerprint, with the issues that it states.
func TestCaptureIssues(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(sharedDir(t, "captures"), "*", "expected.json"))
	require.NoError(t, err)
	for _, f := range files {
		t.Run(filepath.Base(filepath.Dir(f)), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(f)
			require.NoError(t, err)
			var want scenario
			require.NoError(t, json.Unmarshal(raw, &want))
			var events []*schema.Event
			var spans []*schema.Span
			seen := map[string]bool{}
			for _, c := range captures(t, filepath.Dir(f)) {
				if !strings.HasSuffix(strings.Trim(c.Path, "/"), "envelope") {
					continue
				}
				b, _, err := Envelope(testRequest(t), c.Body)
				require.NoError(t, err)
				for _, e := range b.Events {
					if e.Type != "feedback" && !seen[string(e.EventId)] {
						seen[string(e.EventId)] = true
						events = append(events, e)
					}
				}
				spans = append(spans, b.Spans...)
			}
			for _, i := range want.Issues {
				checkIssue(t, i, events)
			}
			for _, tr := range want.Transactions {
				n := 0
				for _, s := range spans {
					if s.Category() != schema.CategoryTransaction || s.Name != tr.Name {
						continue
					}
					n++
					if tr.Op != "" {
						require.Equal(t, tr.Op, s.Op)
					}
					if tr.TraceID != "" {
						require.Equal(t, tr.TraceID, s.TraceId)
					}
					if tr.ParentSpanID != "" {
						require.Equal(t, tr.ParentSpanID, s.ParentSpanId)
					}
					if tr.Status == "ok" {
						require.EqualValues(t, 1, s.Status)
					} else if tr.Status != "" {
						require.Equal(t, tr.Status, s.StatusMessage)
					}
				}
				require.Equal(t, tr.Count, n, "transactions %s", tr.Name)
				for _, ws := range tr.Spans {
					found := false
					for _, s := range spans {
						ok := s.Op == ws.Op && s.Category() == schema.CategorySpan && s.SegmentName == tr.Name && (ws.Description == "" || s.Name == ws.Description)
						for k, v := range ws.Data {
							ok = ok && attribute(s, k) == v
						}
						found = found || ok
					}
					require.True(t, found, "span %s %s", ws.Op, ws.Description)
				}
			}
		})
	}
}

func attribute(s *schema.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// checkIssue finds the events with the issue's title and demands what it says.
func checkIssue(t *testing.T, want scenarioIssue, events []*schema.Event) {
	t.Helper()
	if strings.HasPrefix(want.Protocol, "otlp") || want.Events == want.OtelEvents {
		return // The other adapter's.
	}
	title := shortTitle(want.Title)
	var hit []*schema.Event
	for _, e := range events {
		if shortTitle(e.Title) == title || want.TitlePrefix && strings.HasPrefix(e.Title, title) {
			hit = append(hit, e)
		}
	}
	require.NotEmpty(t, hit, "no event is titled %q; there are %v", title, titles(events))
	issues := map[uint64]int{}
	for _, h := range hit {
		issues[h.Fingerprint] = 0
	}
	users := map[uint64]bool{}
	for _, e := range events {
		if _, ok := issues[e.Fingerprint]; ok {
			issues[e.Fingerprint]++
			if e.UserHash != 0 {
				users[e.UserHash] = true
			}
		}
	}
	n := 0
	for _, c := range issues {
		n += c
	}
	if want.Groups == nil && want.GroupSizes == nil && !want.TitlePrefix {
		require.Len(t, issues, 1, "%q is more than one issue", title)
	}
	if want.GroupSizes != nil {
		require.Len(t, issues, len(want.GroupSizes), "%q", title)
	}
	require.Equal(t, want.Events-want.OtelEvents, n, "events of %q", title)
	if want.Users != nil {
		require.Len(t, users, *want.Users, "users of %q", title)
	}
	for _, e := range hit {
		var p struct {
			Level, Logger string
			Tags          map[string]string
			Extra         map[string]any
			Contexts      map[string]any
			Logentry      struct{ Message string }
			Exception     struct {
				Values []struct {
					Type, Value string
					Stacktrace  struct {
						Frames []struct{ Vars map[string]any }
					}
				}
			}
			Request struct {
				QueryString string `json:"query_string"`
			}
		}
		require.NoError(t, json.Unmarshal(e.Payload, &p))
		same := func(w, got, what string) {
			if w != "" {
				require.Equal(t, w, got, "%s of %q", what, title)
			}
		}
		same(want.Level, p.Level, "level")
		same(want.Platform, e.Platform, "platform")
		same(want.Transaction, e.Transaction, "transaction")
		same(want.Logger, e.Logger, "logger")
		same(want.Template, p.Logentry.Message, "template")
		same(want.TraceID, e.TraceId, "trace")
		same(want.Mechanism, e.Mechanism, "mechanism")
		if want.Handled != nil {
			h := schema.Handled_HANDLED_NO
			if *want.Handled {
				h = schema.Handled_HANDLED_YES
			}
			require.Equal(t, h, e.Handled, "handled of %q", title)
		}
		for k, v := range want.Tags {
			if v == "*" {
				require.NotEmpty(t, p.Tags[k])
				continue
			}
			require.Equal(t, strings.Trim(jsonText(v), `"`), p.Tags[k], "tag %s of %q", k, title)
		}
		for _, k := range want.TagsAbsent {
			require.NotContains(t, p.Tags, k)
		}
		for _, k := range want.ExtraKeys {
			require.Contains(t, p.Extra, k)
			require.NotContains(t, p.Tags, k)
		}
		for k, v := range want.Extra {
			require.Equal(t, v, p.Extra[k])
		}
		for k, v := range want.Contexts {
			require.Equal(t, v, p.Contexts[k])
		}
		for i, x := range want.Exceptions {
			require.Equal(t, x, p.Exception.Values[i].Type+": "+p.Exception.Values[i].Value)
		}
		require.GreaterOrEqual(t, len(e.FramesFunction), want.FramesMin)
		for k, v := range want.Vars {
			found := false
			for _, x := range p.Exception.Values {
				for _, f := range x.Stacktrace.Frames {
					found = found || f.Vars[k] == v
				}
			}
			require.True(t, found, "variable %s of %q", k, title)
		}
		if r := want.Request; r != nil {
			require.Equal(t, r.Method, e.HttpMethod)
			require.True(t, strings.HasSuffix(e.Url, r.Path), e.Url)
			same(r.QueryString, p.Request.QueryString, "query")
		}
		if f := want.TopFrame; f != nil {
			last := len(e.FramesFunction) - 1
			require.Equal(t, f.Function, e.FramesFunction[last])
			require.Equal(t, f.InApp, e.FramesInApp[last])
		}
	}
}

// shortTitle is a title's first line, its type without package and pointer:
// whether a title shows them is grouping's affair.
func shortTitle(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	typ, rest, ok := strings.Cut(s, ": ")
	if !ok || strings.ContainsAny(typ, " (") {
		return s
	}
	return typ[strings.LastIndexAny(typ, ".*")+1:] + ": " + rest
}

func titles(events []*schema.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Title)
	}
	return out
}
