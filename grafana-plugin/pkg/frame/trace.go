package frame

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

type pair struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

type spanLog struct {
	Timestamp float64 `json:"timestamp"` // Milliseconds.
	Fields    []pair  `json:"fields"`
}

type reference struct {
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
	Tags    []pair `json:"tags"`
}

// Trace makes a trace view of spans, with the errors that happened in them as
// logs of the span. items are the rows of the query trace. beside are the errors
// whose span is not there.
func Trace(spans, items Rows, traceID string, links Links) (view *data.Frame, beside int) {
	n := spans.Len()
	text := map[string][]string{}
	for _, k := range traceTexts {
		text[k] = make([]string, n)
	}
	start, duration, status := make([]float64, n), make([]float64, n), make([]int64, n)
	tags, service, logs, refs, stacks := make([]json.RawMessage, n), make([]json.RawMessage, n), make([]json.RawMessage, n), make([]json.RawMessage, n), make([]json.RawMessage, n)
	projects, issues := make([]int64, n), make([][maxIssues]string, n)
	errs, shown := errorsBySpan(items), make(map[string]bool, n)
	for i := range n {
		id := spans.Text(i, "span_id")
		put := func(k, v string) { text[k][i] = v }
		put("traceID", traceID)
		put("spanID", id)
		put("parentSpanID", spans.Text(i, "parent_span_id"))
		put("operationName", spans.Text(i, "name"))
		put("serviceName", spans.Text(i, "service"))
		put("kind", spans.Text(i, "kind"))
		put("statusMessage", spans.Text(i, "status_message"))
		put("traceState", spans.Text(i, "trace_state"))
		put("instrumentationLibraryName", spans.Text(i, "scope_name"))
		put("instrumentationLibraryVersion", spans.Text(i, "scope_version"))
		start[i], duration[i] = millis(spans.Time(i, "ts")), float64(spans.Int(i, "duration_us"))/1000
		status[i] = map[string]int64{"ok": 1, "error": 2}[spans.Text(i, "status")]
		attributes := spans.Map(i, "attributes")
		attributes["protocol"], attributes["op"] = spans.Text(i, "protocol"), spans.Text(i, "op")
		list := pairs(attributes)
		mine := errs[id]
		shown[id] = true
		if status[i] == 2 || len(mine) > 0 {
			list = append(list, pair{"error", true})
		}
		for k, issue := range issuesOf(mine) {
			issues[i][k] = issue
			list = append(list, pair{"issue", issue})
		}
		tags[i], service[i] = raw(list), raw(pairs(spans.Map(i, "resource")))
		lines, stack := spanEvents(spans, i)
		for _, e := range mine {
			lines = append(lines, spanLog{e.at, []pair{{"event", "error"}, {"message", e.title}, {"issue", e.issue}, {"event_id", e.id}}})
		}
		slices.SortStableFunc(lines, func(a, b spanLog) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
		logs[i], stacks[i], refs[i] = raw(lines), raw(stack), raw(spanLinks(spans, i))
		projects[i] = spans.Int(i, "project_id")
	}
	for id, list := range errs {
		if !shown[id] {
			beside += len(list)
		}
	}
	f := data.NewFrame("trace")
	for _, k := range traceTexts[:5] {
		f.Fields = append(f.Fields, data.NewField(k, nil, text[k]))
	}
	f.Fields = append(f.Fields, data.NewField("startTime", nil, start), data.NewField("duration", nil, duration), data.NewField("serviceTags", nil, service), data.NewField("tags", nil, tags),
		data.NewField("logs", nil, logs), data.NewField("references", nil, refs), data.NewField("statusCode", nil, status), data.NewField("stackTraces", nil, stacks))
	for _, k := range traceTexts[5:] {
		f.Fields = append(f.Fields, data.NewField(k, nil, text[k]))
	}
	f.Fields = append(f.Fields, data.NewField("project_id", nil, projects))
	// A field for each issue of a span, as far as any span has one: a link has one value.
	for k := range maxIssues {
		name := "issue"
		if k > 0 {
			name += "_" + strconv.Itoa(k+1)
		}
		if k == 0 || slices.ContainsFunc(issues, func(of [maxIssues]string) bool { return of[k] != "" }) {
			f.Fields = append(f.Fields, data.NewField(name, nil, each(n, func(i int) string { return issues[i][k] })))
			linked(f, name, links.Issue())
		}
	}
	linked(f, "traceID", links.beside())
	linked(f, "spanID", []data.DataLink{links.Explore("Logs of the span", map[string]any{"mode": "logs", "traceId": traceID,
		"filters": []map[string]any{{"key": "span_id", "operator": "=", "value": "${__value.raw}"}}})})
	f.Meta = &data.FrameMeta{PreferredVisualization: data.VisTypeTrace}
	return Typed(f, data.FrameTypeTable), beside
}

var traceTexts = []string{"traceID", "spanID", "parentSpanID", "operationName", "serviceName", "kind", "statusMessage", "traceState", "instrumentationLibraryName", "instrumentationLibraryVersion"}

// maxIssues is how many issues a span names and links. Its logs have all.
const maxIssues = 5

// issuesOf are the issues of a span's errors, each once, in order of time.
func issuesOf(errors []spanError) []string {
	var out []string
	for _, e := range errors {
		if e.issue != "" && !slices.Contains(out, e.issue) {
			out = append(out, e.issue)
		}
	}
	return out[:min(len(out), maxIssues)]
}

type spanError struct {
	at               float64
	title, issue, id string
}

func errorsBySpan(items Rows) map[string][]spanError {
	out := map[string][]spanError{}
	for i := range items.Len() {
		if items.Text(i, "kind") == "error" && items.Int(i, "weight") > 0 {
			span := items.Text(i, "span_id")
			out[span] = append(out[span], spanError{millis(items.Time(i, "ts")), items.Text(i, "name"), items.Text(i, "issue"), items.Text(i, "event_id")})
		}
	}
	return out
}

// spanEvents are the events of a span, and the stack traces among them.
func spanEvents(spans Rows, i int) ([]spanLog, []string) {
	lines, stacks := []spanLog{}, []string{}
	times := reflect.ValueOf(spans.Value(i, "event_ts"))
	attributes := maps(spans.Value(i, "event_attributes"))
	for k, name := range spans.List(i, "event_name") {
		line := spanLog{Fields: []pair{{"event", name}}}
		if times.IsValid() && k < times.Len() {
			if at, ok := reflect.TypeAssert[time.Time](times.Index(k)); ok {
				line.Timestamp = millis(at)
			}
		}
		if k < len(attributes) {
			line.Fields = append(line.Fields, pairs(attributes[k])...)
			if s := attributes[k]["exception.stacktrace"]; s != "" {
				stacks = append(stacks, s)
			}
		}
		lines = append(lines, line)
	}
	return lines, stacks
}

func spanLinks(spans Rows, i int) []reference {
	out := []reference{}
	ids, attributes := spans.List(i, "link_span_id"), maps(spans.Value(i, "link_attributes"))
	for k, trace := range spans.List(i, "link_trace_id") {
		r := reference{TraceID: trace, Tags: []pair{}}
		if k < len(ids) {
			r.SpanID = ids[k]
		}
		if k < len(attributes) {
			r.Tags = pairs(attributes[k])
		}
		out = append(out, r)
	}
	return out
}

func maps(v any) []map[string]string {
	m, _ := v.([]map[string]string)
	return m
}

func pairs(m map[string]string) []pair {
	out := []pair{}
	for _, k := range sortedKeys(m) {
		if m[k] != "" {
			out = append(out, pair{k, m[k]})
		}
	}
	return out
}

// millis is a time in milliseconds since the epoch, with its fraction.
func millis(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1000
}
