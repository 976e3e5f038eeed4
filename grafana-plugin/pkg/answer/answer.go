// Package answer turns a checked question into frames: in come queries of
// panels and rules, out go tables, series, logs and traces, each mode through
// the catalog of queries. It keeps nothing and writes nothing.
package answer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/sift"
	"errata/grafana-plugin/pkg/store"
	"errata/schema"
)

// Asker answers questions about one store.
type Asker struct {
	store *store.Store
	links frame.Links
}

// New makes an asker; links are what cells of its frames link to.
func New(s *store.Store, links frame.Links) *Asker { return &Asker{store: s, links: links} }

// Frames answers one query. numeric asks for texts and one number without
// times; alert says that an alert rule asks, which also takes wide series.
func (a *Asker) Frames(ctx context.Context, q *ask.Query, numeric, alert bool) (data.Frames, error) {
	frames, err := a.frames(ctx, q, numeric, alert)
	for _, f := range frames {
		// To the alert engine a time without a number is an error, no field no data.
		if rows, _ := f.RowLen(); alert && f.Meta.Type == data.FrameTypeTimeSeriesWide && (rows == 0 || len(f.TypeIndices(numbers...)) == 0) {
			f.Fields = nil
		}
	}
	return frames, err
}

var numbers = data.NumericFieldTypes()

func (a *Asker) frames(ctx context.Context, q *ask.Query, numeric, alert bool) (data.Frames, error) {
	series := numeric && q.Format != ask.TimeSeries // A rule may ask for the series itself, to reduce it.
	if err := a.byID(ctx, q); err != nil {
		return nil, err
	}
	switch q.Mode {
	case ask.Issues:
		return one(a.issueFrame(ctx, q, numeric, alert))
	case ask.Events:
		return one(a.eventFrame(ctx, q, numeric, alert))
	case ask.ErrorTrend:
		return one(a.trendFrame(ctx, q, series, alert))
	case ask.Logs:
		if q.Volume || numeric || q.Format == ask.TimeSeries {
			return a.volumeFrames(ctx, q, series, alert)
		}
		return one(a.logFrame(ctx, q))
	case ask.Trace:
		return whole(q, "a trace")(a.traceFrame(ctx, q, numeric))
	case ask.TraceSearch:
		return one(a.traceSearchFrame(ctx, q, numeric))
	case ask.Releases:
		return one(a.releaseFrame(ctx, q, numeric))
	case ask.Outcomes:
		return one(a.outcomeFrame(ctx, q, numeric))
	case ask.Lag:
		return whole(q, "lag")(a.lagFrame(ctx, q, numeric, alert))
	case ask.Catalog:
		return one(a.catalogFrame(ctx, q, numeric, alert))
	case ask.Annotations:
		return whole(q, "annotations")(a.markFrame(ctx, q, numeric, alert))
	}
	return one(a.sqlFrame(ctx, q, numeric, alert))
}

// byID turns filters on the slug of a project, which labels show, into filters
// on its id, which rows have.
func (a *Asker) byID(ctx context.Context, q *ask.Query) error {
	if !slices.Contains([]string{ask.Issues, ask.Events, ask.ErrorTrend, ask.Logs, ask.TraceSearch}, q.Mode) || !slices.ContainsFunc(q.Filters, func(f ask.Filter) bool { return f.Key == "project" }) {
		return nil
	}
	all, err := a.store.Projects(ctx)
	if err != nil {
		return err
	}
	filters := slices.Clone(q.Filters)
	for i, f := range filters {
		if f.Key != "project" || strings.ContainsAny(f.Operator, "<>") {
			continue
		}
		wanted := sift.Selector(ask.Filter{Operator: strings.TrimPrefix(f.Operator, "!"), Values: f.Values})
		ids := []string{}
		for _, p := range all {
			if id := strconv.FormatUint(uint64(p.ID), 10); wanted(p.Slug) || wanted(id) {
				ids = append(ids, id)
			}
		}
		operator := "=|"
		if strings.HasPrefix(f.Operator, "!") {
			operator = "!=|"
		}
		filters[i] = ask.Filter{Key: "project_id", Operator: operator, Values: ids}
	}
	q.Filters = filters
	return nil
}

// whole is one for what filters do not select from, and says so where there are
// some.
func whole(q *ask.Query, what string) func(*data.Frame, error) (data.Frames, error) {
	return func(f *data.Frame, err error) (data.Frames, error) {
		if err == nil {
			f = unfiltered(f, q.Filters, what)
		}
		return one(f, err)
	}
}

