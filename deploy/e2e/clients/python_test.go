package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve runs a FastAPI application with nothing set but what env says.
func serve(t *testing.T, dir string, env []string, args ...string) (p *process, address string) {
	t.Helper()
	interpreter, port := python(t), freePort(t)
	args = append([]string{"-m", "uvicorn", "main:app", "--port", port, "--log-level", "critical"}, args...)
	p = start(t, dir, env, interpreter, args...)
	address = "127.0.0.1:" + port
	p.answers(t, address)
	return p, address
}

const route = "fastapi.middleware.asyncexitstack.AsyncExitStackMiddleware" // How the SDK calls what has no route.

// TestFastAPI is every scenario of the guide in one application.
func TestFastAPI(t *testing.T) {
	python(t)
	p := newProject(t, "fastapi")
	dir, err := filepath.Abs("../apps/guide_all")
	require.NoError(t, err)
	app, address := serve(t, dir, []string{"SENTRY_DSN=" + p.dsn, "APP_VERSION=shop@1.0.0"})
	get := func(path string, status int, headers ...string) {
		t.Helper()
		call(t, http.MethodGet, "http://"+address+path, status, headers...)
	}
	post := func(path string, status int) {
		t.Helper()
		call(t, http.MethodPost, "http://"+address+path, status)
	}

	get("/", http.StatusOK)
	get("/users/u-1", http.StatusInternalServerError)
	get("/", http.StatusInternalServerError, "X-Tenant", "broken")
	get("/", http.StatusTooManyRequests, "X-Quota", "spent")
	get("/stock", http.StatusServiceUnavailable)
	get("/prices", http.StatusServiceUnavailable)
	for id, status := range map[string]int{"ok-1": 200, "declined-1": 402, "down-1": 503, "down-2": 503} {
		get("/payments/"+id+"/charge", status)
	}
	post("/exports/e-1/generate?format=xlsx", http.StatusInternalServerError)
	post("/exports/e-2/archive", http.StatusOK)
	get("/reports/r-1", http.StatusOK)
	get("/reports/bad-1", http.StatusInternalServerError)
	get("/teapot/404", http.StatusNotFound)
	get("/teapot/none", http.StatusUnprocessableEntity)
	get("/nowhere", http.StatusNotFound)
	for _, user := range []int{1, 2, 2, 3, 3} {
		get(fmt.Sprintf("/account/%d", user), http.StatusInternalServerError)
	}
	get("/trail?target=http://"+store.HTTP+"/healthz", http.StatusInternalServerError)
	post("/users/u-9/confirm", http.StatusOK)
	post("/users/u-8/confirm-plain", 0)
	get("/events/prices", http.StatusOK)
	get("/events-raw", 0)
	for user := range 20 {
		get(fmt.Sprintf("/users/%d/orders", user), http.StatusInternalServerError, "sentry-trace", fmt.Sprintf("%032x-%016x-1", user+1, user+1))
	}
	start(t, dir, nil, python(t), "feed.py", "ws://"+address).wait(t)
	app.stop(t)

	const shop, prod = "shop@1.0.0", "production"
	all := p.expect(t,
		want{title: "LookupError: no orders table for user *", events: 20, handled: "no", level: "error", platform: "python",
			transaction: "/users/{user_id}/orders", release: shop, environment: prod, protocols: []string{"sentry"}, frame: "main.py orders", traced: "/users/{user_id}/orders"},
		want{title: "ConnectionError: database is away", events: 1, handled: "yes", transaction: "/users/{user_id}", frame: "main.py connect"},
		want{title: "UnboundLocalError: *", events: 1, handled: "no", transaction: "/users/{user_id}", frame: "main.py get_db_session"},
		want{title: "MiddlewareError: tenant header unreadable", events: 1, handled: "no", frame: "main.py __call__"},
		want{title: "DatabaseError: deadlock detected", events: 1, handled: "yes", transaction: "/stock"},
		want{title: "PaymentProviderError: provider timeout for *", events: 2, handled: "yes", transaction: "/payments/{payment_id}/charge"},
		want{title: "ExportError: cannot write xlsx", events: 1, handled: "yes", tags: map[string]string{"export.format": "xlsx"}, extra: map[string]string{"export_id": "e-1"}},
		want{title: "HTTPException: Export failed", events: 1, handled: "yes", noTags: []string{"export.format"}},
		want{title: "ArchiveError: archive is full", events: 1, handled: "yes", tags: map[string]string{"archive.tier": "cold"}, extra: map[string]string{"archived_id": "e-2"}},
		want{title: "export was not archived", events: 1, level: "warning", noTags: []string{"archive.tier"}},
		want{title: "ReportError: relation reports does not exist", events: 1, handled: "yes", transaction: "/reports/{report_id}", traced: "fetch report"},
		want{title: "HTTPException: Database error", events: 1, handled: "yes",
			exceptions: []string{"ReportError: relation reports does not exist", "HTTPException: Database error"}},
		want{title: "PermissionError: account is locked", events: 5, users: 3, handled: "no"},
		want{title: "RuntimeError: breadcrumb trail ends here", events: 1, tags: map[string]string{"customer.tier": "gold"}, extra: map[string]string{"debug_note": "cart was empty"}},
		want{title: "MailError: smtp refused recipient u-9", events: 1, handled: "yes", transaction: "/users/{user_id}/confirm"},
		want{title: "MailError: smtp refused u-8 once more", events: 1, handled: "no", transaction: "/users/{user_id}/confirm-plain"},
		want{title: "SubscriptionError: lost subscription to prices", events: 1, handled: "yes", transaction: "/events/{topic}"},
		want{title: "BufferError: stream generator died", events: 1, handled: "no", transaction: "/events-raw"},
		want{title: "MessageProcessingError: cannot parse frame on c-7", events: 2, handled: "yes", transaction: route, tags: map[string]string{"channel_id": "c-7"}},
		want{title: "ConnectionResetError: feed backend closed the connection", events: 1, tags: map[string]string{"channel_id": "c-7"}},
		want{title: "EOFError: uncaught in a websocket", events: 1, handled: "no", noTags: []string{"channel_id"}},
	)

	t.Run("spans have operation, description and data", func(t *testing.T) {
		rows := store.sql(t, `SELECT op, segment_name, attributes['report_id'] AS report, attributes['thread.name'] != '' AS data, trace_id != '' AS traced
			FROM errata.spans WHERE project_id = %s AND name = 'fetch report' ORDER BY report`, p.id)
		require.Len(t, rows, 2)
		require.Equal(t, row{"op": "db.query", "segment_name": "/reports/{report_id}", "report": "bad-1", "data": 1.0, "traced": 1.0}, rows[0])
		require.Equal(t, "r-1", rows[1]["report"])
		failure, span := all["ReportError: relation reports does not exist"].events[0], store.sql(t,
			"SELECT span_id FROM errata.spans WHERE project_id = %s AND attributes['report_id'] = 'bad-1'", p.id)
		require.Equal(t, span[0]["span_id"], failure["span_id"], "the error is in the span")
	})
	t.Run("breadcrumbs", func(t *testing.T) {
		var payload struct {
			Breadcrumbs struct {
				Values []struct {
					Category, Message string
					Data              row
				}
			}
		}
		event := all["RuntimeError: breadcrumb trail ends here"].events[0]
		require.NoError(t, json.Unmarshal([]byte(event["payload"].(string)), &payload))
		var seen []string
		for _, b := range payload.Breadcrumbs.Values {
			seen = append(seen, strings.TrimSpace(fmt.Sprint(b.Category, " ", b.Message, b.Data["http.response.status_code"])))
		}
		require.Contains(t, strings.Join(seen, "\n"), "httplib 200")
		require.Contains(t, seen, "auth user logged in<nil>")
		require.Contains(t, seen, "shop stock is low: 2 left<nil>")
	})
	t.Run("tags are searched, extras are not", func(t *testing.T) {
		search := func(key, value string) []row {
			filter, err := json.Marshal([]row{{"key": key, "operator": "=", "values": []string{value}}})
			require.NoError(t, err)
			return store.rows(t, "query", "event_search", "--param", "projects="+p.id, "--param", "filters="+string(filter))
		}
		require.Len(t, search("export.format", "xlsx"), 1)
		require.Len(t, search("channel_id", "c-7"), 3)
		require.Empty(t, search("export_id", "e-1"))
	})
	t.Run("users affected", func(t *testing.T) {
		issue := all["PermissionError: account is locked"].issue["issue"].(string)
		shown := store.tool(t, "issue", "show", issue, "--project", p.id, "--json")
		require.Contains(t, shown, "account is locked")
		rows := store.sql(t, "SELECT user_id, count() AS n FROM errata.events WHERE project_id = %s AND user_id != '' GROUP BY user_id ORDER BY user_id", p.id)
		require.Equal(t, []row{{"user_id": "1", "n": 1.0}, {"user_id": "2", "n": 2.0}, {"user_id": "3", "n": 2.0}}, rows)
	})
	t.Run("transactions carry their routes, and traces go on", func(t *testing.T) {
		rows := store.sql(t, `SELECT count() AS n, uniqExact(trace_id) AS traces, any(op) AS op FROM errata.spans
			WHERE project_id = %s AND is_segment AND name = '/users/{user_id}/orders'`, p.id)
		require.Equal(t, []row{{"n": 20.0, "traces": 20.0, "op": "http.server"}}, rows)
		rows = store.rows(t, "query", "trace", "--param", "trace_id="+fmt.Sprintf("%032x", 7))
		var kinds []any
		for _, r := range rows {
			kinds = append(kinds, r["kind"])
		}
		require.Contains(t, kinds, "error")
		require.Contains(t, kinds, "span")
	})
	t.Run("sessions of the release", func(t *testing.T) {
		// Requests that answered, that answered after a captured error, and that
		// raised; sockets and streams count where the SDK counts them.
		rows := until(t, `SELECT status, toUInt32(sum(quantity)) AS n FROM errata.sessions WHERE project_id = `+p.id+` AND release = 'shop@1.0.0' GROUP BY status`, rowsAre(3))
		counts := map[any]any{}
		for _, r := range rows {
			counts[r["status"]] = r["n"]
		}
		require.Equal(t, map[any]any{"exited": 9.0, "errored": 9.0, "crashed": 31.0}, counts)
	})
}

