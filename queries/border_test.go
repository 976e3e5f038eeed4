package queries_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// A window that ends where a minute, an hour or a day begins has nothing of it,
// however wide the slots are that a question is counted in; and windows side by
// side count each event once.
func TestWindowEndsWhereASlotBegins(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -4)
	var all []event
	for _, border := range []time.Time{day, day.Add(26 * time.Hour), day.Add(30*time.Hour + 5*time.Minute)} {
		for i, n := range []int{1, 10, 100} { // Just before it, at it, and later in every slot that begins there.
			for range n {
				all = append(all, event{project: project, fingerprint: 1, id: uuid.NewString(), ts: border.Add([]time.Duration{-time.Millisecond, 0, 40 * time.Second}[i]), release: "shop@1.0.0", user: 7, tags: map[string]string{"plan": "pro"}})
			}
		}
	}
	seed(t, owner, all...)
	exec := func(sql string, args ...any) {
		t.Helper()
		require.NoError(t, owner.Conn().Exec(t.Context(), sql, args...))
	}
	hours := func(table, columns, values string, args ...any) {
		for _, border := range []time.Time{day, day.Add(26 * time.Hour)} {
			for i, n := range []int{1, 10} {
				exec("INSERT INTO "+table+" (project_id, "+columns+") SELECT ?, fromUnixTimestamp64Milli(?), "+values+" FROM numbers(?)", append([]any{project, border.Add(time.Duration(i-1) * time.Millisecond).UnixMilli()}, append(args, n)...)...)
			}
		}
	}
	hours("spans", "ts, trace_id, span_id, is_segment, name, service, duration_us", "leftPad('7', 32, '0'), '00000000000000a1', true, 'GET /', 'shop', 1000")
	hours("sessions", "started, ts, release, status, quantity", "now64(3), 'shop@1.0.0', 'exited', 1")
	hours("logs", "ts, service, severity, body", "'shop', 17, 'x'")
	hours("outcomes", "minute, category, outcome, quantity", "'error', 'accepted', 1")
	sum := func(query, column string, from, to time.Time, pairs ...string) (n uint64) {
		t.Helper()
		values := map[string]string{"project": text(project), "from": text(from.UnixMilli()), "to": text(to.UnixMilli())}
		for i := 0; i < len(pairs); i += 2 {
			values[pairs[i]] = pairs[i+1]
		}
		if values["projects"] != "" || query == "active_projects" {
			delete(values, "project")
		}
		r, err := owner.Run(t.Context(), query, values)
		require.NoError(t, err)
		for _, row := range rows(r) {
			if id, ok := row["project_id"]; !ok || id == project || id == uint32(0) {
				n += row[column].(uint64)
			}
		}
		return n
	}
	// Of these there is none later.
	others := map[string]bool{"sessions": true, "crash_free": true, "slow_transactions": true, "request_trend": true, "outcomes": true, "outcome_trend": true, "ledger_balance": true, "log_volume": true}
	of := []string{"issue", issueHex(1)}
	here := []string{"projects", text(project)}
	for _, c := range []struct {
		query, column string
		slot          time.Duration // The widest that it is counted in.
		pairs         []string
	}{
		{"error_trend", "events", time.Minute, nil}, {"error_trend", "events", time.Minute, []string{"by", "release"}}, {"error_trend", "events", time.Minute, []string{"bucket_seconds", "60"}},
		{"error_trend_split", "events", time.Minute, here}, {"error_trend_split", "events", time.Minute, append([]string{"by", "issue"}, here...)}, {"error_trend_split", "events", time.Minute, append(of, here...)},
		{"error_trend_split", "events", time.Minute, append([]string{"by", "tag", "tag_key", "plan"}, here...)}, {"error_trend_split", "events", time.Minute, append([]string{"by", "platform"}, here...)},
		{"issue_trend", "events", time.Minute, append([]string{"bucket", "minute"}, of...)}, {"issue_trend", "events", time.Hour, of}, {"issue_trend", "events", 24 * time.Hour, append([]string{"bucket", "day"}, of...)},
		{"users_affected", "events", time.Minute, of}, {"service_overview", "errors", time.Hour, nil},
		{"issue_list", "window_events", time.Hour, nil}, {"cost", "events", time.Hour, nil}, {"cost", "events", time.Hour, []string{"by", "release"}}, {"cost", "events", time.Hour, []string{"by", "tag", "key", "plan"}},
		{"tag_distribution", "events", 24 * time.Hour, append([]string{"key", "plan"}, of...)}, {"option_values", "events", 24 * time.Hour, append([]string{"key", "plan"}, here...)}, {"active_projects", "events", 24 * time.Hour, nil},
		{"sessions", "sessions", time.Hour, nil}, {"crash_free", "sessions", time.Hour, append([]string{"min_sessions", "1"}, here...)}, {"slow_transactions", "count", time.Hour, nil}, {"request_trend", "requests", time.Hour, here},
		{"outcomes", "quantity", time.Minute, nil}, {"outcome_trend", "events", time.Minute, here}, {"ledger_balance", "accepted", time.Minute, nil}, {"log_volume", "events", time.Minute, here},
	} {
		for _, border := range []time.Time{day, day.Add(26 * time.Hour), day.Add(30*time.Hour + 5*time.Minute)} {
			if border.Truncate(c.slot) != border {
				continue
			}
			after := 110
			if others[c.query] {
				if after = 10; border.Truncate(time.Hour) != border {
					continue
				}
			}
			require.EqualValues(t, 1, sum(c.query, c.column, border.Add(-c.slot), border, c.pairs...), "%s %v, before %v", c.query, c.pairs, border)
			require.EqualValues(t, after, sum(c.query, c.column, border, border.Add(c.slot), c.pairs...), "%s %v, after %v", c.query, c.pairs, border)
		}
	}
}
