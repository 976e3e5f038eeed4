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
// window are kept by parts of tag_trend, minutes of the five that it cuts by parts
// of events; slots of the hours that it cuts, events of the minute that its end
// cuts, and what the rollup does not have, are read.
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
	each := func(r driver.Rows) (part uint64, row pieces.Row[tagHour], err error) {
		var bare uint8
		err = r.Scan(&part, &row.Issue, &row.At, &row.Value.series, &bare, &row.Value.events)
		row.Value.bare = bare > 0
		return part, row, err
	}
	key := strings.Join(of, "\x00")
	var rows *pieces.Rows[tagHour]
	var minutes []*pieces.Rows[tagHour]
	var rest []tagPoint
	var none int64
	cut := cutFives(from, to, since)
	err = asking.AtOnce(ctx, func(ctx context.Context) (err error) {
		source := pieces.Source[tagHour]{First: first, Last: end - 1, Slot: asking.HourMS, Chunk: 4_000_000}
		rows, _, err = asking.Keep(ctx, a, key, "tag_parts", "tag_hours", source, &none, each)
		return err
	}, func(ctx context.Context) (err error) {
		if cut != nil {
			minutes, err = minutesOf(ctx, a, key, "tag_minutes", cut, pieces.Source[tagHour]{}, each)
		}
		return err
	}, func(ctx context.Context) (err error) { rest, err = cutTags(ctx, a, cut); return err })
	if err == nil && rows != nil && cut != nil && minutes == nil {
		rest, err = cutTags(ctx, a, nil)
	}
	if err != nil {
		return nil, err
	}
	if rows == nil {
		return a.Result(ctx, whole)
	}
	bare := map[momentOf]int64{}
	within(rows, first, end, func(at int64, v *tagHour) {
		if v.bare {
			bare[momentOf{v.series, at}] += v.events
		} else {
			add(at, v.series, v.events)
		}
	})
	for p, n := range bare {
		if n > 0 {
			add(p.at, p.series, n)
		}
	}
	for n, rows := range minutes {
		within(rows, cut[n].first, cut[n].end, func(at int64, v *tagHour) { add(at, v.series, v.events) })
	}
	for _, x := range rest {
		add(x.at, x.series, x.events)
	}
	return ranked(a, points, total), nil
}

// tagPoint is events of a series in an hour.
type tagPoint struct {
	at, events int64
	series     string
}

// cutTags reads what the window has beside its whole hours; of events, what is
// not of these minutes.
func cutTags(ctx context.Context, a *asking.Asking, but []stretchOf) (out []tagPoint, err error) {
	if but != nil {
		a = a.With(map[string]string{"cuts": "[" + asking.Itoa(but[0].end) + "," + asking.Itoa(but[1].end) + "]"})
	}
	err = a.Ask(ctx, "cut_tags", func(r driver.Rows) error {
		var x tagPoint
		err := r.Scan(&x.at, &x.series, &x.events)
		out = append(out, x)
		return err
	})
	return out, err
}

// cutFives are the whole minutes of the window before the first and after the
// last of its whole five; nil where the rollup does not have all that is between.
func cutFives(from, to, since time.Time) []stretchOf {
	begin, end := asking.Floor(from.UnixMilli(), minuteMS), to.UnixMilli()+1
	first := asking.Floor(begin+fiveMS-1, fiveMS)
	if since.UnixMilli() > first || time.Since(from) > 90*24*time.Hour+time.Minute {
		return nil
	}
	return []stretchOf{{begin, first}, {asking.Floor(end, fiveMS), asking.Floor(end, minuteMS)}}
}
