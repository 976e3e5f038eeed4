// Package affected answers whom an issue hits. In: a run of query users_affected.
// Out: users with their number of events, added up from what is kept of the parts
// of events, whole days of them, and from events of the days that the window
// cuts. What does not fit is asked as one statement.
package affected

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// visits are what a part has of a user on a day: events, and when the first and the
// last one was, in milliseconds of the day.
type visits struct {
	user                uint64
	events, first, last uint32
}

// on is that in the window, of the day that begins at a moment.
func (v visits) on(day int64) sum {
	return sum{v.user, uint64(v.events), day + int64(v.first), day + int64(v.last)}
}

// crowd are the users of a part on a day.
type crowd struct{ of []visits }

// weight is how many rows of about 40 bytes that is worth, with what is added up of it.
func (c crowd) weight() int { return 1 + len(c.of)*4/5 }

// unpack reads users as the text gives them: 24 bytes each, see the statement.
func unpack(text string) (crowd, error) {
	if len(text)%24 != 0 {
		return crowd{}, fmt.Errorf("cannot read %d bytes of users: they are 24 each", len(text))
	}
	out := crowd{make([]visits, 0, len(text)/24)}
	for ; text != ""; text = text[24:] {
		word := func(n int) uint64 { return binary.LittleEndian.Uint64([]byte(text[8*n:8*n+8])) &^ (1 << 63) }
		const low = 1<<27 - 1
		v := visits{user: word(0) | word(1)>>62<<63, events: uint32(word(1)), first: uint32(word(2) >> 27 & low), last: uint32(word(2) & low)} //nolint:gosec // So many bits.
		if v.events == math.MaxUint32 {
			return crowd{}, fmt.Errorf("%w: a user has more than %d events on a day", pieces.ErrWhole, math.MaxUint32)
		}
		out.of = append(out.of, v)
	}
	return out, nil
}

// sum is a user in the window.
type sum struct {
	user, events uint64
	first, last  int64 // In milliseconds.
}

func (s *sum) add(o sum) {
	s.events += o.events
	s.first, s.last = min(s.first, o.first), max(s.last, o.last)
}

// most puts users with more events first, then those seen last.
func most(x, y sum) int {
	return cmp.Or(cmp.Compare(y.events, x.events), cmp.Compare(y.last, x.last))
}

// known are the users of whole days, with most first.
type known struct {
	first, last int64
	all         []sum
	at          map[uint64]int32 // Where each is.
}

// named is the name of a user, and the part that said it: until that is gone.
type named struct {
	part uint64
	name string
}

// maxNames bounds how many names are kept of an issue.
const maxNames = 20_000

