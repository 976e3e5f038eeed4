package queries

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/catalog"
)

// tagged collects the fingerprints that have parameter tag in the window: from
// tag_issue where that has all days of it, else from issue_tag.
func (a *asking) tagged(ctx context.Context, into map[uint64]bool) error {
	from, to, err := a.query.Choice(a.bound).Ends()
	if err != nil {
		return err
	}
	since, err := a.store.complete.since(ctx, a, "tag_issue")
	if err != nil {
		return err
	}
	key, value, _ := strings.Cut(catalog.Unescape(a.bound["tag"]), "=")
	pair, err := catalog.ArrayText([]any{key, value})
	if err != nil {
		return err
	}
	b := a.with(map[string]string{"pair": pair})
	if !from.Truncate(24 * time.Hour).Before(since) {
		months, masks := monthsOf(from, to)
		b = b.with(map[string]string{"months": months, "masks": masks})
	}
	return b.set(ctx, "tagged", into)
}

// monthsOf are the months of a window and, of each, a bit for every day that is
// in it, as array parameters.
func monthsOf(from, to time.Time) (months, masks string) {
	from, to = from.UTC().Truncate(24*time.Hour), to.UTC().Truncate(24*time.Hour)
	var m, b []string
	for month := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC); !month.After(to) && !from.After(to); month = month.AddDate(0, 1, 0) {
		lowest, highest := 0, 30
		if from.After(month) {
			lowest = from.Day() - 1
		}
		if month.AddDate(0, 1, 0).After(to) {
			highest = to.Day() - 1
		}
		m = append(m, "'"+month.Format("2006-01-02")+"'")
		b = append(b, fmt.Sprint(uint32(1)<<(highest+1)-uint32(1)<<lowest))
	}
	return "[" + strings.Join(m, ",") + "]", "[" + strings.Join(b, ",") + "]"
}

// complete remembers from when on rollups that came later have everything. It
// is written down once and never changes, so that it need not be asked again.
type complete struct {
	sync.Mutex
	from map[string]time.Time
}

func (c *complete) since(ctx context.Context, a *asking, rollup string) (time.Time, error) {
	c.Lock()
	at, ok := c.from[rollup]
	c.Unlock()
	if ok {
		return at, nil
	}
	at = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) // Nothing says that it is complete.
	err := a.rows(ctx, "complete", func(r driver.Rows) error {
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
