package regroup

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema/grouping"
	"errata/schema/grouping/payload"
)

// large is a stored Python event of about 5 KB with seven frames.
func large(fn, region string) []byte {
	var frames []any
	for i := range 7 {
		path := "/srv/app/orders.py"
		if i < 3 {
			path = "/srv/venv/lib/python3.11/site-packages/fastapi/routing.py"
		}
		name := fmt.Sprintf("step_%d", i)
		if i == 6 {
			name = fn
		}
		line := "        response = await self." + name + "(request, order)"
		around := []string{line, line, line, line, line}
		frames = append(frames, map[string]any{"abs_path": path, "filename": path[1:], "module": "app.orders", "function": name, "lineno": 10 + i, "context_line": line, "pre_context": around, "post_context": around, "in_app": i >= 3})
	}
	raw, _ := json.Marshal(map[string]any{
		"platform": "python", "level": "error", "tags": map[string]string{"region": region}, "transaction": "/orders/{id}",
		"exception":   map[string]any{"values": []any{map[string]any{"type": "ValueError", "value": "bad price 12", "stacktrace": map[string]any{"frames": frames}}}},
		"breadcrumbs": map[string]any{"values": []any{map[string]any{"message": strings.Repeat("GET /orders ", 10)}, map[string]any{"message": strings.Repeat("SELECT 1 ", 20)}}},
		"request":     map[string]any{"url": "https://shop.example/orders/1", "headers": map[string]string{"user-agent": strings.Repeat("x", 120)}},
	})
	return raw
}

// TestSpeed regroups many stored events: dry run, apply, undo, with equal
// totals. ERRATA_REGROUP_EVENTS says how many; without it the test is skipped.
func TestSpeed(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("ERRATA_REGROUP_EVENTS"))
	if n == 0 {
		t.Skip("set ERRATA_REGROUP_EVENTS=1000000 to run it")
	}
	s := store(t)
	p := project(t, s)
	g, err := grouping.New(grouping.Rules{})
	require.NoError(t, err)
	type kind struct {
		doc    []byte
		result grouping.Result
	}
	var kinds []kind
	for i := range 200 {
		for _, region := range []string{"eu", "us"} {
			doc := large(fmt.Sprintf("place_%d", i), region)
			in, err := payload.FromPayload(doc)
			require.NoError(t, err)
			kinds = append(kinds, kind{doc, g.Group(in)})
		}
	}
	t.Logf("payload of %d bytes", len(kinds[0].doc))
	now := time.Now().UTC()
	for at := 0; at < n; {
		batch, err := s.Conn().PrepareBatch(t.Context(), `INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, main_hash, event_id, weight, protocol, type, level,
			platform, environment, release, title, exception_type, exception_value, user_hash, tags, payload)`)
		require.NoError(t, err)
		for range min(2_000, n-at) {
			at++
			k := &kinds[at*7919%len(kinds)]
			ts := now.Add(-time.Second - time.Duration(float64(20*24*time.Hour)*float64(n-at)/float64(n)))
			require.NoError(t, batch.Append(p, ts, ts, k.result.Hashes[0], k.result.Hashes, k.result.MainHash, fmt.Sprintf("%08x-0000-4000-8000-%012x", p, at), uint32(1), "sentry", "error", "error",
				"python", "production", "shop@1.0.0", k.result.Title, k.result.Type, k.result.Value, uint64(at%5+1), map[string]string{}, string(k.doc)))
		}
		require.NoError(t, batch.Send(), "after %d events", at)
	}
	_, totals := look(t, s, p)
	rules := grouping.SplitRules("type:ValueError function:place_1* -> ones\ntype:ValueError function:place_2 -> {{ default }} {{ tags.region }}\n")
	check := func(what string, start time.Time) {
		took := time.Since(start)
		t.Logf("%s of %d events: %.1f s, %.0f a second", what, n, took.Seconds(), float64(n)/took.Seconds())
		_, after := look(t, s, p)
		require.Equal(t, totals, after, what)
	}
	start := time.Now()
	r, err := Plan(t.Context(), s, Options{Project: p, Rules: rules, Since: 30 * 24 * time.Hour})
	require.NoError(t, err)
	require.Equal(t, uint64(n), r.Events)
	check("dry run", start)
	require.Len(t, r.Merges, 1)
	require.Len(t, r.Splits, 1)
	start = time.Now()
	require.NoError(t, Apply(t.Context(), s, r, "bench"))
	check("apply", start)
	start = time.Now()
	_, err = Undo(t.Context(), s, p, "", "bench")
	require.NoError(t, err)
	check("undo", start)
	require.GreaterOrEqual(t, float64(r.Events)/r.Seconds, 20_000.0)
}
