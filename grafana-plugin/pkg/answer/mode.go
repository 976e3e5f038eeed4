package answer

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/queries"
	"errata/queries/catalog"
)

// Bounds of single answers.
const (
	maxRows   = 10_000
	maxSeries = 50
	maxSpans  = 10_000
)

// eventFrame is a table of single events; its numeric form counts them by issue
// and dimension.
func (a *Asker) eventFrame(ctx context.Context, q *ask.Query, numeric, alert bool) (*data.Frame, error) {
	v, err := a.common(ctx, q)
	if err != nil {
		return nil, err
	}
	limit := a.limit(q, 100, maxRows-1)
	if numeric {
		limit = maxRows - 1
	}
	if q.TraceID != "" {
		q.Filters = append(slices.Clone(q.Filters), ask.Filter{Key: "trace_id", Operator: "=", Values: []string{q.TraceID}})
	}
	v["issue"], v["text"], v["filters"], v["limit"] = q.Issue, q.Text, q.FilterText(), strconv.Itoa(limit+1)
	v["environment"], v["release"], v["service"], v["level"] = ask.Lines(q.Environment), ask.Lines(q.Release), ask.Lines(q.Service), ask.Lines(q.Level)
	r, err := a.store.Run(ctx, "event_search", v)
	if err != nil {
		return nil, err
	}
	t := frame.Read(r)
	if numeric {
		f := a.countEvents(ctx, t, alert)
		return counted(f, t.Len(), limit, "events"), nil
	}
	f := frame.Build("events", t, []frame.Column{
		{Name: "ts", Kind: 't'}, {Name: "title"}, {Name: "level"}, {Name: "issue"}, {Name: "environment"}, {Name: "release"}, {Name: "service"}, {Name: "transaction"},
		{Name: "user", From: "user_id"}, {Name: "url"}, {Name: "protocol"}, {Name: "trace_id"}, {Name: "event_id"}, {Name: "project_id"}, {Name: "weight", Kind: 'i'}, {Name: "tags", Kind: 'm'},
	})
	return cut(frame.WithLinks(f, a.links), limit, "events")
}

// counted says that a count stopped at a limit.
func counted(f *data.Frame, rows, limit int, what string) *data.Frame {
	if rows > limit {
		frame.Notice(f, data.NoticeSeverityWarning, fmt.Sprintf("Truncated: only the newest %d %s were counted. Narrow the query.", limit, what))
	}
	return f
}

// countEvents is one row for each issue and dimension with its events; without
// the title for a rule, as in issueFrame.
func (a *Asker) countEvents(ctx context.Context, t frame.Rows, alert bool) *data.Frame {
	slug := a.Slugs(ctx)
	columns := []string{"project", "issue", "title", "level", "environment", "release", "service"}
	fields := make([][]string, len(columns))
	at := map[string]int{}
	counts := []int64{}
	for i := range t.Len() {
		row := make([]string, len(columns))
		for c, name := range columns {
			row[c] = t.Text(i, name)
		}
		row[0] = slug(t.Int(i, "project_id"))
		key := row[0] + "\x00" + row[1] + "\x00" + row[3] + "\x00" + row[4] + "\x00" + row[5] + "\x00" + row[6]
		n, ok := at[key]
		if !ok {
			n = len(counts)
			at[key], counts = n, append(counts, 0)
			for c := range columns {
				fields[c] = append(fields[c], row[c])
			}
		}
		counts[n] += t.Int(i, "weight")
	}
	f := data.NewFrame("events")
	for c, name := range columns {
		if alert && name == "title" {
			continue
		}
		if fields[c] == nil {
			fields[c] = []string{}
		}
		f.Fields = append(f.Fields, data.NewField(name, nil, fields[c]))
	}
	f.Fields = append(f.Fields, data.NewField("events", nil, counts))
	return frame.Typed(f, data.FrameTypeNumericLong)
}

// LogValues are the values that select log records.
func (a *Asker) LogValues(ctx context.Context, q *ask.Query) (map[string]string, error) {
	if err := a.byID(ctx, q); err != nil {
		return nil, err
	}
	v, err := a.common(ctx, q)
	if err != nil {
		return nil, err
	}
	v["service"], v["environment"], v["level"] = ask.Lines(q.Service), ask.Lines(q.Environment), ask.Lines(q.Level)
	v["text"], v["trace_id"], v["filters"] = q.Text, q.TraceID, q.FilterText()
	return v, nil
}

