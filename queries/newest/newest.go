// Package newest lists the newest events of a window. In: a run of query
// event_search or text_search. Out: a page of events, put together from what is
// kept of the parts of events: of each its newest rows that match. Parts of which
// nothing is known are read from the newest one back, until the page is full. What
// does not fit is asked as one statement.
package newest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"errata/queries/asking"
	"errata/queries/catalog"
	"errata/queries/pieces"
)

// Bounds of a list: rows of an answer, as the texts have it, and of one that is kept.
var maxRows = map[string]int{"event_search": 10_000, "text_search": 1000}

const maxKept = 1000

// lows are the moments that a list looks back to, one after the other: most are full
// within the first one, whose rows are a fraction of those of the window. The events
// of an issue are found by the key: they are few. With words it begins with the day:
// an index finds the rare ones in either.
func lows(a *asking.Asking, from, to time.Time) (out []int64) {
	spans := []time.Duration{time.Hour, 24 * time.Hour}
	switch {
	case a.Given("issue"):
		spans = []time.Duration{7 * 24 * time.Hour}
	case a.Given("text"):
		spans = spans[1:]
	}
	for _, span := range spans {
		if to.Sub(from) > span {
			out = append(out, to.Add(-span).UnixMilli())
		}
	}
	return append(out, from.UnixMilli())
}

// List is such a query.
func List(ctx context.Context, a *asking.Asking, kept *Kept) (*asking.Result, error) {
	from, to, err := a.Query.Choice(a.Bound).Ends()
	if err != nil {
		return nil, err
	}
	asked, _ := strconv.Atoi(a.Bound["limit"])
	limit := min(asked, maxRows[a.Query.Name])
	q := &question{Asking: a, from: from.UnixMilli(), to: to.UnixMilli(), limit: limit, lows: lows(a, from, to)}
	if limit == 0 || limit > maxKept || from.After(to) || !a.Single(ctx) {
		return q.whole(ctx)
	}
	r, err := q.answer(ctx, kept)
	var refused *clickhouse.Exception
	if errors.Is(err, pieces.ErrWhole) || errors.As(err, &refused) && refused.Code == asking.TooManyRows {
		return q.whole(ctx)
	}
	return r, err
}

// question is one run of a list. Moments are milliseconds.
type question struct {
	*asking.Asking
	from, to int64
	limit    int
	lows     []int64
}

// whole asks the same statement over longer and longer windows, until the page is
// full. Each reads its filters and sorts once; the wide columns are read of the rows
// of the page only.
func (q *question) whole(ctx context.Context) (r *asking.Result, err error) {
	step := q.Query.Steps[len(q.Query.Steps)-1]
	for n, low := range q.lows {
		b := q.Asking
		if n < len(q.lows)-1 {
			b = q.With(map[string]string{"from": time.UnixMilli(low).UTC().Format(catalog.Moments)})
		}
		if r, err = b.Result(ctx, step); err != nil || len(r.Rows) >= q.limit {
			break
		}
	}
	return r, err
}

// row is an event of a part: when it happened, whose it is, and what is shown of it.
type row struct {
	at          int64
	id          [16]byte
	project     uint32
	fingerprint uint64
	cells       []any
}

// compare puts the newest event first, as the statement does: the server orders
// ids by their second half.
func (r *row) compare(o *row) int {
	return cmp.Or(cmp.Compare(o.at, r.at), bytes.Compare(r.id[8:], o.id[8:]), bytes.Compare(r.id[:8], o.id[:8]))
}

// since comes after all rows of a moment.
func since(at int64) (r row) {
	r.at = at
	for n := range r.id {
		r.id[n] = 0xff
	}
	return r
}

// size is about how many bytes a row takes.
func (r *row) size() int {
	n := 100 + 32*len(r.cells)
	for _, c := range r.cells {
		switch c := c.(type) {
		case string:
			n += len(c)
		case map[string]string:
			for k, v := range c {
				n += 32 + len(k) + len(v)
			}
		}
	}
	return n
}

// first are the newest parts, up to so many rows.
func first(parts []pieces.Part) []pieces.Part {
	const enough = 20_000
	rows := uint64(0)
	for n, p := range parts {
		if rows += p.Rows; rows >= enough {
			return parts[:n+1]
		}
	}
	return parts
}
