package ingest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"errata/schema"
)

// TestOutlinesCountTheSame sends one flood to an edge that reads every event at
// once and to one that reads the outlines of a flood's events first: what is on
// their topics says the same.
func TestOutlinesCountTheSame(t *testing.T) {
	t.Parallel()
	type row struct {
		fingerprint                 uint64
		culprit, environment, level string
		release, transaction        string
	}
	type sum struct {
		weight, bytes, receipts uint64
		users                   string
	}
	read := func(atOnce bool) (map[row]sum, int) {
		e := start(t, func(c *Config) { c.FloodPerMinute = 4 })
		e.atOnce = atOnce
		sent := make(chan struct{}, 48) // A counted event waits for its group: many are on their way.
		var wg sync.WaitGroup
		send := func(i int) {
			defer func() { <-sent }()
			ev := fmt.Sprintf(`{"event_id":%q,"timestamp":%q,"platform":"python","level":%q,"release":"r%d","environment":"e","transaction":"/pay?token=s3cr3tvalue","tags":{"region":"eu"},"user":{"id":"u%d"},
				"exception":{"values":[{"type":"ValueError","value":"no %d","stacktrace":{"frames":[{"filename":"app.py","function":"f%d","lineno":%d,"in_app":true,"vars":{"password":"s3cr3tvalue"},"context_line":"raise x"}]}}]},"extra":{"n":%d}}`,
				hexID(i), "2026-11-23T15:00:00Z", []string{"error", "fatal"}[i%2], i%3, i%7, i, i%2, i, i)
			path, body := "/api/1/store/", []byte(ev)
			if i%3 > 0 {
				path, body = "/api/1/envelope/", fmt.Appendf(nil, "{}\n{\"type\":\"attachment\",\"length\":3,\"filename\":\"x\"}\nabc\n{\"type\":\"event\",\"length\":%d}\n%s\n", len(ev), ev)
			}
			assert.Equal(t, 200, e.do("POST", path, body, "X-Sentry-Auth", auth).status)
		}
		for i := range 240 {
			sent <- struct{}{}
			wg.Go(func() { send(i) })
		}
		wg.Wait()
		if n := e.judge.Outlined.Load(); atOnce {
			require.Zero(t, n)
		} else {
			require.Positive(t, n)
		}
		out, whole, users := map[row]sum{}, 0, map[row]map[uint64]bool{}
		for _, r := range e.records(schema.TopicEvents) {
			x := r.Event
			if x == nil {
				continue
			}
			require.NotContains(t, x.String(), "s3cr3tvalue")
			if x.Weight == 1 && len(x.Payload) > 100 {
				whole++
				require.Contains(t, string(x.Payload), "password")
				require.Positive(t, x.Redactions)
			}
			k := row{fingerprint: x.Fingerprint, culprit: x.Culprit, environment: x.Environment, level: x.Level.String(), release: x.Release, transaction: x.Transaction}
			s := out[k]
			s.weight += uint64(x.Weight)
			if users[k] == nil {
				users[k] = map[uint64]bool{}
			}
			for _, u := range append(x.UserHashes, x.UserHash) {
				if u != 0 {
					users[k][u] = true
				}
			}
			for _, c := range r.Receipts {
				if c.Category == schema.CategoryError {
					s.receipts += c.Quantity
					s.bytes += c.Bytes
				}
			}
			out[k] = s
		}
		for k, s := range out {
			s.users = fmt.Sprint(slices.Sorted(maps.Keys(users[k])))
			out[k] = s
		}
		return out, whole
	}
	want, wholes := read(true)
	got, whole := read(false)
	require.Equal(t, want, got)
	require.GreaterOrEqual(t, whole, 8)
	require.Less(t, whole, 240)
	require.Less(t, wholes, 240)
}
