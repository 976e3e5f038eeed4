package answer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/sift"
	"errata/queries"
	"errata/queries/catalog"
)

// bookkeeping are queries of the catalog that only triage itself asks.
var bookkeeping = []string{"triage_base", "triage_known", "triage_members", "triage_moment", "triage_since", "triage_undo"}

// Queries lists what the mode catalog can ask: all that the reader may.
func Queries() ([]*catalog.Query, error) {
	all, err := catalog.All()
	if err != nil {
		return nil, fmt.Errorf("cannot read the catalog: %w", err)
	}
	return slices.DeleteFunc(all, func(q *catalog.Query) bool { return q.User != "reader" || slices.Contains(bookkeeping, q.Name) }), nil
}

// catalogFrame asks any query of the catalog. One that takes a single project
// is asked for each, and the project is the first column.
func (a *Asker) catalogFrame(ctx context.Context, q *ask.Query, numeric, alert bool) (*data.Frame, error) {
	all, err := Queries()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(c *catalog.Query) bool { return c.Name == q.Name })
	if at < 0 {
		return nil, fmt.Errorf("%w: the catalog has no query %.60q", ask.ErrQuery, q.Name)
	}
	asked := all[at]
	v, err := a.catalogValues(q, asked)
	if err != nil {
		return nil, err
	}
	var r *queries.Result
	var left int
	var more bool
	lacking, unsaid := asked.Lacks(v)
	// An empty text is what a variable without any value gives, as in a store without
	// tags: that is nothing to warn of.
	if _, given := q.Params[lacking.Name]; unsaid && given && !alert {
		r = &queries.Result{Columns: slices.Clone(asked.Columns)}
	} else if r, left, more, err = a.eachCatalog(ctx, q, asked, v); err != nil {
		return nil, err
	}
	ignored := sift.Keep(r, q.Filters)
	f := frame.WithUnits(frame.FromResult(r))
	f.Name = asked.Name
	if numeric && q.Format != ask.TimeSeries {
		// A rule's row is known by its texts: minutes of one project are one row.
		f, err = frame.Summed(f, q.Metric)
	} else {
		f, err = a.shape(frame.Flat(f), q, numeric, alert)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ask.ErrQuery, asked.Name, err)
	}
	limit := a.store.Settings().MaxRows
	if q.Limit > 0 {
		limit = min(q.Limit, maxRows)
	}
	if f.Meta.Type == data.FrameTypeTable {
		frame.WithLinks(f, a.links)
		if asked.Name == "cost" && (v["by"] == "" || v["by"] == "issue") {
			frame.LinkIssues(f, "value", a.links)
		}
		if f, err = cut(f, limit, "rows"); err != nil {
			return nil, err
		}
	}
	if unsaid {
		frame.Notice(f, data.NoticeSeverityInfo, fmt.Sprintf("%s is empty, so that there is nothing to show. Give it a value.", lacking.Name))
	}
	if left > 0 {
		frame.Notice(f, data.NoticeSeverityWarning, fmt.Sprintf("Only the first %d projects were asked, %d were not. Name projects to see theirs.", maxProjects, left))
	}
	if more {
		frame.Notice(f, data.NoticeSeverityWarning, fmt.Sprintf("Truncated: only the first %d rows of %s are shown. Narrow the query, or raise its limit.", rowsOf(q, asked), asked.Name))
	}
	return unfiltered(f, ignored, "columns of "+asked.Name), nil
}

// catalogValues are the values of a query: those given, and of the time range
// and the panel what it takes.
func (a *Asker) catalogValues(q *ask.Query, asked *catalog.Query) (map[string]string, error) {
	v := map[string]string{}
	takes := func(name string) *catalog.Param {
		if i := slices.IndexFunc(asked.Params, func(p catalog.Param) bool { return p.Name == name }); i >= 0 {
			return &asked.Params[i]
		}
		return nil
	}
	for name, value := range map[string]string{
		"from": ask.Milli(q.From), "to": ask.Milli(q.To), "bucket_seconds": strconv.FormatInt(q.Bucket, 10), "bucket_hours": strconv.FormatInt(max((q.Bucket+3599)/3600, 1), 10),
	} {
		if takes(name) != nil {
			v[name] = value
		}
	}
	if n := rowsOf(q, asked); n > 0 {
		v["limit"] = strconv.Itoa(n + 1) // One more than is shown says whether there are more.
	}
	for name, given := range q.Params {
		p := takes(name)
		if p == nil || name == "project" || name == "projects" {
			return nil, fmt.Errorf("%w: %s takes no value %.60q here; it takes %s", ask.ErrQuery, asked.Name, name, paramNames(asked))
		}
		list, ok := ask.JSONList(given)
		if !ok || name == "filters" {
			list = []string{strings.TrimSpace(given)}
		}
		list = slices.DeleteFunc(list, func(x string) bool { return x == "" })
		switch {
		case len(list) == 0 || slices.Contains(list, "$__all") || name == "limit" && v["limit"] != "":
		case len(list) == 1:
			v[name] = list[0]
		case strings.Contains(p.Purpose, "one a line"):
			v[name] = strings.Join(list, "\n")
		default:
			return nil, fmt.Errorf("%w: %s of %s takes one value, not %d", ask.ErrQuery, name, asked.Name, len(list))
		}
	}
	return v, nil
}

