package clients

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nodeModules is where deploy/e2e/node/package.json is installed.
func nodeModules(t *testing.T) string {
	t.Helper()
	installed(t, "node")
	path := os.Getenv("ERRATA_NODE_MODULES")
	if path == "" {
		path, _ = filepath.Abs("../../../.cache/clients/node_modules")
	}
	if _, err := os.Stat(path); err != nil {
		missing(t, "no JavaScript clients (make node-clients): %v", err)
	}
	return path
}

// node runs a script of deploy/e2e/node.
func node(t *testing.T, script string, env ...string) *process {
	t.Helper()
	return start(t, "../node", append(env, "NODE_PATH="+nodeModules(t)), installed(t, "node"), script)
}

// TestSentryNode is @sentry/node in a plain HTTP service: its key comes in the
// query string, its bodies in chunks, its spans as containers.
func TestSentryNode(t *testing.T) {
	nodeModules(t)
	p := newProject(t, "sentry-node")
	service := node(t, "service.js", "SENTRY_DSN="+p.dsn, "APP_VERSION=shop@5.0.0")
	require.NotZero(t, service.ends(t))
	require.Contains(t, service.out.String(), "unhandled in timer", "it ends by what no one catches")
	// The SDK sends the address of each request's client: a user without more.
	const price = "TypeError: no price of item *"
	p.expect(t,
		want{title: price, events: 2, users: 2, platform: "node", handled: "no", level: "error", release: "shop@5.0.0", environment: "staging", frame: "service.js price"},
		want{title: "SyntaxError: *", events: 1, users: 1, handled: "yes", tags: map[string]string{"parser": "json"}},
		want{title: "low stock", events: 1, users: 1, level: "warning", noTags: []string{"parser"}},
		want{title: "Error: load failed", events: 1, users: 1, exceptions: []string{"Error: socket closed", "Error: load failed"}},
		want{title: "RangeError: unhandled in timer", events: 1, handled: "no", level: "fatal"},
	)
	rows := store.sql(t, "SELECT op, attributes['items'] AS items, is_segment, release FROM errata.spans WHERE project_id = %s AND name = 'restock'", p.id)
	require.Equal(t, []row{{"op": "task", "items": "3", "is_segment": true, "release": "shop@5.0.0"}}, rows)
}

// TestOTelNode is OpenTelemetry of JavaScript over HTTP with JSON: an exception
// on a span and one in a log; the INFO log makes no issue.
func TestOTelNode(t *testing.T) {
	nodeModules(t)
	p := newProject(t, "otel-node")
	client := node(t, "otel.js", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+store.OTLPHTTP, "OTEL_EXPORTER_OTLP_HEADERS=x-errata-key="+p.key)
	client.wait(t)
	id := strings.TrimSpace(client.out.String())
	const render = "TypeError: Cannot read properties of null (reading 'render')"
	all := p.expect(t,
		want{title: render, events: 1, level: "error", release: "4.0.0", environment: "staging", protocols: []string{"otlp"}, frame: "otel.js render", traced: "process-job"},
		want{title: "RangeError: job 7 failed", events: 1, level: "error", protocols: []string{"otlp"}},
	)
	require.Equal(t, id, all[render].events[0]["trace_id"])
	require.Equal(t, "otlp_logs", all["RangeError: job 7 failed"].events[0]["protocol"])
	rows := until(t, "SELECT body, severity_text, fingerprint != 0 AS made FROM errata.logs WHERE project_id = "+p.id+" ORDER BY severity", rowsAre(2))
	require.Equal(t, []row{{"body": "job 7 starts", "severity_text": "INFO", "made": 0.0}, {"body": "job failed", "severity_text": "ERROR", "made": 1.0}}, rows)
	rows = store.sql(t, "SELECT name, kind, attributes['job.sizes'] AS sizes FROM errata.spans WHERE project_id = %s AND trace_id = '%s' ORDER BY name", p.id, id)
	require.Equal(t, []row{{"name": "process-job", "kind": "consumer", "sizes": "[1,2,3]"}, {"name": "render", "kind": "internal", "sizes": ""}}, rows)
}

