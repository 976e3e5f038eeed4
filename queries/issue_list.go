package queries

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/catalog"
)

// maxPage bounds a page of issues.
const maxPage = 1000

// listed is an issue that has events in the window.
type listed struct {
	key      uint64
	members  []uint64 // It and what was merged into it.
	window   uint64   // Events in the window.
	late     uint64   // Of the window's second half.
	visitors uint64   // Users in the window, where they are asked for.
	visits   int      // Members with events in the window.
	first    time.Time
	version  uint64 // Another one where other parts of the table know it.
	level    int8
	status   string
	seen
}

// listIssues is query issue_list: plain reads of the whole project, at once;
// then who matches; then what is shown of the page, at once again.
func listIssues(ctx context.Context, a *asking) (*Result, error) {
	var actions []logged
	issues, window := map[uint64]*listed{}, map[uint64][3]uint64{}
	var filters []map[uint64]bool
	known := &trend{}
	todo := []func(context.Context) error{
		func(ctx context.Context) (err error) { actions, err = a.readLog(ctx); return err },
		func(ctx context.Context) error { return a.readWindow(ctx, window, known) },
		func(ctx context.Context) error { return a.readIssues(ctx, issues) },
	}
	for param, read := range map[string]func(context.Context, map[uint64]bool) error{
		"text":    func(ctx context.Context, into map[uint64]bool) error { return a.set(ctx, "words", into) },
		"filters": func(ctx context.Context, into map[uint64]bool) error { return a.set(ctx, "passed", into) },
		"tag":     a.tagged,
	} {
		if a.given(param) {
			found := map[uint64]bool{}
			filters = append(filters, found)
			todo = append(todo, func(ctx context.Context) error { return read(ctx, found) })
		}
	}
	if err := atOnce(ctx, todo...); err != nil {
		return nil, err
	}
	log := standingOf(actions)
	all := log.join(issues, window, filters)
	if err := a.decide(ctx, log, all); err != nil {
		return nil, err
	}
	matches := all[:0]
	levels, status, assignee := a.lines("level"), a.bound["status"], catalog.Unescape(a.bound["assignee"])
	for _, i := range all {
		fits := status == "any" || i.status == status || status == "unresolved" && i.status != "resolved" && i.status != "ignored"
		if fits && (levels == nil || slices.Contains(levels, levelName(i.level))) && (assignee == "" || log.who[i.key] == assignee) {
			matches = append(matches, i)
		}
	}
	rank := map[string]func(*listed) int64{
		"events": func(i *listed) int64 { return int64(i.window) }, "users": func(i *listed) int64 { return int64(i.visitors) },
		"trend":      func(i *listed) int64 { return 2*int64(i.late) - int64(i.window) },
		"first_seen": func(i *listed) int64 { return i.first.UnixMilli() }, "last_seen": func(i *listed) int64 { return i.last.UnixMilli() },
	}[a.bound["sort"]]
	slices.SortFunc(matches, func(x, y *listed) int { return cmp.Or(cmp.Compare(rank(y), rank(x)), cmp.Compare(x.key, y.key)) })
	limit, _ := strconv.Atoi(a.bound["limit"])
	offset, _ := strconv.Atoi(a.bound["offset"])
	start := min(offset, len(matches))
	return a.show(ctx, log, known, matches[start:start+min(limit, maxPage, len(matches)-start)], uint64(len(matches)))
}

