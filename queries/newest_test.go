package queries_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
)

// Lists of newest events are what a plain statement gives, byte by byte: of parts that are
// new, known, merged, changed and dropped, over windows that begin and end anywhere,
// where many events have the same time, and where issues are merged and split.
func TestNewestEventsByParts(t *testing.T) {
	t.Parallel()
	const database = "newest"
	owner := storeIn(t, database)
	now := time.Now().UTC().Truncate(time.Millisecond)
	add := func(n int, number uint64) {
		more := randomHeap(now, []uint32{1, 2}, n, number).events
		for i := range more {
			e := &more[i]
			switch i % 4 {
			case 0: // Dense at the end.
				e.ts = now.Add(-now.Sub(e.ts) / 5000).Truncate(time.Millisecond)
			case 1: // Of the same times.
				e.ts = now.Add(-time.Duration(i%3) * 20 * time.Minute).Truncate(time.Minute)
			}
		}
		seed(t, owner, more...)
	}
	asked := []*queries.Store{owner, again(t, database)}
	check := func(what string) {
		t.Helper()
		for n, c := range []struct {
			query, where string
			back, until  time.Duration
			values       string // key=value, with commas between.
		}{
			{"event_search", "1", 24 * time.Hour, 0, ""},
			{"event_search", "project_id = 2", 24 * time.Hour, 0, "projects=2"},
			{"event_search", "1", 24 * time.Hour, 0, "limit=7"},
			{"event_search", "1", 9 * 24 * time.Hour, 0, "limit=1000"},
			{"event_search", "1", 9 * 24 * time.Hour, 0, "limit=1500"},
			{"event_search", "environment = 'staging' AND level = 'fatal'", 9 * 24 * time.Hour, 0, "environment=staging,level=fatal,limit=40"},
			{"event_search", "tags['plan'] = 'pro'", 30 * time.Hour, 10 * time.Minute, `filters=[{"key":"plan","operator":"=","values":["pro"]}]`},
			{"event_search", "title LIKE '%of beta'", 9 * 24 * time.Hour, 5 * time.Hour, "text=beta"},
			{"event_search", "title LIKE '%nothing%'", 9 * 24 * time.Hour, 0, "text=nothing"},
			{"event_search", "1", 40 * time.Minute, 20 * time.Minute, "limit=30"},
			{"event_search", "1", 3 * time.Hour, -time.Hour, "limit=30"},
			{"event_search", "issue = '" + issueHex(0x12) + "'", 9 * 24 * time.Hour, 0, "limit=30,issue=" + issueHex(0x12)},
			// Of one that was merged away those of the issue that it went into.
			{"event_search", fmt.Sprintf("issue = lower(leftPad(hex(dictGetOrDefault('%s.issue_of', 'survivor', (project_id, toUInt64(%d)), toUInt64(%[2]d))), 16, '0'))", database, 0x13), 9 * 24 * time.Hour, 0, "limit=30,issue=" + issueHex(0x13)},
			{"text_search", "project_id = 1 AND title LIKE '%of alpha'", 9 * 24 * time.Hour, 0, "project=1,text=alpha,limit=33"},
			{"text_search", "project_id = 2 AND title LIKE '%of alpha'", 9 * 24 * time.Hour, 3 * 24 * time.Hour, "project=2,text=alpha"},
		} {
			values := map[string]string{"limit": "100"}
			for pair := range strings.SplitSeq(c.values, ",") {
				if k, v, ok := strings.Cut(pair, "="); ok && !strings.HasPrefix(c.values, "filters") {
					values[k] = v
				}
			}
			if k, v, ok := strings.Cut(c.values, "="); ok && k == "filters" {
				values[k] = v
			}
			from, to := now.Add(-c.back), now.Add(-c.until)
			values["from"], values["to"] = from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)
			want, err := owner.SQL(t.Context(), fmt.Sprintf(`SELECT toString(event_id), lower(leftPad(hex(dictGetOrDefault('%s.issue_of', 'survivor', (project_id, fingerprint), fingerprint)), 16, '0')) AS issue, title, toString(ts), toString(environment)
				FROM events WHERE ts >= '%s' AND ts <= '%s' AND %s ORDER BY ts DESC, event_id LIMIT %s`, database, from.Format("2006-01-02 15:04:05.000"), to.Format("2006-01-02 15:04:05.000"), c.where, values["limit"]))
			require.NoError(t, err)
			for _, s := range asked {
				r, err := s.Run(t.Context(), c.query, values)
				require.NoError(t, err)
				got := [][]any{}
				for _, row := range rows(r) {
					got = append(got, []any{text(row["event_id"]), row["issue"], row["title"], row["ts"].(time.Time).Format("2006-01-02 15:04:05.000"), row["environment"]})
				}
				require.Len(t, got, len(want.Rows), "%s: %d, %v", what, n, values)
				for i := range got {
					require.Equal(t, want.Rows[i], got[i], "%s: %d, %v, row %d", what, n, values, i)
				}
			}
			require.True(t, len(want.Rows) > 0 || values["text"] == "nothing" || strings.HasSuffix(values["issue"], "13"), "%d is of nothing", n)
		}
	}
	exec := func(sql string) { require.NoError(t, owner.Conn().Exec(t.Context(), sql)) }
	triage := func(kind string, into string, issues ...string) {
		for _, p := range []uint32{1, 2} {
			_, err := owner.Triage(t.Context(), queries.Change{Project: p, Actor: "ann", Kind: kind, Issues: issues, Into: into})
			require.NoError(t, err)
		}
	}
	add(1500, 51)
	check("new")
	check("known")
	for n := range uint64(5) {
		add(40, 52+n)
	}
	check("more")
	triage(queries.Merge, issueHex(0x12), issueHex(0x11), issueHex(0x13))
	check("issues merged")
	triage(queries.Split, "", issueHex(0x13))
	check("one of them split")
	exec("OPTIMIZE TABLE events FINAL")
	add(3, 60)
	check("parts merged")
	exec("ALTER TABLE events UPDATE title = 'changed' WHERE environment = 'staging' SETTINGS mutations_sync = 2")
	check("changed")
	exec("ALTER TABLE events DELETE WHERE level = 'error' SETTINGS mutations_sync = 2")
	check("some deleted")
	asked = []*queries.Store{again(t, database), owner}
	check("asked by another process")
}