// logFrame is log lines, newest first.
func (a *Asker) logFrame(ctx context.Context, q *ask.Query) (*data.Frame, error) {
	v, err := a.LogValues(ctx, q)
	if err != nil {
		return nil, err
	}
	limit := a.limit(q, 1000, maxRows-1)
	v["limit"] = strconv.Itoa(limit + 1)
	r, err := a.store.Run(ctx, "log_lines", v)
	if err != nil {
		return nil, err
	}
	return cut(frame.Logs(frame.Read(r), a.links, a.Slugs(ctx)), limit, "log records")
}

// volumeFrames counts log records by severity. Explore draws one frame a level.
func (a *Asker) volumeFrames(ctx context.Context, q *ask.Query, numeric, alert bool) (data.Frames, error) {
	v, err := a.LogValues(ctx, q)
	if err != nil {
		return nil, err
	}
	v["bucket_seconds"] = strconv.FormatInt(q.Bucket, 10)
	r, err := a.store.Run(ctx, "log_volume", v)
	if err != nil {
		return nil, err
	}
	f := frame.Series(frame.Read(r), "logs", "level", q.From, q.To, q.Bucket)
	switch {
	case numeric && q.Format != ask.TimeSeries:
		return data.Frames{frame.Totals(f, "logs", "level")}, nil
	case alert || !q.Volume:
		return data.Frames{f}, nil
	}
	var out data.Frames
	for _, x := range f.Fields[1:] {
		x.Name = x.Labels["level"]
		times := data.NewFieldFromFieldType(data.FieldTypeTime, f.Fields[0].Len())
		times.Name = "time"
		for i := range times.Len() {
			times.Set(i, f.Fields[0].At(i))
		}
		out = append(out, frame.Typed(data.NewFrame(x.Name, times, x), data.FrameTypeTimeSeriesMulti))
	}
	return out, nil
}

// traceFrame is one trace; its numeric form counts spans by service and status.
func (a *Asker) traceFrame(ctx context.Context, q *ask.Query, numeric bool) (*data.Frame, error) {
	ids, err := a.Projects(ctx, q.Project)
	if err != nil {
		return nil, err
	}
	spans, err := a.store.Run(ctx, "trace_spans", map[string]string{"trace_id": q.TraceID, "projects": IDList(ids), "limit": strconv.Itoa(maxSpans + 1)})
	if err != nil {
		return nil, err
	}
	if numeric {
		return frame.CountBy(frame.Read(spans), "spans", "service", "status"), nil
	}
	of := map[string]string{"trace_id": q.TraceID, "limit": strconv.Itoa(maxSpans)}
	if len(ids) == 1 {
		of["project"] = IDList(ids)
	}
	items, err := a.store.Run(ctx, "trace", of)
	if err != nil {
		return nil, err
	}
	if len(ids) > 1 { // The query takes one project.
		all := frame.Read(items)
		kept := items.Rows[:0:0]
		for i := range all.Len() {
			if slices.Contains(ids, uint32(all.Int(i, "project_id"))) { //nolint:gosec // The column's type.
				kept = append(kept, items.Rows[i])
			}
		}
		items.Rows = kept
	}
	view, beside := frame.Trace(frame.Read(spans), frame.Read(items), q.TraceID, a.links)
	f, err := cut(view, maxSpans, "spans")
	if err == nil && beside > 0 && len(spans.Rows) > 0 {
		frame.Notice(f, data.NoticeSeverityInfo, fmt.Sprintf("Errors of this trace that happened in none of the spans here: %d. Ask for Events with this trace id.", beside))
	}
	if err == nil && len(spans.Rows) == 0 {
		frame.Notice(f, data.NoticeSeverityInfo, fmt.Sprintf("No spans of trace %s are stored: %d errors and log records are; ask for Events or Logs with this trace id.", q.TraceID, len(items.Rows)))
	}
	return f, err
}

