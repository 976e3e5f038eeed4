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
func listNewest(ctx context.Context, a *asked) (*Result, error) {
	step, c := a.Query.Steps[0], a.Query.Choice(a.Bound)
	from, to, err := c.Ends()
	if err != nil {
		return nil, err
	}
	limit, _ := strconv.Atoi(a.Bound["limit"])
	spans := recent
	switch {
	case a.Given("issue"):
		spans = nil
	case a.Given("text"):
		spans = recent[1:]
	}
	for _, span := range spans {
		if to.Sub(from) <= span {
			break
		}
		near := a.with(map[string]string{"from": to.Add(-span).Format(catalog.Moments)})
		r, err := near.Result(ctx, step)
		if err != nil || len(r.Rows) >= min(limit, maxNewest[a.Query.Name]) {
			return r, err
		}
	}
	return a.Result(ctx, step)
}

// maxNewest bounds lists of events, as their texts do.
var maxNewest = map[string]int{"event_search": 10_000, "text_search": 1000}