// Users is query users_affected.
func Users(ctx context.Context, a *asking.Asking) (*asking.Result, error) {
	whole := func() (*asking.Result, error) { return a.Result(ctx, a.Query.Steps[len(a.Query.Steps)-1]) }
	from, to, err := a.Query.Choice(a.Bound).Ends()
	if err != nil {
		return nil, err
	}
	first, end := asking.Floor(from.UnixMilli()+asking.DayMS-1, asking.DayMS), asking.Floor(to.UnixMilli()+1, asking.DayMS)
	limit, _ := strconv.Atoi(a.Bound["limit"])
	limit = min(limit, 10_000)
	if first < 0 || first >= end || limit == 0 || !a.Single(ctx) {
		return whole()
	}
	var members []uint64
	err = a.Rows(ctx, "merged", func(r driver.Rows) error {
		var f uint64
		err := r.Scan(&f)
		members = append(members, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(members)
	members = slices.Compact(members)
	q := &question{Asking: a.With(map[string]string{"members": asking.Numbers(members), "span": "[" + asking.Itoa(first) + "," + asking.Itoa(end-1) + "]"}), first: first, last: end - 1}
	err = asking.AtOnce(ctx, q.readDays, q.readCuts, q.readAll)
	if err == nil && q.rows == nil || errors.Is(err, pieces.ErrWhole) {
		return whole()
	}
	if err != nil {
		return nil, err
	}
	return q.show(ctx, q.foremost(limit), limit)
}

// question is one run of the query, over the whole days first to last.
type question struct {
	*asking.Asking
	first, last int64
	parts       pieces.List
	rows        *pieces.Rows[crowd] // Nil where all is to be read at once.
	mirror      *pieces.Mirror[crowd]
	cuts        map[uint64]sum
	all         uint64 // Different users.
}

// readDays reads the whole days, by parts.
func (q *question) readDays(ctx context.Context) (err error) {
	var none int64
	key := strings.Join([]string{"affected", q.Bound["project"], q.Bound["members"]}, "\x00")
	q.rows, q.mirror, err = asking.Keep(ctx, q.Asking, key, "event_parts", "days", pieces.Source[crowd]{First: q.first, Last: q.last, Slot: asking.DayMS, Later: q.Waits(), Weigh: crowd.weight,
		List: func(ctx context.Context) (parts pieces.List, err error) {
			parts, err = q.PartsOf(ctx, "event_parts", &none)
			q.parts = parts
			return parts, err
		}}, &none, func(r driver.Rows) (part uint64, row pieces.Row[crowd], err error) {
		var users string
		if err = r.Scan(&part, &row.Issue, &users); err != nil || part == 0 {
			return part, row, err
		}
		row.At = int64(row.Issue) * asking.DayMS //nolint:gosec // A day.
		row.Value, err = unpack(users)
		return part, row, err
	})
	return err
}

// readCuts reads the users of the days that the window cuts.
func (q *question) readCuts(ctx context.Context) error {
	q.cuts = map[uint64]sum{}
	return q.Ask(ctx, "cuts", func(r driver.Rows) error {
		var day uint64
		var users string
		if err := r.Scan(&day, &users); err != nil {
			return err
		}
		of, err := unpack(users)
		for _, v := range of.of {
			s := v.on(int64(day) * asking.DayMS) //nolint:gosec // A day.
			if o, ok := q.cuts[v.user]; ok {
				s.add(o)
			}
			q.cuts[v.user] = s
		}
		return err
	})
}

func (q *question) readAll(ctx context.Context) error {
	return q.Ask(ctx, "everybody", func(r driver.Rows) error { return r.Scan(&q.all) })
}

// days adds up the whole days of each user; of the same parts it is the same.
func (q *question) days() *known {
	if x, ok := q.mirror.Recall(q.rows, "days"); ok {
		if k, _ := x.(*known); k.first == q.first && k.last == q.last {
			return k
		}
	}
	k := &known{first: q.first, last: q.last, at: map[uint64]int32{}}
	for _, of := range q.rows.Of {
		for _, r := range of {
			if r.At < q.first || r.At > q.last {
				continue
			}
			for _, v := range r.Value.of {
				s := v.on(r.At)
				if n, ok := k.at[v.user]; ok {
					k.all[n].add(s)
				} else {
					k.at[v.user] = int32(len(k.all)) //nolint:gosec // As many as are kept.
					k.all = append(k.all, s)
				}
			}
		}
	}
	slices.SortFunc(k.all, most)
	for n := range k.all {
		k.at[k.all[n].user] = int32(n) //nolint:gosec // As many as are kept.
	}
	q.mirror.Remember(q.rows, "days", k)
	return k
}

// foremost are the users with most events, and those who are as many as the last one.
func (q *question) foremost(limit int) (out []sum) {
	days := q.days()
	least := uint64(0) // So many have as many events at least, without the days that are cut.
	if len(days.all) >= limit {
		least = days.all[limit-1].events
	}
	for user, s := range q.cuts {
		if n, ok := days.at[user]; ok {
			s.add(days.all[n])
		}
		if s.events >= least {
			out = append(out, s)
		}
	}
	taken := 0
	for _, s := range days.all {
		if _, cut := q.cuts[s.user]; cut {
			continue
		}
		if taken++; taken > limit && most(s, out[len(out)-1]) != 0 {
			break
		}
		out = append(out, s)
	}
	slices.SortFunc(out, most)
	n := min(limit, len(out))
	for n > 0 && n < len(out) && most(out[n], out[n-1]) == 0 {
		n++
	}
	return out[:n]
}

// show makes the answer, with the names of users.
func (q *question) show(ctx context.Context, users []sum, limit int) (*asking.Result, error) {
	names, err := q.names(ctx, users)
	if err != nil {
		return nil, err
	}
	out := q.Answer()
	for _, s := range users {
		if name, ok := names[s.user]; ok {
			out.Rows = append(out.Rows, []any{name.name, s.events, time.UnixMilli(s.first).UTC(), time.UnixMilli(s.last).UTC(), q.all})
		}
	}
	slices.SortStableFunc(out.Rows, func(x, y []any) int {
		return cmp.Or(cmp.Compare(y[1].(uint64), x[1].(uint64)), y[3].(time.Time).Compare(x[3].(time.Time)), cmp.Compare(x[0].(string), y[0].(string)))
	})
	out.Rows = out.Rows[:min(limit, len(out.Rows))]
	return out, nil
}

// names are the names of these users. What is not known of them, or was said by a part
// that is gone, is read.
func (q *question) names(ctx context.Context, users []sum) (map[uint64]named, error) {
	there := map[uint64]bool{}
	for _, p := range q.parts.Parts {
		there[p.ID] = true
	}
	kept := map[uint64]named{}
	if x, ok := q.mirror.Recall(q.rows, "names"); ok {
		kept, _ = x.(map[uint64]named)
	}
	out := make(map[uint64]named, len(users))
	var ask []uint64
	for _, s := range users {
		if of, ok := kept[s.user]; ok && there[of.part] {
			out[s.user] = of
		} else {
			ask = append(ask, s.user)
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	b := q.With(map[string]string{"page": asking.Numbers(ask)})
	err := b.Rows(ctx, "who", func(r driver.Rows) error {
		var user uint64
		var of named
		err := r.Scan(&user, &of.part, &of.name)
		out[user] = of
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make(map[uint64]named, len(kept)+len(out)) // Others may be reading the one before.
	if len(kept) < maxNames {
		for user, of := range kept {
			if there[of.part] {
				all[user] = of
			}
		}
	}
	maps.Copy(all, out)
	q.mirror.Remember(q.rows, "names", all)
	return out, nil
}
