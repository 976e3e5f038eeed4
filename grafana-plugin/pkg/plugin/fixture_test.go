package plugin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/grafana-plugin/pkg/plugin"
	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
	"errata/schema/tables"
)

var update = flag.Bool("update", false, "Write the golden files.")

// base is when the seeded events begin: yesterday, so that nothing is older
// than its retention. Golden files show it as fixed.
var (
	base  = time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	fixed = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

const (
	issueA = "00000000000000aa"
	issueB = "00000000000000bb"
	issueC = "00000000000000cc"
	trace1 = "11111111111111111111111111111111"
	trace2 = "22222222222222222222222222222222"
)

var seedOnce struct {
	sync.Once
	err error
}

// address is a ClickHouse with a schema and seeded rows: two projects, three
// issues, two traces, logs, sessions, outcomes.
func address(t testing.TB) string {
	t.Helper()
	server := clickhousetest.Shared(t)
	seedOnce.Do(func() {
		ctx := context.Background()
		conn, err := queries.Dial(ctx, queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]})
		if err == nil {
			err = tables.Migrate(ctx, conn, tables.Options{Password: clickhousetest.Passwords["errata"]})
			_ = conn.Close()
		}
		if err == nil {
			conn, err = queries.Dial(ctx, queries.Config{Addr: server.Addr(), User: "errata", Password: clickhousetest.Passwords["errata"]})
		}
		if err == nil {
			err = seed(ctx, conn)
			_ = conn.Close()
		}
		seedOnce.err = err
	})
	require.NoError(t, seedOnce.err)
	return server.Addr()
}

