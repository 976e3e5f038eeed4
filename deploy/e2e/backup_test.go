package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// A store is backed up again and again while it takes events. What was
// acknowledged before a backup began is in each of them once, and what came
// meanwhile once or not at all; the store itself takes and stores all of it.
func TestBackupOfARunningStore(t *testing.T) {
	needE2E(t)
	dir := t.TempDir()
	s := up(t, filepath.Join(dir, "data"))
	base, key, project := dsnParts(t, s.DSN)
	var acknowledged atomic.Int64 // All ids below it are.
	ctx, cancel := context.WithCancel(t.Context())
	post := func(n int64) error {
		id := fmt.Sprintf("%032x", 1<<60+n)
		body := fmt.Sprintf("{\"event_id\":%q}\n{\"type\":\"event\"}\n{\"event_id\":%q,\"platform\":\"python\",\"exception\":{\"values\":[{\"type\":\"Error%d\",\"value\":\"broken\"}]}}\n", id, id, n%97) // No flood, of which some would only be counted.
		if n%50 == 0 {
			body += "{\"type\":\"attachment\",\"length\":5,\"filename\":\"note.txt\"}\nhello\n"
		}
		resp, err := http.Post(base+"/api/"+project+"/envelope/?sentry_key="+key, "application/x-sentry-envelope", strings.NewReader(body))
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusOK {
			err = errors.Join(err, fmt.Errorf("status %d", resp.StatusCode))
		}
		return errors.Join(err, resp.Body.Close())
	}
	var failed error
	var sending sync.WaitGroup
	sending.Go(func() {
		for n := int64(0); ctx.Err() == nil && failed == nil; n++ {
			if failed = post(n); failed == nil {
				acknowledged.Store(n + 1)
			}
		}
	})
	defer sending.Wait()
	defer cancel()
	const backups = 3
	var before [backups]int64
	for n := range backups {
		require.Eventually(t, func() bool { return acknowledged.Load() > int64(n+1)*400 }, 2*time.Minute, 10*time.Millisecond)
		before[n] = acknowledged.Load()
		out, err := errata(t, "backup", filepath.Join(dir, fmt.Sprint(n)), "--data", s.dir).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "The store runs")
	}
	cancel()
	sending.Wait()
	require.NoError(t, failed)
	sent := acknowledged.Load()
	const number = "reinterpretAsUInt64(reverse(substring(unhex(replaceAll(toString(event_id), '-', '')), 9)))"
	once := func(s *store, least, most int64) {
		s.drained(t)
		rows := s.sql(t, "SELECT toUInt32(count()) AS n, toUInt32(uniqExact(event_id)) AS ids, toUInt32(uniqExactIf(event_id, %s < %d)) AS early FROM errata.events", number, 1<<60+least)
		require.EqualValues(t, least, rows[0]["early"], "every event acknowledged before")
		require.EqualValues(t, rows[0]["n"], rows[0]["ids"], "none of them twice")
		require.LessOrEqual(t, rows[0]["n"], float64(most))
		require.NotContains(t, s.tool(t, "doctor", "--check-counts"), "differs")
		require.Contains(t, s.tool(t, "query", "ledger_balance"), "No rows")
		for _, outcome := range []string{"offset_gap", "duplicate"} {
			require.EqualValues(t, 0, s.sql(t, "SELECT toUInt32(sum(quantity)) AS n FROM errata.outcomes WHERE outcome = '%s'", outcome)[0]["n"], outcome)
		}
		attached := s.sql(t, "SELECT toUInt32(count()) AS n, toUInt32(uniqExact(event_id)) AS ids, toUInt32(countIf(%s < %d)) AS early FROM errata.attachments", number, 1<<60+least)[0]
		require.EqualValues(t, attached["n"], attached["ids"])
		require.EqualValues(t, (least+49)/50, attached["early"], "every attachment")
	}
	once(s, sent, sent+1)
	s.stop(t)
	for n := range backups {
		again := filepath.Join(dir, fmt.Sprint("again", n))
		out, err := errata(t, "restore", filepath.Join(dir, fmt.Sprint(n)), "--data", again).CombinedOutput()
		require.NoError(t, err, string(out))
		r := up(t, again)
		once(r, before[n], sent+1)
		r.stop(t)
	}
	left, err := os.ReadDir(filepath.Join(s.dir, "backup"))
	require.NoError(t, err)
	require.Len(t, left, 1, "the lock")
}
