package newest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"errata/queries/asking"
	"errata/queries/catalog"
	"errata/queries/pieces"
)

// Kept are the newest events of parts, by what is asked for. Its zero value has none.
type Kept struct {
	mu    sync.Mutex
	tick  uint64
	lists map[string]*list
}

// What a process keeps, whatever it is asked.
const (
	maxLists = 100
	maxHeld  = 32 << 20 // Bytes of rows: about 1 kB each.
)

// list is what is known of parts for one question, whatever its window.
type list struct {
	gate    chan struct{} // One reads at a time: who waits finds what it read.
	columns []catalog.Field
	parts   map[uint64]known

	used uint64 // By Kept.mu.
	held atomic.Int64
}

// known is what is known of a part: all its events that match and are no older
// than floor and no newer than ceiling. Many events have the same time, so that
// floor is a row.
type known struct {
	floor   row
	ceiling int64
	rows    []row // Newest first.
}

// of finds or makes the list of this name.
func (k *Kept) of(name string) *list {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.lists[name]
	if l == nil {
		if k.lists == nil {
			k.lists = map[string]*list{}
		}
		l = &list{gate: make(chan struct{}, 1), parts: map[uint64]known{}}
		k.lists[name] = l
	}
	k.tick++
	l.used = k.tick
	return l
}

// settle drops the lists asked longest ago, where all hold too much.
func (k *Kept) settle(l *list) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		sum, oldest := 0, ""
		for name, x := range k.lists {
			sum += int(x.held.Load())
			if x != l && (oldest == "" || x.used < k.lists[oldest].used) {
				oldest = name
			}
		}
		if oldest == "" || sum <= maxHeld && len(k.lists) <= maxLists {
			return
		}
		delete(k.lists, oldest)
	}
}

// owned is a fingerprint of a project.
type owned struct {
	project     uint32
	fingerprint uint64
}

// name is what tells one list from another: all that is asked for but the window,
// and what belongs to the issue that is asked for.
func (q *question) name(into map[owned]uint64) string {
	var b strings.Builder
	b.WriteString(q.Query.Name)
	for _, p := range q.Query.Params {
		if p.Name != "from" && p.Name != "to" {
			b.WriteString("\x00" + q.Bound[p.Name])
		}
	}
	if issue, err := strconv.ParseUint(q.Bound["issue"], 16, 64); err == nil {
		its := map[uint64]bool{issue: true} // And the issues that it was merged into.
		for of, survivor := range into {
			if of.fingerprint == issue {
				its[survivor] = true
			}
		}
		var moved []string
		for of, survivor := range into {
			if its[survivor] || its[of.fingerprint] {
				moved = append(moved, fmt.Sprint(of.project, " ", of.fingerprint, " ", survivor))
			}
		}
		slices.Sort(moved)
		b.WriteString("\x00" + strings.Join(moved, ","))
	}
	return b.String()
}

// state is the parts that events have, and what was merged.
func (q *question) state(ctx context.Context) (parts pieces.List, into map[owned]uint64, err error) {
	into = map[owned]uint64{}
	var none int64
	err = asking.AtOnce(ctx, func(ctx context.Context) (err error) { parts, err = q.PartsOf(ctx, "event_parts", &none); return err },
		func(ctx context.Context) error {
			return q.Rows(ctx, "merged", func(r driver.Rows) error {
				var of owned
				var survivor uint64
				err := r.Scan(&of.project, &of.fingerprint, &survivor)
				into[of] = survivor
				return err
			})
		})
	return parts, into, err
}

// tries is how often events are listed anew that changed while they were read.
const tries = 4

// answer puts the page together. It is the one of the moment when parts were listed:
// those that were read are still there afterwards, and of the others it knew all
// that the page may hold.
func (q *question) answer(ctx context.Context, kept *Kept) (*asking.Result, error) {
	parts, into, err := q.state(ctx)
	for range tries {
		if err != nil {
			return nil, err
		}
		name := q.name(into)
		l := kept.of(name)
		r, ok, now, later, err := q.try(ctx, l, name, parts, into)
		if err != nil || ok {
			kept.settle(l)
			return r, err
		}
		parts, into = now, later
	}
	return nil, fmt.Errorf("%w: parts change while they are read", pieces.ErrWhole)
}

