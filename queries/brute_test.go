package queries_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// heap is raw events of several projects, with what was merged: answers are
// computed from it by going through all of it.
type heap struct {
	events []event
	into   map[uint64]uint64 // Of each project the same.
}

func (h heap) issue(f uint64) uint64 {
	if s, ok := h.into[f]; ok {
		return s
	}
	return f
}

func (e event) count() uint64 { return uint64(max(e.weight, 0)) }

// sums adds up weights of the events that keep lets through, by key.
func (h heap) sums(keep func(event) bool, key func(event) string) map[string]uint64 {
	out := map[string]uint64{}
	for _, e := range h.events {
		if keep(e) {
			out[key(e)] += e.count()
		}
	}
	return out
}

// randomHeap makes events of three projects: twins, floods, several releases,
// environments, services, levels and tags, over ten days before now.
func randomHeap(now time.Time, projects []uint32, n int, seed uint64) heap {
	r := rand.New(rand.NewPCG(seed, 7))
	h := heap{into: map[uint64]uint64{0x11: 0x12, 0x13: 0x12, 0x21: 0x01}}
	prints := []uint64{0x01, 0x02, 0x03, 0x11, 0x12, 0x13, 0x14, 0x21, 0x31}
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	for range n {
		f := prints[min(r.IntN(len(prints)), r.IntN(len(prints)))]
		e := event{project: projects[r.IntN(len(projects))], fingerprint: f, id: uuid.NewString(), ts: now.Add(-time.Duration(r.IntN(10*24*3600*1000)) * time.Millisecond).Truncate(time.Millisecond), weight: 1,
			release: pick("", "shop@1.0.0", "shop@1.1.0", "shop@1.10.0", "zebra"), environment: pick("production", "production", "staging"), service: pick("shop", "worker"), level: pick("error", "error", "warning", "fatal"),
			protocol: pick("sentry", "otlp"), title: fmt.Sprintf("ValueError: card %d of %s", r.IntN(1000), pick("alpha", "beta", "gamma")), user: uint64(r.IntN(9)), tags: map[string]string{}, trace: pick("", fmt.Sprintf("%032x", r.IntN(200)+1))}
		for _, k := range []string{"plan", "region"} {
			if r.IntN(3) > 0 {
				e.tags[k] = pick("pro", "free", "o'brien\\x")
			}
		}
		switch r.IntN(8) {
		case 0:
			e.weight = -1
		case 1:
			e.weight, e.users = r.IntN(50)+2, []uint64{uint64(r.IntN(20) + 1), uint64(r.IntN(20) + 1)}
		}
		h.events = append(h.events, e)
	}
	return h
}