// traceSearchFrame is a table of traces.
func (a *Asker) traceSearchFrame(ctx context.Context, q *ask.Query, numeric bool) (*data.Frame, error) {
	v, err := a.common(ctx, q)
	if err != nil {
		return nil, err
	}
	limit := a.limit(q, 100, 999)
	v["service"], v["text"], v["filters"], v["limit"] = ask.Lines(q.Service), q.Text, q.FilterText(), strconv.Itoa(limit+1)
	v["min_duration_us"] = strconv.FormatInt(int64(q.MinDurationMs*1000), 10)
	if q.OnlyErrors {
		v["only_errors"] = "1"
	}
	r, err := a.store.Run(ctx, "trace_find", v)
	if err != nil {
		return nil, err
	}
	if numeric {
		return counted(frame.CountBy(frame.Read(r), "traces", "root"), len(r.Rows), limit, "traces"), nil
	}
	f := frame.Build("traces", frame.Read(r), []frame.Column{
		{Name: "traceID", From: "trace_id"}, {Name: "started", Kind: 't'}, {Name: "root"}, {Name: "services", Kind: 'l'}, {Name: "duration", Kind: 'f', From: "duration_ms", Unit: "ms"},
		{Name: "spans", Kind: 'i'}, {Name: "errors", Kind: 'i'}, {Name: "logs", Kind: 'i'}, {Name: "issues", Kind: 'l'},
	})
	return cut(frame.WithLinks(f, a.links), limit, "traces")
}

// releaseFrame is a table of releases of the projects, newest first.
func (a *Asker) releaseFrame(ctx context.Context, q *ask.Query, numeric bool) (*data.Frame, error) {
	ids, err := a.Projects(ctx, q.Project)
	if err != nil {
		return nil, err
	}
	limit := a.limit(q, 100, 999)
	all, err := a.store.Run(ctx, "project_releases", map[string]string{"projects": IDList(ids), "limit": strconv.Itoa(limit + 1)})
	if err != nil {
		return nil, err
	}
	a.nameProjects(ctx, all)
	f := frame.Build("releases", frame.Read(all), []frame.Column{
		{Name: "project"}, {Name: "release"}, {Name: "first_seen", Kind: 't'}, {Name: "last_seen", Kind: 't'}, {Name: "new_issues", Kind: 'i'}, {Name: "events", Kind: 'i'}, {Name: "issues", Kind: 'i'},
		{Name: "sessions", Kind: 'i'}, {Name: "crashed_sessions", Kind: 'i'}, {Name: "crash_free_sessions", Kind: 'f', Unit: "percentunit"},
		{Name: "users", Kind: 'i'}, {Name: "crash_free_users", Kind: 'f', Unit: "percentunit"},
	})
	f, err = cut(f, limit, "releases")
	if err == nil && numeric {
		f, err = numericOf(f, q.Metric)
	}
	if err != nil {
		return nil, err
	}
	return unfiltered(f, q.Filters, "releases"), nil
}

// numericOf is a table of one of our own modes as a rule takes it.
func numericOf(f *data.Frame, metric string) (*data.Frame, error) {
	n, _, err := frame.ToNumeric(f, metric)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ask.ErrQuery, err)
	}
	return n, nil
}

// nameProjects turns the first column, which holds project ids, into slugs.
func (a *Asker) nameProjects(ctx context.Context, r *queries.Result) {
	slug := func(int64) string { return "" }
	if len(r.Rows) > 0 {
		slug = a.Slugs(ctx)
	}
	t := frame.Read(r)
	column := r.Columns[0].Name
	for i, row := range r.Rows {
		row[0] = slug(t.Int(i, column))
	}
	r.Columns[0] = catalog.Field{Name: "project", Type: "String"}
}

// markFrame is annotations.
func (a *Asker) markFrame(ctx context.Context, q *ask.Query, numeric, alert bool) (*data.Frame, error) {
	v, err := a.common(ctx, q)
	if err != nil {
		return nil, err
	}
	limit := a.limit(q, 200, 999)
	v["kind"], v["issue"], v["environment"], v["limit"] = q.Kind, q.Issue, ask.Lines(q.Environment), strconv.Itoa(limit+1)
	r, err := a.store.Run(ctx, "marks", v)
	if err != nil {
		return nil, err
	}
	if alert && q.Kind != "releases" { // The title of an issue changes, the name of a release does not.
		return frame.CountBy(frame.Read(r), "marks", "tags", "issue"), nil
	}
	if numeric {
		return frame.CountBy(frame.Read(r), "marks", "title", "tags", "issue"), nil
	}
	f := frame.Build("marks", frame.Read(r), []frame.Column{
		{Name: "time", Kind: 't'}, {Name: "title"}, {Name: "text"}, {Name: "tags"}, {Name: "project_id"}, {Name: "issue"},
	})
	return cut(frame.WithLinks(f, a.links), limit, "marks")
}