// While events come in and parts are merged, a list has every event that was
// stored before it was asked, each once.
func TestNewestEventsWhilePartsChange(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "newest_moving")
	begin := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Hour)
	stored := make(chan int, 1000)
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		defer close(stored)
		for n := range 60 {
			sql := fmt.Sprintf("INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, title) SELECT 1, toDateTime64('%s', 3, 'UTC') + toIntervalMillisecond(%d + number) AS t, t, 1, generateUUIDv4(), toString(%d + number) FROM numbers(5)",
				begin.Format("2006-01-02 15:04:05.000"), n*5, n*5)
			if owner.Conn().Exec(t.Context(), sql) != nil {
				return
			}
			if n%7 == 6 && owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE events FINAL") != nil {
				return
			}
			stored <- n*5 + 4
		}
	}()
	last := -1
	for last = range stored {
		for _, limit := range []int{3, 50} {
			r, err := owner.Run(t.Context(), "event_search", map[string]string{"limit": fmt.Sprint(limit)})
			require.NoError(t, err)
			require.NotEmpty(t, r.Rows)
			got := rows(r)
			newest := 0
			_, err = fmt.Sscan(got[0]["title"].(string), &newest)
			require.NoError(t, err)
			require.GreaterOrEqual(t, newest, last)
			require.Len(t, got, min(limit, newest+1))
			for i, row := range got {
				require.Equal(t, fmt.Sprint(newest-i), row["title"])
			}
		}
	}
	require.Equal(t, 299, last)
}