// try is answer with the parts of one moment; where they changed while they were
// read it gives those of the next one.
func (q *question) try(ctx context.Context, l *list, name string, parts pieces.List, into map[owned]uint64) (r *asking.Result, ok bool, now pieces.List, later map[owned]uint64, err error) {
	select {
	case l.gate <- struct{}{}:
		defer func() { <-l.gate }()
	case <-ctx.Done():
		return nil, false, now, nil, ctx.Err()
	}
	page, fresh, err := q.page(ctx, l, parts)
	forget := func() {
		for _, id := range fresh {
			delete(l.parts, id)
		}
	}
	if err != nil {
		forget()
		return nil, false, now, nil, err
	}
	if len(fresh) > 0 {
		if now, later, err = q.state(ctx); err != nil {
			forget()
			return nil, false, now, nil, err
		}
		there := map[uint64]bool{}
		for _, p := range now.Parts {
			there[p.ID] = true
		}
		if now.Server != parts.Server || q.name(later) != name || slices.ContainsFunc(fresh, func(id uint64) bool { return !there[id] }) {
			forget()
			return nil, false, now, later, nil
		}
	}
	l.trim(2 * q.limit)
	return q.show(l, page, into), true, now, nil, nil
}

// page is the rows of the page, and the parts that were read for it.
func (q *question) page(ctx context.Context, l *list, parts pieces.List) (page []row, fresh []uint64, err error) {
	listed := make(map[uint64]bool, len(parts.Parts))
	for _, p := range parts.Parts {
		listed[p.ID] = true
	}
	for id := range l.parts {
		if !listed[id] {
			delete(l.parts, id)
		}
	}
	newestFirst := slices.Clone(parts.Parts)
	slices.SortFunc(newestFirst, func(x, y pieces.Part) int { return cmp.Compare(y.Last, x.Last) })
	for n, low := range q.lows {
		for round := 0; ; round++ {
			page = q.foremost(l, low)
			bound := since(low)
			if len(page) == q.limit {
				bound = page[len(page)-1]
			}
			missing := q.missing(l, newestFirst, &bound)
			if len(missing) == 0 {
				break
			}
			if round == maxRounds {
				return nil, fresh, fmt.Errorf("%w: the page is not known after all was read", pieces.ErrWhole)
			}
			if n+round == 0 { // Mostly the newest parts fill the page.
				missing = first(missing)
			}
			if err := q.read(ctx, l, parts.Server, missing, bound.at); err != nil {
				return nil, fresh, err
			}
			for _, p := range missing {
				fresh = append(fresh, p.ID)
			}
		}
		if len(page) == q.limit {
			break
		}
	}
	return page, fresh, nil
}

// maxRounds is how often parts of a span are read: the newest ones, then the others.
const maxRounds = 3

// missing are parts that may have events from bound on that are not known.
func (q *question) missing(l *list, parts []pieces.Part, bound *row) (out []pieces.Part) {
	for _, p := range parts {
		if p.Last < bound.at || p.First > q.to {
			continue
		}
		k, ok := l.parts[p.ID]
		if !ok || k.floor.at >= p.First && k.floor.compare(bound) < 0 || k.ceiling < min(q.to, p.Last) {
			out = append(out, p)
		}
	}
	return out
}

// foremost are the newest rows that are known, from low on.
func (q *question) foremost(l *list, low int64) (out []row) {
	for _, k := range l.parts {
		for n := range k.rows {
			r := &k.rows[n]
			if r.at > q.to {
				continue
			}
			if r.at < max(low, q.from) || len(out) == q.limit && r.compare(&out[len(out)-1]) >= 0 {
				break
			}
			at, _ := slices.BinarySearchFunc(out, r, func(x row, y *row) int { return x.compare(y) })
			out = slices.Insert(out, at, *r)
			out = out[:min(len(out), q.limit)]
		}
	}
	return out
}

