package queries

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/pieces"
)

// tally is what a window says of the issues of a project.
type tally struct {
	of []tallied // By fingerprint.
	// kept is where the counts come from: the trend of an issue is in it too.
	// Nil where the table was read as a whole.
	kept   *pieces.Rows[counted]
	mirror *pieces.Mirror[counted]
}

// tallied is what a window says of one fingerprint.
type tallied struct {
	fingerprint  uint64
	events, late uint64
	users        uint64 // Exact where the table was read as a whole, else at most so many: see crowd.
	crowds       int    // How many sketches that has been added up of.
}

// counted is what a part has of an issue in an hour or a day.
type counted struct {
	events uint64
	users  uint64
}

// readWindow counts the events of the window by fingerprint.
func (a *asking) readWindow(ctx context.Context, into *tally) error {
	c := a.query.Choice(a.bound)
	hourly, err := c.Within(72)
	if err != nil {
		return err
	}
	from, to, err := c.Ends()
	if err != nil {
		return err
	}
	slot := dayMS
	if hourly {
		slot = hourMS
	}
	first, last := floor(from.UnixMilli(), slot), floor(to.UnixMilli(), slot)
	half := first + ((last-first)/dayMS+1)/2*dayMS
	if hourly {
		half = (from.Unix() + (to.Unix()-from.Unix())/2) * 1000
	}
	byUsers := a.bound["sort"] == "users"
	key := "hours\x00"
	if !hourly {
		key = "days\x00"
	}
	if byUsers {
		key += "users"
	}
	var none int64
	rows, mirror, err := keep(ctx, a, key+"\x00"+a.bound["project"]+"\x00"+a.bound["environment"]+"\x00"+a.bound["release"], "window_parts", "counted",
		pieces.Source[counted]{First: first, Last: last, Slot: slot, Chunk: 60_000}, &none, func(r driver.Rows) (part uint64, row pieces.Row[counted], err error) {
			if byUsers {
				err = r.Scan(&part, &row.Issue, &row.At, &row.Value.events, &row.Value.users)
			} else {
				err = r.Scan(&part, &row.Issue, &row.At, &row.Value.events)
			}
			return part, row, err
		})
	if err != nil {
		return err
	}
	if rows == nil {
		into.kept, into.mirror = nil, nil
		err := a.rowsAgain(ctx, "window", func() { into.of = into.of[:0] }, func(r driver.Rows) error {
			var t tallied
			err := r.Scan(&t.fingerprint, &t.events, &t.users, &t.late)
			into.of = append(into.of, t)
			return err
		})
		slices.SortFunc(into.of, func(x, y tallied) int { return cmp.Compare(x.fingerprint, y.fingerprint) })
		return err
	}
	into.kept, into.mirror = rows, mirror
	for _, of := range rows.Of {
		into.of = addUp(into.of, of, first, last, half)
	}
	return nil
}

// addUp adds what one more part has of the slots first to last; both are in order.
func addUp(all []tallied, more []pieces.Row[counted], first, last, half int64) []tallied {
	out := make([]tallied, 0, max(len(all), 1024))
	for len(more) > 0 {
		t, found := tallied{fingerprint: more[0].Issue}, false
		for len(more) > 0 && more[0].Issue == t.fingerprint {
			if r := &more[0]; r.At >= first && r.At <= last {
				found = true
				t.events += r.Value.events
				if r.At >= half {
					t.late += r.Value.events
				}
				if r.Value.users > 0 {
					t.users += r.Value.users
					t.crowds++
				}
			}
			more = more[1:]
		}
		if !found {
			continue
		}
		for len(all) > 0 && all[0].fingerprint < t.fingerprint {
			out, all = append(out, all[0]), all[1:]
		}
		if len(all) > 0 && all[0].fingerprint == t.fingerprint {
			t.events, t.late, t.users, t.crowds = t.events+all[0].events, t.late+all[0].late, t.users+all[0].users, t.crowds+all[0].crowds
			all = all[1:]
		}
		out = append(out, t)
	}
	return append(out, all...)
}

// points are the events of these fingerprints over time, from what is kept.
func (t *tally) points(of []uint64, into map[point]uint64) {
	for _, rows := range t.kept.Of {
		for _, f := range of {
			at := sort.Search(len(rows), func(n int) bool { return rows[n].Issue >= f })
			for ; at < len(rows) && rows[at].Issue == f; at++ {
				if r := rows[at]; r.At >= t.kept.First && r.At <= t.kept.Last {
					into[point{f, r.At / 1000}] += r.Value.events
				}
			}
		}
	}
}
