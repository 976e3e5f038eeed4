package queries_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/schema/tables"
)

// expected is an issue as going through all raw events finds it.
type expected struct {
	key                  string
	window, late, users  int64
	first, last          time.Time
	inWindow, tag, words bool
}

// pages are the issues that a list must give, in its order, by going through
// all events: those with an event in the window, one that has the tag on a day
// of it, and one with all words within it.
func (h heap) pages(project uint32, from, to time.Time, tag, word, sort string) (out []string) {
	const day = 24 * time.Hour
	width := time.Hour
	if to.Unix()-from.Unix() > 72*3600 {
		width = day
	}
	days := int64(to.Truncate(day).Sub(from.Truncate(day)) / day)
	half := from.Truncate(day).Add(time.Duration((days+1)/2) * day)
	if width == time.Hour {
		half = from.Truncate(time.Second).Add(time.Duration((to.Unix()-from.Unix())/2) * time.Second)
	}
	key, value, _ := strings.Cut(tag, "=")
	found, people := map[string]*expected{}, map[string]map[uint64]bool{}
	for _, e := range h.events {
		if e.project != project {
			continue
		}
		id := issueHex(h.issue(e.fingerprint))
		i := found[id]
		if i == nil {
			i = &expected{key: id, first: e.ts, last: e.ts}
			found[id], people[id] = i, map[uint64]bool{}
		}
		if e.ts.Before(i.first) {
			i.first = e.ts
		}
		if e.ts.After(i.last) {
			i.last = e.ts
		}
		slot := e.ts.Truncate(width)
		if !slot.Before(from.Truncate(width)) && !slot.After(to) {
			i.inWindow = true
			i.window += int64(e.count()) //nolint:gosec // Small.
			if !slot.Before(half) {
				i.late += int64(e.count()) //nolint:gosec // Small.
			}
			for _, u := range append([]uint64{e.user}, e.users...) {
				if u != 0 {
					people[id][u] = true
				}
			}
		}
		own := map[string]string{"environment": e.environment, "level": e.level, "service": e.service, "release": e.release}[key]
		if own == "" {
			own = e.tags[key]
		}
		if e.count() > 0 && own == value && value != "" && !e.ts.Truncate(day).Before(from.Truncate(day)) && !e.ts.Truncate(day).After(to) {
			i.tag = true
		}
		if !e.ts.Before(from) && !e.ts.After(to) && strings.Contains(e.title+" ", " "+word+" ") {
			i.words = true
		}
	}
	var all []*expected
	for id, i := range found {
		i.users = int64(len(people[id]))
		if i.inWindow && (tag == "" || i.tag) && (word == "" || i.words) {
			all = append(all, i)
		}
	}
	rank := func(i *expected) int64 {
		return map[string]int64{"events": i.window, "users": i.users, "trend": 2*i.late - i.window, "first_seen": i.first.UnixMilli(), "last_seen": i.last.UnixMilli()}[sort]
	}
	slices.SortFunc(all, func(a, b *expected) int { return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.key, b.key)) })
	for _, i := range all {
		out = append(out, i.key)
	}
	return out
}

// manyIssues are the events of a random heap with 40 issues over 80 days, so
// that windows begin and end within several months.
func manyIssues(now time.Time, project uint32, n int, seed uint64) heap {
	h := randomHeap(now, []uint32{project}, n, seed)
	r := rand.New(rand.NewPCG(seed, 8))
	for i := range h.events {
		e := &h.events[i]
		e.ts = now.Add(-8 * now.Sub(e.ts)).Truncate(time.Millisecond)
		if r.IntN(2) == 0 {
			e.fingerprint = uint64(0x100 + min(r.IntN(30), r.IntN(30)))
		}
		e.tags["tenant"] = fmt.Sprint("tenant=", r.IntN(40)) // With the sign that parts key and value.
	}
	return h
}

