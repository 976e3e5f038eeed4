package queries_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
)

// A trend over whole buckets is answered by rollups alone, and is what events
// say.
func TestWholeWindowsReadNoEvents(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	all := tagged(project, 1200)
	seed(t, owner, all...)
	first := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for _, c := range []struct {
		name       string
		seconds    int
		length     time.Duration
		more       map[string]string
		of         func(event) string
		readsNever bool // Whatever the store says of itself.
	}{
		{"by tag", 300, 45 * time.Minute, map[string]string{"by": "tag", "tag_key": "region"}, func(e event) string { return e.tags["region"] }, false},
		{"filtered", 900, 45 * time.Minute, map[string]string{"filters": `[{"key":"region","operator":"=","values":["eu-1"]}]`}, func(e event) string {
			if e.tags["region"] != "eu-1" {
				return ""
			}
			return "errors"
		}, false},
		{"by issue", 3600, time.Hour, map[string]string{"by": "issue"}, func(e event) string { return issueHex(e.fingerprint) }, true},
		{"by issue, one environment", 3600, time.Hour, map[string]string{"by": "issue", "environment": "staging"}, func(e event) string {
			if e.environment != "staging" {
				return ""
			}
			return issueHex(e.fingerprint)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := first, first.Add(c.length-time.Millisecond)
			values := map[string]string{"projects": text(project), "from": fmt.Sprint(from.UnixMilli()), "to": fmt.Sprint(to.UnixMilli()), "bucket_seconds": fmt.Sprint(c.seconds)}
			maps.Copy(values, c.more)
			want := map[string]uint64{}
			for _, e := range all {
				if n := max(e.weight, 0); (n > 0 || e.weight == 0) && !e.ts.Before(from) && !e.ts.After(to) && c.of(e) != "" {
					want[c.of(e)] += uint64(max(n, 1)) // No weight is one, less than none a twin.
				}
			}
			r, err := owner.Run(t.Context(), "error_trend_split", values)
			require.NoError(t, err)
			got := map[string]uint64{}
			for _, row := range rows(r) {
				if n := row["events"].(uint64); n > 0 {
					got[text(row["series"])] += n
				}
			}
			require.NotEmpty(t, want)
			require.Equal(t, want, got)

			q, err := catalog.Lookup("error_trend_split")
			require.NoError(t, err)
			bound, err := q.Bind(values, time.Now())
			require.NoError(t, err)
			sql, err := q.Statement(q.Steps[len(q.Steps)-1], bound)
			require.NoError(t, err)
			if c.readsNever {
				require.NotContains(t, sql, "FROM events")
				return
			}
			require.Contains(t, sql, "first_slot > ", "events are read where they are older than the rollup only")
		})
	}
}

// The newest events are looked for in the last hour, then in the last day, then
// in the window: whatever of it is full, the answer is the same.
func TestEventSearchIsNewestFirst(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	owner := store(t, "errata")
	for name, ages := range map[string][]time.Duration{
		"many lately":        {time.Minute, time.Hour},
		"many today":         {90 * time.Minute, 23 * time.Hour},
		"few and old":        {30 * time.Hour, 90 * time.Hour},
		"some of all ages":   {time.Minute, 95 * time.Hour},
		"all at one instant": {time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			project := newProject()
			random := rand.New(rand.NewPCG(5, 6))
			var all []event
			for range 60 {
				all = append(all, event{project: project, fingerprint: uint64(random.IntN(3) + 1), id: uuid.NewString(), ts: now.Add(-ages[0] - time.Duration(random.Int64N(int64(ages[1]-ages[0])+1))).Truncate(time.Millisecond),
					environment: []string{"production", "staging"}[random.IntN(2)], tags: map[string]string{"plan": []string{"pro", "free"}[random.IntN(2)]}})
			}
			seed(t, owner, all...)
			slices.SortFunc(all, func(a, b event) int {
				if c := b.ts.Compare(a.ts); c != 0 {
					return c
				}
				return compareIDs(a.id, b.id)
			})
			for _, limit := range []int{1, 10, 59, 60, 100} {
				for _, plan := range []string{"", "pro"} {
					values := map[string]string{"projects": text(project), "from": "-100h", "limit": fmt.Sprint(limit)}
					var want []string
					for _, e := range all {
						if plan == "" || e.tags["plan"] == plan {
							want = append(want, e.id)
						}
					}
					if plan != "" {
						values["filters"] = `[{"key":"plan","operator":"=","values":["pro"]}]`
					}
					r, err := owner.Run(t.Context(), "event_search", values)
					require.NoError(t, err)
					got := []string{}
					for _, row := range rows(r) {
						got = append(got, text(row["event_id"]))
					}
					require.Equal(t, want[:min(limit, len(want))], got, "limit %d, plan %q", limit, plan)
				}
			}
		})
	}
}

// compareIDs orders as the server does: by the second half of the number first.
func compareIDs(a, b string) int {
	x, y := uuid.MustParse(a), uuid.MustParse(b)
	return slices.Compare(append(slices.Clone(x[8:]), x[:8]...), append(slices.Clone(y[8:]), y[:8]...))
}
