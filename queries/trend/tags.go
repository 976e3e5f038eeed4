package trend

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// tagHour is what a part has of a series in an hour.
type tagHour struct {
	series string
	// bare rows are of events without the tag: all that there are, less those
	// with a value. Both are in a part, and both are numbers to add.
	bare   bool
	events int64
}

// tagTrend is a trend by a tag, or filtered by one, in whole hours: those of the
// window are kept by parts of tag_trend; slots and events of the hours that the
// window cuts, or that the rollup does not have, are read.
func tagTrend(ctx context.Context, a *asking.Asking) (*asking.Result, error) {
	whole := a.Query.Steps[len(a.Query.Steps)-1]
	from, to, err := a.Query.Choice(a.Bound).Ends()
	if err != nil || !a.Single(ctx) {
		return a.Result(ctx, whole)
	}
	since, err := a.Since(ctx, "tag_trend")
	if err != nil {
		return nil, err
	}
	// Rows are kept for 90 days; an hour less, for clocks that differ.
	first := asking.Floor(max(from.UnixMilli(), since.UnixMilli(), time.Now().Add(time.Hour-90*24*time.Hour).UnixMilli())+asking.HourMS-1, asking.HourMS)
	end := asking.Floor(to.UnixMilli()+1, asking.HourMS)
	if first >= end {
		return a.Result(ctx, whole)
	}
	seconds, _ := strconv.ParseInt(a.Bound["bucket_seconds"], 10, 64)
	a = a.With(map[string]string{"ends": "[" + asking.Itoa(first) + "," + asking.Itoa(end) + "]"})
	of := []string{"tag trend"}
	for _, name := range []string{"projects", "by", "tag_key", "filters", "environment"} {
		of = append(of, a.Bound[name])
	}
	points, total := map[momentOf]uint64{}, map[string]uint64{}
	add := func(at int64, series string, n int64) {
		sum := uint64(max(n, 0)) //nolint:gosec // Not negative.
		points[momentOf{series, asking.Floor(at, seconds*1000)}] += sum
		total[series] += sum
	}
	var rows *pieces.Rows[tagHour]
	type cut struct {
		at, events int64
		series     string
	}
	var cuts []cut
	var none int64
	err = asking.AtOnce(ctx, func(ctx context.Context) (err error) {
		source := pieces.Source[tagHour]{First: first, Last: end - 1, Slot: asking.HourMS, Chunk: 4_000_000}
		rows, _, err = asking.Keep(ctx, a, strings.Join(of, "\x00"), "tag_parts", "tag_hours", source, &none, func(r driver.Rows) (part uint64, row pieces.Row[tagHour], err error) {
			var bare uint8
			err = r.Scan(&part, &row.Issue, &row.At, &row.Value.series, &bare, &row.Value.events)
			row.Value.bare = bare > 0
			return part, row, err
		})
		return err
	}, func(ctx context.Context) error {
		return a.Ask(ctx, "cut_tags", func(r driver.Rows) error {
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
	bare := map[momentOf]int64{}
	for _, of := range rows.Of {
		for n := range of {
			switch r := &of[n]; {
			case r.At < first || r.At >= end:
			case r.Value.bare:
				bare[momentOf{r.Value.series, r.At}] += r.Value.events
			default:
				add(r.At, r.Value.series, r.Value.events)
			}
		}
	}
	for p, n := range bare {
		if n > 0 {
			add(p.at, p.series, n)
		}
	}
	for _, x := range cuts {
		add(x.at, x.series, x.events)
	}
	return ranked(a, points, total), nil
}