// read reads the newest rows of some parts, from low on; one more than a page
// has says whether there are older ones.
func (q *question) read(ctx context.Context, l *list, server uint64, parts []pieces.Part, low int64) error {
	names := make([]string, 0, len(parts))
	read := make(map[uint64]known, len(parts))
	for _, p := range parts {
		names = append(names, p.Name)
		read[p.ID] = known{ceiling: math.MaxInt64}
	}
	b := q.With(map[string]string{"names": asking.Texts(names), "span": "[" + asking.Itoa(low) + "," + asking.Itoa(q.to) + "]"})
	r, err := b.Result(ctx, q.Query.Steps[slices.IndexFunc(q.Query.Steps, asking.StepNamed("newest"))])
	if err != nil {
		return err
	}
	l.columns = r.Columns[before:]
	rows, answered, oldest := 0, uint64(0), row{at: math.MaxInt64}
	for _, cells := range r.Rows {
		part, _ := cells[0].(uint64)
		of := row{cells: cells[before:]}
		of.at, _ = cells[1].(int64)
		of.fingerprint, _ = cells[2].(uint64)
		if part == 0 { // The row that says who answers.
			answered = of.fingerprint
			continue
		}
		of.project, _ = cells[3].(uint32)
		of.id, _ = cells[4].(uuid.UUID)
		k, ok := read[part]
		if !ok {
			return fmt.Errorf("%w: another server answered", pieces.ErrWhole)
		}
		k.rows = append(k.rows, of)
		read[part] = k
		rows++
		if of.compare(&oldest) > 0 {
			oldest = of
		}
	}
	if answered != server {
		return fmt.Errorf("%w: another server answered", pieces.ErrWhole)
	}
	floor := since(low)
	if rows > q.limit {
		floor = row{at: oldest.at, id: oldest.id}
	}
	for _, p := range parts {
		k := read[p.ID]
		k.floor = floor
		if p.Last > q.to {
			k.ceiling = q.to
		}
		slices.SortFunc(k.rows, func(x, y row) int { return x.compare(&y) })
		l.parts[p.ID] = k
	}
	return nil
}

// before is how many columns are for the process alone.
const before = 5

// cut drops what is older than a moment.
func (k *known) cut(floor int64) {
	n := len(k.rows)
	for n > 0 && k.rows[n-1].at < floor {
		n--
	}
	if n < len(k.rows) {
		k.floor, k.rows = since(floor), slices.Clip(k.rows[:n])
	}
}

// trim keeps about the newest n rows, where there are twice as many, and none of
// which a list alone would fill what is kept.
func (l *list) trim(n int) {
	var times []int64
	for _, k := range l.parts {
		for i := range k.rows {
			times = append(times, k.rows[i].at)
		}
	}
	if len(times) > 2*n {
		slices.Sort(times)
		for id, k := range l.parts {
			k.cut(times[len(times)-n])
			k.rows = slices.Clone(k.rows)
			l.parts[id] = k
		}
	}
	bytes := 0
	for _, k := range l.parts {
		for i := range k.rows {
			bytes += k.rows[i].size()
		}
	}
	if bytes > maxHeld/2 {
		clear(l.parts)
		bytes = 0
	}
	l.held.Store(int64(bytes))
}

// show makes the answer, with the issues that events belong to now.
func (q *question) show(l *list, page []row, into map[owned]uint64) *asking.Result {
	out := &asking.Result{Columns: slices.Clone(l.columns)}
	if out.Columns == nil { // Nothing was ever read: there is nothing in the window.
		out = q.Answer()
	}
	issue := slices.IndexFunc(out.Columns, func(f catalog.Field) bool { return f.Name == "issue" })
	for _, r := range page {
		cells := slices.Clone(r.cells)
		if survivor, ok := into[owned{r.project, r.fingerprint}]; ok {
			cells[issue] = fmt.Sprintf("%016x", survivor)
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}