// readWindow counts events of the window by fingerprint. What was on this page
// when it was asked for last is likely on it now: its trend comes from the same
// read, a row for each slot or, since users do not add up, as arrays.
func (a *asking) readWindow(ctx context.Context, into map[uint64][3]uint64, known *trend) error {
	b, guess := a, a.store.pages.last(a.pageKey())
	if len(guess) > 0 {
		b = a.with(map[string]string{"page": numbers(guess)})
	}
	known.add(guess)
	counts := map[point][3]uint64{} // A row may come twice: see rows.
	err := b.rows(ctx, "window", func(r driver.Rows) error {
		var x point
		var n [3]uint64
		var slot time.Time
		var slots []any
		cells := []any{&x.fingerprint, &n[0]}
		switch a.bound["sort"] {
		case "trend":
			cells = append(cells, &n[1])
		case "users":
			cells = append(cells, &n[2])
		}
		switch {
		case len(guess) > 0 && a.bound["sort"] == "users":
			cells = append(cells, &slots)
		case len(guess) > 0:
			cells = append(cells, &slot)
		}
		err := r.Scan(cells...)
		if len(slots) == 2 {
			times, _ := slots[0].([]time.Time)
			sums, _ := slots[1].([]uint64)
			for i := range min(len(times), len(sums)) {
				known.points[point{x.fingerprint, times[i].Unix()}] = sums[i]
			}
		} else if len(guess) > 0 {
			x.at = slot.Unix()
		}
		counts[x] = n
		return err
	})
	for x, n := range counts {
		sum := into[x.fingerprint]
		for i := range n {
			sum[i] += n[i]
		}
		into[x.fingerprint] = sum
		if known.of[x.fingerprint] && a.bound["sort"] != "users" {
			known.points[x] = n[0]
		}
	}
	return err
}

// readIssues reads what is known of each fingerprint, whenever it was seen.
func (a *asking) readIssues(ctx context.Context, into map[uint64]*listed) error {
	levels, counts := a.given("level"), a.bound["status"] != "any" // Asked once, not for every row.
	return a.rows(ctx, "issues", func(r driver.Rows) error {
		i := listed{}
		var fresh uint8
		cells := []any{&i.key, &i.first, &i.last, &fresh, &i.version}
		if levels {
			cells = append(cells, &i.level)
		}
		if counts {
			cells = append(cells, &i.events)
		}
		err := r.Scan(cells...)
		i.fresh, i.members = fresh != 0, []uint64{i.key}
		into[i.key] = &i
		return err
	})
}

// add counts what another fingerprint of the issue has seen.
func (i *listed) add(o *listed) {
	if o.first.Before(i.first) {
		i.first = o.first
	}
	if o.last.After(i.last) {
		i.last = o.last
	}
	i.fresh = i.fresh && o.fresh
	i.level = max(i.level, o.level)
	i.events += o.events
	i.version += o.version
}

// join makes issues of fingerprints: those that have events in the window and
// pass every filter by one of their members.
func (l *triageLog) join(issues map[uint64]*listed, window map[uint64][3]uint64, filters []map[uint64]bool) []*listed {
	for f, into := range l.into {
		if i := issues[f]; i != nil && f != into {
			if s := issues[into]; s != nil {
				s.add(i)
				s.members = append(s.members, f)
			} else { // The issue itself has no event left.
				i.key = into
				issues[into] = i
			}
			delete(issues, f)
		}
	}
	passed := make([]map[uint64]bool, len(filters))
	for n, found := range filters {
		passed[n] = make(map[uint64]bool, len(found))
		for f := range found {
			passed[n][l.survivor(f)] = true
		}
	}
	var out []*listed
	for f, n := range window {
		key := l.survivor(f)
		i := issues[key]
		if i == nil || slices.ContainsFunc(passed, func(found map[uint64]bool) bool { return !found[key] }) {
			continue
		}
		if i.visits++; i.visits == 1 {
			out = append(out, i)
		}
		i.window += n[0]
		i.late += n[1]
		i.visitors += n[2]
	}
	return out
}

// decide sets what filters and order need: the state, and users of the window
// of issues with several members, whose sketches do not add up.
func (a *asking) decide(ctx context.Context, log *triageLog, all []*listed) error {
	ask := subjects{}
	var visitors, visited []uint64
	byState := a.bound["status"] != "any"
	for _, i := range all {
		if byState {
			ask.add(i, log.state[i.key])
		}
		if a.bound["sort"] == "users" && i.visits > 1 {
			for _, f := range i.members {
				visitors, visited = append(visitors, f), append(visited, i.key)
			}
		}
	}
	b := a.with(ask.values())
	b.bound["visitors"], b.bound["visited"] = numbers(visitors), numbers(visited)
	visits, crowds, reopened := map[uint64]uint64{}, map[uint64]uint64{}, map[uint64]bool{}
	err := atOnce(ctx, func(ctx context.Context) error { return b.counts(ctx, "visits", visits) },
		func(ctx context.Context) error { return b.counts(ctx, "crowds", crowds) },
		func(ctx context.Context) error { return b.set(ctx, "reopened", reopened) })
	for _, i := range all {
		if n, ok := visits[i.key]; ok {
			i.visitors = n
		}
		if byState {
			i.users, i.reopened = crowds[i.key], reopened[i.key]
			i.status = log.state[i.key].status(i.seen)
		}
	}
	return err
}

