package sentry

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"errata/ingest/filter"
	"errata/ingest/intake"
	"errata/ingest/scrub"
	"errata/schema"
	"errata/schema/grouping"
)

// outlined reads one event twice, at once and by its outline, and demands that
// both say the same of all that groups, filters and counts, and that the event
// read whole after its outline is the one read at once.
func outlined(t *testing.T, name string, req *intake.Request, ev []byte) (n int) {
	t.Helper()
	want, _ := readOutlined(t, name, req, false, ev)
	if want == nil {
		return 0
	}
	for range 2 {
		got, fresh := readOutlined(t, name, req, true, ev)
		n += sameOutline(t, name, req, want, got, fresh)
	}
	return n
}

func readOutlined(t *testing.T, name string, req *intake.Request, outlines bool, ev []byte) (b *intake.Batch, fresh bool) {
	t.Helper()
	body := fmt.Appendf(nil, "{\"event_id\":%q}\n{\"type\":\"event\",\"length\":%d}\n%s", strings.Repeat("ab", 16), len(ev), ev)
	req.Outlines = outlines
	known := lookalikes.hits
	b, _, err := Envelope(req, body)
	if outlines {
		require.NoError(t, err, name)
	} else if err != nil {
		return nil, false
	}
	return b, known == lookalikes.hits
}

func sameOutline(t *testing.T, name string, req *intake.Request, want, got *intake.Batch, fresh bool) (n int) {
	t.Helper()
	require.Len(t, got.Events, len(want.Events), name)
	require.Equal(t, want.Receipts, got.Receipts, name)
	same := func(w, g *schema.Event) {
		t.Helper()
		if !proto.Equal(w, g) {
			require.Equal(t, protojson.Format(w), protojson.Format(g), name)
		}
	}
	for i, w := range want.Events {
		w, g := proto.Clone(w).(*schema.Event), got.Events[i]
		if len(got.Outlines) == 0 {
			same(w, g)
			continue
		}
		n++
		require.Same(t, g, got.Outlines[i].Event, name)
		same(w, got.Outlines[i].Whole())
		if f := req.Project.Filter; f != nil {
			require.Equal(t, f.Event(w, "", ""), f.Event(g, "", ""), name)
		} else {
			require.Empty(t, g.Payload, name)
			require.Zero(t, g.Redactions, name)
		}
		g = proto.Clone(g).(*schema.Event)
		for _, e := range []*schema.Event{w, g} {
			// What an outline leaves out; no row of a counted event has it.
			e.Payload, e.Redactions = nil, 0
			e.TaskName, e.TaskId, e.TaskRetries = "", "", 0
			if !fresh {
				e.HttpStatus, e.ReplayId = 0, ""
			}
		}
		same(w, g)
	}
	return n
}

// outlineRequests are those of projects with what may look at an event before
// it is counted.
func outlineRequests(t *testing.T) map[string]*intake.Request {
	t.Helper()
	ruled := testRequest(t)
	var err error
	ruled.Project.Scrubber, err = scrub.New(scrub.Rules{IPAddresses: true, SensitiveFields: []string{"shop", "contexts", "frames"}, Rules: []scrub.Rule{
		{Path: "exception.values.*.value", Pattern: "/[0-9]+/", Method: "hash"}, {Path: "tags.*", Method: "mask"}, {Path: "**.trace.op", Method: "remove"}, {Pattern: "email", Method: "hash"},
	}})
	require.NoError(t, err)
	ruled.Project.Grouper, err = grouping.New(grouping.Rules{Fingerprint: "tags.region:eu -> {{ tags.region }} {{ default }}\nrelease:1* -> {{ transaction }} {{ logger }}", InApp: "stack.function:main -app"})
	require.NoError(t, err)
	agents := testRequest(t)
	agents.Project.Filter, err = filter.New(filter.Config{WebCrawlers: true, LegacyBrowsers: true, BrowserExtensions: true, Localhost: true})
	require.NoError(t, err)
	off := testRequest(t)
	off.Project.Scrubber, err = scrub.New(scrub.Rules{Off: true})
	require.NoError(t, err)
	return map[string]*intake.Request{"defaults": testRequest(t), "rules": ruled, "agents": agents, "no scrubbing": off}
}

func TestOutlinesOfTheCorpus(t *testing.T) {
	requests := outlineRequests(t)
	for _, name := range []string{"defaults", "agents"} {
		t.Run(name, func(t *testing.T) {
			req := requests[name]
			n := 0
			for _, set := range []string{"event-samples-bugsink", "event-samples-glitchtip", "event-samples-sentry", "sentry-samples", "glitchtip", "relay-2024", "sentry-categorization", "sentry-grouping"} {
				for _, f := range corpusFiles(t, set) {
					if filepath.Ext(f) != ".json" {
						continue
					}
					raw, err := os.ReadFile(f)
					require.NoError(t, err)
					for _, ev := range eventsOf(raw) {
						n += outlined(t, f, req, ev)
					}
				}
			}
			require.Greater(t, n, 300)
		})
	}
}

