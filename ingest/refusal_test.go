package ingest

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"errata/schema"
)

// TestRefusedRequestsAreCounted sends what is refused as a whole: each request
// of a known project is in the ledger once, the rest is in nobody's.
func TestRefusedRequestsAreCounted(t *testing.T) {
	e := start(t, withSettings(`{"allowed_origins":["https://shop.example"],"quotas":[{"limit":2,"window_seconds":86400,"per_key":true,"reason":"all"}]}`, ""))
	post := func(path string, body []byte, header ...string) int {
		return e.do("POST", path, body, append(header, "X-Sentry-Auth", auth)...).status
	}
	large := bytes.Repeat([]byte("a"), 2*maxEventBytes)
	require.Equal(t, 413, post("/api/1/store/", large))
	require.Equal(t, 400, post("/api/1/store/", []byte("{")))
	require.Equal(t, 400, post("/api/1/store/", []byte("{")))
	require.Equal(t, 415, post("/api/1/store/", []byte("{}"), "Content-Encoding", "rot13"))
	require.Equal(t, 403, post("/api/2/store/", []byte("{}")), "the key belongs to project 1")
	require.Equal(t, 403, post("/api/1/store/", []byte("{}"), "Origin", "https://evil.example"))
	require.Equal(t, 400, e.do("POST", "/v1/traces", []byte("{"), "Content-Type", "application/json", "X-Errata-Key", testKey).status)
	require.Equal(t, 401, e.do("POST", "/api/1/store/", []byte("{}")).status)
	require.Equal(t, 403, e.do("POST", "/api/1/store/", []byte("{}"), "X-Sentry-Auth", "Sentry sentry_key=00000000000000000000000000000000").status)
	require.Equal(t, 404, post("/api/1/nothing/", nil))
	for i := range 2 {
		require.Equal(t, 200, post("/api/1/envelope/", sent(hexID(i), "x")))
	}
	require.Equal(t, 429, post("/api/1/envelope/", sent(hexID(3), "x")), "before the body is read")
	require.Equal(t, 202, post("/api/1/cron/job/?status=ok", nil), "never 429, but not kept")
	want := map[string]uint64{
		"error row": 2, "default too_large request_too_large": 1, "default invalid request_encoding": 1,
		"default invalid request_rejected": 2, "default rate_limited all": 2,
	}
	var accepted, fates map[string]uint64
	require.Eventually(t, func() bool {
		accepted, fates = e.ledger()
		return accepted[schema.CategoryUnknown] == 9
	}, 10*time.Second, 50*time.Millisecond)
	balanced(t, accepted, fates)
	bad := uint64(0)
	for k, n := range fates {
		if _, known := want[k]; !known {
			require.Contains(t, k, "default invalid request_")
			bad += n
			continue
		}
		require.Equal(t, want[k], n, k)
		delete(want, k)
	}
	require.Empty(t, want)
	require.EqualValues(t, 3, bad, "two of Sentry, one of OTLP that cannot be read: %v", fates)
}

// TestDisabledKeysAreCounted: who turned a key or a project off sees what still comes
// with it, over each protocol; what comes with nobody's key is in no ledger.
func TestDisabledKeysAreCounted(t *testing.T) {
	const keyOff, projectOff = "00000000000000000000000000000003", "00000000000000000000000000000004"
	l := twoProjects()
	l.Projects = append(l.Projects, schema.Project{ID: 3, Slug: "off", Disabled: true})
	l.Keys = append(l.Keys, schema.Key{ProjectID: 1, Public: keyOff, Disabled: true}, schema.Key{ProjectID: 3, Public: projectOff})
	e := start(t, func(c *Config) { c.Projects = l })
	for path, key := range map[string]string{"/api/1/envelope/": keyOff, "/api/1/store/": keyOff, "/api/3/envelope/": projectOff, "/api/9/envelope/": "00000000000000000000000000000009"} {
		require.Equal(t, 403, e.do("POST", path, sent(hexID(1), "x"), "X-Sentry-Auth", "Sentry sentry_key="+key).status, path)
	}
	require.Equal(t, 403, e.do("POST", "/v1/traces", []byte("{}"), "Content-Type", "application/json", "X-Errata-Key", keyOff).status)
	spans := coltrace.NewTraceServiceClient(e.grpcConn())
	for _, key := range []string{keyOff, projectOff, "00000000000000000000000000000009"} {
		_, err := spans.Export(withKey(t.Context(), key), traces("0123456789abcdef"))
		require.Equal(t, codes.PermissionDenied, status.Code(err), "%s: %v", key, err)
	}
	require.Equal(t, 200, e.do("POST", "/api/1/envelope/", sent(hexID(2), "x"), "X-Sentry-Auth", auth).status)
	var accepted, fates map[string]uint64
	require.Eventually(t, func() bool {
		accepted, fates = e.ledger()
		return accepted[schema.CategoryUnknown] == 6
	}, 10*time.Second, 50*time.Millisecond)
	balanced(t, accepted, fates)
	require.Equal(t, map[string]uint64{"error row": 1, "default invalid request_disabled_key": 4, "default invalid request_disabled_project": 2}, fates)
}
