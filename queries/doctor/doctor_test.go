package doctor_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/queries/doctor"
	"errata/queries/projects"
	"errata/schema/tables"
)

// Each check says ok on a sound store, and names the damage and the next step
// where there is one.
func TestExamine(t *testing.T) {
	server := clickhousetest.Shared(t)
	cfg := queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]}
	conn, err := queries.Dial(t.Context(), cfg)
	require.NoError(t, err)
	defer conn.Close()
	schema := tables.Options{Password: cfg.Password}
	require.NoError(t, tables.Migrate(t.Context(), conn, schema))
	cfg.Database = "errata"
	s, err := queries.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer s.Close()
	ready := true
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/readyz", r.URL.Path)
		if !ready {
			http.Error(w, "not ready: the disk is full", http.StatusServiceUnavailable)
		}
	}))
	defer edge.Close()
	target := doctor.Target{Store: s, Schema: schema, Edge: strings.TrimPrefix(edge.URL, "http://")}
	examine := func() map[string]doctor.Finding {
		out := map[string]doctor.Finding{}
		for _, f := range doctor.Examine(t.Context(), target) {
			require.Contains(t, []string{doctor.OK, doctor.Warn, doctor.Fail}, f.Verdict, f.Check)
			if f.Verdict != doctor.OK {
				require.NotEmpty(t, f.Next, f.Check)
			}
			out[f.Check] = f
		}
		return out
	}
	exec := func(sql string) { require.NoError(t, s.Conn().Exec(t.Context(), sql)) }

	got := examine()
	require.Equal(t, doctor.Fail, got["projects"].Verdict, "there is none yet")
	require.Equal(t, doctor.Warn, got["freshness"].Verdict)
	require.NotContains(t, got, "lag", "no broker was named")

	_, _, err = projects.Ensure(t.Context(), s.Conn(), "shop", "")
	require.NoError(t, err)
	exec("INSERT INTO events (project_id, ts, received_at, fingerprint) VALUES (1, now64(3), now64(3), 1)")
	got = examine()
	for _, check := range []string{"clickhouse", "schema", "deduplication", "dictionary", "parts", "projects", "edge", "freshness", "ledger", "dead letters"} {
		require.Equal(t, doctor.OK, got[check].Verdict, "%s: %s", check, got[check].Detail)
	}

	// ClickHouse is away: the others are looked over all the same.
	away := target
	away.Store, away.Away = nil, errors.New("connection refused")
	found := doctor.Examine(t.Context(), away)
	require.Len(t, found, 2)
	require.Equal(t, doctor.Finding{Check: "clickhouse", Verdict: doctor.Fail, Detail: "connection refused", Next: "start ClickHouse, or check --clickhouse and the password"}, found[0])
	require.Equal(t, doctor.OK, found[1].Verdict, found[1].Check)

	ready = false
	exec("INSERT INTO outcomes (project_id, minute, category, outcome, quantity) VALUES (1, now() - INTERVAL 1 HOUR, 'error', 'accepted', 3), (1, now() - INTERVAL 1 HOUR, 'error', 'dead_letter', 1)")
	exec("INSERT INTO migrations VALUES ('views/020_issues.sql', 'other', now64(3) + 1)")
	exec("ALTER TABLE issue_hour MODIFY SETTING non_replicated_deduplication_window = 0")
	got = examine()
	for check, detail := range map[string]string{"edge": "503 Service Unavailable not ready: the disk is full", "ledger": "+2 items", "schema": "views/020_issues.sql", "deduplication": "issue_hour"} {
		require.Equal(t, doctor.Fail, got[check].Verdict, check)
		require.Contains(t, got[check].Detail, detail)
	}
	require.Equal(t, doctor.Warn, got["dead letters"].Verdict)
}