func seed(ctx context.Context, conn driver.Conn) error {
	for _, p := range []schema.Project{{Slug: "shop"}, {Slug: "billing"}} {
		if _, err := projects.Create(ctx, conn, p); err != nil {
			return err
		}
	}
	at := func(minutes int) string {
		return base.Add(time.Duration(minutes) * time.Minute).Format("2006-01-02 15:04:05.000")
	}
	event := func(project, minutes, n int, fp, title, level, env, release, service, trace, span, tags string) string {
		return fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, main_hash, grouping_version, deciding_component, grouping_reason, event_id, weight, protocol, type, level, platform, service,
			environment, release, title, culprit, message, exception_type, user_id, user_hash, trace_id, span_id, tags, payload, payload_bytes)
			VALUES (%d, '%s', '%s', reinterpretAsUInt64(reverse(unhex('%s'))), [reinterpretAsUInt64(reverse(unhex('%s')))], 1, 'v1', 'exception stack', 'frames of shop', '%08d-0000-4000-8000-%012d', 1, 'sentry', 'error', '%s', 'python', '%s',
			'%s', '%s', '%s', 'shop.views in pay', '', 'E', 'u%d', %d, '%s', '%s', %s, '{"platform":"python","exception":{"values":[{"type":"E","value":"x"}]}}', 1000)`,
			project, at(minutes), at(minutes), fp, fp, project, n, level, service, env, release, title, n%3+1, n%3+1, trace, span, tags)
	}
	rows := []string{}
	for i := range 12 {
		rows = append(rows, event(1, i*30, i, issueA, "ValueError: bad card", "error", "production", "shop@1.0.0", "web", "", "", `map('plan','pro','browser','Firefox')`))
	}
	for i := range 4 {
		rows = append(rows, event(1, 60+i*60, 100+i, issueB, "TimeoutError: payment", "fatal", "staging", "shop@1.1.0", "worker", trace1, "bbbbbbbbbbbbbbbb", `map('plan','free')`))
	}
	rows = append(rows, event(2, 90, 200, issueC, "It''s \"quoted\" <b>", "warning", "production", "billing@3", "api", trace2, "dddddddddddddddd", `map('plan','pro')`))
	micro := func(s int) string {
		return base.Add(time.Hour + time.Duration(s)*time.Millisecond).Format("2006-01-02 15:04:05.000000")
	}
	span := func(trace, id, parent, service, name, status string, at, ms int, attributes string) string {
		return fmt.Sprintf(`INSERT INTO spans (project_id, ts, trace_id, span_id, parent_span_id, received_at, protocol, service, op, name, kind, is_segment, segment_name, duration_us, status, environment, release, attributes, resource,
			event_ts, event_name, event_attributes, link_trace_id, link_span_id, link_attributes)
			VALUES (1, '%s', '%s', '%s', '%s', '%s', 'otlp', '%s', 'http.server', '%s', 'server', %v, 'GET /pay', %d, '%s', 'production', 'shop@1.0.0', %s, map('host.name','h1'),
			['%s'], ['exception'], [map('exception.stacktrace','at f')], ['%s'], ['cccccccccccccccc'], [map('k','v')])`,
			micro(at), trace, id, parent, micro(at), service, name, parent == "", ms*1000+7, status, attributes, micro(at+1), trace2)
	}
	rows = append(rows,
		span(trace1, "aaaaaaaaaaaaaaaa", "", "web", "GET /pay", "ok", 0, 200, `map('http.route','/pay')`),
		span(trace1, "bbbbbbbbbbbbbbbb", "aaaaaaaaaaaaaaaa", "worker", "charge", "error", 20, 100, `map('retries','2')`))
	for i := range 6 {
		rows = append(rows, fmt.Sprintf(`INSERT INTO logs (project_id, ts, log_id, received_at, protocol, service, severity, severity_text, body, environment, scope_name, trace_id, span_id, fingerprint, attributes, resource)
			VALUES (1, '%s', '00000000-0000-4000-8000-%012d', '%s', 'otlp_logs', 'web', %d, 'x', 'line %d of payment', 'production', 'shop.pay', '%s', 'bbbbbbbbbbbbbbbb', 0, map('user.id','u%d','a.b','1'), map('host.name','h1'))`,
			micro(i*1000), i, micro(i*1000), []int{9, 9, 13, 17, 21, 0}[i], i, trace1, i))
	}
	rows = append(rows,
		fmt.Sprintf(`INSERT INTO sessions (project_id, started, ts, received_at, session_id, user_hash, seq, init, status, errors, environment, release) VALUES
			(1, '%[1]s', '%[1]s', '%[1]s', generateUUIDv4(), 1, 0, true, 'exited', 0, 'production', 'shop@1.0.0'), (1, '%[1]s', '%[1]s', '%[1]s', generateUUIDv4(), 2, 0, true, 'crashed', 1, 'production', 'shop@1.0.0')`, at(10)),
		fmt.Sprintf(`INSERT INTO outcomes (project_id, minute, category, outcome, reason, protocol, quantity, bytes) VALUES
			(1, '%[1]s', 'error', 'accepted', '', 'sentry', 16, 16000), (1, '%[1]s', 'error', 'stored', '', 'sentry', 14, 0), (1, '%[1]s', 'error', 'rate_limited', 'key quota', 'sentry', 2, 0)`, base.Add(time.Hour).Format("2006-01-02 15:04:05")),
	)
	for _, r := range rows {
		if err := conn.Exec(ctx, r); err != nil {
			return fmt.Errorf("%w: %s", err, r)
		}
	}
	return nil
}

// unsaid takes back what tests before said of issues: tests share one store, and
// stand in no order.
func unsaid(t testing.TB) {
	t.Helper()
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	require.NoError(t, owner.Conn().Exec(t.Context(), "TRUNCATE TABLE issue_actions"))
	require.NoError(t, owner.Conn().Exec(t.Context(), "SYSTEM RELOAD DICTIONARY issue_of"))
}

type settings map[string]any

// source is a data source on the seeded store.
func source(t testing.TB, more settings, secrets map[string]string) *plugin.Source {
	t.Helper()
	s := settings{"address": address(t)}
	maps.Copy(s, more)
	if secrets == nil {
		secrets = map[string]string{"password": clickhousetest.Passwords["reader"], "triagePassword": clickhousetest.Passwords["triage"]}
	}
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	i, err := plugin.New(t.Context(), backend.DataSourceInstanceSettings{UID: "errata", Name: "Errata", JSONData: raw, DecryptedSecureJSONData: secrets})
	require.NoError(t, err)
	out := i.(*plugin.Source)
	t.Cleanup(out.Dispose)
	return out
}

func query(ref, body string) backend.DataQuery {
	return backend.DataQuery{RefID: ref, JSON: json.RawMessage(body), MaxDataPoints: 24, Interval: time.Hour, TimeRange: backend.TimeRange{From: base, To: base.Add(12 * time.Hour)}}
}

func askOne(t testing.TB, s *plugin.Source, body string, headers map[string]string) backend.DataResponse {
	t.Helper()
	r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Headers: headers, Queries: []backend.DataQuery{query("A", body)}})
	require.NoError(t, err)
	return r.Responses["A"]
}

// golden compares frames with a file, times shifted to fixed ones.
func golden(t *testing.T, name string, frames data.Frames) {
	t.Helper()
	for _, f := range frames {
		for _, x := range f.Fields {
			shift(x)
		}
		if f.Meta != nil { // The SQL of a macro names the time range too.
			for _, at := range []time.Duration{0, 12 * time.Hour} {
				f.Meta.ExecutedQueryString = strings.ReplaceAll(f.Meta.ExecutedQueryString, strconv.FormatInt(base.Add(at).UnixMilli(), 10), strconv.FormatInt(fixed.Add(at).UnixMilli(), 10))
			}
		}
	}
	raw, err := json.Marshal(frames)
	require.NoError(t, err)
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, raw, "", " "))
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, pretty.Bytes(), 0o644)) //nolint:gosec // A test file.
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), pretty.String())
}

func shift(x *data.Field) {
	by := fixed.Sub(base)
	for i := range x.Len() {
		switch v := x.At(i).(type) {
		case time.Time:
			x.Set(i, v.Add(by))
		case *time.Time:
			if v != nil {
				moved := v.Add(by)
				x.Set(i, &moved)
			}
		case float64:
			if x.Name == "startTime" {
				x.Set(i, v+float64(by.Milliseconds()))
			}
		case json.RawMessage:
			if x.Name == "logs" {
				var lines []map[string]any
				if json.Unmarshal(v, &lines) == nil {
					for _, l := range lines {
						l["timestamp"] = l["timestamp"].(float64) + float64(by.Milliseconds())
					}
					raw, _ := json.Marshal(lines)
					x.Set(i, json.RawMessage(raw))
				}
			}
		}
	}
}

// call asks a resource as user.
func call(t testing.TB, s *plugin.Source, user *backend.User, method, url, body string, headers map[string][]string) (int, map[string]any) {
	t.Helper()
	if headers == nil {
		headers = map[string][]string{"Content-Type": {"application/json"}}
	}
	path, _, _ := cutURL(url)
	pc := backend.PluginContext{User: user}
	ctx := backend.WithPluginContext(t.Context(), pc)
	var status int
	var out map[string]any
	err := s.CallResource(ctx, &backend.CallResourceRequest{PluginContext: pc, Path: path, URL: url, Method: method, Body: []byte(body), Headers: headers},
		backend.CallResourceResponseSenderFunc(func(r *backend.CallResourceResponse) error {
			status = r.Status
			_ = json.Unmarshal(r.Body, &out)
			return nil
		}))
	require.NoError(t, err)
	return status, out
}

func cutURL(url string) (string, string, bool) {
	for i := range url {
		if url[i] == '?' {
			return url[:i], url[i+1:], true
		}
	}
	return url, "", false
}

var (
	viewer = &backend.User{Login: "vera", Role: "Viewer"}
	editor = &backend.User{Login: "ed", Role: "Editor"}
	admin  = &backend.User{Login: "ada", Role: "Admin"}
)

const getMethod, postMethod = http.MethodGet, http.MethodPost
