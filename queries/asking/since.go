package asking

import (
	"context"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Since is from when on a rollup has everything, by step complete.
func (a *Asking) Since(ctx context.Context, rollup string) (time.Time, error) {
	return a.Server.complete.since(ctx, a, rollup)
}

// complete remembers from when on rollups that came later have everything. It
// is written down once and never changes, so that it need not be asked again.
type complete struct {
	sync.Mutex
	from map[string]time.Time
}

func (c *complete) since(ctx context.Context, a *Asking, rollup string) (time.Time, error) {
	c.Lock()
	at, ok := c.from[rollup]
	c.Unlock()
	if ok {
		return at, nil
	}
	at = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) // Nothing says that it is complete.
	err := a.Rows(ctx, "complete", func(r driver.Rows) error {
		ok = true
		return r.Scan(&at)
	})
	if err == nil && ok {
		c.Lock()
		defer c.Unlock()
		if c.from == nil {
			c.from = map[string]time.Time{}
		}
		c.from[rollup] = at
	}
	return at, err
}
