package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

// store is a running `errata up`.
type store struct {
	DSN        string `json:"dsn"`
	HTTP       string `json:"http"`
	OTLPHTTP   string `json:"otlp_http"`
	ClickHouse string `json:"clickhouse"`

	Passwords map[string]string `json:"-"`

	dir  string
	said bytes.Buffer
}

// up starts the store on free ports and ends it with the test.
func up(t *testing.T, binary string) *store {
	t.Helper()
	s := start(t, binary)
	s.ready(t)
	return s
}

// start begins what ready waits for: two stores come up beside each other.
func start(t *testing.T, binary string) *store {
	t.Helper()
	dir := t.TempDir()
	args := []string{"up", "--data", dir}
	for _, f := range []string{"http", "otlp-http", "otlp-grpc", "clickhouse", "clickhouse-http", "broker"} {
		args = append(args, "--"+f, "127.0.0.1:0")
	}
	s := &store{dir: dir}
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = &s.said, &s.said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return s
}

func (s *store) ready(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(filepath.Join(s.dir, "addresses.json"))
		return err == nil && json.Unmarshal(raw, s) == nil && s.DSN != ""
	}, 90*time.Second, 200*time.Millisecond, "%s", &s.said)
	raw, err := os.ReadFile(filepath.Join(s.dir, "secrets.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &s.Passwords))
}

// source is a data source on this store.
func (s *store) source(t *testing.T, id int64, uid, name string) backend.DataSourceInstanceSettings {
	t.Helper()
	jsonData, err := json.Marshal(map[string]any{"address": s.ClickHouse, "edges": s.HTTP})
	require.NoError(t, err)
	return backend.DataSourceInstanceSettings{ID: id, UID: uid, Name: name, Type: "errata-errors-datasource", JSONData: jsonData, Updated: time.Now(),
		DecryptedSecureJSONData: map[string]string{"password": s.Passwords["reader"], "triagePassword": s.Passwords["triage"]}}
}

// capturedKey is the key in the requests of the captures.
const capturedKey = "7a1c3b5e9d2f4a6b8c0d1e2f3a4b5c6d"

// captures sends again what real clients sent.
func (s *store) captures(t *testing.T, names ...string) {
	t.Helper()
	root, err := filepath.Abs("../../../shared/captures")
	require.NoError(t, err)
	if _, err := os.Stat(root); err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("no shared test data: %v", err)
	} else if err != nil {
		t.Skipf("no shared test data: %v", err)
	}
	dsn, err := url.Parse(s.DSN)
	require.NoError(t, err)
	key, project := dsn.User.Username(), strings.Trim(dsn.Path, "/")
	swap := strings.NewReplacer(capturedKey, key, "/api/1/", "/api/"+project+"/", "127.0.0.1:9800/1", s.HTTP+"/"+project)
	sent := 0
	for _, name := range names {
		files, err := filepath.Glob(filepath.Join(root, name, "*.request.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, name)
		slices.Sort(files)
		for _, file := range files {
			var r struct {
				GRPC      bool        `json:"grpc"`
				Method    string      `json:"method"`
				Path      string      `json:"path"`
				RawTarget string      `json:"raw_target"`
				Headers   [][2]string `json:"headers"`
				Answered  any         `json:"answered"`
			}
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(raw, &r))
			if r.Answered != nil || r.GRPC {
				continue
			}
			body, err := os.ReadFile(strings.TrimSuffix(file, ".request.json") + ".body")
			require.NoError(t, err)
			base := "http://" + s.HTTP
			if strings.HasPrefix(r.Path, "/v1/") {
				base = "http://" + s.OTLPHTTP
			}
			encoded := slices.ContainsFunc(r.Headers, func(h [2]string) bool { return strings.EqualFold(h[0], "Content-Encoding") })
			if head, rest, found := bytes.Cut(body, []byte("\n")); found && !encoded && strings.Contains(r.Path, "/envelope/") {
				body = slices.Concat([]byte(swap.Replace(string(head))), []byte("\n"), rest)
			}
			req, err := http.NewRequestWithContext(t.Context(), r.Method, base+swap.Replace(r.RawTarget), bytes.NewReader(body))
			require.NoError(t, err)
			for _, h := range r.Headers {
				if !strings.EqualFold(h[0], "Host") && !strings.EqualFold(h[0], "Content-Length") {
					req.Header.Set(h[0], swap.Replace(h[1]))
				}
			}
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			_ = res.Body.Close()
			require.Equal(t, http.StatusOK, res.StatusCode, file)
			sent++
		}
	}
	require.Positive(t, sent)
}

// crash sends an event of our own, of this moment, with everything that a
// detail shows.
func (s *store) crash(t *testing.T, n int, release, message string) {
	t.Helper()
	at := time.Now().Add(-time.Duration(n) * 20 * time.Minute).UTC()
	trace := fmt.Sprintf("%032x", 0xabc0000+n)
	event := map[string]any{
		"event_id": fmt.Sprintf("%032x", time.Now().UnixNano()), "timestamp": float64(at.UnixMilli()) / 1000, "platform": "python", "level": "error", "release": release, "environment": "production",
		"transaction": "/pay", "user": map[string]any{"id": fmt.Sprint("u", n%5)}, "tags": map[string]string{"plan": []string{"pro", "free"}[n%2], "browser": "Firefox"},
		"contexts":    map[string]any{"trace": map[string]any{"trace_id": trace, "span_id": "00000000000000a1", "op": "http.server"}, "os": map[string]any{"name": "Linux"}},
		"breadcrumbs": map[string]any{"values": []any{map[string]any{"timestamp": float64(at.Unix() - 1), "category": "query", "message": "SELECT card", "level": "info"}}},
		"request":     map[string]any{"url": "https://shop.example/pay", "method": "POST"},
		"exception": map[string]any{"values": []any{
			map[string]any{"type": "KeyError", "value": "'card'", "stacktrace": map[string]any{"frames": []any{frameOf("lookup", "shop/cards.py", 12, true)}}},
			map[string]any{"type": "PaymentError", "value": message, "mechanism": map[string]any{"type": "django", "handled": false}, "stacktrace": map[string]any{"frames": []any{
				frameOf("get_response", "django/core/handlers/base.py", 197, false), frameOf("inner", "django/views/decorators.py", 40, false), frameOf("pay", "shop/views.py", 88, true), frameOf("charge", "shop/payment.py", 31, true)}}},
		}},
		"sdk": map[string]any{"name": "sentry.python", "version": "2.0.0"},
	}
	s.send(t, event)
}

// send gives an event to the edge as an SDK does.
func (s *store) send(t *testing.T, event map[string]any) {
	t.Helper()
	kind := "event"
	if event["type"] == "transaction" {
		kind = "transaction"
	}
	dsn, err := url.Parse(s.DSN)
	require.NoError(t, err)
	raw, err := json.Marshal(event)
	require.NoError(t, err)
	head, err := json.Marshal(map[string]any{"event_id": event["event_id"], "dsn": s.DSN})
	require.NoError(t, err)
	body := string(head) + "\n" + `{"type":"` + kind + `","content_type":"application/json","length":` + fmt.Sprint(len(raw)) + "}\n" + string(raw) + "\n"
	s.post(t, "http://"+s.HTTP+"/api/"+strings.Trim(dsn.Path, "/")+"/envelope/", "application/x-sentry-envelope", body, "Sentry sentry_version=7, sentry_key="+dsn.User.Username()+", sentry_client=host/1.0")
}

func (s *store) post(t *testing.T, address, kind, body, auth string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	require.NoError(t, err)
	if auth != "" {
		req.Header.Set("X-Sentry-Auth", auth)
	}
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	said, _ := io.ReadAll(res.Body)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", said)
}

// keepLogging writes a log record every second until ctx ends, for the tail.
func (s *store) keepLogging(ctx context.Context) {
	for n := 0; ; n++ {
		body := fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"clock"}}]},"scopeLogs":[{"scope":{"name":"host"},"logRecords":[{"timeUnixNano":"%d","severityNumber":9,"severityText":"INFO","body":{"stringValue":"live record %d"}}]}]}]}`, time.Now().UnixNano(), n)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.OTLPHTTP+"/v1/logs", strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close() // A tail without records fails where it is read.
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func frameOf(function, file string, line int, own bool) map[string]any {
	return map[string]any{"function": function, "filename": file, "lineno": line, "in_app": own, "context_line": "    raise PaymentError(reason)", "pre_context": []string{"def " + function + "(card):"},
		"post_context": []string{"    return True"}, "vars": map[string]any{"card": "4242", "amount": 12.5}}
}
