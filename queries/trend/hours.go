// Package trend answers how many events there were over time: of a project by
// columns, tags or issues, and of one issue. In: a run of such a query. Out: its
// points, added up from what is kept of the parts of rollups and from rows of the
// hours that a window cuts. What does not fit is asked as one statement.
package trend

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// counter is what a part has of a series in an hour.
type counter struct {
	events uint64
	series string
}

// momentOf is a time of a series.
type momentOf struct {
	series string
	at     int64
}

// Hours is a trend by columns of project_minute in whole hours: those of the
// window are kept by parts, which have as many rows as hours and series; minutes
// of the hours that the window cuts are read. In buckets of minutes it is minutes
// that are kept, and nothing is cut. Without an hour of its own it is one statement.
func Hours(ctx context.Context, a *asking.Asking) (*asking.Result, error) {
	whole := a.Query.Steps[len(a.Query.Steps)-1]
	c := a.Query.Choice(a.Bound)
	from, to, err := c.Ends()
	if err != nil {
		return nil, err
	}
	kept, err := c.Kept()
	width := int64(kept) * 1000
	if err != nil || width == 0 {
		return a.Result(ctx, whole)
	}
	first, end := asking.Floor(asking.Floor(from.UnixMilli(), minuteMS)+width-minuteMS, width), asking.Floor(asking.Floor(to.UnixMilli(), minuteMS)+minuteMS, width)
	seconds, _ := strconv.ParseInt(a.Bound["bucket_seconds"], 10, 64)
	if first >= end || !a.Single(ctx) {
		return a.Result(ctx, whole)
	}
	a = a.With(map[string]string{"ends": "[" + asking.Itoa(first) + "," + asking.Itoa(end) + "]"})
	of := []string{"trend", asking.Itoa(width)}
	for _, name := range []string{"project", "projects", "by", "environment", "release", "service", "level"} {
		of = append(of, a.Bound[name])
	}
	key := strings.Join(of, "\x00")
	points, total := map[momentOf]uint64{}, map[string]uint64{}
	add := func(at int64, series string, n uint64) {
		points[momentOf{series, asking.Floor(at, seconds*1000)}] += n
		total[series] += n
	}
	var rows *pieces.Rows[counter]
	type cut struct {
		at int64
		counter
	}
	var cuts []cut
	var none int64
	err = asking.AtOnce(ctx, func(ctx context.Context) (err error) {
		rows, _, err = asking.Keep(ctx, a, key, "minute_parts", "counted_hours", pieces.Source[counter]{First: first, Last: end - 1, Slot: width, Chunk: 2_000_000}, &none, func(r driver.Rows) (part uint64, row pieces.Row[counter], err error) {
			err = r.Scan(&part, &row.Issue, &row.At, &row.Value.series, &row.Value.events)
			return part, row, err
		})
		return err
	}, func(ctx context.Context) error {
		if width == minuteMS {
			return nil
		}
		return a.Ask(ctx, "cut_hours", func(r driver.Rows) error {
			var x cut
			err := r.Scan(&x.at, &x.series, &x.events)
			cuts = append(cuts, x)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if rows == nil {
		return a.Result(ctx, whole)
	}
	within(rows, first, end, func(at int64, v *counter) { add(at, v.series, v.events) })
	for _, x := range cuts {
		add(x.at, x.series, x.events)
	}
	return ranked(a, points, total), nil
}

// within gives what is kept of the moments from first on and before end.
func within[V any](rows *pieces.Rows[V], first, end int64, each func(at int64, v *V)) {
	for _, of := range rows.Of {
		for n := range of {
			if r := &of[n]; r.At >= first && r.At < end {
				each(r.At, &r.Value)
			}
		}
	}
}

// ranked makes rows of the points: the largest series by name, all others as other.
func ranked(a *asking.Asking, points map[momentOf]uint64, total map[string]uint64) *asking.Result {
	keep, _ := strconv.Atoi(a.Bound["series"])
	order := make([]string, 0, len(total))
	for name := range total {
		order = append(order, name)
	}
	slices.SortFunc(order, func(x, y string) int { return cmp.Or(cmp.Compare(total[y], total[x]), cmp.Compare(x, y)) })
	shown := map[string]bool{}
	for _, name := range order[:min(keep, len(order))] {
		shown[name] = true
	}
	sums := map[momentOf]uint64{}
	for p, n := range points {
		if !shown[p.series] {
			p.series = "other"
		}
		sums[p] += n
	}
	out := a.Answer()
	for p, n := range sums {
		row := []any{time.UnixMilli(p.at).UTC(), p.series, n}
		if len(out.Columns) > len(row) {
			row = append(row, uint64(len(order)))
		}
		out.Rows = append(out.Rows, row)
	}
	slices.SortFunc(out.Rows, func(x, y []any) int {
		return cmp.Or(x[0].(time.Time).Compare(y[0].(time.Time)), cmp.Compare(x[1].(string), y[1].(string)))
	})
	return out
}
