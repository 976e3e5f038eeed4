package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A store is killed under load and backed up as it lies there: what was
// acknowledged and not stored yet is stored once by the store that is made from
// the backup, the attachment is there, and keys and triage are the same.
func TestBackup(t *testing.T) {
	needE2E(t)
	dir := t.TempDir()
	s := up(t, filepath.Join(dir, "data"))
	base, key, project := dsnParts(t, s.DSN)
	send := func(body string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/"+project+"/envelope/?sentry_key="+key, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	const events = 600
	for n := range events {
		id := fmt.Sprintf("%032x", 1<<60+n)
		body := fmt.Sprintf("{\"event_id\":%q}\n{\"type\":\"event\"}\n{\"event_id\":%q,\"platform\":\"python\",\"exception\":{\"values\":[{\"type\":\"ValueError\",\"value\":\"part %d\"}]}}\n", id, id, n%5)
		if n == 0 {
			body += "{\"type\":\"attachment\",\"length\":5,\"filename\":\"note.txt\"}\nhello\n"
		}
		send(body)
		if n == events/2 {
			s.drained(t)
			s.tool(t, "project", "create", "second")
		}
	}
	refused, err := errata(t, "backup", filepath.Join(dir, "early"), "--data", s.dir).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(refused), "while its store runs")
	s.kill()
	file := filepath.Join(dir, "b.tar.zst")
	out, err := errata(t, "backup", file, "--data", s.dir).CombinedOutput()
	require.NoError(t, err, string(out))
	again := filepath.Join(dir, "again")
	out, err = errata(t, "restore", file, "--data", again).CombinedOutput()
	require.NoError(t, err, string(out))

	r := up(t, again)
	r.drained(t)
	rows := r.sql(t, "SELECT toUInt32(count()) AS n, toUInt32(uniqExact(event_id)) AS ids, toUInt32(sum(weight)) AS counted FROM errata.events")
	require.EqualValues(t, events, rows[0]["n"])
	require.EqualValues(t, events, rows[0]["ids"])
	require.EqualValues(t, events, rows[0]["counted"])
	require.Contains(t, r.tool(t, "project", "list"), "second")
	require.Equal(t, s.secret(t, "reader"), r.secret(t, "reader"))
	require.NotContains(t, r.tool(t, "doctor", "--check-counts"), "differs")
	require.Contains(t, r.tool(t, "query", "ledger_balance"), "No rows")
	blobs, err := filepath.Glob(filepath.Join(again, "blobs", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, blobs)
}
