package queries_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Trends by columns in buckets of whole hours or minutes are what going through all events
// gives, minute by minute: windows that cut hours, one project and several,
// filtered, with fewer series than there are; of parts that are known, after
// inserts and merges of parts.
func TestTrendInHours(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "trend_in_hours")
	now := time.Now().UTC().Truncate(24 * time.Hour).Add(9*time.Hour + 7*time.Minute + 31*time.Second)
	h := heap{}
	columns := map[string]func(event) string{"none": func(event) string { return "" }, "environment": func(e event) string { return e.environment }, "release": func(e event) string { return e.release },
		"service": func(e event) string { return e.service }, "level": func(e event) string { return e.level }, "protocol": func(e event) string { return e.protocol }}
	hour := now.Truncate(time.Hour)
	windows := map[string][2]time.Time{
		"a day": {now.Add(-25 * time.Hour), now}, "cut": {now.Add(-50 * time.Hour), now}, "nine days": {now.Add(-9 * 24 * time.Hour), now.Add(-time.Minute)}, "whole": {hour.Add(-30 * time.Hour), hour.Add(-time.Millisecond)},
		"up to an hour": {hour.Add(-30 * time.Hour), hour}, "within an hour": {hour.Add(-50 * time.Minute), hour.Add(-10 * time.Minute)}, "nothing": {now.Add(-40 * 24 * time.Hour), now.Add(-30 * 24 * time.Hour)},
	}
	check := func(what string) {
		t.Helper()
		n := 0
		for window, w := range windows {
			for by, column := range columns {
				for _, projects := range []string{[]string{"1", "1,2", ""}[(n+n/6)%3]} {
					n++
					service, level, series, seconds := []string{"", "shop"}[n%2], []string{"", "error"}[n/2%2], []int{10, 2, 1, 0}[n%4], []int{3600, 60, 10800, 86400, 900}[n%5]
					all := "errors"
					name, values := "error_trend_split", map[string]string{"projects": projects}
					if projects != "1,2" && n%5 > 1 {
						all, name, values = "all", "error_trend", map[string]string{"project": cmp.Or(projects, "0")}
					}
					maps.Copy(values, map[string]string{"from": w[0].Format(time.RFC3339Nano), "to": w[1].Format(time.RFC3339Nano), "by": by, "service": service, "level": level, "series": text(series), "bucket_seconds": text(seconds)})
					keep := func(e event) bool {
						m := e.ts.Truncate(time.Minute)
						return (projects != "1" || e.project == 1) && !m.Before(w[0].Truncate(time.Minute)) && m.Before(w[1]) && (service == "" || e.service == service) && (level == "" || e.level == level)
					}
					key := column
					if by == "none" {
						key = func(event) string { return all }
					}
					totals := h.sums(keep, key)
					order := slices.SortedFunc(maps.Keys(totals), func(x, y string) int { return cmp.Or(cmp.Compare(totals[y], totals[x]), cmp.Compare(x, y)) })
					want := h.sums(keep, func(e event) string {
						s := key(e)
						if slices.Index(order, s) >= series {
							s = "other"
						}
						return fmt.Sprint(e.ts.Truncate(time.Duration(seconds)*time.Second).Unix(), " ", s)
					})
					maps.DeleteFunc(want, func(_ string, n uint64) bool { return n == 0 })
					r, err := owner.Run(t.Context(), name, values)
					require.NoError(t, err)
					got := map[string]uint64{}
					for _, row := range rows(r) {
						if events := row["events"].(uint64); events > 0 {
							got[fmt.Sprint(row["time"].(time.Time).Unix(), " ", row["series"])] = events
						}
					}
					require.Equal(t, want, got, "%s: %s %s, %v", what, name, window, values)
					require.True(t, slices.IsSortedFunc(r.Rows, func(x, y []any) int {
						return cmp.Or(x[0].(time.Time).Compare(y[0].(time.Time)), cmp.Compare(x[1].(string), y[1].(string)))
					}))
				}
			}
		}
	}
	add := func(n int, number uint64) {
		more := randomHeap(now, []uint32{1, 2}, n, number).events
		for i := range more {
			if i%30 == 0 {
				more[i].ts = more[i].ts.Truncate(time.Hour).Add(time.Duration(i/30%3-1) * time.Millisecond)
			}
		}
		h.events = append(h.events, more...)
		seed(t, owner, more...)
	}
	add(700, 31)
	check("new")
	add(200, 32)
	check("more")
	require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE project_minute FINAL"))
	check("merged")
}
