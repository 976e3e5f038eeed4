package issues

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/standing"
)

// point is a fingerprint at a time.
type point struct {
	fingerprint uint64
	at          int64 // Of the hour or the day.
}

// readTrend reads the trend of these fingerprints.
func (a *asked) readTrend(ctx context.Context, of []uint64, into map[point]uint64) error {
	return a.with(map[string]string{"page": asking.Numbers(of)}).Rows(ctx, "trend", func(r driver.Rows) error {
		var f, n uint64
		var at time.Time
		err := r.Scan(&f, &at, &n)
		into[point{f, at.Unix()}] = n // A row may come twice: see rows.
		return err
	})
}

// trends are events of the window by the hour in 24 equal parts, or by day, of
// the issues at place, whose fingerprints are members; what is kept of the
// window is not read again.
func (a *asked) trends(ctx context.Context, log *standing.Log, place map[uint64]int, members []uint64, window *tally, into [][]uint64) error {
	hourly, err := a.Query.Choice(a.Bound).ByHours()
	if err != nil {
		return err
	}
	from, to, err := a.Query.Choice(a.Bound).Ends()
	if err != nil {
		return err
	}
	const day = 24 * time.Hour
	slots, start, span := 24, from.Truncate(time.Hour), max(to.Unix()-from.Unix(), 1)
	if !hourly {
		start = from.Truncate(day)
		slots = min(int(to.Truncate(day).Sub(start)/day)+1, 400)
	}
	for n := range into {
		into[n] = make([]uint64, slots)
	}
	points := map[point]uint64{}
	if window.kept != nil {
		window.points(members, points)
	} else if err := a.readTrend(ctx, members, points); err != nil {
		return err
	}
	for x, n := range points {
		slot := int(time.Unix(x.at, 0).Sub(start) / day)
		if hourly {
			slot = min(int((x.at-start.Unix())*24/span), 23)
		}
		if p, ok := place[log.Survivor(x.fingerprint)]; ok && slot >= 0 && slot < slots {
			into[p][slot] += n
		}
	}
	return nil
}
