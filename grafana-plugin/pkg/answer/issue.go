package answer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"golang.org/x/sync/errgroup"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
)

// Issue is one row of a list, as shared/types.ts has it.
type Issue struct {
	Project       int64    `json:"project"`
	Issue         string   `json:"issue"`
	Title         string   `json:"title"`
	Culprit       string   `json:"culprit"`
	Type          string   `json:"type"`
	Level         string   `json:"level"`
	Status        string   `json:"status"`
	Assignee      string   `json:"assignee"`
	FirstSeen     int64    `json:"firstSeen"`
	LastSeen      int64    `json:"lastSeen"`
	Events        int64    `json:"events"`
	Users         int64    `json:"users"`
	EventsInRange int64    `json:"eventsInRange"`
	Protocols     []string `json:"protocols"`
	Environments  []string `json:"environments"`
	FirstRelease  string   `json:"firstRelease"`
	LastRelease   string   `json:"lastRelease"`
	SampleEventID string   `json:"sampleEventId"`
	SampleTraceID string   `json:"sampleTraceId"`
	Spark         []uint64 `json:"spark"` // Events of the range in equal parts, oldest first.
}

// ReadIssue is a row of the catalog as a list shows it.
func ReadIssue(t frame.Rows, i int, project int64) Issue {
	return Issue{
		Project: project, Issue: t.Text(i, "issue"), Title: t.Text(i, "title"), Culprit: t.Text(i, "culprit"), Type: t.Text(i, "type"), Level: t.Text(i, "level"),
		Status: t.Text(i, "status"), Assignee: t.Text(i, "assignee"), FirstSeen: t.Milli(i, "first_seen"), LastSeen: t.Milli(i, "last_seen"),
		Events: t.Int(i, "events"), Users: t.Int(i, "users"), EventsInRange: t.Int(i, "window_events"), Protocols: t.List(i, "protocols"), Environments: t.List(i, "environments"),
		FirstRelease: t.Text(i, "first_release"), LastRelease: t.Text(i, "last_release"), SampleEventID: t.Text(i, "sample_event_id"), SampleTraceID: t.Text(i, "sample_trace_id"),
		Spark: spark(t, i),
	}
}

// spark is the trend of a row; a detail has none, but a trend of its own.
func spark(t frame.Rows, i int) []uint64 {
	if v, ok := t.Value(i, "trend").([]uint64); ok {
		return v
	}
	return []uint64{}
}

// MaxIssues bounds a list, whatever its offset.
const MaxIssues = 1000

// IssueList asks each project for its part and merges them in the order asked
// for. more says that there are issues after the page.
func (a *Asker) IssueList(ctx context.Context, q *ask.Query, limit int) (page []Issue, more bool, left int, err error) {
	return a.issueList(ctx, q, limit, false)
}