// TestOutlines is the same for forms that no sample has.
func TestOutlines(t *testing.T) {
	python, err := os.ReadFile("testdata/python_event_5k.json")
	require.NoError(t, err)
	stack := `{"frames":[null,{"function":"f","filename":"a.py","vars":{"password":"x"},"pre_context":["a"],"in_app":true},7,{"function":"g","filename":"b.py","context_line":"x = 1"}]}`
	for name, ev := range map[string]string{
		"python":                    string(python),
		"nothing":                   `{}`,
		"text":                      `{"message":"x"}`,
		"bare list":                 `{"exception":[{"type":"A","value":"b","stacktrace":` + stack + `}]}`,
		"bare object":               `{"exception":{"type":"A","value":"b","stacktrace":` + stack + `}}`,
		"values is an object":       `{"exception":{"values":{"type":"A","value":"b","stacktrace":` + stack + `}}}`,
		"value is an object":        `{"exception":{"values":[{"type":"A","value":{"vars":1,"frames":[{"vars":2}]}}]}}`,
		"value is values":           `{"exception":{"values":[{"type":"A","value":{"values":[{"vars":1}]}}]}}`,
		"frames alone":              `{"exception":[{"type":"A","stacktrace":[{"function":"f","vars":{"a":1}}]}]}`,
		"stack beside an exception": `{"exception":[{"type":"A"}],"stacktrace":` + stack + `}`,
		"legacy names":              `{"sentry.interfaces.Exception":[{"type":"A","stacktrace":` + stack + `}],"sentry.interfaces.User":{"id":7},"sentry.interfaces.Http":{"url":"http://x/y?z=1","method":"get","env":{"REMOTE_ADDR":"10.1.2.3"}}}`,
		"both names":                `{"sentry.interfaces.Exception":[{"type":"B"}],"exception":[{"type":"A","stacktrace":` + stack + `}]}`,
		"threads":                   `{"threads":[{"id":1,"crashed":true,"stacktrace":` + stack + `},{"id":2,"stacktrace":` + stack + `}],"exception":[{"type":"A"}]}`,
		"escaped names":             `{"\u0065xception":[{"type":"A","stacktr\u0061ce":{"fr\u0061mes":[{"function":"f","v\u0061rs":{}}]}}],"contexts":{"tr\u0061ce":{"trace_id":"0123456789abcdef0123456789abcdef"}}}`,
		"twice":                     `{"exception":[{"type":"A"}],"exception":[{"type":"B"}],"contexts":{"trace":{"trace_id":"x"},"trace":{"trace_id":"0123456789abcdef0123456789abcdef"}}}`,
		"user by address":           `{"exception":[{"type":"A"}],"platform":"javascript","sdk":{"name":"x","version":"1","packages":[{"name":"a"}],"settings":{"infer_ip":"auto"}}}`,
		"user is text":              `{"exception":[{"type":"A"}],"user":"me","request":"http://x","contexts":[1],"sdk":[]}`,
		"secrets":                   `{"exception":[{"type":"A","value":"password=hunter2 card 4111 1111 1111 1111"}],"tags":{"token":"abcdef"},"user":{"id":"1","token":"x"},"transaction":"/a?access_token=abc","extra":{"password":"y"},"request":{"url":"http://u:p@h/","headers":{"Authorization":"Bearer x","User-Agent":"Googlebot"}}}`,
		"quotes after backslashes":  `{"message":"a\\\\\"b","extra":{"a\\":"\\\""},"tags":{"k":"v"}}`,
		"white space":               " \n{ \"message\" : \"x\" , \"extra\" : { } , \"tags\" : [ [ \"a\" , \"b\" ] ] }\t",
		"not a number":              `{"message":"x","extra":{"a":NaN},"timestamp":NaN,"tags":{"n":Infinity}}`,
		"site and service":          `{"message":"x","site":"s","server_name":"h","tags":{"service":"a"},"contexts":{"otel":{"resource":{"service.name":"b"}},"runtime":{"name":"CPython"}}}`,
		"fingerprint by tag":        `{"message":"x","fingerprint":["{{ default }}","{{ tags.k }}"],"tags":[["k","v"],["k","w"]]}`,
		"celery":                    `{"exception":[{"type":"A","stacktrace":{"frames":[{"module":"celery.app.trace","function":"__protected_call__","vars":{"req":"{'retries': 3}"}}]}}],"extra":{"celery-job":{"task_name":"t"}},"tags":{"celery_task_id":"1"}}`,
		"two names for contexts":    `{"exception":[{"type":"A"}],"contexts":{"trace":{"trace_id":"0123456789abcdef0123456789abcdef"}},"sentry.interfaces.Contexts":{"trace":{"trace_id":"1123456789abcdef0123456789abcdef"}}}`,
		"two names for a request":   `{"exception":[{"type":"A"}],"request":"x","sentry.interfaces.Http":{"env":{"REMOTE_ADDR":"10.1.2.3"}}}`,
		"two users":                 `{"exception":[{"type":"A"}],"user":null,"sentry.interfaces.User":{"id":3},"user":{"id":4}}`,
		"two platforms":             `{"exception":[{"type":"A"}],"platform":"javascript","platform":"python","sdk":{"name":"a"},"sdk":{"name":"b"}}`,
		"replay and status":         `{"exception":[{"type":"A"}],"contexts":{"replay":{"replay_id":"0123456789abcdef0123456789abcdef"},"response":{"status_code":503}},"tags":{"http.status_code":"500"}}`,
		"a report":                  `{"csp":{"effective_directive":"img-src","blocked_uri":"http://x"}}`,
		"a list too deep":           `{"message":"x","extra":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
	} {
		for project, req := range outlineRequests(t) {
			outlined(t, name+", "+project, req, []byte(ev))
		}
	}
}

// TestLookalikesOfTheCorpus demands that an event that is like one before but for id,
// time, trace and user reads from memory as it does by itself.
func TestLookalikesOfTheCorpus(t *testing.T) {
	requests := outlineRequests(t)
	for _, project := range []string{"rules"} {
		req, read, hits := requests[project], 0, lookalikes.hits
		for _, set := range []string{"event-samples-bugsink", "event-samples-glitchtip", "event-samples-sentry", "sentry-samples", "glitchtip", "sentry-grouping"} {
			for _, f := range corpusFiles(t, set) {
				if filepath.Ext(f) != ".json" {
					continue
				}
				raw, err := os.ReadFile(f)
				require.NoError(t, err)
				for _, ev := range eventsOf(raw) {
					var m map[string]any
					require.NoError(t, json.Unmarshal(ev, &m))
					if _, ok := m["contexts"].(map[string]any); !ok {
						m["contexts"] = map[string]any{}
					}
					for i := range 3 {
						m["timestamp"] = 1795433400.5 - float64(i)
						m["user"] = map[string]any{"id": i, "email": fmt.Sprintf("u%d@example.com", i), "ip_address": "{{auto}}", "data": map[string]any{"password": "x"}}
						m["contexts"].(map[string]any)["trace"] = map[string]any{"trace_id": fmt.Sprintf("%032x", i+1), "span_id": fmt.Sprintf("%016x", i+1), "sampled": i > 1}
						varied, err := json.Marshal(m)
						require.NoError(t, err)
						want, _ := readOutlined(t, f, req, false, varied)
						if want == nil {
							break
						}
						got, fresh := readOutlined(t, f, req, true, varied)
						read += sameOutline(t, f+" "+project, req, want, got, fresh)
					}
				}
			}
		}
		require.Greater(t, read, 300)
		require.Greater(t, lookalikes.hits-hits, read/4)
	}
}

// TestOutlineIsNoSecret demands that the columns of an outline are as clean as
// those of a whole event, and that its redactions are told once it is counted.
func TestOutlineIsNoSecret(t *testing.T) {
	const rule = "outline canary"
	req := testRequest(t)
	var err error
	req.Project.Scrubber, err = scrub.New(scrub.Rules{Rules: []scrub.Rule{{Name: rule, Pattern: "/canary[0-9]+/"}}})
	require.NoError(t, err)
	req.Outlines = true
	b, _, err := Store(req, []byte(`{"exception":[{"type":"A","value":"canary1","stacktrace":{"frames":[{"function":"f","context_line":"canary2","vars":{"a":"canary3"}}]}}],"tags":{"token":"canary4","t":"canary5"},"transaction":"/a?token=canary6","extra":{"a":"canary7"}}`))
	require.NoError(t, err)
	require.Len(t, b.Outlines, 1)
	require.NotContains(t, protojson.Format(b.Events[0]), "canary")
	require.Zero(t, scrub.Totals()[rule])
	b.Outlines[0].Counted()
	counted := scrub.Totals()[rule]
	require.NotZero(t, counted)
	whole := b.Outlines[0].Whole()
	require.NotContains(t, string(whole.Payload), "canary")
	require.Equal(t, counted+2, scrub.Totals()[rule]-counted, "variables and extra as well")
}

// FuzzOutline demands the same of whatever JSON comes.
func FuzzOutline(f *testing.F) {
	f.Add([]byte(`{"exception":{"values":[{"type":"A","value":"b","stacktrace":{"frames":[{"function":"f","vars":{"a":"\\\""}}]}}]},"extra":{"a":[1,{}]}}`))
	f.Add([]byte(`{"sentry.interfaces.Threads":[{"stacktrace":[{"function":"f"}]}],"contexts":{"trace":{}},"tags":[["a","b"]]}`))
	f.Fuzz(func(t *testing.T, b []byte) { outlined(t, "", testRequest(t), b) })
}
