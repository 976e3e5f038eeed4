package trend

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

const (
	minuteMS = int64(time.Minute / time.Millisecond)
	fiveMS   = 5 * minuteMS
)

// stretchOf is minutes of one hour, end not in it, in milliseconds: what a window has
// before its first whole slot, or after its last one. Events of few minutes lie
// in all granules of their day, so what the whole hour has is read of parts that
// are not known, and a window that moves on by minutes needs no read.
type stretchOf struct{ first, end int64 }

// minutesOf gives what parts of events have of the hour of each of these stretches, in
// their order, an empty one's as no rows; nil where events are to be read.
func minutesOf[R any](ctx context.Context, a *asking.Asking, key, read string, of []stretchOf, s pieces.Source[R], each func(driver.Rows) (uint64, pieces.Row[R], error)) ([]*pieces.Rows[R], error) {
	out := make([]*pieces.Rows[R], len(of))
	var todo []func(context.Context) error
	for n, x := range of {
		if x.first >= x.end {
			out[n] = &pieces.Rows[R]{}
			continue
		}
		hour := asking.Floor(x.first, asking.HourMS)
		todo = append(todo, func(ctx context.Context) (err error) {
			var none int64
			s := s
			s.First, s.Last, s.Slot = hour, hour+asking.HourMS-1, asking.HourMS
			out[n], _, err = asking.Keep(ctx, a, key+"\x00"+asking.Itoa(hour), "event_parts", read, s, &none, each)
			return err
		})
	}
	if err := asking.AtOnce(ctx, todo...); err != nil {
		return nil, err
	}
	for _, rows := range out {
		if rows == nil {
			return nil, nil
		}
	}
	return out, nil
}
