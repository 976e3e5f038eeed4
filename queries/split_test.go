package queries_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
)

// split is the trend by issue by going through all events: the largest issues by
// name, all others as other, and how many issues there are.
func (h heap) split(keep func(event) bool, width time.Duration, series int) (points map[string]uint64, issues int) {
	totals := h.sums(keep, func(e event) string { return issueHex(h.issue(e.fingerprint)) })
	order := slices.SortedFunc(maps.Keys(totals), func(x, y string) int { return cmp.Or(cmp.Compare(totals[y], totals[x]), cmp.Compare(x, y)) })
	points = h.sums(keep, func(e event) string {
		name := issueHex(h.issue(e.fingerprint))
		if slices.Index(order, name) >= series {
			name = "other"
		}
		return fmt.Sprint(e.ts.Truncate(width).Unix(), " ", name)
	})
	maps.DeleteFunc(points, func(_ string, n uint64) bool { return n == 0 })
	return points, len(totals)
}

// The trend by issue is what going through all events gives: windows within a
// day, over midnight, of whole and cut hours and days; one project, several and
// all of them; of parts that are known, after inserts, merges of parts and merges
// of issues.
func TestTrendByIssue(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "split_by_issue")
	now := time.Now().UTC().Truncate(24 * time.Hour).Add(13*time.Hour + 7*time.Minute + 31*time.Second + 500*time.Millisecond) // Every kind of window below needs a time within a day.
	h := heap{into: map[uint64]uint64{}}
	add := func(n int, number uint64) {
		more := randomHeap(now, []uint32{1, 2}, n, number).events
		for i := range more {
			more[i].fingerprint += uint64(i%5) * 0x100
			if i%40 == 0 { // On the borders of hours and days.
				more[i].ts = more[i].ts.Truncate([]time.Duration{time.Hour, 24 * time.Hour}[i/40%2]).Add(time.Duration(i%3-1) * time.Millisecond)
			}
		}
		h.events = append(h.events, more...)
		seed(t, owner, more...)
	}
	hour, day := now.Truncate(time.Hour), now.Truncate(24*time.Hour)
	last := -time.Millisecond
	windows := map[string][2]time.Time{
		"a few hours":                 {now.Add(-5 * time.Hour), now},
		"over midnight":               {day.Add(-3*time.Hour - 20*time.Minute), day.Add(2*time.Hour + 11*time.Second)},
		"two days":                    {now.Add(-47 * time.Hour), now},
		"nine days":                   {now.Add(-9 * 24 * time.Hour), now},
		"whole hours":                 {hour.Add(-100 * time.Hour), hour.Add(last)},
		"whole days":                  {day.Add(-5 * 24 * time.Hour), day.Add(last)},
		"from midnight, cut":          {day.Add(-5 * 24 * time.Hour), now},
		"up to midnight, cut":         {now.Add(-5 * 24 * time.Hour), day},
		"within an hour":              {hour.Add(10 * time.Minute), hour.Add(50 * time.Minute)},
		"ninety days":                 {time.Now().UTC().Add(-90 * 24 * time.Hour), now},
		"longer than hours are kept":  {now.Add(-120 * 24 * time.Hour), now},
		"nothing happened yet":        {now.Add(-60 * 24 * time.Hour), now.Add(-50 * 24 * time.Hour)},
		"its last hour is whole by 1": {now.Add(-30 * time.Hour), hour.Add(last)},
	}
	check := func(what string) {
		t.Helper()
		n := 0
		for name, w := range windows {
			for _, projects := range []string{"1", "1,2", ""} {
				n++
				seconds, series := []int{3600, 7200, 86400}[n%3], []int{3, 10, 0, 100, 1}[n%5]
				environment, release := []string{"", "staging"}[n%2], []string{"", "shop@1.1.0\nzebra"}[n/2%2]
				keep := func(e event) bool {
					return (projects != "1" || e.project == 1) && !e.ts.Before(w[0].Truncate(time.Minute)) && !e.ts.After(w[1]) &&
						(environment == "" || e.environment == environment) && (release == "" || e.release == "shop@1.1.0" || e.release == "zebra")
				}
				want, issues := h.split(keep, time.Duration(seconds)*time.Second, series)
				r, err := owner.Run(t.Context(), "error_trend_split", map[string]string{"projects": projects, "from": w[0].Format(time.RFC3339Nano), "to": w[1].Format(time.RFC3339Nano), "by": "issue",
					"bucket_seconds": text(seconds), "series": text(series), "environment": environment, "release": release})
				require.NoError(t, err)
				got := map[string]uint64{}
				for _, row := range rows(r) {
					require.Equal(t, uint64(issues), row["all_series"], "%s, %s", what, name) //nolint:gosec // Small.
					if row["events"].(uint64) > 0 {
						got[fmt.Sprint(row["time"].(time.Time).Unix(), " ", row["series"])] = row["events"].(uint64)
					}
				}
				require.Equal(t, want, got, "%s, %s of %q in %d s, %d series", what, name, projects, seconds, series)
				one := map[string]string{"projects": projects, "from": w[0].Format(time.RFC3339Nano), "to": w[1].Format(time.RFC3339Nano), "issue": issueHex([]uint64{0x01, 0x103, 0x999}[n%3]),
					"bucket_seconds": text(seconds), "series": text(series), "environment": environment, "release": release}
				of, err := owner.Run(t.Context(), "error_trend_split", one)
				require.NoError(t, err)
				require.Equal(t, asWhole(t, owner, "error_trend_split", one), of.Rows, "%s, %s: %v", what, name, one)
				require.True(t, slices.IsSortedFunc(r.Rows, func(x, y []any) int {
					return cmp.Or(x[0].(time.Time).Compare(y[0].(time.Time)), cmp.Compare(x[1].(string), y[1].(string)))
				}), name)
			}
		}
	}
	add(900, 21)
	check("new")
	check("known")
	add(200, 22)
	check("more")
	for _, p := range []uint32{1, 2} { // Not of the same issues in both.
		into := []uint64{0x01, 0x102}[p-1]
		_, err := owner.Triage(t.Context(), queries.Change{Kind: queries.Merge, Project: p, Actor: "ann", Issues: []string{issueHex(0x03), issueHex(0x202)}, Into: issueHex(into)})
		require.NoError(t, err)
	}
	require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE issue_hour FINAL"))
	require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE issue_day FINAL"))
	// An issue is its survivor, which is not the same in both projects.
	windows = map[string][2]time.Time{"nine days": windows["nine days"], "two days": windows["two days"]}
	for _, issue := range []uint64{0x01, 0x03, 0x102, 0x202} {
		for _, projects := range []string{"1", "2", ""} {
			one := map[string]string{"projects": projects, "from": windows["nine days"][0].Format(time.RFC3339Nano), "to": windows["nine days"][1].Format(time.RFC3339Nano), "issue": issueHex(issue)}
			of, err := owner.Run(t.Context(), "error_trend_split", one)
			require.NoError(t, err)
			require.Equal(t, asWhole(t, owner, "error_trend_split", one), of.Rows, "merged: %v", one)
		}
	}
	for name, w := range windows {
		for _, projects := range []string{"1", "2", "1,2", ""} {
			sum := map[string]uint64{}
			for _, e := range h.events {
				if e.ts.Before(w[0].Truncate(time.Minute)) || e.ts.After(w[1]) || projects == "1" && e.project != 1 || projects == "2" && e.project != 2 {
					continue
				}
				f := e.fingerprint
				if f == 0x03 || f == 0x202 {
					f = []uint64{0x01, 0x102}[e.project-1]
				}
				sum[issueHex(f)] += e.count()
			}
			maps.DeleteFunc(sum, func(_ string, n uint64) bool { return n == 0 })
			r, err := owner.Run(t.Context(), "error_trend_split", map[string]string{"projects": projects, "from": w[0].Format(time.RFC3339Nano), "to": w[1].Format(time.RFC3339Nano), "by": "issue", "series": "1000"})
			require.NoError(t, err)
			got := map[string]uint64{}
			for _, row := range rows(r) {
				got[row["series"].(string)] += row["events"].(uint64)
			}
			maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 })
			require.Equal(t, sum, got, "merged, %s of %q", name, projects)
		}
	}
}
