package issues

import (
	"cmp"
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// known is what is kept of an issue, whenever it was seen; times in milliseconds.
type known struct {
	key         uint64
	first, last int64
	events      uint64
	version     uint64 // Another one where other parts of the table know it.
	level       int8
}

// readIssues reads what is known of each fingerprint, in their order, and since
// when one that was first seen is fresh.
func (a *asked) readIssues(ctx context.Context) (all []known, fresh int64, err error) {
	each := func(r driver.Rows) (part uint64, row pieces.Row[known], err error) {
		var since int64
		k := &row.Value
		err = r.Scan(&part, &row.Issue, &k.first, &k.last, &k.events, &k.level, &k.version, &since)
		k.key, fresh = row.Issue, max(fresh, since)
		return part, row, err
	}
	rows, m, err := asking.Keep(ctx, a.Asking, "issues\x00"+a.Bound["project"], "issue_parts", "issues", pieces.Source[known]{}, &fresh, each)
	if err != nil {
		return nil, 0, err
	}
	if rows != nil {
		// Of the same parts it is the same.
		if x, ok := m.Recall(rows, "all"); ok {
			all, _ = x.([]known)
			return all, fresh, nil
		}
		for _, of := range rows.Of {
			all = mergeKnown(all, of)
		}
		m.Remember(rows, "all", all)
		return all, fresh, nil
	}
	err = a.RowsAgain(ctx, "issues", func() { all = all[:0] }, func(r driver.Rows) error {
		_, row, err := each(r)
		all = append(all, row.Value)
		return err
	})
	slices.SortFunc(all, func(x, y known) int { return cmp.Compare(x.key, y.key) })
	return all, fresh, err
}

// mergeKnown adds what one more part knows; both are in order.
func mergeKnown(all []known, more []pieces.Row[known]) []known {
	out := make([]known, 0, max(len(all), len(more)))
	for len(all) > 0 && len(more) > 0 {
		switch x, y := all[0], more[0].Value; {
		case x.key < y.key:
			out, all = append(out, x), all[1:]
		case x.key > y.key:
			out, more = append(out, y), more[1:]
		default:
			x.add(y)
			out, all, more = append(out, x), all[1:], more[1:]
		}
	}
	out = append(out, all...)
	for _, r := range more {
		out = append(out, r.Value)
	}
	return out
}

// add counts what another part, or another fingerprint of the issue, has seen.
func (k *known) add(o known) {
	k.first, k.last = min(k.first, o.first), max(k.last, o.last)
	k.level = max(k.level, o.level)
	k.events += o.events
	k.version += o.version
}

// stretch is when the events of an issue are that match, of a day.
type stretch struct{ oldest, newest int64 }

// matching collects the fingerprints that have events in the window which a step
// selects. What is kept are days: of the first one an event must come late
// enough, of the last one early enough.
func (a *asked) matching(ctx context.Context, step, key string, into map[uint64]bool) error {
	from, to, err := a.Query.Choice(a.Bound).Ends()
	if err != nil {
		return err
	}
	begin, end := from.UnixMilli(), to.UnixMilli()
	if firstDay, lastDay := asking.Floor(begin, asking.DayMS), asking.Floor(end, asking.DayMS); firstDay < lastDay {
		var none int64
		rows, _, err := asking.Keep(ctx, a.Asking, step+"\x00"+a.Bound["project"]+"\x00"+key, "event_parts", step, pieces.Source[stretch]{First: firstDay, Last: lastDay + asking.DayMS - 1, Slot: asking.DayMS, Chunk: 400_000, Later: a.Waits()}, &none,
			func(r driver.Rows) (part uint64, row pieces.Row[stretch], err error) {
				err = r.Scan(&part, &row.Issue, &row.At, &row.Value.oldest, &row.Value.newest)
				return part, row, err
			})
		if err != nil {
			return err
		}
		if rows != nil {
			for _, of := range rows.Of {
				found := uint64(0)
				for _, r := range of {
					if r.At >= firstDay && r.At <= lastDay && r.Value.newest >= begin && r.Value.oldest <= end && (r.Issue != found || found == 0) {
						into[r.Issue], found = true, r.Issue
					}
				}
			}
			return nil
		}
	}
	return a.Set(ctx, step, into)
}
