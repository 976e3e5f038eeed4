package queries

import (
	"context"
	"strconv"
	"time"

	"errata/queries/catalog"
)

// recent are the spans before the end of a window that lists of the newest
// events look at first: most of them are full within the first one, whose rows
// are a fraction of those of a week.
var recent = []time.Duration{time.Hour, 24 * time.Hour}

// listNewest is query event_search or text_search: the same statement over the
// last hour, the last day, then the window, until the page is full. Each reads
// its filters and sorts once; the wide columns are read of the rows of the page
// only. The events of an issue are found by the key, in the whole window. With
// words it begins with the day: an index finds the rare ones in either.
func listNewest(ctx context.Context, a *asking) (*Result, error) {
	step, c := a.query.Steps[0], a.query.Choice(a.bound)
	from, to, err := c.Ends()
	if err != nil {
		return nil, err
	}
	limit, _ := strconv.Atoi(a.bound["limit"])
	spans := recent
	switch {
	case a.given("issue"):
		spans = nil
	case a.given("text"):
		spans = recent[1:]
	}
	for _, span := range spans {
		if to.Sub(from) <= span {
			break
		}
		near := a.with(map[string]string{"from": to.Add(-span).Format(catalog.Moments)})
		r, err := near.result(ctx, step)
		if err != nil || len(r.Rows) >= min(limit, maxNewest[a.query.Name]) {
			return r, err
		}
	}
	return a.result(ctx, step)
}

// maxNewest bounds lists of events, as their texts do.
var maxNewest = map[string]int{"event_search": 10_000, "text_search": 1000}

// result is all that a step gives.
func (a *asking) result(ctx context.Context, step catalog.Step) (*Result, error) {
	sql, err := a.query.Statement(step, a.bound)
	if err != nil {
		return nil, err
	}
	return a.store.ask(ctx, sql, a.bound)
}
