package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"errata/schema"
)

const query = "?sentry_key=" + testKey

func formed(t *testing.T, fields map[string]string, files map[string]string) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		require.NoError(t, w.WriteField(k, v))
	}
	for k, v := range files {
		p, err := w.CreateFormFile(k, k+".bin")
		require.NoError(t, err)
		_, err = p.Write([]byte(v))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes(), w.FormDataContentType()
}

func TestSentryEndpoints(t *testing.T) {
	e := start(t)
	dump, dumpType := formed(t, map[string]string{"sentry": `{"release":"game@1.0"}`}, map[string]string{"upload_file_minidump": "MDMP\r\n--x\r\nrest", "log": "hello"})
	files, filesType := formed(t, nil, map[string]string{"a": "one", "b": "two"})
	zipped := func(w func(io.Writer) io.WriteCloser, s string) string {
		var b bytes.Buffer
		z := w(&b)
		_, err := io.WriteString(z, s)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return b.String()
	}
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	zst := func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w)
		require.NoError(t, err)
		return z
	}
	large := "MDMP" + strings.Repeat("a minidump of half a megabyte ", 20_000)
	gzipped, gzippedType := formed(t, map[string]string{"sentry": `{"release":"game@1.0"}`}, map[string]string{"upload_file_minidump": zipped(gz, large)})
	dsn := url.QueryEscape("http://" + testKey + "@" + e.Addr() + "/1")
	csp := `{"csp-report":{"document-uri":"https://shop.example/","violated-directive":"script-src 'self'","effective-directive":"script-src","blocked-uri":"https://evil.example/x.js"}}`
	for _, tc := range []struct {
		name, method, path, kind, body string
		status                         int
		answer                         string // Part of the answer.
	}{
		{"security", "POST", "/api/1/security/" + query, "application/csp-report", csp, 200, ""},
		{"csp-report, no slash", "POST", "/api/1/csp-report" + query, "application/csp-report", csp, 200, ""},
		{"security of another type", "POST", "/api/1/security/" + query, "text/plain", csp, 415, "unsupported media type"},
		{"nel", "POST", "/api/1/nel/" + query, "application/reports+json", `[{"type":"network-error","age":1,"url":"https://shop.example/","body":{"type":"dns.name_not_resolved","phase":"dns","status_code":0,"elapsed_time":3,"method":"GET","referrer":"","protocol":"","server_ip":"","sampling_fraction":1}}]`, 200, ""},
		{"nel of another type", "POST", "/api/1/nel/" + query, "text/plain", `[]`, 415, "unsupported media type"},
		{"reports of other kinds", "POST", "/api/1/security/" + query, "application/reports+json", `[{"type":"deprecation","url":"https://shop.example/","body":{"id":"x"}}]`, 200, ""},
		{"lines of Vercel", "POST", "/api/1/integration/vercel/logs/" + query, "application/x-ndjson", "{\"timestamp\":1}\n{\"message\":\"no time\"}", 202, ""},
		{"lines of Vercel, no slash, another type", "POST", "/api/1/integration/vercel/logs" + query, "text/plain", "x", 415, "unsupported media type"},
		{"no report", "POST", "/api/1/security/" + query, "application/json", `{"a":1}`, 400, "invalid report"},
		{"sentry-cli makes a release", "POST", "/api/0/organizations/acme/releases/", "application/json", `{"version":"a@1"}`, 501, "needs no call for releases"},
		{"sentry-cli uploads", "GET", "/api/0/organizations/acme/chunk-upload/", "", "", 501, "no source maps"},
		{"another method", "GET", "/api/1/envelope/" + query, "", "", 405, "method not allowed"},
		{"another method of OTLP", "PUT", "/v1/traces", "", "", 405, "method not allowed"},
		{"the form in the page's words", "GET", "/api/embed/error-page/?eventId=" + hexID(1) + "&title=Oh%20%22no%22%3C&dsn=" + dsn, "", "", 200, `title: "Oh \"no\"\u003c"`},
		{"minidump form", "POST", "/api/1/minidump/" + query, dumpType, string(dump), 200, "-"},
		{"minidump, big-endian", "POST", "/api/1/minidump" + query, "application/octet-stream", "PMDM rest", 200, "-"},
		{"cron, name with a blank", "GET", "/api/1/cron/nightly%20job/" + testKey + "/?status=ok", "", "", 202, `"id"`},
		{"user feedback, form", "POST", "/api/0/projects/o/p/user-feedback/" + query, "application/x-www-form-urlencoded", "event_id=" + hexID(7) + "&name=Bob&email=bob%40x.example&comments=it+broke", 200, "{}"},
		{"minidump raw", "POST", "/api/1/minidump" + query, "application/octet-stream", "MDMP rest", 200, "-"},
		{"minidump form, dump in gzip", "POST", "/api/1/minidump/" + query, gzippedType, string(gzipped), 200, "-"},
		{"minidump raw, in zstd", "POST", "/api/1/minidump/" + query, "application/octet-stream", zipped(zst, "MDMP rest"), 200, "-"},
		{"minidump in gzip, cut", "POST", "/api/1/minidump/" + query, "application/octet-stream", zipped(gz, large)[:100], 400, "cannot be inflated"},
		{"gzip that holds no minidump", "POST", "/api/1/minidump/" + query, "application/octet-stream", zipped(gz, "ELF"), 400, "invalid minidump"},
		{"minidump that is a bomb", "POST", "/api/1/minidump/" + query, "application/octet-stream", zipped(gz, "MDMP"+strings.Repeat("\x00", 201<<20)), 413, "payload too large"},
		{"an unknown method", "BREW", "/api/1/envelope/" + query, "", "", 405, "BREW is not taken"},
		{"an unknown method of OTLP", "BREW", "/v1/traces", "", "", 405, "BREW is not taken"},
		{"an unknown method nowhere", "BREW", "/pot", "", "", 404, "BREW /pot"},
		{"minidump that is none", "POST", "/api/1/minidump/" + query, "application/octet-stream", "ELF", 400, "invalid minidump"},
		{"attachments", "POST", "/api/1/events/" + hexID(1) + "/attachments/" + query, filesType, string(files), 201, ""},
		{"attachments, cut", "POST", "/api/1/events/" + hexID(1) + "/attachments/" + query, filesType, string(files[:len(files)-30]), 400, "the body was cut"},
		{"attachments, no form", "POST", "/api/1/events/" + hexID(1) + "/attachments/" + query, "text/plain", "x", 400, "invalid multipart data"},
		{"unreal, key in the path", "POST", "/api/1/unreal/" + testKey + "/", "application/octet-stream", "UE4CC", 200, "-"},
		{"unreal, wrong key", "POST", "/api/1/unreal/" + strings.Repeat("c", 32) + "/", "application/octet-stream", "UE4CC", 403, "rejected"},
		{"cron by URL", "GET", "/api/1/cron/nightly/" + testKey + "/?status=ok&duration=1.5&environment=prod", "", "", 202, `"id"`},
		{"cron by JSON", "POST", "/api/1/cron/nightly" + query, "application/json", `{"status":"in_progress"}`, 202, `"id"`},
		{"cron without a status", "GET", "/api/1/cron/nightly/" + testKey + "/", "", "", 400, "invalid check-in"},
		{"user feedback", "POST", "/api/0/projects/acme/shop/user-feedback/", "application/json", `{"event_id":"` + hexID(1) + `","name":"Ann","email":"a@b.example","comments":"it broke"}`, 200, ""},
		{"embed form", "GET", "/api/embed/error-page/?eventId=" + hexID(1) + "&name=%3C%2Fscript%3E&dsn=" + dsn, "", "", 200, `\u003c/script\u003e`},
		{"embed form without an event", "GET", "/api/embed/error-page/?dsn=" + dsn, "", "", 400, "missing eventId"},
		{"embed post", "POST", "/api/embed/error-page/?eventId=" + hexID(1) + "&dsn=" + dsn, "application/x-www-form-urlencoded", "name=Ann&email=a%40b.example&comments=it+broke", 200, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := []string{"Content-Type", tc.kind}
			if strings.Contains(tc.path, "user-feedback") {
				h = append(h, "Authorization", "DSN http://"+testKey+"@127.0.0.1/1")
			}
			r := e.do(tc.method, tc.path, []byte(tc.body), h...)
			require.Equal(t, tc.status, r.status, r.body)
			require.Contains(t, r.body, tc.answer)
			if !strings.HasPrefix(tc.path, "/v1/") {
				require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
	var events, attachments, feedback, checkIns int
	for _, r := range e.records(schema.TopicEvents) {
		if r.Event != nil {
			events++
		}
		attachments += len(r.Attachments)
		feedback += len(r.Feedback)
		for _, a := range r.Attachments {
			b, err := e.blobs.Get(t.Context(), a.Key)
			require.NoError(t, err)
			if a.ItemType == "minidump" {
				require.Contains(t, []string{"MDMP", "PMDM"}, string(b[:4]), "kept as it was before it was compressed")
			}
			require.Len(t, b, int(a.Size), "a row names a blob that is there")
		}
	}
	monitors := map[string]bool{}
	for _, r := range e.records(schema.TopicSessions) {
		checkIns += len(r.CheckIns)
		for _, c := range r.CheckIns {
			monitors[c.Monitor] = true
		}
	}
	require.Equal(t, 8, events-countNEL(e), "two CSP, five minidumps, one unreal")
	require.Equal(t, 2+4+2+1, attachments, "form dump and log, four more dumps, two files, unreal")
	require.Equal(t, 3, feedback)
	require.Equal(t, 3, checkIns)
	require.True(t, monitors["nightly-job"], "%v", monitors)
}

func countNEL(e *edge) int {
	n := 0
	for _, r := range e.records(schema.TopicEvents) {
		if r.Event.GetType() == "nel" {
			n++
		}
	}
	return n
}

func traces(trace string) *coltrace.ExportTraceServiceRequest {
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: []byte(trace), SpanId: []byte("12345678"), Name: "GET /", StartTimeUnixNano: 1_790_000_000_000_000_000, EndTimeUnixNano: 1_790_000_000_001_000_000,
		}}}},
	}}}
}

