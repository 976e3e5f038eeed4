package answer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/sift"
	"errata/queries"
)

// outcomeFrame is what became of everything that came in: a table, or series.
func (a *Asker) outcomeFrame(ctx context.Context, q *ask.Query, numeric bool) (*data.Frame, error) {
	v, err := a.common(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Format == ask.TimeSeries {
		v["bucket_seconds"] = strconv.FormatInt(q.Bucket, 10)
		r, err := a.store.Run(ctx, "outcome_trend", v)
		if err != nil {
			return nil, err
		}
		r.Columns[1].Name = "outcome" // What filters call it.
		ignored := sift.Keep(r, q.Filters)
		r.Columns[1].Name = "series"
		return unfiltered(frame.Series(frame.Read(r), "items", "outcome", q.From, q.To, q.Bucket), ignored, "the series of outcomes"), nil
	}
	ids, err := a.Projects(ctx, q.Project)
	if err != nil {
		return nil, err
	}
	if ids == nil {
		ids = []uint32{0} // All of them at once.
	}
	all := &queries.Result{}
	for _, id := range ids {
		v := q.Window()
		v["project"] = strconv.FormatUint(uint64(id), 10)
		r, err := a.store.Run(ctx, "outcomes", v)
		if err != nil {
			return nil, err
		}
		all.Columns, all.Rows = r.Columns, append(all.Rows, r.Rows...)
	}
	a.nameProjects(ctx, all)
	ignored := sift.Keep(all, q.Filters)
	f := frame.Build("outcomes", frame.Read(all), []frame.Column{
		{Name: "project"}, {Name: "category"}, {Name: "outcome"}, {Name: "reason"}, {Name: "quantity", Kind: 'i'}, {Name: "bytes", Kind: 'i', Unit: "bytes"},
	})
	f, err = cut(f, a.limit(q, 1000, maxRows), "rows")
	if err == nil && numeric {
		f, err = numericOf(f, q.Metric)
	}
	if err != nil {
		return nil, err
	}
	return unfiltered(f, ignored, "outcomes"), nil
}

// unfiltered says which filters do not apply.
func unfiltered(f *data.Frame, ignored []ask.Filter, what string) *data.Frame {
	if len(ignored) == 0 {
		return f
	}
	keys := make([]string, len(ignored))
	for i, x := range ignored {
		keys[i] = x.Key
	}
	frame.Notice(f, data.NoticeSeverityInfo, fmt.Sprintf("Filters on %s do not apply to %s.", strings.Join(keys, ", "), what))
	return f
}
