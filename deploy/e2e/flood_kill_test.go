package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// flooder sends one error again and again to some edges, each event once. An
// event without an answer, or with a refusal, may be stored or not.
type flooder struct {
	acked, unknown, refused atomic.Int64
	stop                    chan struct{}
	wait                    sync.WaitGroup
}

func startFlood(key string, rate int, edges ...string) *flooder {
	const callers = 48
	f := &flooder{stop: make(chan struct{})}
	for i := range callers {
		f.wait.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second}
			defer client.CloseIdleConnections()
			tick := time.NewTicker(time.Second * callers / time.Duration(rate))
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-f.stop:
					return
				case <-tick.C:
				}
				f.one(client, edges[(i+n)%len(edges)], key)
			}
		})
	}
	return f
}

func (f *flooder) one(client *http.Client, edge, key string) {
	event := fmt.Sprintf(`{"event_id":"%016x%016x","platform":"python","release":"shop@%d","user":{"id":"%d"},"exception":{"values":[{"type":"Flood","value":"order %d"}]}}`,
		rand.Uint64()|1, rand.Uint64(), rand.IntN(3), rand.IntN(500), rand.IntN(1e6))
	body := fmt.Appendf(nil, "{}\n{\"type\":\"event\",\"length\":%d}\n%s\n", len(event), event)
	resp, err := client.Post("http://"+edge+"/api/1/envelope/?sentry_key="+key, "text/plain", bytes.NewReader(body))
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial":
		f.refused.Add(1) // Nobody has it.
		return
	case err != nil:
		f.unknown.Add(1)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		f.acked.Add(1)
	} else {
		f.unknown.Add(1)
	}
}

// TestFloodKilled kills the store, its ClickHouse and an edge of its own with
// SIGKILL while one error comes 1,000 times a second, so that most of it is
// only counted: what was acknowledged is counted once, and nothing else but
// events without an answer. ERRATA_FLOOD_KILLS says how many kills.
func TestFloodKilled(t *testing.T) {
	needE2E(t)
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("ERRATA_FLOOD_KILLS")); err == nil {
		kills = n
	}
	s := upAgain(t, t.TempDir())
	// A busy machine takes less than 1,000 a second, and each edge has half of that:
	// with a number of its own it is a flood all the same.
	settings := filepath.Join(t.TempDir(), "settings.json")
	require.NoError(t, os.WriteFile(settings, []byte(`{"flood":{"per_minute":200}}`), 0o600))
	s.tool(t, "project", "set", "default", "--settings", settings)
	_, key, _ := dsnParts(t, s.DSN)
	other := "127.0.0.1:" + lowPort(t)
	args := []string{"ingest", "--http", other, "--otlp-http", "", "--otlp-grpc", "", "--state", t.TempDir(), "--kafka", s.Broker, "--clickhouse", s.ClickHouse, "--password", s.secret(t, "errata")}
	edge := spawn(t, args...)
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + other + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)

	f := startFlood(key, 1000, s.HTTP, other)
	for kill := range kills {
		time.Sleep(1500*time.Millisecond + rand.N(time.Second))
		switch kill % 3 {
		case 0:
			require.NoError(t, syscall.Kill(s.childPID(t), syscall.SIGKILL))
		case 1:
			s.kill()
			s.run(t)
		case 2:
			edge.kill()
			edge = spawn(t, args...)
		}
	}
	time.Sleep(1500 * time.Millisecond)
	close(f.stop)
	f.wait.Wait()
	edge.stop(t) // Its spool is empty then.
	s.drained(t)
	s.balanced(t)

	rows := s.sql(t, `SELECT sum(weight) AS events, countIf(weight > 1) AS counted, uniqExact(fingerprint) AS issues FROM errata.events`)[0]
	acked, unknown := float64(f.acked.Load()), float64(f.unknown.Load())
	t.Logf("%d kills: %.0f acknowledged, %.0f without an answer, %d not taken: %v", kills, acked, unknown, f.refused.Load(), rows)
	require.Greater(t, acked, 1000., "killed under load")
	require.Positive(t, rows["counted"], "most of it is only counted")
	require.EqualValues(t, 1, rows["issues"])
	require.GreaterOrEqual(t, rows["events"], acked)
	require.LessOrEqual(t, rows["events"], acked+unknown)
	for _, query := range []string{"SELECT sum(events) AS n FROM errata.issues",
		fmt.Sprintf("SELECT sum(quantity) AS n FROM errata.outcomes WHERE category = '%s' AND outcome IN ('stored', 'sampled')", schema.CategoryError)} {
		require.Equal(t, rows["events"], s.sql(t, "%s", query)[0]["n"], query)
	}
	s.tool(t, "doctor", "--check-counts")
}