// TestReload runs under uvicorn --reload, with the guide's stamp of the process.
// Both processes fail alike: two events, one issue; and where both send the same
// event id, one event.
func TestReload(t *testing.T) {
	python(t)
	for _, c := range []struct {
		name   string
		id     string
		events int
	}{
		{"each process has its ids", "", 2},
		{"both send the same id", "0123456789abcdef0123456789abcdef", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t, fmt.Sprintf("reload-%d", c.events))
			dir := t.TempDir()
			source, err := os.ReadFile("../apps/reload/main.py")
			require.NoError(t, err)
			file := filepath.Join(dir, "main.py")
			require.NoError(t, os.WriteFile(file, source, 0o600))
			_, address := serve(t, dir, []string{"SENTRY_DSN=" + p.dsn, "EVENT_ID=" + c.id}, "--reload", "--reload-dir", dir)
			pid := func() string { return answer(t, "http://"+address+"/pid") }
			first := pid()
			call(t, http.MethodGet, "http://"+address+"/crash", http.StatusInternalServerError)
			p.expect(t, want{title: "ZeroDivisionError: division by zero", events: 1, tags: map[string]string{"pid": first}})

			require.NoError(t, os.WriteFile(file, append(source, "\n# Saved again.\n"...), 0o600))
			second := first
			require.Eventually(t, func() bool { second = pid(); return second != first && second != "" }, wait, tick, "uvicorn does not reload")
			// Within two seconds the second report would be the pair of a reload,
			// which counts once (docs/counting.md): these are two failures.
			time.Sleep(2500 * time.Millisecond)
			call(t, http.MethodGet, "http://"+address+"/crash", http.StatusInternalServerError)
			f := p.expect(t, want{title: "ZeroDivisionError: division by zero", events: c.events})["ZeroDivisionError: division by zero"]
			if c.id == "" {
				require.Equal(t, second, f.events[1]["tags"].(row)["pid"])
				return
			}
			until(t, "SELECT 1 FROM errata.outcomes WHERE project_id = "+p.id+" AND outcome = 'duplicate' HAVING sum(quantity) = 1", rowsAre(1))
			require.Len(t, f.events, 1)
		})
	}
}