// rowsOf is how many rows a query gives at most of those that it has; 0 where
// it takes no such number.
func rowsOf(q *ask.Query, asked *catalog.Query) int {
	i := slices.IndexFunc(asked.Params, func(p catalog.Param) bool { return p.Name == "limit" })
	if i < 0 {
		return 0
	}
	given := strings.TrimSpace(q.Params["limit"])
	if given == "" {
		given = asked.Params[i].Default
	}
	n, _ := strconv.Atoi(given)
	if q.Limit > 0 {
		n = q.Limit
	}
	return min(max(n, 0), maxRows)
}

func paramNames(q *catalog.Query) string {
	var names []string
	for _, p := range q.Params {
		if p.Name != "project" && p.Name != "projects" {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// eachCatalog runs a query for the projects of the field. left says how many
// projects were not asked, more that there are more rows than the limit.
func (a *Asker) eachCatalog(ctx context.Context, q *ask.Query, asked *catalog.Query, v map[string]string) (r *queries.Result, left int, more bool, err error) {
	ids, err := a.Projects(ctx, q.Project)
	if err != nil {
		return nil, 0, false, err
	}
	one := slices.IndexFunc(asked.Params, func(p catalog.Param) bool { return p.Name == "project" })
	switch {
	case slices.ContainsFunc(asked.Params, func(p catalog.Param) bool { return p.Name == "projects" }):
		v["projects"] = IDList(ids)
	case one < 0:
		if ids != nil {
			return nil, 0, false, fmt.Errorf("%w: %s takes no project", ask.ErrQuery, asked.Name)
		}
	case ids == nil && !asked.Params[one].Required:
	default:
		if ids == nil {
			all, err := a.store.Projects(ctx)
			if err != nil {
				return nil, 0, false, err
			}
			for _, p := range all {
				if !p.Disabled {
					ids = append(ids, p.ID)
				}
			}
		}
		left = max(len(ids)-maxProjects, 0)
		r, more, err = a.byProject(ctx, asked.Name, ids[:len(ids)-left], v, rowsOf(q, asked))
		return r, left, more, err
	}
	r, err = a.store.Run(ctx, asked.Name, v)
	if err != nil {
		return nil, 0, false, err
	}
	more = clip(r, rowsOf(q, asked))
	if asked.Name == "cost" {
		lead(r, "project_id")
	}
	if len(r.Columns) > 0 && r.Columns[0].Name == "project_id" {
		a.nameProjects(ctx, r)
	}
	return r, 0, more, nil
}

// lead puts a column of numbers before the others, or drops it where it is 0 in
// every row and so says nothing.
func lead(r *queries.Result, column string) {
	at := slices.IndexFunc(r.Columns, func(f catalog.Field) bool { return f.Name == column })
	if at <= 0 {
		return
	}
	t := frame.Read(r)
	said := false
	for i := range t.Len() {
		said = said || t.Int(i, column) != 0
	}
	first := r.Columns[at]
	r.Columns = slices.Delete(slices.Clone(r.Columns), at, at+1)
	if said {
		r.Columns = slices.Insert(r.Columns, 0, first)
	}
	for i, row := range r.Rows {
		cell := row[at]
		row = slices.Delete(slices.Clone(row), at, at+1)
		if said {
			row = slices.Insert(row, 0, cell)
		}
		r.Rows[i] = row
	}
}

// clip keeps the first n rows, where n is known, and says whether there were more.
func clip(r *queries.Result, n int) bool {
	if n == 0 || len(r.Rows) <= n {
		return false
	}
	r.Rows = r.Rows[:n]
	return true
}

// byProject runs a query for each project and puts its slug before the rows. Of
// each at most limit rows are kept, where there is a limit.
func (a *Asker) byProject(ctx context.Context, name string, ids []uint32, v map[string]string, limit int) (all *queries.Result, more bool, err error) {
	slug := a.Slugs(ctx)
	all = &queries.Result{}
	for _, id := range ids {
		v["project"] = strconv.FormatUint(uint64(id), 10)
		r, err := a.store.Run(ctx, name, v)
		if err != nil {
			return nil, false, err
		}
		more = clip(r, limit) || more
		if all.Columns == nil {
			all.Columns = append([]catalog.Field{{Name: "project", Type: "String"}}, slices.DeleteFunc(slices.Clone(r.Columns), func(f catalog.Field) bool { return f.Name == "project_id" })...)
		}
		hidden := slices.IndexFunc(r.Columns, func(f catalog.Field) bool { return f.Name == "project_id" })
		for _, row := range r.Rows {
			next := []any{slug(int64(id))}
			for i, cell := range row {
				if i != hidden {
					next = append(next, cell)
				}
			}
			all.Rows = append(all.Rows, next)
		}
		if len(all.Rows) > maxRows {
			break
		}
	}
	if all.Columns == nil { // No project at all: what the catalog says of the columns.
		asked, err := catalog.Lookup(name)
		if err != nil {
			return nil, false, errors.Join(ask.ErrQuery, err)
		}
		all.Columns = append([]catalog.Field{{Name: "project", Type: "String"}}, asked.Columns...)
	}
	return all, more, nil
}