// subjects are the issues whose state asks for more than plain numbers.
type subjects struct {
	resolved, resolvedMembers, crowd, crowds []uint64
	resolutions                              []any
}

func (s *subjects) add(i *listed, said standing) {
	if said.inRelease() {
		s.resolved, s.resolvedMembers, s.resolutions = append(s.resolved, i.key), append(s.resolvedMembers, i.members...), append(s.resolutions, said.id)
	}
	if said.action == Ignore && said.users > 0 {
		for _, f := range i.members {
			s.crowd, s.crowds = append(s.crowd, f), append(s.crowds, i.key)
		}
	}
}

func (s *subjects) values() map[string]string {
	ids, _ := catalog.ArrayText(s.resolutions) // They are all UUIDs.
	return map[string]string{"resolved": numbers(s.resolved), "resolved_members": numbers(s.resolvedMembers), "resolutions": ids, "crowd": numbers(s.crowd), "crowds": numbers(s.crowds)}
}

// show reads what a page shows.
func (a *asking) show(ctx context.Context, log *triageLog, known *trend, page []*listed, matches uint64) (*Result, error) {
	out := &Result{}
	for _, c := range a.query.Columns {
		out.Columns = append(out.Columns, catalog.Field{Name: c.Name, Type: c.Type})
	}
	if len(page) == 0 {
		a.store.pages.keep(a.pageKey(), nil)
		return out, nil
	}
	ask := subjects{}
	var all, members, owners []uint64
	place := map[uint64]int{}
	moved := "[0]"
	cards := a.store.cards.known(a.bound["project"], page)
	for n, i := range page {
		place[i.key] = n
		ask.add(i, log.state[i.key])
		all = append(all, i.members...)
		if cards[n] != nil {
			continue
		}
		cards[n] = &card{}
		for _, f := range i.members {
			members, owners = append(members, f), append(owners, i.key)
			if f != i.key {
				moved = "[1]"
			}
		}
	}
	values := ask.values()
	a.store.pages.keep(a.pageKey(), all)
	values["members"], values["owners"], values["moved"] = numbers(members), numbers(owners), moved
	b := a.with(values)
	trends := make([][]uint64, len(page))
	reopened := map[uint64]bool{}
	err := atOnce(ctx, func(ctx context.Context) error { return b.set(ctx, "reopened", reopened) },
		func(ctx context.Context) error { return b.trends(ctx, log, place, all, known, trends) },
		func(ctx context.Context) error { return b.people(ctx, place, cards) },
		func(ctx context.Context) error { return b.newest(ctx, place, cards) })
	if err != nil {
		return nil, err
	}
	a.store.cards.keep(a.bound["project"], page, cards)
	for n, i := range page {
		c := cards[n]
		if !c.counted || !c.named {
			continue // Its last event was dropped meanwhile.
		}
		of := seen{fresh: i.fresh, last: c.lastSeen, events: c.events, users: c.users, reopened: reopened[i.key]}
		out.Rows = append(out.Rows, []any{fmt.Sprintf("%016x", i.key), c.title, c.culprit, c.kind, c.level, log.state[i.key].status(of), log.who[i.key], c.firstSeen, c.lastSeen, i.window,
			c.events, c.users, slices.Clone(c.protocols), slices.Clone(c.environments), c.firstRelease, c.lastRelease, c.sample, c.trace, trends[n], matches})
	}
	return out, nil
}

// levelName names a level as the tables do.
func levelName(n int8) string {
	names := []string{"unspecified", "debug", "info", "warning", "error", "fatal"}
	if n < 0 || int(n) >= len(names) {
		return names[0]
	}
	return names[n]
}