// Every question that gives a number gives the one that going through all raw
// events gives: with twins, floods, merged and split issues, several projects,
// releases and environments.
func TestAnswersOfRawEvents(t *testing.T) {
	owner := store(t, "errata")
	projects := []uint32{newProject(), newProject(), newProject()}
	now := time.Now().UTC().Truncate(time.Millisecond)
	h := randomHeap(now, projects[:2], 1500, 1) // The third has nothing.
	seed(t, owner, h.events...)
	for _, p := range projects[:2] {
		triage := func(c queries.Change) {
			c.Project, c.Actor = p, "ann"
			_, err := owner.Triage(t.Context(), c)
			require.NoError(t, err)
		}
		triage(queries.Change{Kind: queries.Merge, Issues: []string{issueHex(0x11), issueHex(0x13), issueHex(0x14)}, Into: issueHex(0x12)})
		triage(queries.Change{Kind: queries.Merge, Issues: []string{issueHex(0x21)}, Into: issueHex(0x01)})
		triage(queries.Change{Kind: queries.Split, Issues: []string{issueHex(0x14)}})
	}
	run := func(name string, pairs ...string) []map[string]any {
		t.Helper()
		values := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			values[pairs[i]] = pairs[i+1]
		}
		r, err := owner.Run(t.Context(), name, values)
		require.NoError(t, err)
		return rows(r)
	}
	// numbers is one column by another.
	numbers := func(all []map[string]any, key, value string) map[string]uint64 {
		out := map[string]uint64{}
		for _, row := range all {
			if n := row[value].(uint64); n > 0 {
				out[text(row[key])] += n
			}
		}
		return out
	}
	positive := func(m map[string]uint64) map[string]uint64 {
		maps.DeleteFunc(m, func(_ string, n uint64) bool { return n == 0 })
		return m
	}
	moment := func(at time.Time) string { return at.Format(time.RFC3339Nano) }
	byIssue := func(e event) string { return issueHex(h.issue(e.fingerprint)) }
	for _, p := range projects[:2] {
		project := text(p)
		mine := func(e event) bool { return e.project == p }
		windows := []time.Duration{26 * time.Hour, 9 * 24 * time.Hour}
		if p == projects[1] {
			windows = []time.Duration{71 * time.Hour}
		}
		for _, back := range windows {
			from, to := now.Add(-back-7*time.Minute), now.Add(-time.Hour)
			// Lists count whole hours or days, up to the end of the last one.
			width := time.Hour
			if to.Sub(from) > 72*time.Hour {
				width = 24 * time.Hour
			}
			within := func(e event) bool {
				return mine(e) && !e.ts.Before(from.Truncate(width)) && e.ts.Before(to.Truncate(width).Add(width))
			}
			exactly := func(e event) bool { return mine(e) && !e.ts.Before(from) && !e.ts.After(to) }
			hourly := func(e event) bool {
				return mine(e) && !e.ts.Before(from.Truncate(time.Hour)) && e.ts.Before(to.Truncate(time.Hour).Add(time.Hour))
			}
			minutes := func(e event) bool {
				return mine(e) && !e.ts.Before(from.Truncate(time.Minute)) && !e.ts.After(to.Truncate(time.Minute).Add(time.Minute-time.Millisecond))
			}
			window := []string{"project", project, "from", moment(from), "to", moment(to)}
			with := func(pairs ...string) []string { return append(slices.Clone(window), pairs...) }
			for name, keep := range map[string]func(event) bool{
				"": func(event) bool { return true }, "environment=staging": func(e event) bool { return e.environment == "staging" },
				"release=shop@1.1.0\nzebra": func(e event) bool { return e.release == "shop@1.1.0" || e.release == "zebra" },
			} {
				pairs := window
				if k, v, ok := strings.Cut(name, "="); ok {
					pairs = with(k, v)
				}
				both := func(e event) bool { return within(e) && keep(e) }
				list := run("issue_list", append(slices.Clone(pairs), "sort", "events")...)
				require.Equal(t, positive(h.sums(both, byIssue)), numbers(list, "issue", "window_events"), "issue_list %q", name)
				for _, row := range list {
					var trend uint64
					for _, n := range row["trend"].([]uint64) {
						trend += n
					}
					require.Equal(t, row["window_events"], trend, "the trend of %v", row["issue"])
				}
				require.True(t, slices.IsSortedFunc(list, func(a, b map[string]any) int {
					return cmp.Compare(b["window_events"].(uint64), a["window_events"].(uint64))
				}))
			}
			for by, key := range map[string]func(event) string{"environment": func(e event) string { return e.environment }, "release": func(e event) string { return e.release }, "service": func(e event) string { return e.service },
				"level": func(e event) string { return e.level }, "protocol": func(e event) string { return e.protocol }} {
				require.Equal(t, positive(h.sums(minutes, key)), numbers(run("error_trend", with("by", by)...), "series", "events"), "error_trend by %s", by)
				split := []string{"projects", project, "from", moment(from), "to", moment(to), "by", by}
				require.Equal(t, positive(h.sums(minutes, key)), numbers(run("error_trend_split", split...), "series", "events"), "error_trend_split by %s", by)
				require.Equal(t, positive(h.sums(hourly, key)), numbers(run("cost", with("by", by)...), "value", "events"), "cost by %s", by)
				of := func(e event) bool { return exactlyFromMinute(e, p, from, to) && h.issue(e.fingerprint) == 0x12 }
				require.Equal(t, positive(h.sums(of, key)), numbers(run("error_trend_split", append(split, "issue", issueHex(0x12))...), "series", "events"), "error_trend_split of an issue by %s", by)
			}
			for by, name := range map[string]string{"platform": "python", "type": "ValueError", "transaction": "", "http_status": "0"} {
				of := func(e event) bool { return exactlyFromMinute(e, p, from, to) }
				require.Equal(t, positive(h.sums(of, func(event) string { return name })), numbers(run("error_trend_split", "projects", project, "from", moment(from), "to", moment(to), "by", by), "series", "events"), "error_trend_split by %s", by)
			}
			tagged := func(e event) string { return e.tags["plan"] }
			for _, seconds := range []string{"60", "300", "3600"} {
				of := func(e event) bool { return exactlyFromMinute(e, p, from, to) }
				split := []string{"projects", project, "from", moment(from), "to", moment(to), "bucket_seconds", seconds}
				require.Equal(t, positive(h.sums(of, tagged)), numbers(run("error_trend_split", append(slices.Clone(split), "by", "tag", "tag_key", "plan")...), "series", "events"), "by tag, %s", seconds)
				require.Equal(t, positive(h.sums(of, byIssue)), numbers(run("error_trend_split", append(slices.Clone(split), "by", "issue")...), "series", "events"), "by issue, %s", seconds)
				filtered := func(e event) bool { return of(e) && e.tags["plan"] == "o'brien\\x" }
				require.Equal(t, positive(h.sums(filtered, func(e event) string { return "errors" })), numbers(run("error_trend_split", append(slices.Clone(split), "filters", `[{"key":"plan","operator":"=","values":["o'brien\\x"]}]`)...), "series", "events"), "filtered, %s", seconds)
			}
			// What issues are called, those that were merged by their survivor.
			for _, row := range run("issue_titles", "projects", project, "issues", issueHex(0x12)+","+issueHex(0x11)+","+issueHex(0x14)) {
				require.Contains(t, []string{issueHex(0x12), issueHex(0x14)}, row["issue"])
				var newest event
				for _, e := range h.events {
					if mine(e) && issueHex(h.issue(e.fingerprint)) == row["issue"] && e.weight == 1 && e.ts.After(newest.ts) {
						newest = e
					}
				}
				require.Equal(t, newest.title, row["title"])
			}
			require.Equal(t, positive(h.sums(hourly, byIssue)), numbers(run("cost", with("by", "issue", "limit", "1000")...), "value", "events"), "cost by issue")
			require.Equal(t, positive(h.sums(hourly, tagged)), numbers(run("cost", with("by", "tag", "key", "plan")...), "value", "events"), "cost by tag")
			// Tags by whole days.
			days := func(e event) bool {
				day := e.ts.Truncate(24 * time.Hour)
				return mine(e) && !day.Before(from.Truncate(24*time.Hour)) && !day.After(to.Truncate(24*time.Hour))
			}
			for _, f := range []uint64{0x12, 0x01, 0x02} {
				own := func(e event) bool { return days(e) && h.issue(e.fingerprint) == f && e.tags["plan"] != "" }
				require.Equal(t, positive(h.sums(own, tagged)), numbers(run("tag_distribution", with("issue", issueHex(f), "key", "plan")...), "value", "events"), "tag_distribution")
				all := positive(h.sums(func(e event) bool { return days(e) && e.tags["plan"] != "" }, tagged))
				total := func(m map[string]uint64) (n uint64) {
					for _, v := range m {
						n += v
					}
					return n
				}
				every := float64(total(h.sums(days, byIssue)))
				ownAll := float64(total(h.sums(func(e event) bool { return days(e) && h.issue(e.fingerprint) == f }, byIssue)))
				counts := h.sums(own, tagged)
				for _, row := range run("tag_lift", with("issue", issueHex(f), "min_support", "0", "limit", "1000")...) {
					if row["key"] != "plan" {
						continue
					}
					v := text(row["value"])
					require.InDelta(t, float64(counts[v])/ownAll, row["support"], 1e-9)
					require.InDelta(t, float64(all[v])/every, row["project_share"], 1e-9)
					require.InDelta(t, float64(counts[v])/ownAll/(float64(all[v])/every), row["lift"], 1e-9)
				}
				trend := func(bucket string, w time.Duration) {
					in := func(e event) bool {
						return mine(e) && h.issue(e.fingerprint) == f && !e.ts.Before(from.Truncate(w)) && (w == time.Minute && !e.ts.After(to) || w > time.Minute && e.ts.Before(to.Truncate(w).Add(w)))
					}
					want := positive(h.sums(in, func(e event) string { return e.ts.Truncate(w).Format("2006-01-02 15:04:05 +0000 UTC") }))
					require.Equal(t, want, numbers(run("issue_trend", with("issue", issueHex(f), "bucket", bucket)...), "time", "events"), "issue_trend by %s", bucket)
				}
				trend("hour", time.Hour)
				trend("day", 24*time.Hour)
				if back < 80*time.Hour {
					trend("minute", time.Minute)
				}
				users := map[uint64]uint64{}
				for _, e := range h.events {
					if exactly(e) && h.issue(e.fingerprint) == f && e.user != 0 {
						users[e.user] += e.count()
					}
				}
				var got []uint64
				for _, row := range run("users_affected", with("issue", issueHex(f))...) {
					got = append(got, row["events"].(uint64))
				}
				require.ElementsMatch(t, slices.Collect(maps.Values(users)), got, "users_affected")
			}
			// Newest events, a page.
			newest := func(keep func(event) bool, limit int) (out []string) {
				var all []event
				for _, e := range h.events {
					if keep(e) {
						all = append(all, e)
					}
				}
				slices.SortFunc(all, func(a, b event) int {
					if c := b.ts.Compare(a.ts); c != 0 {
						return c
					}
					return strings.Compare(a.id, b.id)
				})
				for _, e := range all[:min(limit, len(all))] {
					out = append(out, e.id)
				}
				return out
			}
			ids := func(all []map[string]any) (out []string) {
				for _, row := range all {
					out = append(out, text(row["event_id"]))
				}
				return out
			}
			for _, f := range []uint64{0x12, 0x01, 0x31} {
				of := func(e event) bool { return mine(e) && h.issue(e.fingerprint) == f && !e.ts.After(to) }
				require.Equal(t, newest(func(e event) bool { return of(e) && e.ts.Before(to) }, 50), ids(run("latest_events", "project", project, "issue", issueHex(f), "before", moment(to), "limit", "50")), "latest_events of %x", f)
				require.Equal(t, newest(func(e event) bool { return exactly(e) && of(e) }, 40), ids(run("event_search", "projects", project, "issue", issueHex(f), "from", moment(from), "to", moment(to), "limit", "40")))
			}
			require.Equal(t, newest(exactly, 100), ids(run("event_search", "projects", project, "from", moment(from), "to", moment(to))))
			words := func(e event) bool { return exactly(e) && strings.Contains(e.title, "beta") }
			require.Equal(t, newest(words, 100), ids(run("text_search", with("text", "BETA card")...)))
			require.Equal(t, newest(words, 100), ids(run("event_search", "projects", project, "from", moment(from), "to", moment(to), "text", "beta")))
			services := func(e event) bool {
				return mine(e) && !e.ts.Before(from.Truncate(time.Hour)) && !e.ts.After(to.Truncate(time.Minute).Add(time.Minute-time.Millisecond))
			}
			require.Equal(t, positive(h.sums(services, func(e event) string { return e.service })), numbers(run("service_overview", window...), "service", "errors"))
		}
		// Ever.
		totals := h.sums(mine, byIssue)
		for f, n := range totals {
			one := run("issue_detail", "project", project, "issue", f)[0]
			require.Equal(t, n, one["events"])
			people, first, last, releases := map[uint64]bool{}, event{}, event{}, map[string]uint64{}
			levels, envs := []string{"warning", "error", "fatal"}, map[string]bool{}
			level := -1
			for _, e := range h.events {
				if !mine(e) || byIssue(e) != f {
					continue
				}
				for _, u := range append([]uint64{e.user}, e.users...) {
					if u != 0 {
						people[u] = true
					}
				}
				if first.id == "" || e.ts.Before(first.ts) {
					first = e
				}
				if last.id == "" || e.ts.After(last.ts) {
					last = e
				}
				if e.release != "" {
					releases[e.release] += e.count()
				}
				level = max(level, slices.Index(levels, e.level))
				envs[e.environment] = true
			}
			require.Equal(t, uint64(len(people)), one["users"])
			require.Equal(t, []any{first.ts, last.ts, first.release, levels[level]}, []any{one["first_seen"], one["last_seen"], one["first_release"], one["level"]})
			require.Equal(t, slices.Sorted(maps.Keys(envs)), one["environments"])
			require.Equal(t, positive(releases), numbers(run("issue_releases", "project", project, "issue", f), "release", "events"))
		}
		require.Equal(t, positive(h.sums(func(e event) bool { return mine(e) && e.release != "" }, func(e event) string { return e.release })), numbers(run("releases", "project", project), "release", "events"))
		require.Equal(t, positive(h.sums(func(e event) bool { return mine(e) && e.release != "" }, func(e event) string { return e.release })), numbers(run("release_compare", "project", project), "release", "events"))
		for _, row := range run("check_counts", "project", project) {
			require.Equal(t, "ok", row["verdict"], row)
		}
	}
	for _, row := range run("active_projects") {
		if id := row["project_id"].(uint32); slices.Contains(projects, id) {
			require.Equal(t, h.sums(func(e event) bool { return e.project == id }, func(event) string { return "" })[""], row["events"])
		}
	}
}

// exactlyFromMinute is how error_trend_split cuts events: from the start of a
// minute to a moment.
func exactlyFromMinute(e event, project uint32, from, to time.Time) bool {
	return e.project == project && !e.ts.Before(from.Truncate(time.Minute)) && !e.ts.After(to)
}