// Lists filtered by a tag and by words, in every order, page after page, give
// what going through all events gives.
func TestPagesOfTagsAndWords(t *testing.T) {
	owner := storeIn(t, "paged")
	now := time.Now().UTC().Truncate(time.Millisecond)
	h := manyIssues(now, 1, 2500, 5)
	half := len(h.events) / 2
	seed(t, owner, h.events[:half]...)
	_, err := owner.Triage(t.Context(), queries.Change{Project: 1, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(0x11), issueHex(0x13)}, Into: issueHex(0x12)})
	require.NoError(t, err)
	_, err = owner.Triage(t.Context(), queries.Change{Project: 1, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(0x21)}, Into: issueHex(0x01)})
	require.NoError(t, err)
	const day = 24 * time.Hour
	compare := func(t *testing.T, h heap, s *queries.Store, every int) {
		t.Helper()
		some := 0
		for n, c := range []struct {
			tag, word, sort string
			back, until     time.Duration // Of the window, before now.
		}{
			{"plan=o'brien\\x", "", "last_seen", 14 * day, 0},
			{"tenant=tenant=7", "beta", "events", 75 * day, 40 * day},
			{"environment=staging", "", "users", 33*day + 5*time.Hour, 31 * day},
			{"", "beta", "trend", 14 * day, 0},
			{"level=fatal", "", "first_seen", 200 * day, -48 * time.Hour},
			{"plan=free", "alpha", "trend", 75 * day, 40 * day},
			{"plan=pro", "gamma", "users", 20 * time.Hour, time.Hour},
			{"release=shop@1.10.0", "", "events", 62 * day, 61 * day},
			{"plan=none", "", "events", 14 * day, 0},
			{"none=pro", "", "events", 14 * day, 0},
			{"tenant=", "", "last_seen", 14 * day, 0},
			{"region=pro", "b%ta", "last_seen", 14 * day, 0},
			{"service=worker", "", "events", 20 * time.Hour, -48 * time.Hour},
			{"region=\t\n", "", "events", 14 * day, 0},
		} {
			if n%every != 0 {
				continue
			}
			from, to := now.Add(-c.back), now.Add(-c.until)
			want := h.pages(1, from, to, c.tag, c.word, c.sort)
			values := map[string]string{"project": "1", "from": from.Format(time.RFC3339Nano), "to": to.Format(time.RFC3339Nano), "tag": c.tag, "text": c.word, "sort": c.sort, "limit": "9"}
			var got []string
			for {
				values["offset"] = fmt.Sprint(len(got))
				r, err := s.Run(t.Context(), "issue_list", values)
				require.NoError(t, err)
				for _, row := range rows(r) {
					require.Equal(t, uint64(len(want)), row["matches"], values)
					var trend uint64
					for _, n := range row["trend"].([]uint64) {
						trend += n
					}
					require.Equal(t, row["window_events"], trend, values)
					got = append(got, row["issue"].(string))
				}
				if len(r.Rows) < 9 {
					break
				}
			}
			require.Equal(t, want, got, values)
			some += len(want)
		}
		require.Greater(t, some, 20)
	}
	// Other issues are on the same pages then.
	compare(t, heap{h.events[:half], h.into}, owner, 2)
	seed(t, owner, h.events[half:]...)
	compare(t, h, owner, 1)
	compare(t, h, impatient(t, "paged"), 1)

	// A store from before tag_issue: days that it does not have are read from
	// issue_tag, until it has all of a window.
	exec := func(sql string) { require.NoError(t, owner.Conn().Exec(t.Context(), sql)) }
	exec("DROP VIEW tag_issue_mv")
	exec("DROP TABLE tag_issue")
	exec("ALTER TABLE rollup_since DELETE WHERE rollup = 'tag_issue' SETTINGS mutations_sync = 2")
	exec("DELETE FROM migrations WHERE name = '081_tag_issue.sql'")
	require.NoError(t, tables.Migrate(t.Context(), owner.Conn(), tables.Options{Database: "paged", Password: clickhousetest.Passwords["errata"]}))
	compare(t, h, again(t, "paged"), 2)
	require.Empty(t, verdicts(t, owner, 1)["tag_issue days of levels"], "it has no whole day yet")
	exec("INSERT INTO tag_issue SELECT project_id, cityHash64(CAST(key, 'String'), value), fingerprint, toStartOfMonth(day), bitShiftLeft(toUInt32(1), toDayOfMonth(day) - 1) FROM issue_tag WHERE day >= today() - 30")
	exec("ALTER TABLE rollup_since DELETE WHERE rollup = 'tag_issue' SETTINGS mutations_sync = 2")
	exec("INSERT INTO rollup_since SELECT 'tag_issue', today() - 30")
	compare(t, h, again(t, "paged"), 2)
	require.Equal(t, "ok", verdicts(t, owner, 1)["tag_issue days of levels"])
	exec("ALTER TABLE tag_issue DELETE WHERE tag = cityHash64('level', 'fatal') SETTINGS mutations_sync = 2")
	require.Equal(t, "differs", verdicts(t, owner, 1)["tag_issue days of levels"], "the check sees what is missing")
}

// again is the store of a database as another process asks it.
func again(t *testing.T, database string) *queries.Store {
	t.Helper()
	s, err := queries.Open(t.Context(), queries.Config{Addr: clickhousetest.Shared(t).Addr(), Database: database, User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// impatient is such a store that waits for no row that it does not know.
func impatient(t *testing.T, database string) *queries.Store {
	t.Helper()
	s := again(t, database)
	s.WaitFor(1)
	return s
}