func logs() *collogs.ExportLogsServiceRequest {
	return &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{
		TimeUnixNano: 1_790_000_000_000_000_000, Body: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "hello"}},
	}}}}}}}
}

func TestOTLPOverHTTP(t *testing.T) {
	e := start(t)
	body, err := proto.Marshal(traces("0123456789abcdef"))
	require.NoError(t, err)
	const pb = "application/x-protobuf"
	both := func(path string) []string {
		return []string{"http://" + e.Addr() + path, "http://" + e.OTLPAddr() + path}
	}
	for _, u := range append(both("/v1/traces"), both("/v1/traces/")...) {
		r := e.send("POST", u, bytes.NewReader(body), "Content-Type", pb)
		require.Equal(t, 200, r.status, r.body)
		require.Empty(t, r.body)
		require.Equal(t, pb, r.header.Get("Content-Type"))
	}
	require.Len(t, e.records(schema.TopicSpans), 4)
	lb, err := proto.Marshal(logs())
	require.NoError(t, err)
	require.Equal(t, 200, e.do("POST", "/v1/logs", packed(t, "gzip", lb), "Content-Type", pb, "Content-Encoding", "gzip").status)
	require.Len(t, e.records(schema.TopicLogs), 1)

	for _, tc := range []struct {
		name, path string
		header     []string
		status     int
		project    uint32
	}{
		{"x-sentry-auth under a project's path", "/api/2/integration/otlp/v1/traces/", []string{"X-Sentry-Auth", "sentry sentry_key=" + otherKey}, 200, 2},
		{"bearer", "/v1/traces", []string{"Authorization", "Bearer " + otherKey}, 200, 2},
		{"x-errata-key", "/v1/traces", []string{"X-Errata-Key", otherKey}, 200, 2},
		{"query", "/v1/traces?sentry_key=" + otherKey, nil, 200, 2},
		{"unknown key", "/v1/traces", []string{"X-Errata-Key", strings.Repeat("d", 32)}, 403, 0},
		{"path without a key", "/api/1/integration/otlp/v1/traces", nil, 401, 0},
		{"behind a proxy without a key", "/v1/traces", []string{"X-Forwarded-For", "203.0.113.7"}, 401, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(e.records(schema.TopicSpans))
			r := e.do("POST", tc.path, body, append(tc.header, "Content-Type", pb)...)
			require.Equal(t, tc.status, r.status, r.body)
			recs := e.records(schema.TopicSpans)
			if tc.status == 200 {
				require.Len(t, recs, before+1)
				found := false
				for _, rec := range recs {
					found = found || rec.ProjectId == tc.project
				}
				require.True(t, found)
			} else {
				require.Len(t, recs, before)
			}
		})
	}
	r := e.do("POST", "/v1/traces", []byte("{"), "Content-Type", "application/json")
	require.Equal(t, 400, r.status)
	require.Contains(t, r.body, `"message"`)
	require.Equal(t, 415, e.do("POST", "/v1/traces", body, "Content-Type", "text/plain").status)
	require.Equal(t, 413, e.do("POST", "/v1/traces", bytes.Repeat([]byte("a"), maxOTLPBytes+1), "Content-Type", pb).status)
}