func one(f *data.Frame, err error) (data.Frames, error) {
	if err != nil {
		return nil, err
	}
	return data.Frames{f}, nil
}

// limit is how many rows to ask for, and whether fewer came because of it is
// told by truncated: one more than shown is asked.
func (a *Asker) limit(q *ask.Query, normal, hard int) int {
	n := q.Limit
	if n == 0 {
		n = normal
	}
	return min(n, hard, max(a.store.Settings().MaxRows, normal))
}

// cut keeps n rows of a table and says so.
func cut(f *data.Frame, n int, what string) (*data.Frame, error) {
	if rows, err := f.RowLen(); err != nil || rows <= n {
		return f, err
	}
	short := f.EmptyCopy()
	for i, x := range f.Fields {
		short.Fields[i].Config = x.Config
	}
	for row := range n {
		short.AppendRow(f.RowCopy(row)...)
	}
	short.Meta = f.Meta
	frame.Notice(short, data.NoticeSeverityWarning, fmt.Sprintf("Truncated: only the first %d %s are shown. Narrow the query, or raise its limit.", n, what))
	return short, nil
}

// common are the values that most queries of the catalog share.
func (a *Asker) common(ctx context.Context, q *ask.Query) (map[string]string, error) {
	ids, err := a.Projects(ctx, q.Project)
	if err != nil {
		return nil, err
	}
	v := q.Window()
	v["projects"] = IDList(ids)
	return v, nil
}

// maxProjects is how many projects a list that asks them one at a time takes:
// those with most errors in the window.
const maxProjects = 100

// Projects resolves a project field, ids or slugs, to ids. No ids mean that the
// field is empty: all projects.
func (a *Asker) Projects(ctx context.Context, given string) ([]uint32, error) {
	wanted := ask.List(given)
	if len(wanted) == 0 {
		return nil, nil
	}
	all, err := a.store.Projects(ctx)
	if err != nil {
		return nil, err
	}
	return named(wanted, all)
}

// named are the ids of projects. The word all alone is none of them, unless there is
// one of that name.
func named(wanted []string, all []schema.Project) ([]uint32, error) {
	var out []uint32
	for _, w := range wanted {
		found := false
		for _, p := range all {
			if p.Slug == w || strconv.FormatUint(uint64(p.ID), 10) == w {
				found = true
				if !slices.Contains(out, p.ID) { // By name and by number, it is one.
					out = append(out, p.ID)
				}
			}
		}
		if !found {
			if w == "all" && len(wanted) == 1 {
				return nil, nil
			}
			if len(w) > 60 {
				w = w[:60]
			}
			return nil, fmt.Errorf("%w: there is no project %q", ask.ErrQuery, w)
		}
	}
	return out, nil
}

// eachProject is the projects that an issue list asks: those named, or all that
// have errors in the window. left says how many it leaves out.
func (a *Asker) eachProject(ctx context.Context, q *ask.Query) (ids []uint32, left int, err error) {
	ids, err = a.Projects(ctx, q.Project)
	if err != nil {
		return nil, 0, err
	}
	if ids != nil {
		return ids[:min(len(ids), maxProjects)], max(len(ids)-maxProjects, 0), nil
	}
	v := q.Window()
	v["limit"] = strconv.Itoa(maxProjects)
	r, err := a.store.Run(ctx, "active_projects", v)
	if err != nil {
		return nil, 0, err
	}
	t := frame.Read(r)
	for i := range t.Len() {
		ids = append(ids, uint32(t.Int(i, "project_id"))) //nolint:gosec // The column's type.
		left = int(t.Int(i, "all_projects")) - t.Len()
	}
	return ids, left, nil
}

// LeftOut says that projects were not asked; empty where all were.
func LeftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("Only the %d projects with most errors were asked, %d were not. Name projects to see theirs.", maxProjects, n)
}

// Slugs names projects by id; an unknown one by its number.
func (a *Asker) Slugs(ctx context.Context) func(int64) string {
	names := map[int64]string{}
	if all, err := a.store.Projects(ctx); err == nil {
		for _, p := range all {
			names[int64(p.ID)] = p.Slug
		}
	}
	return func(id int64) string {
		if n, ok := names[id]; ok {
			return n
		}
		return strconv.FormatInt(id, 10)
	}
}

// IDList is ids as the catalog takes them.
func IDList(ids []uint32) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatUint(uint64(id), 10)
	}
	return strings.Join(parts, ",")
}
