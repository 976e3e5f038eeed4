package trend

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// crowded is what a part has of an issue in a bucket.
type crowded struct{ events, users uint64 }

// Issue is query issue_trend by the hour or the day. What parts have of the
// issue is kept; of a bucket that one part has, its users too. Sketches of several
// parts do not add up: those buckets are read, as long as the parts are the same.
func Issue(ctx context.Context, a *asking.Asking) (*asking.Result, error) {
	whole := a.Query.Steps[len(a.Query.Steps)-1]
	from, to, err := a.Query.Choice(a.Bound).Ends()
	if err != nil {
		return nil, err
	}
	width := map[string]int64{"hour": asking.HourMS, "day": asking.DayMS}[a.Bound["bucket"]]
	long, err := a.Query.Choice(a.Bound).Long()
	if err != nil {
		return nil, err
	}
	if width == 0 || long && width == asking.HourMS || from.Unix() < 0 || to.Unix() > math.MaxUint32 || from.After(to) || !a.Single(ctx) {
		return a.Result(ctx, whole)
	}
	first, last := asking.Floor(from.UnixMilli(), width), asking.Floor(to.UnixMilli(), width)
	var members []uint64
	var list pieces.List
	var none int64
	err = asking.AtOnce(ctx, func(ctx context.Context) error {
		return a.Ask(ctx, "members", func(r driver.Rows) error {
			var f uint64
			err := r.Scan(&f)
			members = append(members, f)
			return err
		})
	}, func(ctx context.Context) (err error) { list, err = a.PartsOf(ctx, "parts", &none); return err })
	if err != nil {
		return nil, err
	}
	slices.Sort(members)
	members = slices.Compact(members)
	a = a.With(map[string]string{"page": asking.Numbers(members)})
	listed := false
	source := pieces.Source[crowded]{First: first, Last: last + width - 1, Slot: width, List: func(ctx context.Context) (pieces.List, error) {
		if !listed {
			listed = true
			return list, nil
		}
		return a.PartsOf(ctx, "parts", &none)
	}}
	key := "one\x00" + a.Bound["bucket"] + "\x00" + a.Bound["project"] + "\x00" + a.Bound["environment"] + "\x00" + a.Bound["release"] + "\x00" + a.Bound["page"]
	each := func(r driver.Rows) (part uint64, row pieces.Row[crowded], err error) {
		err = r.Scan(&part, &row.Issue, &row.At, &row.Value.events, &row.Value.users)
		return part, row, err
	}
	rows, mirror, err := asking.Keep(ctx, a, key, "parts", "points", source, &none, each)
	if err != nil {
		return nil, err
	}
	if rows == nil {
		return a.Result(ctx, whole)
	}
	points, in := map[int64]crowded{}, map[int64]int{}
	for _, of := range rows.Of {
		for _, r := range of {
			if r.At < first || r.At > last {
				continue
			}
			in[r.At]++
			points[r.At] = crowded{points[r.At].events + r.Value.events, r.Value.users}
		}
	}
	var shared []int64
	for at, parts := range in {
		if parts > 1 {
			shared = append(shared, at)
		}
	}
	users, err := sharedUsers(ctx, a, rows, mirror, shared, width)
	if err != nil {
		return nil, err
	}
	for at, n := range users {
		points[at] = crowded{points[at].events, n}
	}
	out := a.Answer()
	for at := first; at <= last && len(out.Rows) < maxBuckets; at += width {
		p := points[at]
		out.Rows = append(out.Rows, []any{time.UnixMilli(at).UTC(), p.events, p.users})
	}
	return out, nil
}

// maxBuckets bounds a trend, as its text does.
const maxBuckets = 10_000

// sharedUsers reads the users of these buckets from the parts that rows are of;
// from all that there are where these changed meanwhile: they are newer then.
func sharedUsers(ctx context.Context, a *asking.Asking, rows *pieces.Rows[crowded], mirror *pieces.Mirror[crowded], buckets []int64, width int64) (map[int64]uint64, error) {
	if len(buckets) == 0 {
		return nil, nil
	}
	slices.Sort(buckets)
	type window struct{ first, last int64 }
	key := window{rows.First, rows.Last}
	if x, ok := mirror.Recall(rows, key); ok {
		users, _ := x.(map[int64]uint64)
		return users, nil
	}
	shared := make([]uint64, len(buckets))
	for n, at := range buckets {
		shared[n] = uint64(at) //nolint:gosec // Not before 1970.
	}
	span := "[" + asking.Itoa(buckets[0]) + "," + asking.Itoa(buckets[len(buckets)-1]+width-1) + "]"
	out := map[int64]uint64{}
	answered := uint64(0)
	err := a.With(map[string]string{"shared": asking.Numbers(shared), "span": span}).Ask(ctx, "shared", func(r driver.Rows) error {
		var at int64
		var users, server uint64
		err := r.Scan(&at, &users, &server)
		out[at], answered = users, server
		return err
	})
	if err == nil && answered == rows.Server {
		mirror.Remember(rows, key, out)
	}
	return out, err
}
