package queries

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/pieces"
)

const (
	hourMS = int64(time.Hour / time.Millisecond)
	dayMS  = 24 * hourMS
)

// single tells whether the tables stand on the server that is asked. Reads of a
// cluster may each be answered by other replicas, whose parts differ.
func (a *asking) single(ctx context.Context) bool {
	if a.store.local.Load() {
		return true
	}
	engine := ""
	err := a.ask(ctx, "engine", func(r driver.Rows) error { return r.Scan(&engine) })
	if err != nil || engine == "" || engine == "Distributed" {
		return false // Or it may not be asked: then tables are read as a whole.
	}
	a.store.local.Store(true)
	return true
}

// partsOf lists the parts of a table by a step, and since when an issue that was
// first seen is fresh.
func (a *asking) partsOf(ctx context.Context, step string, fresh *int64) (pieces.List, error) {
	var out pieces.List
	err := a.ask(ctx, step, func(r driver.Rows) error {
		var p pieces.Part
		var since int64
		err := r.Scan(&p.ID, &p.Name, &p.First, &p.Last, &p.Rows, &out.Server, &since)
		out.Parts = append(out.Parts, p)
		*fresh = max(*fresh, since)
		return err
	})
	return out, err
}

// keep gives rows of a table as far as the window goes, from the mirror of key;
// each scans a row of step read. Nil where it is to be read as a whole.
func keep[R any](ctx context.Context, a *asking, key, list, read string, s pieces.Source[R], fresh *int64, each func(driver.Rows) (uint64, pieces.Row[R], error)) (*pieces.Rows[R], *pieces.Mirror[R], error) {
	if !a.single(ctx) {
		return nil, nil, nil
	}
	if s.List == nil {
		s.List = func(ctx context.Context) (pieces.List, error) { return a.partsOf(ctx, list, fresh) }
	}
	s.Read = func(ctx context.Context, names []string, first, last int64, again func(), give func(uint64, pieces.Row[R])) (uint64, error) {
		var server uint64
		b := a.with(map[string]string{"names": texts(names), "span": "[" + itoa(first) + "," + itoa(last) + "]"})
		err := b.rowsAgain(ctx, read, again, func(r driver.Rows) error {
			part, row, err := each(r)
			if part == 0 { // The row that says who answers.
				server = row.Issue
			} else {
				give(part, row)
			}
			return err
		})
		return server, err
	}
	rows, m, err := pieces.Get(ctx, &a.store.kept, key, s)
	if errors.Is(err, pieces.ErrWhole) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return &rows, m, nil
}

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
func (a *asking) readIssues(ctx context.Context) (all []known, fresh int64, err error) {
	each := func(r driver.Rows) (part uint64, row pieces.Row[known], err error) {
		var since int64
		k := &row.Value
		err = r.Scan(&part, &row.Issue, &k.first, &k.last, &k.events, &k.level, &k.version, &since)
		k.key, fresh = row.Issue, max(fresh, since)
		return part, row, err
	}
	rows, m, err := keep(ctx, a, "issues\x00"+a.bound["project"], "issue_parts", "issues", pieces.Source[known]{}, &fresh, each)
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
	err = a.rowsAgain(ctx, "issues", func() { all = all[:0] }, func(r driver.Rows) error {
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
func (a *asking) matching(ctx context.Context, step, key string, into map[uint64]bool) error {
	from, to, err := a.query.Choice(a.bound).Ends()
	if err != nil {
		return err
	}
	begin, end := from.UnixMilli(), to.UnixMilli()
	if firstDay, lastDay := floor(begin, dayMS), floor(end, dayMS); firstDay < lastDay {
		var none int64
		rows, _, err := keep(ctx, a, step+"\x00"+a.bound["project"]+"\x00"+key, "event_parts", step, pieces.Source[stretch]{First: firstDay, Last: lastDay + dayMS - 1, Slot: dayMS, Chunk: 400_000}, &none,
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
	return a.set(ctx, step, into)
}

// floor is the start of the slot of a moment.
func floor(ms, slot int64) int64 {
	return ms - (ms%slot+slot)%slot
}
