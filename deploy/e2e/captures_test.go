package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// capturedKey is the key in the requests of the captures.
const capturedKey = "7a1c3b5e9d2f4a6b8c0d1e2f3a4b5c6d"

// scenario is what a right store ends with after one capture.
type scenario struct {
	Name         string                     `json:"scenario"`
	Issues       []expectedIssue            `json:"issues"`
	Transactions []expectedSegment          `json:"transactions"`
	Spans        []expectedSpan             `json:"spans"`
	Other        map[string]json.RawMessage `json:"other"`
}

type expectedIssue struct {
	Title       string            `json:"title"`
	TitlePrefix bool              `json:"title_prefix"`
	TitleOf     string            `json:"title_of"`
	EventTitles map[string]int    `json:"event_titles"`
	Groups      json.RawMessage   `json:"groups"`
	GroupSizes  []int             `json:"group_sizes"`
	Events      int               `json:"events"`
	OTelEvents  int               `json:"otel_events"`
	OTelSent    int               `json:"otel_sent"`
	Protocols   []string          `json:"protocols"`
	Protocol    string            `json:"protocol"`
	Level       string            `json:"level"`
	Platform    string            `json:"platform"`
	Environment string            `json:"environment"`
	Release     string            `json:"release"`
	Service     string            `json:"service"`
	Transaction string            `json:"transaction"`
	Logger      string            `json:"logger"`
	Mechanism   string            `json:"mechanism"`
	TraceID     string            `json:"trace_id"`
	EventID     string            `json:"event_id"`
	Handled     *bool             `json:"handled"`
	Users       *int              `json:"users"`
	Tags        map[string]any    `json:"tags"`
	TagsAbsent  []string          `json:"tags_absent"`
	Exceptions  []string          `json:"exceptions"`
	Breadcrumbs int               `json:"breadcrumbs"`
	ExtraKeys   []string          `json:"extra_keys"`
	ByRelease   map[string]int    `json:"by_release"`
	ByEnv       map[string]int    `json:"by_environment"`
	FirstRel    string            `json:"first_release"`
	LastRel     string            `json:"last_release"`
	UserIDs     map[string]int    `json:"user_ids"`
	Request     map[string]string `json:"request"`
	TopFrame    map[string]any    `json:"top_frame"`
	FramesMin   int               `json:"frames_min"`
}

type expectedSegment struct {
	Name    string `json:"name"`
	Count   int    `json:"count"`
	TraceID string `json:"trace_id"`
	Parent  string `json:"parent_span_id"`
	Op      string `json:"op"`
}

type expectedSpan struct {
	Name    string   `json:"name"`
	Count   int      `json:"count"`
	TraceID string   `json:"trace_id"`
	Status  string   `json:"status"`
	Kind    string   `json:"kind"`
	Events  []string `json:"events"`
}

// request is one request of a capture.
type request struct {
	GRPC      bool        `json:"grpc"`
	Method    string      `json:"method"`
	Path      string      `json:"path"`
	RawTarget string      `json:"raw_target"`
	Headers   [][2]string `json:"headers"`
	Answered  any         `json:"answered"`
}

