// Package issues is the list of issues. In: query issue_list with bound values.
// Out: a page of them, put together from plain reads of counts, of what is known
// of each, of the triage log and of what filters match; what parts of tables that
// never change say is kept. What a state means is known to package standing.
package issues

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"errata/queries/asking"
	"errata/queries/catalog"
	"errata/queries/standing"
)

// maxPage bounds a page of issues.
const maxPage = 1000

// listed is an issue that has events in the window.
type listed struct {
	members  []uint64 // It and what was merged into it.
	window   uint64   // Events in the window.
	late     uint64   // Of the window's second half.
	visitors uint64   // Users in the window, where they are asked for.
	visits   int      // Members with events in the window.
	crowds   int      // Sketches of users that visitors adds up.
	known
	status string
	rank   int64 // What the list is sorted by.
	seen   standing.Seen
}

// asked is one run of the query, and the cards that are kept between runs.
type asked struct {
	*asking.Asking
	cards *Cards
}

// with is the same with more values bound.
func (a *asked) with(values map[string]string) *asked {
	return &asked{a.With(values), a.cards}
}

// List is query issue_list: plain reads of the whole project, at once; then who
// matches; then what is shown of the page, at once again.
func List(ctx context.Context, of *asking.Asking, kept *Cards) (*asking.Result, error) {
	a := &asked{of, kept}
	var actions []standing.Logged
	var issues []known
	var fresh int64
	var filters []map[uint64]bool
	window := &tally{}
	todo := []func(context.Context) error{
		func(ctx context.Context) (err error) { actions, err = standing.Read(ctx, a.Asking); return err },
		func(ctx context.Context) error { return a.readWindow(ctx, window) },
		func(ctx context.Context) (err error) { issues, fresh, err = a.readIssues(ctx); return err },
	}
	for param, read := range map[string]func(context.Context, map[uint64]bool) error{
		"text": func(ctx context.Context, into map[uint64]bool) error {
			return a.matching(ctx, "words", a.Bound["text"], into)
		},
		"filters": func(ctx context.Context, into map[uint64]bool) error {
			return a.matching(ctx, "passed", a.Bound["filters"], into)
		},
		"tag": a.tagged,
	} {
		if a.Given(param) {
			found := map[uint64]bool{}
			filters = append(filters, found)
			todo = append(todo, func(ctx context.Context) error { return read(ctx, found) })
		}
	}
	if err := asking.AtOnce(ctx, todo...); err != nil {
		return nil, err
	}
	log := standing.Of(actions)
	all := join(log, issues, fresh, window.of, filters)
	if err := a.decide(ctx, log, all); err != nil {
		return nil, err
	}
	matches := all[:0]
	levels, status, assignee := a.Lines("level"), a.Bound["status"], catalog.Unescape(a.Bound["assignee"])
	for _, i := range all {
		fits := status == "any" || i.status == status || status == "unresolved" && i.status != "resolved" && i.status != "ignored"
		if fits && (levels == nil || slices.Contains(levels, levelName(i.level))) && (assignee == "" || log.Who[i.key] == assignee) {
			matches = append(matches, i)
		}
	}
	limit, _ := strconv.Atoi(a.Bound["limit"])
	offset, _ := strconv.Atoi(a.Bound["offset"])
	start := min(offset, len(matches))
	end := start + min(limit, maxPage, len(matches)-start)
	if a.Bound["sort"] == "users" {
		if err := a.crowd(ctx, window, matches, end); err != nil {
			return nil, err
		}
	}
	rank := map[string]func(*listed) int64{
		"events": func(i *listed) int64 { return int64(i.window) }, "users": func(i *listed) int64 { return int64(i.visitors) },
		"trend":      func(i *listed) int64 { return 2*int64(i.late) - int64(i.window) },
		"first_seen": func(i *listed) int64 { return i.first }, "last_seen": func(i *listed) int64 { return i.last },
	}[a.Bound["sort"]]
	for _, i := range matches {
		i.rank = rank(i)
	}
	page := foremost(matches, end, func(x, y *listed) int { return cmp.Or(cmp.Compare(y.rank, x.rank), cmp.Compare(x.key, y.key)) })
	return a.show(ctx, log, window, page[start:], uint64(len(matches)))
}

// foremost are the first n of all in order. A page is a few of many.
func foremost(all []*listed, n int, order func(x, y *listed) int) []*listed {
	if n > len(all)/8 || n > maxPage {
		slices.SortFunc(all, order)
		return all[:n]
	}
	out := make([]*listed, 0, n+1)
	for _, i := range all {
		if len(out) == n && (n == 0 || order(i, out[n-1]) > 0) {
			continue
		}
		at, _ := slices.BinarySearchFunc(out, i, order)
		out = slices.Insert(out, at, i)
		out = out[:min(len(out), n)]
	}
	return out
}

