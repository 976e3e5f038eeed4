package regroup

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
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
	// Four hundred kinds of events; each event differs by its message and by a
	// crumb that does not compress.
	require.NoError(t, s.Conn().Exec(t.Context(), "CREATE TABLE kinds (k UInt64, fingerprint UInt64, title String, value String, payload String) ENGINE = Join(ANY, LEFT, k)"))
	batch, err := s.Conn().PrepareBatch(t.Context(), "INSERT INTO kinds")
	require.NoError(t, err)
	kinds := 0
	for i := range 200 {
		for _, region := range []string{"eu", "us"} {
			doc := large(fmt.Sprintf("place_%d", i), region)
			in, err := payload.FromPayload(doc)
			require.NoError(t, err)
			r := g.Group(in)
			require.NoError(t, batch.Append(uint64(kinds), r.Hashes[0], r.Title, r.Value, string(doc)))
			kinds++
		}
	}
	require.NoError(t, batch.Send())
	for at := 0; at < n; at += 20_000 {
		require.NoError(t, s.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, main_hash, event_id, weight, protocol, type, level,
			platform, environment, release, title, exception_type, exception_value, user_hash, payload)
			SELECT %[1]d, now64(3) - toIntervalSecond(20 * 86400 - intDiv(20 * 86400 * number, %[2]d) + 10) AS ts, ts, joinGet('kinds', 'fingerprint', toUInt64(number %% %[3]d) AS k) AS f, [f], f, generateUUIDv4(), 1, 'sentry', 'error', 'error',
				'python', 'production', 'shop@1.0.0', joinGet('kinds', 'title', k), 'ValueError', joinGet('kinds', 'value', k), number %% 5 + 1,
				replaceOne(replaceOne(joinGet('kinds', 'payload', k), 'bad price 12', 'bad price ' || toString(number)), 'GET /orders ', hex(randomString(300)))
			FROM numbers(%[4]d, %[5]d) SETTINGS max_block_size = 1000, max_insert_block_size = 1000, min_insert_block_size_rows = 1000, max_threads = 1`, p, n, kinds, at, min(20_000, n-at))))
	}
	_, totals := look(t, s, p)
	rules := grouping.SplitRules("type:ValueError function:place_1* -> ones\ntype:ValueError function:place_2 -> {{ default }} {{ tags.region }}\n")
	// CPU time of the server and of this process, in seconds.
	cpu := func() float64 {
		var us uint64
		require.NoError(t, s.Conn().QueryRow(t.Context(), "SELECT sum(value) FROM system.events WHERE event = 'OSCPUVirtualTimeMicroseconds'").Scan(&us))
		var own syscall.Rusage
		require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
		return float64(us)/1e6 + float64(own.Utime.Nano()+own.Stime.Nano())/1e9
	}
	used := cpu()
	check := func(what string, start time.Time) {
		took := time.Since(start)
		now := cpu()
		load, _ := os.ReadFile("/proc/loadavg")
		t.Logf("%s of %d events: %.1f s, %.0f a second; %.1f CPU seconds, %.0f a CPU second; load %s", what, n, took.Seconds(), float64(n)/took.Seconds(), now-used, float64(n)/(now-used), load)
		defer func() { used = cpu() }()
		_, after := look(t, s, p)
		require.Equal(t, totals, after, what)
	}
	start := time.Now()
	r, err := Plan(t.Context(), s, Options{Project: p, Rules: rules, Since: 30 * 24 * time.Hour})
	require.NoError(t, err)
	require.Equal(t, uint64(n), r.Events)
	perCPU := float64(n) / (cpu() - used)
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
	require.GreaterOrEqual(t, perCPU, 10_000.0, "two cores must do 20,000 a second")
}