// TestCaptures replays what real clients sent, each scenario into a project of
// its own, and asks by SQL what became of it.
func TestCaptures(t *testing.T) {
	needE2E(t)
	dir := sharedDir(t, "captures")
	files, err := filepath.Glob(filepath.Join(dir, "*", "expected.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	s := up(t, t.TempDir())
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var sc scenario
		require.NoError(t, json.Unmarshal(raw, &sc), file)
		t.Run(sc.Name, func(t *testing.T) {
			project, key := s.newProject(t, sc.Name)
			s.replay(t, filepath.Dir(file), project, key)
			s.compare(t, project, sc)
		})
	}
	s.balanced(t)
}

func number(v any) int {
	f, _ := v.(float64)
	return int(f)
}

func (s *store) compare(t *testing.T, project string, sc scenario) {
	t.Helper()
	issues := s.sql(t, "SELECT * FROM errata.issues WHERE project_id = %s ORDER BY first_seen, title", project)
	taken := map[int]bool{}
	for _, want := range sc.Issues {
		s.compareIssue(t, project, want, issues, taken)
	}
	_, feedback := sc.Other["item:feedback"] // What a user reports is an issue of its own kind.
	for i, issue := range issues {
		if feedback && len(s.sql(t, "SELECT 1 FROM errata.events WHERE project_id = %s AND type = 'feedback' AND title = '%s'", project, issue["title"])) == 1 {
			continue
		}
		assert.True(t, taken[i], "an issue that no client sent: %v (%v events)", issue["title"], issue["events"])
	}
	for _, want := range sc.Transactions {
		where := fmt.Sprintf("project_id = %s AND is_segment AND protocol = 'sentry' AND name = '%s'", project, want.Name)
		rows := s.sql(t, "SELECT trace_id, parent_span_id, op FROM errata.spans WHERE %s", where)
		if !assert.Len(t, rows, want.Count, "transaction %s", want.Name) {
			continue
		}
		same(t, want.TraceID, rows[0]["trace_id"], "trace of transaction %s", want.Name)
		same(t, want.Parent, rows[0]["parent_span_id"], "parent of transaction %s", want.Name)
		same(t, want.Op, rows[0]["op"], "op of transaction %s", want.Name)
	}
	for _, want := range sc.Spans {
		rows := s.sql(t, "SELECT trace_id, status, kind, event_name FROM errata.spans WHERE project_id = %s AND protocol = 'otlp' AND name = '%s'", project, want.Name)
		if !assert.Len(t, rows, want.Count, "span %s", want.Name) {
			continue
		}
		same(t, want.TraceID, rows[0]["trace_id"], "trace of span %s", want.Name)
		same(t, strings.ToLower(want.Status), rows[0]["status"], "status of span %s", want.Name)
		same(t, strings.ToLower(want.Kind), rows[0]["kind"], "kind of span %s", want.Name)
		for _, name := range want.Events {
			assert.Contains(t, rows[0]["event_name"], name, "events of span %s", want.Name)
		}
	}
}

// same compares what the scenario names; what it does not name may be anything.
func same(t *testing.T, want string, got any, format string, args ...any) {
	t.Helper()
	if want != "" {
		assert.Equal(t, any(want), got, append([]any{format}, args...)...)
	}
}

// compareIssue looks for the issues of an expectation (two where it says so) and
// compares the fields that it names.
func (s *store) compareIssue(t *testing.T, project string, want expectedIssue, issues []map[string]any, taken map[int]bool) {
	t.Helper()
	sizes := want.sizes()
	for _, size := range sizes {
		found := slices.IndexFunc(issues, func(i map[string]any) bool {
			at := slices.IndexFunc(issues, func(o map[string]any) bool { return o["issue"] == i["issue"] })
			return !taken[at] && number(i["events"]) == size && want.titled(i["title"].(string))
		})
		if found < 0 {
			var there []string
			for _, i := range issues {
				there = append(there, fmt.Sprintf("%v x%v", i["title"], i["events"]))
			}
			t.Errorf("no issue %q with %d events; there are %q", want.Title, size, there)
			continue
		}
		taken[found] = true
		s.compareFields(t, project, want, issues[found])
	}
}

// sizes says how many issues are expected and how many events each counts.
func (want expectedIssue) sizes() []int {
	var free string // "1 or 2": the store must state its rule and keep it.
	switch {
	case len(want.GroupSizes) > 0:
		return want.GroupSizes
	case json.Unmarshal(want.Groups, &free) == nil && free != "" && len(want.Protocols) == 2:
		return slices.Repeat([]int{1}, want.Events) // Our rule: another file name is another frame.
	case len(want.Protocols) == 2 && want.TraceID != "":
		// Both witnesses carry the trace: one occurrence, counted once.
		return []int{max(want.Events-want.OTelEvents, want.OTelEvents)}
	}
	return []int{want.Events}
}

// titled compares titles by the project's rule: the type is the last segment of
// its name, of Go the name with its package, and of the value the first line counts.
func (want expectedIssue) titled(title string) bool {
	name, value, _ := strings.Cut(want.Title, ": ")
	if !strings.HasPrefix(name, "*") && !strings.HasPrefix(name, "runtime.") {
		name = name[strings.LastIndexByte(name, '.')+1:]
	}
	value, _, _ = strings.Cut(value, "\n")
	_, one := want.EventTitles[title]
	return title == want.Title || title == name+": "+value || one || want.TitlePrefix && strings.HasPrefix(title, want.Title)
}

func (s *store) compareFields(t *testing.T, project string, want expectedIssue, issue map[string]any) {
	t.Helper()
	name := issue["title"].(string)
	where := fmt.Sprintf("project_id = %s AND lower(leftPad(hex(fingerprint), 16, '0')) = '%s'", project, issue["issue"])
	rows := s.sql(t, "SELECT * FROM errata.events WHERE %s AND weight > 0 ORDER BY ts", where)
	if !assert.NotEmpty(t, rows, name) {
		return
	}
	first := rows[0]
	if len(want.Protocols) > 0 && len(want.sizes()) == 1 {
		assert.ElementsMatch(t, issue["protocols"], want.Protocols, name)
	}
	same(t, want.Protocol, strings.ReplaceAll(first["protocol"].(string), "_", "-"), "protocol of %s", name)
	same(t, want.Level, issue["level"], "level of %s", name)
	for field, value := range map[string]string{
		"platform": want.Platform, "environment": want.Environment, "release": want.Release, "service": want.Service,
		"transaction": want.Transaction, "logger": want.Logger, "mechanism": want.Mechanism, "trace_id": want.TraceID,
	} {
		same(t, value, first[field], "%s of %s", field, name)
	}
	same(t, want.EventID, strings.ReplaceAll(first["event_id"].(string), "-", ""), "id of %s", name)
	if want.Handled != nil {
		sentry := slices.IndexFunc(rows, func(r map[string]any) bool { return r["protocol"] == "sentry" })
		if sentry >= 0 {
			assert.Equal(t, map[bool]any{true: "yes", false: "no"}[*want.Handled], rows[sentry]["handled"], "handled of %s", name)
		}
	}
	if want.Users != nil {
		assert.Equal(t, *want.Users, number(issue["users"]), "users of %s", name)
	}
	same(t, want.FirstRel, issue["first_release"], "first release of %s", name)
	same(t, want.LastRel, issue["last_release"], "last release of %s", name)
	tags, _ := first["tags"].(map[string]any)
	for k, v := range want.Tags {
		text := fmt.Sprint(v)
		if text == "*" {
			assert.NotEmpty(t, tags[k], "tag %s of %s", k, name)
			continue
		}
		if b, isBool := v.(bool); isBool {
			assert.Contains(t, []any{text, map[bool]string{true: "True", false: "False"}[b]}, tags[k], "tag %s of %s", k, name)
			continue
		}
		assert.Equal(t, text, tags[k], "tag %s of %s", k, name)
	}
	for _, k := range want.TagsAbsent {
		assert.NotContains(t, tags, k, name)
	}
	for column, counts := range map[string]map[string]int{"release": want.ByRelease, "environment": want.ByEnv, "user_id": want.UserIDs} {
		if counts == nil {
			continue
		}
		got := map[string]int{}
		for _, r := range rows {
			got[r[column].(string)] += number(r["weight"])
		}
		assert.Equal(t, counts, got, "%s of %s", column, name)
	}
	comparePayload(t, name, want, first)
}

// comparePayload looks into the whole event, as a person does on its page.
func comparePayload(t *testing.T, name string, want expectedIssue, row map[string]any) {
	t.Helper()
	var payload struct {
		Exception struct {
			Values []struct {
				Type       string `json:"type"`
				Value      string `json:"value"`
				Stacktrace struct {
					Frames []map[string]any `json:"frames"`
				} `json:"stacktrace"`
			} `json:"values"`
		} `json:"exception"`
		Breadcrumbs json.RawMessage `json:"breadcrumbs"`
		Extra       map[string]any  `json:"extra"`
		Request     map[string]any  `json:"request"`
	}
	require.NoError(t, json.Unmarshal([]byte(row["payload"].(string)), &payload), name)
	if len(want.Exceptions) > 0 {
		var got []string
		for _, x := range payload.Exception.Values {
			got = append(got, x.Type+": "+x.Value)
		}
		assert.Equal(t, want.Exceptions, got, "chain of %s, innermost cause first", name)
	}
	if want.Breadcrumbs > 0 {
		var list []any
		var wrapped struct {
			Values []any `json:"values"`
		}
		if json.Unmarshal(payload.Breadcrumbs, &list) != nil {
			require.NoError(t, json.Unmarshal(payload.Breadcrumbs, &wrapped), name)
			list = wrapped.Values
		}
		assert.Len(t, list, want.Breadcrumbs, "breadcrumbs of %s", name)
	}
	for _, k := range want.ExtraKeys {
		assert.Contains(t, payload.Extra, k, name)
	}
	same(t, want.Request["method"], row["http_method"], "method of %s", name)
	if path := want.Request["path"]; path != "" {
		assert.Contains(t, row["url"], path, name)
	}
	same(t, want.Request["query_string"], payload.Request["query_string"], "query of %s", name)
	if n := len(payload.Exception.Values); n > 0 {
		frames := payload.Exception.Values[n-1].Stacktrace.Frames
		assert.GreaterOrEqual(t, len(frames), want.FramesMin, name)
		for k, v := range want.TopFrame {
			if assert.NotEmpty(t, frames, name) {
				assert.Equal(t, v, frames[len(frames)-1][k], "%s of the top frame of %s", k, name)
			}
		}
	}
}
