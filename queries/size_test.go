package queries_test

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/schema/tables"
)

// weighed is what takes space, by value: events, rows and bytes.
type weighed map[string][3]uint64

func (h heap) weigh(keep func(event) bool, key func(event) string) weighed {
	out := weighed{}
	for _, e := range h.events {
		if keep(e) {
			w := out[key(e)]
			out[key(e)] = [3]uint64{w[0] + e.count(), w[1] + 1, w[2] + uint64(e.size())}
		}
	}
	return out
}

// delays are the median and the 99th of 100 of delays, in seconds, by bucket of
// receipt, of what happened from first to before last.
func (h heap) delays(first, last time.Time, width time.Duration) map[string][2]float64 {
	all := map[string][]int64{}
	for _, e := range h.events {
		if e.ts.Before(first) || !e.ts.Before(last) {
			continue
		}
		d := e.received.Sub(e.ts).Milliseconds()
		size, sign := max(d, -d), int64(1)
		if d < 0 {
			sign = -1
		}
		if power := bits.Len64(uint64(size)) - 6; power > 0 { //nolint:gosec // Not negative.
			size = size>>power<<power + int64(1)<<power/2
		}
		at := text(e.received.Truncate(width).Unix())
		all[at] = append(all[at], sign*size)
	}
	out := map[string][2]float64{}
	for at, list := range all {
		slices.Sort(list)
		of := func(hundredths int) float64 { return float64(list[(len(list)*hundredths+99)/100-1]) / 1000 }
		out[at] = [2]float64{of(50), of(99)}
	}
	return out
}

