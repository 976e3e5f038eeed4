package queries_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/catalog"
)

// ask runs a query on a project and shows the named columns as text, a row a
// line.
func ask(t *testing.T, s *queries.Store, project uint32, name, columns string, pairs ...string) []string {
	t.Helper()
	return askAny(t, s, name, columns, append(pairs, "project", text(project))...)
}

// askAny is ask of a query that takes no one project.
func askAny(t *testing.T, s *queries.Store, name, columns string, pairs ...string) []string {
	t.Helper()
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	r, err := s.Run(t.Context(), name, values)
	require.NoError(t, err)
	r = r.Pick(strings.Fields(columns)...)
	require.Len(t, r.Columns, len(strings.Fields(columns)))
	var out []string
	for _, row := range r.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = text(v)
			if f, ok := v.(float64); ok {
				cells[i] = fmt.Sprintf("%.3f", f)
			}
		}
		out = append(out, strings.Join(cells, " | "))
	}
	return out
}

// One small project whose answers can be counted by hand.
func TestQuestions(t *testing.T) {
	owner, s := store(t, "errata"), store(t, "reader")
	project, other := newProject(), newProject()
	now := time.Now().UTC()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	hour, day := time.Hour, 24*time.Hour
	id := func() string { return uuid.NewString() }
	trace := fmt.Sprintf("%032x", project)
	seed(t, owner,
		// Issue a1: pro users, two releases, old and new.
		event{project: project, fingerprint: 0xa1, id: id(), ts: ago(10 * day), release: "shop@1.0.0", user: 1, tags: map[string]string{"plan": "pro"}, title: "ValueError: bad card 42"},
		event{project: project, fingerprint: 0xa1, id: id(), ts: ago(2 * hour), release: "shop@1.1.0", user: 2, tags: map[string]string{"plan": "pro"}, title: "ValueError: bad card 43", trace: trace},
		event{project: project, fingerprint: 0xa1, id: id(), ts: ago(time.Hour), release: "shop@1.1.0", user: 2, tags: map[string]string{"plan": "pro"}, title: "ValueError: bad card 44"},
		// Issue b2: new, free users, staging.
		event{project: project, fingerprint: 0xb2, id: id(), ts: ago(30 * time.Minute), release: "shop@1.1.0", user: 3, tags: map[string]string{"plan": "free"}, title: "KeyError: colour", environment: "staging", level: "fatal", service: "worker"},
		// Issue c3: looks like a1.
		event{project: project, fingerprint: 0xc3, id: id(), ts: ago(20 * time.Minute), release: "shop@1.1.0", user: 4, tags: map[string]string{"plan": "free"}, title: "ValueError: bad card 45"},
		// Another project's, with the same fingerprint: nothing of it may show.
		event{project: other, fingerprint: 0xa1, id: id(), ts: ago(time.Hour), release: "other@9.0.0", user: 99, tags: map[string]string{"plan": "secret"}, title: "Secret: other project", trace: trace})
	exec := func(sql string, args ...any) {
		t.Helper()
		require.NoError(t, owner.Conn().Exec(t.Context(), sql, args...))
	}
	exec("INSERT INTO spans (project_id, ts, trace_id, span_id, parent_span_id, service, op, name, kind, is_segment, segment_name, duration_us, status, environment) SELECT ?, now64(6) - INTERVAL 119 MINUTE, ?, 'aa', '', 'shop', 'http.server', 'GET /pay', 'server', true, 'GET /pay', 5000 + number * 1000, ['ok', 'error'][number % 2 + 1], 'production' FROM numbers(4)", project, trace)
	exec("INSERT INTO logs (project_id, ts, trace_id, service, severity, severity_text, body) SELECT ?, now64(6) - INTERVAL 118 MINUTE, ?, 'shop', 17, 'ERROR', 'charge failed hard'", project, trace)
	exec("INSERT INTO sessions (project_id, started, ts, release, environment, session_id, init, status, quantity, user_hash, duration_ms) SELECT ?, now64(3) - INTERVAL 90 MINUTE, now64(3), 'shop@1.0.0', 'production', generateUUIDv4(), true, if(number < 1, 'crashed', 'exited'), 1, number + 1, 1000 FROM numbers(200)", project)
	exec("INSERT INTO sessions (project_id, started, ts, release, environment, status, quantity) SELECT ?, now64(3) - INTERVAL 30 MINUTE, now64(3), 'shop@1.1.0', 'production', ['exited', 'crashed'][number + 1], [90, 10][number + 1] FROM numbers(2)", project)
	exec("INSERT INTO monitors (project_id, slug, schedule_type, schedule, updated_at) VALUES (?, 'nightly', 'crontab', '0 1 * * *', now64(3) - 1), (?, 'nightly', 'crontab', '0 2 * * *', now64(3))", project, project)
	exec("INSERT INTO check_ins (project_id, check_in_id, monitor, status, ts, duration_ms) SELECT ?, generateUUIDv4(), 'nightly', ['ok', 'ok', 'error', 'missed'][number + 1], now64(3) - toIntervalHour(number + 1), [100, 300, 0, 0][number + 1] FROM numbers(4)", project)
	// Told by scripts: no duration, or an end within the millisecond of the beginning.
	exec("INSERT INTO check_ins (project_id, check_in_id, monitor, status, ts, received_at) SELECT ?, toUUID('00000000-0000-0000-0000-00000000000' || toString(intDiv(number, 2) + 1)), ['script', 'instant'][intDiv(number, 2) + 1], ['in_progress', 'ok', 'in_progress', 'error'][number + 1], toDateTime64(toStartOfHour(now()) - 3600, 3) + [0, 90, 0, 0][number + 1], now64(3) FROM numbers(4)", project)
	exec("INSERT INTO outcomes (project_id, minute, category, outcome, reason, quantity, bytes) VALUES (?, now() - INTERVAL 1 HOUR, 'error', 'accepted', '', 7, 70), (?, now() - INTERVAL 1 HOUR, 'error', 'stored', '', 5, 50), (?, now() - INTERVAL 1 HOUR, 'error', 'filtered', 'health_check', 1, 10), (?, now() - INTERVAL 1 HOUR, 'error', 'client_report', 'queue_overflow', 9, 0), (?, now() - INTERVAL 1 HOUR, 'span', 'accepted', '', 4, 4), (?, now() - INTERVAL 1 HOUR, 'span', 'stored', '', 4, 4)", project, project, project, project, project, project)

	a1, b2, c3 := issueHex(0xa1), issueHex(0xb2), issueHex(0xc3)
	for _, c := range []struct {
		name, query, columns string
		pairs                []string
		want                 []string
	}{
		{"list by last seen", "issue_list", "issue window_events events users status matches", nil, []string{c3 + " | 1 | 1 | 1 | new | 3", b2 + " | 1 | 1 | 1 | new | 3", a1 + " | 3 | 3 | 2 | ongoing | 3"}},
		{"list of 24 hours counts the window", "issue_list", "issue window_events events", []string{"from", "-24h", "sort", "events"}, []string{a1 + " | 2 | 3", b2 + " | 1 | 1", c3 + " | 1 | 1"}},
		{"list by users", "issue_list", "issue", []string{"sort", "users", "limit", "1"}, []string{a1}},
		{"list by first seen, page 2", "issue_list", "issue", []string{"sort", "first_seen", "limit", "1", "offset", "1"}, []string{b2}},
		{"list of an environment", "issue_list", "issue", []string{"environment", "staging"}, []string{b2}},
		{"list of a release", "issue_list", "issue window_events", []string{"release", "shop@1.0.0"}, []string{a1 + " | 1"}},
		{"list of a level", "issue_list", "issue", []string{"level", "fatal"}, []string{b2}},
		{"list by words, any case", "issue_list", "issue", []string{"text", "CARD 45"}, []string{c3}},
		{"list by a word that looks like nothing", "issue_list", "issue", []string{"text", "0"}, nil},
		{"list of an assignee that looks like nothing", "issue_list", "issue", []string{"assignee", "0"}, nil},
		{"list by tag", "issue_list", "issue", []string{"tag", "plan=free"}, []string{c3, b2}},
		{"list by state", "issue_list", "issue", []string{"status", "ongoing"}, []string{a1}},
		{"quotes are text", "issue_list", "issue", []string{"environment", `' OR 1=1 --\`}, nil},
		{"trend by day", "issue_trend", "events users", []string{"issue", a1, "from", now.Add(-10 * day).Format("2006-01-02"), "to", now.Add(-9 * day).Format("2006-01-02"), "bucket", "day"}, []string{"1 | 1"}},
		{"tags", "tag_distribution", "key value events share", []string{"issue", a1, "key", "release"}, []string{"release | shop@1.1.0 | 2 | 0.667", "release | shop@1.0.0 | 1 | 0.333"}},
		{"lift", "tag_lift", "key value events support project_share lift", []string{"issue", a1, "limit", "2"}, []string{"plan | pro | 3 | 1.000 | 0.600 | 1.667", "release | shop@1.0.0 | 1 | 0.333 | 0.200 | 1.667"}},
		{"newest events", "latest_events", "title environment weight", []string{"issue", a1, "limit", "2"}, []string{"ValueError: bad card 44 | production | 1", "ValueError: bad card 43 | production | 1"}},
		{"the next page", "latest_events", "title", []string{"issue", a1, "before", ago(90 * time.Minute).Format(time.RFC3339Nano)}, []string{"ValueError: bad card 43", "ValueError: bad card 42"}},
		{"events from the newest on", "issue_events", "title", []string{"issue", a1, "before", "2100-01-01", "limit", "2"}, []string{"ValueError: bad card 44", "ValueError: bad card 43"}},
		{"events from the oldest on", "issue_events", "title", []string{"issue", a1, "direction", "newer", "before", "0"}, []string{"ValueError: bad card 42", "ValueError: bad card 43", "ValueError: bad card 44"}},
		{"events older than a place", "issue_events", "title", []string{"issue", a1, "before", ago(90 * time.Minute).Format(time.RFC3339Nano)}, []string{"ValueError: bad card 43", "ValueError: bad card 42"}},
		{"events newer than a place", "issue_events", "title", []string{"issue", a1, "direction", "newer", "before", ago(90 * time.Minute).Format(time.RFC3339Nano)}, []string{"ValueError: bad card 44"}},
		{"no newer event", "issue_events", "title", []string{"issue", a1, "direction", "newer", "before", "2100-01-01"}, nil},
		{"what came through", "newest_receipt", "quantity", nil, []string{"11"}},
		{"nothing came through", "newest_receipt", "minute quantity", []string{"from", "-5m"}, []string{"1970-01-01 00:00:00 +0000 UTC | 0"}},
		{"similar", "similar_issues", "issue title", []string{"issue", a1, "limit", "1"}, []string{c3 + " | ValueError: bad card 45"}},
		{"new since a release", "new_since_release", "issue first_release", []string{"release", "shop@1.1.0"}, []string{b2 + " | shop@1.1.0", c3 + " | shop@1.1.0"}},
		{"new since an unknown release", "new_since_release", "issue", []string{"release", "shop@7"}, nil},
		{"releases", "releases", "release events issues new_issues sessions crashed_sessions crash_free_sessions", nil, []string{"shop@1.1.0 | 4 | 3 | 2 | 100 | 10 | 0.900", "shop@1.0.0 | 1 | 1 | 1 | 200 | 1 | 0.995"}},
		{"worse than the last", "release_compare", "release before new_issues sessions crash_free crash_free_before verdict", nil, []string{"shop@1.1.0 | shop@1.0.0 | 2 | 100 | 0.900 | 0.995 | worse", "shop@1.0.0 |  | 1 | 200 | 0.995 | <nil> | unknown"}},
		{"errors by service", "error_trend", "series events", []string{"by", "service", "bucket_seconds", "2592000", "from", "-20d"}, nil},
		{"trace", "trace", "kind name", []string{"trace_id", trace}, []string{"error | ValueError: bad card 43", "span | GET /pay", "span | GET /pay", "span | GET /pay", "span | GET /pay", "log | charge failed hard"}},
		{"trace search", "trace_search", "trace_id name errors spans logs", []string{"from", "-3h", "status", "error", "limit", "1"}, []string{trace + " | GET /pay | 1 | 4 | 1"}},
		{"slow transactions", "slow_transactions", "service name count failure_rate", nil, []string{"shop | GET /pay | 4 | 0.500"}},
		{"services", "service_overview", "service errors unhandled segments failure_rate", nil, []string{"shop | 3 | 0 | 4 | 0.500", "worker | 1 | 0 | 0 | 0.000"}},
		{"words", "text_search", "title", []string{"text", "bad card"}, []string{"ValueError: bad card 45", "ValueError: bad card 44", "ValueError: bad card 43", "ValueError: bad card 42"}},
		{"logs", "log_search", "body severity", []string{"from", "-3h", "text", "charge hard", "min_severity", "17"}, []string{"charge failed hard | 17"}},
		{"logs under a severity", "log_search", "body", []string{"from", "-3h", "min_severity", "21"}, nil},
		{"sessions", "sessions", "sessions crashed crash_free_sessions", []string{"bucket_hours", "720", "release", "shop@1.0.0"}, []string{"200 | 1 | 0.995"}},
		{"monitors", "check_ins", "monitor schedule last_status total failed p50_ms", nil, []string{"nightly | 0 2 * * * | ok | 4 | 2 | 200.000", "instant |  | error | 1 | 1 | 0.000", "script |  | ok | 1 | 0 | 90000.000"}},
		{"outcomes", "outcomes", "category outcome reason quantity", nil, []string{"error | accepted |  | 7", "error | client_report | queue_overflow | 9", "error | stored |  | 5", "error | filtered | health_check | 1", "span | accepted |  | 4", "span | stored |  | 4"}},
		{"out of balance", "ledger_balance", "category accepted fates missing", nil, []string{"error | 7 | 6 | 1"}},
		{"cost by level", "cost", "value events rows", []string{"by", "level", "from", "-20d"}, nil},
		{"users", "users_affected", "events all_users", []string{"issue", a1}, []string{"2 | 2", "1 | 2"}},
		{"nothing regressed", "regressed_issues", "issue", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask(t, s, project, c.query, c.columns, c.pairs...)
			switch c.name {
			case "errors by service":
				c.want = []string{"shop | 4", "worker | 1"}
				got = fold(t, got)
			case "cost by level":
				require.ElementsMatch(t, []string{"error | 4 | 4", "fatal | 1 | 1"}, got)
				return
			}
			require.Equal(t, c.want, got)
		})
	}
	// Whatever is asked, the other project does not show.
	all, err := catalog.All()
	require.NoError(t, err)
	for _, q := range all {
		values := map[string]string{"project": text(project), "issue": a1, "trace_id": trace, "release": "shop@1.1.0", "text": "secret", "key": "plan", "at": "now"}
		given, ok := map[string]string{}, false
		for _, p := range q.Params {
			ok = ok || p.Name == "project"
			if v, has := values[p.Name]; has && (p.Required || p.Name == "project") {
				given[p.Name] = v
			} else if p.Required {
				ok = false
				break
			}
		}
		if !ok || q.User != "reader" {
			continue
		}
		r, err := s.Run(t.Context(), q.Name, given)
		require.NoError(t, err, q.Name)
		for _, row := range r.Rows {
			require.NotContains(t, fmt.Sprint(row...), "ecret", q.Name)
			require.NotContains(t, fmt.Sprint(row...), "other@9", q.Name)
		}
	}
}

// fold sums rows of "series | n" over buckets, whose border depends on now.
func fold(t *testing.T, rows []string) []string {
	t.Helper()
	sums, names := map[string]int{}, []string{}
	for _, row := range rows {
		name, n, _ := strings.Cut(row, " | ")
		var count int
		_, err := fmt.Sscan(n, &count)
		require.NoError(t, err)
		if _, ok := sums[name]; !ok {
			names = append(names, name)
		}
		sums[name] += count
	}
	var out []string
	for _, name := range names {
		out = append(out, fmt.Sprintf("%s | %d", name, sums[name]))
	}
	return out
}