// issueList is IssueList; exact counts the events of the range to the minute,
// where the list itself reads whole hours, and leaves out issues without any:
// what a rule over ten minutes needs.
func (a *Asker) issueList(ctx context.Context, q *ask.Query, limit int, exact bool) (page []Issue, more bool, left int, err error) {
	if q.FirstSeen {
		q.Sort = "first_seen" // Those that count come first.
	}
	if services := ask.List(q.Service); services != nil { // A list knows services by their events only.
		q.Filters = append(slices.Clone(q.Filters), ask.Filter{Key: "service", Operator: "=|", Values: services})
	}
	ids, left, err := a.eachProject(ctx, q)
	if err != nil {
		return nil, false, 0, err
	}
	reach := min(q.Offset+limit+1, MaxIssues)
	lists := make([][]Issue, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	for n, id := range ids {
		g.Go(func() error {
			v := q.Window()
			v["project"], v["status"], v["limit"] = strconv.FormatUint(uint64(id), 10), q.State(), strconv.Itoa(reach)
			v["environment"], v["release"], v["level"] = ask.Lines(q.Environment), ask.Lines(q.Release), ask.Lines(q.Level)
			v["text"], v["assignee"], v["sort"], v["filters"] = q.Text, q.Assignee, q.Sort, q.FilterText()
			r, err := a.store.Run(ctx, "issue_list", v)
			if err != nil {
				return err
			}
			t := frame.Read(r)
			for i := range t.Len() {
				x := ReadIssue(t, i, int64(id))
				if !q.FirstSeen || x.FirstSeen >= q.From.UnixMilli() && x.FirstSeen <= q.To.UnixMilli() {
					lists[n] = append(lists[n], x)
				}
			}
			if exact && len(lists[n]) > 0 {
				lists[n], err = a.recount(ctx, q, id, lists[n])
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, false, 0, err
	}
	all := slices.Concat(lists...)
	if len(ids) > 1 || exact {
		slices.SortStableFunc(all, func(a, b Issue) int { return cmp.Compare(rank(b, q.Sort), rank(a, q.Sort)) })
	}
	all = all[:min(len(all), MaxIssues)] // Beyond, projects would be missing that have asked for no more.
	start := min(q.Offset, len(all))
	end := min(start+limit, len(all))
	return all[start:end], len(all) > end, left, nil
}

// maxExact is how many issues of a project are counted to the minute.
const maxExact = 1000

// recount sets how many events issues have in the range, to the minute.
func (a *Asker) recount(ctx context.Context, q *ask.Query, project uint32, list []Issue) ([]Issue, error) {
	v := q.Window()
	v["projects"], v["by"], v["series"], v["bucket_seconds"] = IDList([]uint32{project}), "issue", strconv.Itoa(maxExact), "2592000"
	v["environment"], v["release"], v["text"], v["filters"] = ask.Lines(q.Environment), ask.Lines(q.Release), q.Text, q.FilterText()
	r, err := a.store.Run(ctx, "error_trend_split", v)
	if err != nil {
		return nil, err
	}
	t, counts := frame.Read(r), map[string]int64{}
	for i := range t.Len() {
		counts[t.Text(i, "series")] += t.Int(i, "events")
	}
	kept := list[:0]
	for _, x := range list {
		if n, ok := counts[x.Issue]; ok {
			x.EventsInRange = n
		} else if _, more := counts["other"]; !more {
			continue
		}
		kept = append(kept, x)
	}
	return kept, nil
}

func rank(i Issue, sort string) int64 {
	switch sort {
	case "events":
		return i.EventsInRange
	case "users":
		return i.Users
	case "first_seen":
		return i.FirstSeen
	case "trend":
		return rise(i.Spark)
	}
	return i.LastSeen
}

// rise is how many more events the second half of the window has.
func rise(trend []uint64) (r int64) {
	for n, v := range trend {
		if n*2 >= len(trend) {
			r += int64(v) //nolint:gosec // A count.
		} else {
			r -= int64(v) //nolint:gosec // A count.
		}
	}
	return r
}

// issueFrame is a table of issues. In Explore it is drawn by the triage panel.
// For a rule, whose labels its texts become, it has none that the next event
// may change: the title would make another alert of the same issue.
func (a *Asker) issueFrame(ctx context.Context, q *ask.Query, numeric, alert bool) (*data.Frame, error) {
	limit := a.limit(q, 100, MaxIssues-1)
	list, more, left, err := a.issueList(ctx, q, limit, alert)
	if err != nil {
		return nil, err
	}
	slug := a.Slugs(ctx)
	text := func(of func(Issue) string) []string { return each(list, of) }
	f := data.NewFrame("issues",
		data.NewField("project_id", nil, each(list, func(i Issue) string { return strconv.FormatInt(i.Project, 10) })),
		data.NewField("project", nil, text(func(i Issue) string { return slug(i.Project) })),
		data.NewField("issue", nil, text(func(i Issue) string { return i.Issue })))
	if !alert {
		f.Fields = append(f.Fields,
			data.NewField("title", nil, text(func(i Issue) string { return i.Title })),
			data.NewField("culprit", nil, text(func(i Issue) string { return i.Culprit })))
	}
	f.Fields = append(f.Fields,
		data.NewField("type", nil, text(func(i Issue) string { return i.Type })),
		data.NewField("level", nil, text(func(i Issue) string { return i.Level })))
	count := func(name string, of func(Issue) int64) *data.Field { return data.NewField(name, nil, each(list, of)) }
	if numeric {
		metric, of := "events_in_range", func(i Issue) int64 { return i.EventsInRange }
		switch {
		case q.Metric == "users" || q.Metric == "" && q.Sort == "users":
			metric, of = "users", func(i Issue) int64 { return i.Users }
		case q.Metric == "events":
			metric, of = "events", func(i Issue) int64 { return i.Events }
		}
		f.Fields = append(f.Fields, count(metric, of))
		return told(frame.Typed(f, data.FrameTypeNumericLong), limit, more, left), nil
	}
	f.Fields = append(f.Fields,
		data.NewField("status", nil, text(func(i Issue) string { return i.Status })),
		data.NewField("assignee", nil, text(func(i Issue) string { return i.Assignee })),
		count("events_in_range", func(i Issue) int64 { return i.EventsInRange }),
		count("events", func(i Issue) int64 { return i.Events }),
		count("users", func(i Issue) int64 { return i.Users }),
		data.NewField("first_seen", nil, each(list, func(i Issue) *time.Time { return moment(i.FirstSeen) })),
		data.NewField("last_seen", nil, each(list, func(i Issue) *time.Time { return moment(i.LastSeen) })),
		data.NewField("protocols", nil, text(func(i Issue) string { return strings.Join(i.Protocols, ", ") })),
		data.NewField("environments", nil, text(func(i Issue) string { return strings.Join(i.Environments, ", ") })),
		data.NewField("first_release", nil, text(func(i Issue) string { return i.FirstRelease })),
		data.NewField("last_release", nil, text(func(i Issue) string { return i.LastRelease })),
		data.NewField("sample_event_id", nil, text(func(i Issue) string { return i.SampleEventID })),
		data.NewField("trend", nil, each(list, func(i Issue) json.RawMessage { return sparkJSON(i.Spark) })),
		data.NewField("sample_trace_id", nil, text(func(i Issue) string { return i.SampleTraceID })))
	f.Meta = &data.FrameMeta{PreferredVisualization: data.VisTypeTable, PreferredVisualizationPluginID: "errata-triage-panel"}
	frame.WithLinks(frame.Typed(f, data.FrameTypeTable), a.links)
	f.Fields[len(f.Fields)-1].Config = &data.FieldConfig{Links: a.links.Trace()}
	// For the panel that draws it; a table would show a list of numbers.
	f.Fields[len(f.Fields)-2].Config = &data.FieldConfig{Custom: map[string]any{"hidden": true}}
	return told(f, limit, more, left), nil
}

// sparkJSON is a trend as a cell.
func sparkJSON(trend []uint64) json.RawMessage {
	raw, err := json.Marshal(trend)
	if err != nil {
		return json.RawMessage("[]")
	}
	return raw
}

// told says what a list of issues leaves out.
func told(f *data.Frame, limit int, more bool, left int) *data.Frame {
	if more {
		frame.Notice(f, data.NoticeSeverityWarning, fmt.Sprintf("Truncated: only the first %d issues are shown. Narrow the query, or raise its limit.", limit))
	}
	if left > 0 {
		frame.Notice(f, data.NoticeSeverityWarning, LeftOut(left))
	}
	return f
}

func each[A, B any](list []A, of func(A) B) []B {
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = of(v)
	}
	return out
}

func moment(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