func TestOTLPOverGRPC(t *testing.T) {
	e := start(t)
	conn, err := grpc.NewClient(e.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	c := coltrace.NewTraceServiceClient(conn)
	_, err = c.Export(t.Context(), traces("0123456789abcdef"))
	require.NoError(t, err)
	_, err = collogs.NewLogsServiceClient(conn).Export(t.Context(), logs())
	require.NoError(t, err)
	_, err = c.Export(metadata.AppendToOutgoingContext(t.Context(), "x-errata-key", otherKey), traces("0123456789abcdeg"))
	require.NoError(t, err)
	_, err = c.Export(metadata.AppendToOutgoingContext(t.Context(), "x-errata-key", strings.Repeat("e", 32)), traces("0123456789abcdeh"))
	require.Equal(t, codes.PermissionDenied, status.Code(err))
	projects := map[uint32]int{}
	for _, r := range e.records(schema.TopicSpans) {
		projects[r.ProjectId]++
	}
	require.Equal(t, map[uint32]int{1: 1, 2: 1}, projects)
	require.Len(t, e.records(schema.TopicLogs), 1)
}

func TestOTLPBrokerAway(t *testing.T) {
	e := start(t, func(c *Config) { c.SpoolBytes = -1 })
	e.cluster.Close()
	body, err := proto.Marshal(traces("0123456789abcdef"))
	require.NoError(t, err)
	e.do("POST", "/v1/traces", body, "Content-Type", "application/x-protobuf")
	r := e.do("POST", "/v1/traces", body, "Content-Type", "application/x-protobuf")
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.NotEmpty(t, r.header.Get("Retry-After"), "exporters wait for it")
}

func TestEveryReceiptIsOnATopicOnce(t *testing.T) {
	e := start(t)
	var items bytes.Buffer
	fmt.Fprintf(&items, "{\"event_id\":%q}\n", hexID(1))
	fmt.Fprintf(&items, "{\"type\":\"event\"}\n{\"message\":\"a\"}\n")
	fmt.Fprintf(&items, "{\"type\":\"attachment\",\"length\":3,\"filename\":\"x\"}\nabc\n")
	fmt.Fprintf(&items, "{\"type\":\"session\"}\n{\"sid\":\"7c7b6585-f901-4351-bf8d-02711b721929\",\"init\":true,\"started\":%q,\"status\":\"ok\",\"attrs\":{\"release\":\"a@1\"}}\n", time.Now().UTC().Format(time.RFC3339))
	fmt.Fprintf(&items, "{\"type\":\"statsd\"}\nx\n")
	r := e.do("POST", "/api/1/envelope/", items.Bytes(), "X-Sentry-Auth", auth)
	require.Equal(t, 200, r.status, r.body)
	receipts, rows := map[string]uint64{}, map[string]uint64{}
	for _, name := range schema.Topics {
		for _, rec := range e.records(name) {
			for _, x := range rec.Receipts {
				receipts[x.Category] += x.Quantity
			}
			if rec.Event != nil {
				rows[rec.Event.Category()]++
			}
			for _, x := range rec.Attachments {
				rows[x.Category()]++
			}
			for _, x := range rec.Sessions {
				rows[x.Category()]++
			}
			for _, o := range rec.Outcomes {
				rows[o.Category] += o.Quantity
			}
		}
	}
	require.Equal(t, receipts, rows, "accepted = rows + fates")
	require.NotEmpty(t, rows[schema.CategoryError])
	require.NotEmpty(t, rows[schema.CategorySession])
	require.NotEmpty(t, rows[schema.CategoryAttachment])
}

func TestServicesGoToTheirProjects(t *testing.T) {
	e := start(t, func(c *Config) { c.ServiceProjects = map[string]uint32{"mail": 2, "lost": 9} })
	m := traces("0123456789abcdef")
	named := func(service string) *tracepb.ResourceSpans {
		r := proto.CloneOf(m.ResourceSpans[0])
		r.Resource = &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: service}}}}}
		return r
	}
	send := func(header []string, services ...string) answered {
		req := &coltrace.ExportTraceServiceRequest{}
		for _, s := range services {
			req.ResourceSpans = append(req.ResourceSpans, named(s))
		}
		body, err := proto.Marshal(req)
		require.NoError(t, err)
		return e.do("POST", "/v1/traces", body, append(header, "Content-Type", "application/x-protobuf")...)
	}
	require.Equal(t, 200, send(nil, "mail", "shop", "mail").status)
	require.Equal(t, 200, send([]string{"X-Errata-Key", testKey}, "mail").status)
	require.Equal(t, 403, send(nil, "lost").status)
	require.Equal(t, 401, send([]string{"X-Forwarded-For", "203.0.113.7"}, "mail").status)
	c, err := grpc.NewClient(e.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	call := func(ctx context.Context, services ...string) codes.Code {
		req := &coltrace.ExportTraceServiceRequest{}
		for _, s := range services {
			req.ResourceSpans = append(req.ResourceSpans, named(s))
		}
		_, err := coltrace.NewTraceServiceClient(c).Export(ctx, req)
		return status.Code(err)
	}
	require.Equal(t, codes.OK, call(t.Context(), "mail", "calls"))
	require.Equal(t, codes.OK, call(metadata.AppendToOutgoingContext(t.Context(), "x-errata-key", testKey), "mail"))
	require.Equal(t, codes.PermissionDenied, call(t.Context(), "lost"))
	spans := map[uint32][]string{}
	for _, r := range e.records(schema.TopicSpans) {
		for _, s := range r.Spans {
			spans[r.ProjectId] = append(spans[r.ProjectId], s.Service)
		}
	}
	require.ElementsMatch(t, []string{"mail", "mail", "mail"}, spans[2])
	require.ElementsMatch(t, []string{"shop", "mail", "calls", "mail"}, spans[1], "a key decides alone")
}