// What takes the space is what going through all events gives: to the
// millisecond in short windows, by whole hours in others; in a store that has
// the rollups from its beginning, from a moment within the window, or not yet.
func TestCostOfRawEvents(t *testing.T) {
	owner := storeIn(t, "sized")
	exec := func(sql string) { require.NoError(t, owner.Conn().Exec(t.Context(), sql)) }
	now := time.Now().UTC().Truncate(time.Millisecond)
	h := randomHeap(now, []uint32{1, 2}, 1200, 11)
	for i := range h.events { // From two seconds too early to nine minutes late.
		h.events[i].received = h.events[i].ts.Add(time.Duration(i*i%542_000-2000) * time.Millisecond)
	}
	seed(t, owner, h.events...)
	for _, into := range []struct{ from, to uint64 }{{0x11, 0x12}, {0x13, 0x12}, {0x21, 0x01}} {
		for p := range uint32(2) {
			_, err := owner.Triage(t.Context(), queries.Change{Project: p + 1, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(into.from)}, Into: issueHex(into.to)})
			require.NoError(t, err)
		}
	}
	compare := func(t *testing.T) {
		t.Helper()
		for _, w := range []struct{ back, until time.Duration }{{5*time.Hour + 7*time.Minute, 17 * time.Minute}, {31*time.Hour + 11*time.Minute, 90 * time.Minute}, {9 * 24 * time.Hour, 0}} {
			from, to := now.Add(-w.back), now.Add(-w.until)
			start, end := from, to.Add(time.Millisecond)
			if w.back > 6*time.Hour {
				start, end = from.Truncate(time.Hour), to.Truncate(time.Hour).Add(time.Hour)
			}
			for _, project := range []uint32{0, 2} {
				keep := func(e event) bool {
					return (project == 0 || e.project == project) && !e.ts.Before(start) && e.ts.Before(end)
				}
				for by, key := range map[string]func(event) string{
					"issue": func(e event) string { return text(e.project) + " " + issueHex(h.issue(e.fingerprint)) }, "project": func(e event) string { return text(e.project) }, "environment": func(e event) string { return e.environment },
					"release": func(e event) string { return e.release }, "service": func(e event) string { return e.service }, "level": func(e event) string { return e.level },
					"protocol": func(e event) string { return e.protocol }, "sdk": func(event) string { return " " }, "tag": func(e event) string { return e.tags["plan"] },
				} {
					r, err := owner.Run(t.Context(), "cost", map[string]string{"project": text(project), "by": by, "key": "plan", "limit": "1000", "from": text(from.UnixMilli()), "to": text(to.UnixMilli())})
					require.NoError(t, err)
					want, got, all, shares := h.weigh(keep, key), weighed{}, uint64(0), 0.0
					for _, x := range want {
						all += x[2]
					}
					for _, row := range rows(r) {
						value := text(row["value"])
						if by == "issue" {
							value = text(row["project_id"]) + " " + value
						}
						got[value] = [3]uint64{row["events"].(uint64), row["rows"].(uint64), row["bytes"].(uint64)}
						require.InDelta(t, float64(row["bytes"].(uint64))/float64(all), row["share"], 1e-9)
						shares += row["share"].(float64)
					}
					require.Equal(t, want, got, "by %s, project %d, %s", by, project, w.back)
					require.InDelta(t, 1, shares, 1e-9)
				}
			}
			// Trends by issue over whole hours are read from the same rows.
			whole := func(e event) bool {
				return !e.ts.Before(from.Truncate(time.Hour)) && e.ts.Before(to.Truncate(time.Hour).Add(time.Hour))
			}
			trend, err := owner.Run(t.Context(), "error_trend_split", map[string]string{"by": "issue", "series": "1000", "bucket_seconds": "3600", "from": text(from.Truncate(time.Hour).UnixMilli()),
				"to": text(to.Truncate(time.Hour).Add(time.Hour - time.Millisecond).UnixMilli())})
			require.NoError(t, err)
			points := map[string]uint64{}
			for _, row := range rows(trend) {
				if n := row["events"].(uint64); n > 0 {
					points[fmt.Sprint(row["series"], " ", row["time"].(time.Time).Unix())] = n
				}
			}
			expected := h.sums(whole, func(e event) string {
				return fmt.Sprint(issueHex(h.issue(e.fingerprint)), " ", e.ts.Truncate(time.Hour).Unix())
			})
			maps.DeleteFunc(expected, func(_ string, n uint64) bool { return n == 0 })
			require.Equal(t, expected, points, "error_trend_split by issue, %s", w.back)
			first, last := from.Truncate(time.Minute), to.Truncate(time.Minute).Add(time.Minute)
			want := h.weigh(func(e event) bool { return !e.ts.Before(first) && e.ts.Before(last) }, func(e event) string {
				return fmt.Sprint(e.project, " ", e.ts.Truncate(10*time.Minute).Unix(), " ", e.protocol)
			})
			r, err := owner.Run(t.Context(), "byte_trend", map[string]string{"bucket_seconds": "600", "from": text(from.UnixMilli()), "to": text(to.UnixMilli())})
			require.NoError(t, err)
			got := map[string]uint64{}
			for _, row := range rows(r) {
				got[fmt.Sprint(row["project_id"], " ", row["time"].(time.Time).Unix(), " ", row["protocol"])] = row["bytes"].(uint64)
			}
			bytes := map[string]uint64{}
			for k, x := range want {
				bytes[k] = x[2]
			}
			require.Equal(t, bytes, got, "byte_trend, %s", w.back)
			for _, width := range []time.Duration{time.Hour, 100 * time.Second} {
				first, last := from, to.Add(time.Millisecond)
				if width == time.Hour {
					first, last = from.Truncate(5*time.Minute), to.Truncate(5*time.Minute).Add(5*time.Minute)
				}
				r, err := owner.Run(t.Context(), "delay_trend", map[string]string{"bucket_seconds": text(width.Seconds()), "from": text(from.UnixMilli()), "to": text(to.UnixMilli())})
				require.NoError(t, err)
				late := map[string][2]float64{}
				for _, row := range rows(r) {
					late[text(row["time"].(time.Time).Unix())] = [2]float64{row["p50"].(float64), row["p99"].(float64)}
				}
				require.Equal(t, h.delays(first, last, width), late, "delay_trend by %s, %s", width, w.back)
			}
		}
	}
	counts := func(t *testing.T, want string) {
		t.Helper()
		for what, verdict := range verdicts(t, owner, 1) {
			if strings.HasPrefix(what, "stored_size") || what == "received_delay rows" || what == "tag_trend bytes" {
				require.Equal(t, want, verdict, what)
			}
		}
	}
	t.Run("from the beginning", func(t *testing.T) {
		compare(t)
		counts(t, "ok")
		require.Contains(t, verdicts(t, owner, 1), "stored_size bytes")
		exec("ALTER TABLE stored_size DELETE WHERE kind IN ('issue', 'protocol') SETTINGS mutations_sync = 2")
		require.Equal(t, "differs", verdicts(t, owner, 1)["stored_size bytes"], "the check sees what is missing")
	})
	t.Run("migrated later", func(t *testing.T) {
		for _, sql := range []string{"DROP VIEW stored_size_mv", "DROP VIEW tag_size_mv", "DROP VIEW received_delay_mv", "DROP TABLE stored_size", "DROP TABLE received_delay", "DELETE FROM migrations WHERE name IN ('065_stored_size.sql', '085_received_delay.sql')", "ALTER TABLE rollup_since DELETE WHERE rollup IN ('stored_size', 'tag_trend.bytes', 'received_delay') SETTINGS mutations_sync = 2"} {
			exec(sql)
		}
		require.NoError(t, tables.Migrate(t.Context(), owner.Conn(), tables.Options{Database: "sized", Password: clickhousetest.Passwords["errata"]}))
		compare(t)
		counts(t, "ok")
	})
	t.Run("complete from a moment on", func(t *testing.T) {
		exec("TRUNCATE TABLE events")
		exec("TRUNCATE TABLE tag_trend")
		exec("TRUNCATE TABLE issue_hour")
		seed(t, owner, h.events...)
		exec("ALTER TABLE rollup_since DELETE WHERE rollup IN ('stored_size', 'tag_trend.bytes', 'received_delay') SETTINGS mutations_sync = 2")
		exec("INSERT INTO rollup_since SELECT arrayJoin(['stored_size', 'tag_trend.bytes', 'received_delay']), toStartOfHour(now('UTC')) - INTERVAL 20 HOUR")
		exec("ALTER TABLE received_delay DELETE WHERE slot < toStartOfHour(now('UTC')) - INTERVAL 20 HOUR SETTINGS mutations_sync = 2")
		exec("ALTER TABLE stored_size DELETE WHERE slot < toStartOfHour(now('UTC')) - INTERVAL 20 HOUR SETTINGS mutations_sync = 2")
		exec("ALTER TABLE tag_trend UPDATE bytes = 0, stored = 0 WHERE slot < toStartOfHour(now('UTC')) - INTERVAL 20 HOUR SETTINGS mutations_sync = 2")
		compare(t)
		counts(t, "ok")
	})
	t.Run("nobody says since when", func(t *testing.T) {
		exec("TRUNCATE TABLE rollup_since")
		compare(t)
	})
}
