package issues

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// tally is what a window says of the issues of a project.
type tally struct {
	of []tallied // By fingerprint.
	// kept is where the counts come from: the trend of an issue is in it too.
	// Nil where the table was read as a whole.
	kept   *pieces.Rows[pieces.Strip]
	mirror *pieces.Mirror[pieces.Strip]
	slot   int64 // How long its slots are, in milliseconds.
}

// tallied is what a window says of one fingerprint.
type tallied struct {
	fingerprint  uint64
	events, late uint64
	users        uint64 // Exact where the table was read as a whole, else at most so many: see crowd.
	crowds       int    // How many sketches that has been added up of.
}

// readWindow counts the events of the window by fingerprint.
func (a *asked) readWindow(ctx context.Context, into *tally) error {
	c := a.Query.Choice(a.Bound)
	hourly, err := c.ByHours()
	if err != nil {
		return err
	}
	from, to, err := c.Ends()
	if err != nil {
		return err
	}
	slot := asking.DayMS
	if hourly {
		slot = asking.HourMS
	}
	first, last := asking.Floor(from.UnixMilli(), slot), asking.Floor(to.UnixMilli(), slot)
	half := first + ((last-first)/asking.DayMS+1)/2*asking.DayMS
	if hourly {
		half = (from.Unix() + (to.Unix()-from.Unix())/2) * 1000
	}
	byUsers := a.Bound["sort"] == "users"
	key := "hours\x00"
	if !hourly {
		key = "days\x00"
	}
	if byUsers {
		key += "users"
	}
	var none int64
	rows, mirror, err := asking.Keep(ctx, a.Asking, key+"\x00"+a.Bound["project"]+"\x00"+a.Bound["environment"]+"\x00"+a.Bound["release"], "window_parts", "counted",
		pieces.Source[pieces.Strip]{First: first, Last: last, Slot: slot, Chunk: 400_000, Later: a.Waits(), Weigh: pieces.Strip.Weigh, Join: pieces.JoinStrips}, &none, asking.Strip)
	if err != nil {
		return err
	}
	if rows == nil {
		into.kept, into.mirror = nil, nil
		err := a.RowsAgain(ctx, "window", func() { into.of = into.of[:0] }, func(r driver.Rows) error {
			var t tallied
			err := r.Scan(&t.fingerprint, &t.events, &t.users, &t.late)
			into.of = append(into.of, t)
			return err
		})
		slices.SortFunc(into.of, func(x, y tallied) int { return cmp.Compare(x.fingerprint, y.fingerprint) })
		return err
	}
	into.kept, into.mirror, into.slot = rows, mirror, slot
	late := last/slot + 1 // Nothing is.
	if a.Bound["sort"] == "trend" {
		late = (half + slot - 1) / slot
	}
	// Of the same parts it is the same.
	window := [3]int64{first, last, late}
	if x, ok := mirror.Recall(rows, window); ok {
		into.of, _ = x.([]tallied)
		return nil
	}
	for _, of := range rows.Of {
		into.of = addUp(into.of, of, first/slot, last/slot, late)
	}
	mirror.Remember(rows, window, into.of)
	return nil
}

// addUp adds what one more part has of the slots first to last; both are in order.
func addUp(all []tallied, more []pieces.Row[pieces.Strip], first, last, late int64) []tallied {
	out := make([]tallied, 0, max(len(all), len(more)))
	for n := range more {
		r := &more[n]
		sum := r.Value.Sum(first, last)
		if sum.Slots == 0 {
			continue
		}
		t := tallied{fingerprint: r.Issue, events: sum.Count, users: sum.Users, crowds: sum.Crowds}
		if late <= last {
			t.late = r.Value.Sum(late, last).Count
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
				rows[at].Value.Each(t.kept.First/t.slot, t.kept.Last/t.slot, func(slot int64, n uint64) { into[point{f, slot * t.slot / 1000}] += n })
			}
		}
	}
}
