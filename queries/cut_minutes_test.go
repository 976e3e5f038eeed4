package queries_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Trends by issue and by tag of windows that begin and end anywhere in an hour
// are what going through all events gives: most events here lie in the hours
// that they cut, which are kept by the minute, of parts that are new, known,
// merged, and where one comes late.
func TestTrendsOfCutHours(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "cut_hours")
	now := time.Now().UTC().Truncate(24 * time.Hour).Add(9*time.Hour + 31*time.Minute)
	h := heap{into: map[uint64]uint64{}}
	add := func(n int, number uint64) {
		more := randomHeap(now, []uint32{1, 2}, n, number).events
		for i := range more {
			e := &more[i]
			switch i % 5 {
			case 0: // In the hour that most windows begin in, or end in.
				e.ts = now.Add(-30*time.Hour - 40*time.Minute).Add(now.Sub(e.ts) / 200).Truncate(time.Millisecond)
			case 1:
				e.ts = now.Add(-now.Sub(e.ts) / 200).Truncate(time.Millisecond)
			case 2: // On the borders of minutes.
				e.ts = now.Add(-30 * time.Hour).Add(time.Duration(i%50-25) * time.Minute).Add(time.Duration(i%3-1) * time.Millisecond)
			}
		}
		h.events = append(h.events, more...)
		seed(t, owner, more...)
	}
	begin := now.Add(-30 * time.Hour).Truncate(time.Hour)
	asked := owner
	check := func(what string) {
		t.Helper()
		for n, w := range [][2]time.Time{
			{begin.Add(17*time.Minute + 31*time.Second + 7*time.Millisecond), now.Add(-3*time.Minute - 29*time.Second)},
			{begin.Add(18*time.Minute + 31*time.Second), now},
			{begin.Add(59*time.Minute + 59*time.Second), now.Truncate(time.Hour).Add(-time.Millisecond)},
			{begin.Add(25 * time.Minute), now.Truncate(5 * time.Minute).Add(-time.Millisecond)},
			{begin, now.Truncate(5 * time.Minute)},
			{begin.Add(4*time.Minute + time.Millisecond), now.Truncate(time.Minute).Add(-time.Millisecond)},
			{begin.Add(-8*24*time.Hour + 41*time.Minute), begin.Add(33*time.Minute + time.Second)},
		} {
			for _, projects := range []string{"1", "1,2"} {
				environment := []string{"", "staging"}[n%2]
				keep := func(e event) bool {
					return (projects != "1" || e.project == 1) && !e.ts.Before(w[0].Truncate(time.Minute)) && !e.ts.After(w[1]) && (environment == "" || e.environment == environment)
				}
				for by, key := range map[string]func(event) string{"issue": func(e event) string { return issueHex(e.fingerprint) }, "tag": func(e event) string { return e.tags["plan"] }} {
					values := map[string]string{"projects": projects, "from": w[0].Format(time.RFC3339Nano), "to": w[1].Format(time.RFC3339Nano), "by": by, "series": "100", "environment": environment}
					if by == "tag" {
						values["tag_key"] = "plan"
					}
					want := h.sums(keep, func(e event) string { return fmt.Sprint(e.ts.Truncate(time.Hour).Unix(), " ", key(e)) })
					maps.DeleteFunc(want, func(_ string, n uint64) bool { return n == 0 })
					r, err := asked.Run(t.Context(), "error_trend_split", values)
					require.NoError(t, err)
					got := map[string]uint64{}
					for _, row := range rows(r) {
						if n := row["events"].(uint64); n > 0 {
							got[fmt.Sprint(row["time"].(time.Time).Unix(), " ", row["series"])] += n
						}
					}
					require.Equal(t, want, got, "%s: by %s, %v", what, by, values)
				}
			}
		}
	}
	add(1500, 41)
	check("new")
	check("known")
	add(60, 42)
	check("more")
	require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE events FINAL"))
	check("merged")
	add(60, 43)
	check("more of them")
	asked = impatient(t, "cut_hours")
	check("not waited for")
}
