package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// owner asks for one number as the owner of the database.
func (s *store) owner(t *testing.T, query string) uint64 {
	t.Helper()
	rows := s.asOwner(t, query)
	require.Len(t, rows, 1)
	return uint64(rows[0]["n"].(float64))
}

// asOwner asks as the owner of the database: people may not read system tables.
func (s *store) asOwner(t *testing.T, query string) []map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.ClickHouseHTTP+"/?database=errata&default_format=JSON&output_format_json_quote_64bit_integers=0", strings.NewReader(query))
	require.NoError(t, err)
	req.Header.Set("X-ClickHouse-User", "errata")
	req.Header.Set("X-ClickHouse-Key", s.secret(t, "errata"))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", query, raw)
	var answer struct {
		Data []map[string]any
	}
	require.NoError(t, json.Unmarshal(raw, &answer))
	return answer.Data
}

// TestFlood sends one error thousands of times beside a project with a few
// errors: its count stays exact, on disk it is under 2 % of what was sent, and
// the other project's events are all whole.
func TestFlood(t *testing.T) {
	needE2E(t)
	s := up(t, t.TempDir())
	quiet := s.project(t, "quiet")
	disk := func() uint64 {
		return s.owner(t, "SELECT sum(bytes_on_disk) AS n FROM system.parts WHERE active AND database = 'errata'")
	}
	before := disk()

	type report struct {
		Accepted int            `json:"accepted"`
		Body     float64        `json:"body_bytes"`
		Statuses map[string]int `json:"statuses"`
		Verify   struct {
			OK bool `json:"ok"`
		} `json:"verify"`
	}
	var f, other report
	file := filepath.Join(s.dir, "addresses.json")
	flood := errata(t, "bench", "--addresses", file, "--json", "--quiet", "--fingerprints", "1", "--callers", "96", "--events", "30000", "--duration", "120s", "--wait", "1s")
	var out, stderr bytes.Buffer
	flood.Stdout, flood.Stderr = &out, &stderr
	require.NoError(t, flood.Start())
	text := s.tool(t, "bench", "--dsn", quiet, "--json", "--quiet", "--events", "200", "--rate", "20", "--callers", "4", "--verify")
	require.NoError(t, flood.Wait(), "%s", stderr.String())
	require.NoError(t, json.Unmarshal([]byte(text), &other), "%s", text)
	require.NoError(t, json.Unmarshal(out.Bytes(), &f), "%s", out.String())
	s.drained(t)

	require.Equal(t, map[string]int{"200": 30_000}, f.Statuses)
	require.True(t, other.Verify.OK, "what is no flood is kept whole")
	require.Equal(t, 200, other.Accepted)

	rows := s.sql(t, `SELECT count() AS rows, sum(weight) AS events, countIf(position(payload, 'exception') > 0) AS whole, uniqExact(fingerprint) AS issues
		FROM errata.events WHERE project_id = 1`)[0]
	t.Logf("%v", rows)
	require.EqualValues(t, 30_000, rows["events"])
	require.EqualValues(t, 1, rows["issues"])
	require.Positive(t, rows["whole"])
	require.LessOrEqual(t, rows["whole"].(float64), 1200+5*100., "1,200 of the first minute where the machine is slow, 100 of each further one")
	require.EqualValues(t, 30_000, s.sql(t, "SELECT sum(events) AS n FROM errata.issues WHERE project_id = 1")[0]["n"])
	require.EqualValues(t, 30_000, s.sql(t, `SELECT sum(quantity) AS n FROM errata.outcomes WHERE project_id = 1 AND category = '%s' AND outcome IN ('stored', 'sampled')`, schema.CategoryError)[0]["n"])
	users := s.sql(t, "SELECT users FROM errata.issues WHERE project_id = 1")[0]["users"].(float64)
	require.InEpsilon(t, 9502, users, .06, "30,000 draws of 10,000 users")
	s.balanced(t)
	require.Contains(t, s.tool(t, "where", strings.Repeat("0c", 16)), "it came in a flood", "an id that was only counted is not known")

	sent, stored := float64(f.Accepted)*f.Body, disk()-before
	t.Logf("sent %.1f MB, on disk %.2f MB = %.2f %%", sent/1e6, float64(stored)/1e6, float64(stored)/sent*100)
	require.Less(t, float64(stored), sent*.02)

	// By OTLP: the exceptions are counted as exactly, the spans are rows.
	s.tool(t, "bench", "--dsn", s.project(t, "spans"), "--mode", "otlp", "--json", "--quiet", "--fingerprints", "1", "--callers", "64", "--events", "6000", "--duration", "60s", "--wait", "1s")
	s.drained(t)
	rows = s.sql(t, `SELECT countIf(weight > 1) AS counted, sum(weight) AS events, uniqExact(fingerprint) AS issues, (SELECT count() FROM errata.spans WHERE project_id = project) AS spans,
		(SELECT id FROM errata.projects WHERE slug = 'spans') AS project FROM errata.events WHERE project_id = project`)[0]
	t.Logf("OTLP: %v", rows)
	require.EqualValues(t, 6000, rows["events"])
	require.EqualValues(t, 6000, rows["spans"])
	require.EqualValues(t, 1, rows["issues"])
	require.Positive(t, rows["counted"])
	s.balanced(t)
}

// project makes a project and returns its DSN.
func (s *store) project(t *testing.T, slug string) string {
	t.Helper()
	var made []struct{ DSN string }
	out := s.tool(t, "project", "create", slug, "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &made), "%s", out)
	require.Len(t, made, 1)
	// A new key works within a second.
	require.Eventually(t, func() bool {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, strings.Replace(made[0].DSN, "@"+s.HTTP, "@"+s.HTTP+"/api", 1)+"/envelope/", strings.NewReader("{}\n"))
		if err != nil {
			return false
		}
		key := req.URL.User.Username()
		req.URL.User = nil
		req.Header.Set("X-Sentry-Auth", "Sentry sentry_key="+key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond)
	return made[0].DSN
}