// join makes issues of fingerprints: those that have events in the window and
// pass every filter by one of their members. Both lists are in order; an issue is
// fresh that was first seen after fresh.
func join(l *standing.Log, issues []known, fresh int64, window []tallied, filters []map[uint64]bool) []*listed {
	moved := map[uint64][]uint64{}
	for f, into := range l.Into {
		if f != into {
			moved[into] = append(moved[into], f)
		}
	}
	passed := make([]map[uint64]bool, len(filters))
	for n, found := range filters {
		passed[n] = found
		if len(l.Into) > 0 {
			passed[n] = make(map[uint64]bool, len(found))
			for f := range found {
				passed[n][l.Survivor(f)] = true
			}
		}
	}
	const no = -1
	place := make([]int32, len(issues)) // Where it is in pool, from 1; or no.
	others := map[uint64]*int32{}       // Of issues that have no event of their own left.
	pool, keys := make([]listed, 0, len(window)), make([]uint64, 0, len(window))
	at := 0
	for _, t := range window {
		key := t.fingerprint
		if len(l.Into) > 0 {
			key = l.Survivor(key)
		}
		for at < len(issues) && issues[at].key < t.fingerprint {
			at++
		}
		n, own := at, at < len(issues) && issues[at].key == key
		if key != t.fingerprint {
			n, own = find(issues, key)
		}
		var p *int32
		if own {
			p = &place[n]
		} else if p = others[key]; p == nil {
			p = new(int32)
			others[key] = p
		}
		if *p == 0 {
			*p = no
			if !slices.ContainsFunc(passed, func(found map[uint64]bool) bool { return !found[key] }) {
				i := listed{known: known{key: key}}
				if own && l.Survivor(key) == key {
					keys = append(keys, key)
					i.known, i.members = issues[n], keys[len(keys)-1:len(keys):len(keys)]
				}
				for _, f := range moved[key] {
					if n, ok := find(issues, f); ok {
						if i.members == nil {
							i.known = issues[n]
							i.key = key
						} else {
							i.add(issues[n])
						}
						i.members = append(i.members, f)
					}
				}
				if i.members != nil {
					i.seen.Fresh, i.seen.Last, i.seen.Events = i.first > fresh, time.UnixMilli(i.last).UTC(), i.events
					pool = append(pool, i)
					*p = int32(len(pool)) //nolint:gosec // As many as fingerprints in memory.
				}
			}
		}
		if *p == no {
			continue
		}
		i := &pool[*p-1]
		i.visits++
		i.window += t.events
		i.late += t.late
		i.visitors += t.users
		i.crowds += t.crowds
	}
	out := make([]*listed, len(pool))
	for n := range pool {
		out[n] = &pool[n]
	}
	return out
}

// find is where an issue is in a list in order.
func find(issues []known, key uint64) (int, bool) {
	return slices.BinarySearchFunc(issues, key, func(k known, key uint64) int { return cmp.Compare(k.key, key) })
}

// decide sets the states, where filters need them.
func (a *asked) decide(ctx context.Context, log *standing.Log, all []*listed) error {
	if a.Bound["status"] == "any" {
		return nil
	}
	ask := subjects{}
	for _, i := range all {
		ask.add(i, log.State[i.key])
	}
	b := a.with(ask.values())
	crowds, reopened := map[uint64]uint64{}, map[uint64]bool{}
	err := asking.AtOnce(ctx, func(ctx context.Context) error { return b.Counts(ctx, "crowds", crowds) },
		func(ctx context.Context) error { return b.Set(ctx, "reopened", reopened) })
	for _, i := range all {
		i.seen.Users, i.seen.Reopened = crowds[i.key], reopened[i.key]
		i.status = log.State[i.key].Status(i.seen)
	}
	return err
}

// subjects are the issues whose state asks for more than plain numbers.
type subjects struct {
	resolved, resolvedMembers, crowd, crowds []uint64
	resolutions                              []any
}

func (s *subjects) add(i *listed, said standing.Action) {
	if said.InRelease() {
		s.resolved, s.resolvedMembers, s.resolutions = append(s.resolved, i.key), append(s.resolvedMembers, i.members...), append(s.resolutions, said.ID)
	}
	if said.Kind == standing.Ignore && said.Users > 0 {
		for _, f := range i.members {
			s.crowd, s.crowds = append(s.crowd, f), append(s.crowds, i.key)
		}
	}
}

func (s *subjects) values() map[string]string {
	ids, _ := catalog.ArrayText(s.resolutions) // They are all UUIDs.
	return map[string]string{"resolved": asking.Numbers(s.resolved), "resolved_members": asking.Numbers(s.resolvedMembers), "resolutions": ids, "crowd": asking.Numbers(s.crowd), "crowds": asking.Numbers(s.crowds)}
}

// show reads what a page shows.
func (a *asked) show(ctx context.Context, log *standing.Log, window *tally, page []*listed, matches uint64) (*asking.Result, error) {
	out := &asking.Result{}
	for _, c := range a.Query.Columns {
		out.Columns = append(out.Columns, catalog.Field{Name: c.Name, Type: c.Type})
	}
	if len(page) == 0 {
		return out, nil
	}
	ask := subjects{}
	var all, members, owners []uint64
	place := map[uint64]int{}
	moved := "[0]"
	cards := a.cards.known(a.Bound["project"], page)
	for n, i := range page {
		place[i.key] = n
		ask.add(i, log.State[i.key])
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
	values["members"], values["owners"], values["moved"] = asking.Numbers(members), asking.Numbers(owners), moved
	b := a.with(values)
	trends := make([][]uint64, len(page))
	reopened := map[uint64]bool{}
	err := asking.AtOnce(ctx, func(ctx context.Context) error { return b.Set(ctx, "reopened", reopened) },
		func(ctx context.Context) error { return b.trends(ctx, log, place, all, window, trends) },
		func(ctx context.Context) error { return b.people(ctx, place, cards) },
		func(ctx context.Context) error { return b.newest(ctx, place, cards) })
	if err != nil {
		return nil, err
	}
	a.cards.keep(a.Bound["project"], page, cards)
	for n, i := range page {
		c := cards[n]
		if !c.counted || !c.named {
			continue // Its last event was dropped meanwhile.
		}
		of := standing.Seen{Fresh: i.seen.Fresh, Last: c.lastSeen, Events: c.events, Users: c.users, Reopened: reopened[i.key]}
		out.Rows = append(out.Rows, []any{fmt.Sprintf("%016x", i.key), c.title, c.culprit, c.kind, c.level, log.State[i.key].Status(of), log.Who[i.key], c.firstSeen, c.lastSeen, i.window,
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