// TestSentryBrowser loads a page in headless Chromium. The page is of another
// origin than the store, so that nothing arrives without the right CORS headers.
func TestSentryBrowser(t *testing.T) {
	modules, browser := nodeModules(t), installed(t, "chromium", "chromium-browser", "google-chrome")
	p := newProject(t, "sentry-browser")
	bundle := filepath.Join(t.TempDir(), "page.js")
	build := exec.Command(filepath.Join(modules, ".bin", "esbuild"), "page.js", "--bundle", "--outfile="+bundle, "--log-level=error")
	build.Dir, build.Env = "../node", append(os.Environ(), "NODE_PATH="+modules)
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	done := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Cart</title><script src=/page.js></script>"))
	})
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, bundle) })
	mux.HandleFunc("GET /done", func(http.ResponseWriter, *http.Request) { close(done) })
	site := httptest.NewServer(mux)
	defer site.Close()

	chromium := start(t, t.TempDir(), nil, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--remote-debugging-port=0",
		site.URL+"/cart?dsn="+url.QueryEscape(p.dsn))
	select {
	case <-done:
	case <-chromium.ended:
		t.Fatalf("the browser ended: %s", chromium.out.String())
	case <-time.After(2 * wait):
		t.Fatal("the page does not get to its end")
	}
	const items = "TypeError: Cannot read properties of undefined (reading 'map')"
	all := p.expect(t,
		want{title: items, events: 1, users: 1, platform: "javascript", handled: "no", release: "web@4.0.0", environment: "staging",
			tags: map[string]string{"theme": "dark"}, frame: "page.js renderCart"},
		want{title: "Error: unhandled in the browser", events: 1, users: 1, platform: "javascript", handled: "no"},
		want{title: "hello from the browser", events: 1, users: 1, platform: "javascript", level: "info"},
	)
	require.Contains(t, all[items].events[0]["url"], site.URL+"/cart")
	hello := all["hello from the browser"]
	told := until(t, "SELECT event_id, name, email, message, source FROM errata.feedback WHERE project_id = "+p.id, rowsAre(1))
	require.Equal(t, row{"event_id": hello.events[0]["event_id"], "name": "Ann", "email": "ann@shop.example", "message": "the cart stays empty", "source": "crash_report_modal"}, told[0],
		"the dialog of the crash report, from the page's origin")
	listed := store.rows(t, "query", "feedback", "--param", "project="+p.id)
	require.Equal(t, hello.issue["issue"], listed[0]["issue"])
	chromium.stop(t)
	until(t, "SELECT op FROM errata.spans WHERE project_id = "+p.id+" AND is_segment AND op = 'pageload'", rowsAre(1))
	until(t, "SELECT release FROM errata.sessions WHERE project_id = "+p.id+" GROUP BY release HAVING release = 'web@4.0.0'", rowsAre(1))
}

// TestSentryCLI runs what sentry-cli does with a DSN alone: an event whose
// message the server formats, a stored envelope, and a monitored job that
// succeeds and one that fails.
func TestSentryCLI(t *testing.T) {
	modules := nodeModules(t)
	p := newProject(t, "sentry-cli")
	cli := func(status int, args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(modules, ".bin", "sentry-cli"), args...)
		cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "SENTRY_DSN="+p.dsn, "SENTRY_URL=http://"+store.HTTP, "SENTRY_AUTH_TOKEN=token", "SENTRY_ORG=acme", "SENTRY_PROJECT=shop")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if status != 0 && errors.As(err, &exit) {
			require.Equal(t, status, exit.ExitCode(), "%s", out)
			return string(out)
		}
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	cli(0, "send-event", "--message", "hello from the %s", "--message-arg", "command line", "--level", "warning", "--tag", "host:h-1", "--release", "job@1.0.0", "--env", "staging")
	file := filepath.Join(t.TempDir(), "stored.envelope")
	id := "9ec79c33ec9942ab8353589fcb2e04dc"
	require.NoError(t, os.WriteFile(file, []byte(`{"event_id":"`+id+`"}
{"type":"event"}
{"event_id":"`+id+`","level":"error","platform":"other","message":"stored envelope"}
`), 0o600))
	cli(0, "send-envelope", file)
	cli(0, "monitors", "run", "nightly", "--schedule", "5 3 * * *", "--", "true")
	cli(3, "monitors", "run", "nightly", "--", "sh", "-c", "exit 3")

	// What belongs to Sentry's web server is refused with a sentence, not with
	// "organization not found".
	for _, args := range [][]string{{"releases", "new", "job@1.0.0"}, {"releases", "finalize", "job@1.0.0"}, {"releases", "set-commits", "job@1.0.0", "--commit", "acme/shop@0123456789012345678901234567890123456789"}} {
		require.Contains(t, cli(1, args...), "needs no call for releases", args)
	}
	require.Contains(t, cli(1, "sourcemaps", "upload", "--release", "job@1.0.0", file), "no source maps")

	all := p.expect(t,
		want{title: "hello from the command line", events: 1, users: 1, level: "warning", release: "job@1.0.0", environment: "staging", tags: map[string]string{"host": "h-1"}},
		want{title: "stored envelope", events: 1, level: "error"},
	)
	require.Equal(t, id, strings.ReplaceAll(all["stored envelope"].events[0]["event_id"].(string), "-", ""))
	until(t, "SELECT status FROM errata.check_ins WHERE project_id = "+p.id, rowsAre(4))
	checks := store.rows(t, "query", "check_ins", "--param", "project="+p.id)
	require.Len(t, checks, 1)
	require.Equal(t, []any{"nightly", "5 3 * * *", "error", 2.0, 1.0},
		[]any{checks[0]["monitor"], checks[0]["schedule"], checks[0]["last_status"], checks[0]["total"], checks[0]["failed"]})
}
