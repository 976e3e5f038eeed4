package frame

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Links are what cells link to. UID and Name are of this data source; Traces is
// the uid of a Tempo or, where TracesKind says so, a Jaeger one, empty for none.
type Links struct {
	UID, Name, Traces, TracesKind string
}

// Explore opens a query of this data source beside the panel.
func (l Links) Explore(title string, query map[string]any) data.DataLink {
	query["datasource"] = map[string]any{"type": "errata-errors-datasource", "uid": l.UID}
	return data.DataLink{Title: title, Internal: &data.InternalDataLink{DatasourceUID: l.UID, DatasourceName: l.Name, Query: query}}
}

// Trace are the links of a trace id.
func (l Links) Trace() []data.DataLink {
	return append([]data.DataLink{l.Explore("Trace", map[string]any{"mode": "trace", "traceId": "${__value.raw}"})}, l.beside()...)
}

// beside are the links of a trace id where its trace is shown already.
func (l Links) beside() []data.DataLink {
	links := []data.DataLink{
		l.Explore("Logs of the trace", map[string]any{"mode": "logs", "traceId": "${__value.raw}"}),
		l.Explore("Errors of the trace", map[string]any{"mode": "events", "traceId": "${__value.raw}"}),
	}
	if l.Traces != "" {
		// Jaeger takes an id where no type is named, Tempo where the type is TraceQL.
		title, query := "Trace in Tempo", map[string]any{"query": "${__value.raw}", "queryType": "traceql"}
		if l.TracesKind == "jaeger" {
			title, query = "Trace in Jaeger", map[string]any{"query": "${__value.raw}"}
		}
		links = append(links, data.DataLink{Title: title, Internal: &data.InternalDataLink{DatasourceUID: l.Traces, DatasourceName: title[len("Trace in "):], Query: query}})
	}
	return links
}

// page is where an issue is shown. It names the data source: with two stores in
// one Grafana the page would ask the other.
func (l Links) page(project, issue string) string {
	return "/a/errata-errors-app/issues/" + project + "/" + issue + "?ds=" + url.QueryEscape(l.UID)
}

// Issue is the link of an issue to its page; the frame has a field project_id.
func (l Links) Issue() []data.DataLink { return l.issueOf("project_id") }

// issueOf is Issue for a frame with this field of projects; empty for none.
func (l Links) issueOf(field string) []data.DataLink {
	events := map[string]any{"mode": "events", "issue": "${__value.raw}"}
	if field == "" {
		return []data.DataLink{l.Explore("Events of the issue", events)}
	}
	events["project"] = "${__data.fields." + field + "}" // The same error of another project is another issue.
	return []data.DataLink{{Title: "Issue", URL: l.page("${__data.fields."+field+"}", "${__value.raw}")}, l.Explore("Events of the issue", events)}
}

// OneIssue are the links of a series of one issue.
func (l Links) OneIssue(project int64, issue string) []data.DataLink {
	return []data.DataLink{
		{Title: "Issue", URL: l.page(strconv.FormatInt(project, 10), issue)},
		l.Explore("Events of the issue", map[string]any{"mode": "events", "issue": issue, "project": strconv.FormatInt(project, 10)}),
	}
}

// linked sets links on the field of this name.
func linked(f *data.Frame, name string, links []data.DataLink) {
	for _, x := range f.Fields {
		if x.Name == name {
			if x.Config == nil {
				x.Config = &data.FieldConfig{}
			}
			x.Config.Links = links
		}
	}
}

// Logs makes log lines. slug names a project by its id.
func Logs(t Rows, links Links, slug func(int64) string) *data.Frame {
	n := t.Len()
	times, bodies, levels, ids := make([]time.Time, n), make([]string, n), make([]string, n), make([]string, n)
	labels, kinds := make([]json.RawMessage, n), make([]json.RawMessage, n)
	traces, spans, issues, projects := make([]string, n), make([]string, n), make([]string, n), make([]int64, n)
	for i := range n {
		times[i] = t.Time(i, "ts")
		bodies[i], levels[i] = t.Text(i, "body"), t.Text(i, "level")
		if id, ok := t.Value(i, "log_id").(uuid.UUID); ok {
			ids[i] = id.String()
		}
		traces[i], spans[i], issues[i], projects[i] = t.Text(i, "trace_id"), t.Text(i, "span_id"), t.Text(i, "issue"), t.Int(i, "project_id")
		all, types := map[string]string{}, map[string]string{}
		put := func(kind, k, v string) {
			if v != "" {
				all[k], types[k] = v, kind
			}
		}
		for k, v := range t.Map(i, "resource") {
			put("R", k, v)
		}
		for k, v := range t.Map(i, "attributes") {
			put("A", k, v)
		}
		for _, k := range []string{"service", "environment", "release", "logger", "protocol", "level"} {
			put("I", k, t.Text(i, k))
		}
		put("I", "project", slug(projects[i]))
		put("I", "project_id", fmt.Sprint(projects[i]))
		labels[i], kinds[i] = raw(all), raw(types)
	}
	f := data.NewFrame("logs",
		data.NewField("timestamp", nil, times), data.NewField("body", nil, bodies), data.NewField("severity", nil, levels), data.NewField("id", nil, ids),
		data.NewField("labels", nil, labels), data.NewField("labelTypes", nil, kinds),
		data.NewField("traceID", nil, traces), data.NewField("spanID", nil, spans), data.NewField("issue", nil, issues), data.NewField("project_id", nil, projects))
	linked(f, "traceID", links.Trace())
	linked(f, "issue", links.Issue())
	f.Meta = &data.FrameMeta{PreferredVisualization: data.VisTypeLogs}
	return Typed(f, data.FrameTypeLogLines)
}

// raw is v as JSON; what cannot be written is null.
func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}
