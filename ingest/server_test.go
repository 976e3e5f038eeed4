package ingest

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"errata/ingest/credential"
	"errata/schema"
)

func TestAcceptedEventIsOnTheTopic(t *testing.T) {
	e := start(t)
	r := e.do("POST", "/api/1/envelope/", sent(hexID(1), "boom"), "X-Sentry-Auth", auth)
	require.Equal(t, 200, r.status, r.body)
	require.Equal(t, `{"id":"`+hexID(1)+`"}`, r.body)
	recs := e.records(schema.TopicEvents)
	require.Len(t, recs, 1)
	rec := recs[0]
	require.EqualValues(t, 1, rec.ProjectId)
	require.EqualValues(t, 30, rec.RetentionDays)
	require.Equal(t, hexID(1), hex.EncodeToString(rec.Event.EventId))
	require.Equal(t, "boom", rec.Event.ExceptionValue)
	require.WithinDuration(t, time.Now(), time.UnixMilli(rec.ReceivedAt), time.Minute)
	require.Len(t, rec.Receipts, 1)
	require.Equal(t, schema.CategoryError, rec.Receipts[0].Category)
	require.EqualValues(t, 1, rec.Receipts[0].Quantity)
}

// The edge says when it last accepted something: what is refused does not count.
func TestLastAccepted(t *testing.T) {
	e := start(t)
	last := func() time.Time {
		m := regexp.MustCompile(`(?m)^errata_ingest_last_accepted_timestamp_seconds (\S+)$`).FindStringSubmatch(e.do("GET", "/metrics", nil).body)
		require.NotNil(t, m)
		seconds, err := strconv.ParseFloat(m[1], 64)
		require.NoError(t, err)
		return time.UnixMilli(int64(seconds * 1000))
	}
	require.Equal(t, int64(0), last().Unix())
	require.Equal(t, 400, e.do("POST", "/api/1/envelope/", []byte("{"), "X-Sentry-Auth", auth).status)
	require.Equal(t, int64(0), last().Unix())
	require.Equal(t, 200, e.do("POST", "/api/1/envelope/", sent(hexID(1), "boom"), "X-Sentry-Auth", auth).status)
	require.WithinDuration(t, time.Now(), last(), time.Minute)
}

func TestAuthForms(t *testing.T) {
	e := start(t)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(testKey+":"))
	q := "?sentry_key=" + testKey + "&sentry_version=7&sentry_client=sentry.javascript.node%2F11.12.0"
	body := func() []byte { return sent(hexID(1), "x") }
	dsnBody := func(dsn string) []byte {
		return append(fmt.Appendf(nil, `{"dsn":%q}`, dsn), []byte("\n{\"type\":\"event\"}\n{\"message\":\"hi\"}\n")...)
	}
	host := "@127.0.0.1/"
	for _, tc := range []struct {
		name, path string
		body       []byte
		header     []string
		status     int
		detail     string
	}{
		{"header", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", auth}, 200, ""},
		{"header, other order, secret, lower case", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", "sentry sentry_version=7,sentry_client=x/1,sentry_key=" + testKey + ", sentry_secret=s"}, 200, ""},
		{"authorization sentry", "/api/1/envelope/", body(), []string{"Authorization", auth}, 200, ""},
		{"basic", "/api/1/envelope/", body(), []string{"Authorization", basic}, 200, ""},
		{"query", "/api/1/envelope/" + q, body(), nil, 200, ""},
		{"dsn in the header", "/api/1/envelope/", dsnBody("http://" + testKey + host + "1"), nil, 200, ""},
		{"key with flags", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", "Sentry sentry_key=" + testKey + ".no-cache"}, 200, ""},
		{"a proxy's own authorization", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", auth, "Authorization", "Bearer proxy-token"}, 200, ""},
		{"two forms", "/api/1/envelope/" + q, body(), []string{"X-Sentry-Auth", auth}, 401, credential.TwoAuths},
		{"none", "/api/1/envelope/", body(), nil, 401, credential.NoAuth},
		{"none on store", "/api/1/store/", []byte(`{}`), nil, 401, credential.NoAuth},
		{"unknown key", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", "Sentry sentry_key=" + strings.Repeat("a", 32)}, 403, "event submission rejected with_reason: ProjectId"},
		{"key of another project", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", "Sentry sentry_key=" + otherKey}, 403, "event submission rejected with_reason: ProjectId"},
		{"short key", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", "Sentry sentry_key=abc"}, 400, credential.BadKey},
		{"no key in the header", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", "Sentry sentry_version=7"}, 401, credential.NoAuth},
		{"project is no number", "/api/one/envelope/", body(), []string{"X-Sentry-Auth", auth}, 400, credential.BadID},
		{"unknown project", "/api/77/envelope/", body(), []string{"X-Sentry-Auth", auth}, 403, "event submission rejected with_reason: ProjectId"},
		{"version 8", "/api/1/envelope/", body(), []string{"X-Sentry-Auth", auth + ", sentry_version=8"}, 400, credential.BadAuth},
		{"dsn of another project", "/api/1/envelope/", dsnBody("http://" + testKey + host + "2"), nil, 400, "header mismatch"},
		{"dsn against the header", "/api/1/envelope/", dsnBody("http://" + otherKey + host + "2"), []string{"X-Sentry-Auth", auth}, 400, "header mismatch"},
		{"dsn with unknown key", "/api/1/envelope/", dsnBody("http://" + strings.Repeat("b", 32) + host + "1"), nil, 403, "event submission rejected with_reason: ProjectId"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := e.do("POST", tc.path, tc.body, tc.header...)
			require.Equal(t, tc.status, r.status, r.body)
			if tc.status != 200 {
				require.Contains(t, r.body, `{"detail":"`+tc.detail)
				require.NotEmpty(t, r.header.Get("X-Sentry-Error"))
			}
			require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"), "browsers must be able to read errors too")
		})
	}
}

func TestPathsFoldAndNothingRedirects(t *testing.T) {
	e := start(t)
	for _, p := range []string{"/api/1/envelope/", "/api/1/envelope", "/api///1//envelope/", "//api/1/envelope", "/api/1/store", "/api/1/store/", "/api/store/", "/api//store"} {
		body := sent(hexID(1), "x")
		if strings.Contains(p, "store") {
			body = []byte(`{"message":"hello"}`)
		}
		r := e.do("POST", p, body, "X-Sentry-Auth", auth)
		require.Equal(t, 200, r.status, p+" "+r.body)
	}
	r := e.do("POST", "/api/1/nothing/", nil, "X-Sentry-Auth", auth)
	require.Equal(t, 404, r.status)
	require.Contains(t, r.body, `"detail":"no such endpoint"`)
}

func packed(t testing.TB, encoding string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		var err error
		w, err = zstd.NewWriter(&out)
		require.NoError(t, err)
	default:
		return b
	}
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestEncodings(t *testing.T) {
	e := start(t)
	for i, encoding := range []string{"gzip", "deflate", "br", "zstd", "", "UTF-8", "identity"} {
		r := e.do("POST", "/api/1/envelope/", packed(t, encoding, sent(hexID(i), "x")), "X-Sentry-Auth", auth, "Content-Encoding", encoding)
		require.Equal(t, 200, r.status, encoding+" "+r.body)
	}
	require.Len(t, e.records(schema.TopicEvents), 7)
	r := e.do("POST", "/api/1/envelope/", []byte("not gzip"), "X-Sentry-Auth", auth, "Content-Encoding", "gzip")
	require.Equal(t, 400, r.status)
	require.Contains(t, r.body, "cannot read gzip")
	whole := packed(t, "gzip", sent(hexID(1), strings.Repeat("x", 5000)))
	r = e.do("POST", "/api/1/envelope/", whole[:len(whole)-20], "X-Sentry-Auth", auth, "Content-Encoding", "gzip")
	require.Equal(t, 400, r.status)
	r = e.do("POST", "/api/1/envelope/", []byte("x"), "X-Sentry-Auth", auth, "Content-Encoding", "lzma")
	require.Equal(t, 415, r.status)
}

func TestBadBodies(t *testing.T) {
	e := start(t)
	for _, tc := range []struct {
		name, path string
		body       []byte
		status     int
	}{
		{"empty envelope", "/api/1/envelope/", nil, 400},
		{"garbage", "/api/1/envelope/", []byte("garbage"), 400},
		{"truncated envelope", "/api/1/envelope/", sent(hexID(1), "x")[:120], 400},
		{"broken JSON in an event", "/api/1/envelope/", []byte("{}\n{\"type\":\"event\"}\n{\"a\":\n"), 400},
		{"empty store", "/api/1/store/", nil, 400},
		{"store of no JSON", "/api/1/store/", []byte("\x00\x01\x02"), 400},
		{"store over its limit", "/api/1/store/", bytes.Repeat([]byte("a"), maxEventBytes*3/2+1), 413},
		{"only unknown items", "/api/1/envelope/", []byte("{}\n{\"type\":\"strange\"}\nx\n"), 200},
		{"no items", "/api/1/envelope/", []byte("{}"), 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := e.do("POST", tc.path, tc.body, "X-Sentry-Auth", auth)
			require.Equal(t, tc.status, r.status, r.body)
			if tc.status != 200 {
				require.Contains(t, r.body, `{"detail":"`)
			}
		})
	}
	r := e.do("POST", "/api/1/envelope/", sent(hexID(9), "still fine"), "X-Sentry-Auth", auth)
	require.Equal(t, 200, r.status)
}

func TestChunkedBody(t *testing.T) {
	e := start(t)
	// A reader without a length makes the client send chunks, as @sentry/node does.
	r := e.send("POST", "http://"+e.Addr()+"/api/1/envelope/?sentry_version=7&sentry_key="+testKey, io.MultiReader(bytes.NewReader(sent(hexID(1), "chunked"))))
	require.Equal(t, 200, r.status, r.body)
	require.Len(t, e.records(schema.TopicEvents), 1)
}

func TestStoreGet(t *testing.T) {
	e := start(t)
	data := url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(`{"message":"from a picture"}`)))
	r := e.do("GET", "/api/1/store/?sentry_key="+testKey+"&sentry_data="+data, nil)
	require.Equal(t, 200, r.status, r.body)
	require.Equal(t, "image/gif", r.header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(r.body, "GIF89a"))
	recs := e.records(schema.TopicEvents)
	require.Len(t, recs, 1)
	require.Equal(t, "from a picture", recs[0].Event.Message)
}

func TestPreflight(t *testing.T) {
	e := start(t)
	r := e.do("OPTIONS", "/api/1/envelope/", nil, "Origin", "https://shop.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-sentry-auth")
	require.Equal(t, 204, r.status)
	require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, r.header.Get("Access-Control-Allow-Headers"), "x-sentry-auth")
	require.Equal(t, "3600", r.header.Get("Access-Control-Max-Age"))
}

func TestAllowedOrigins(t *testing.T) {
	l := twoProjects()
	l.Projects[0].Settings = `{"allowed_origins":["*.shop.example","https://one.example:8443"]}`
	e := start(t, func(c *Config) { c.Projects = l })
	for origin, status := range map[string]int{
		"":                                  200,
		"https://www.shop.example":          200,
		"https://one.example:8443":          200,
		"https://shop.example.evil.example": 403,
		"https://evilshop.example":          403,
		"https://one.example":               403,
	} {
		h := []string{"X-Sentry-Auth", auth}
		if origin != "" {
			h = append(h, "Origin", origin)
		}
		r := e.do("POST", "/api/1/envelope/", sent(hexID(1), "x"), h...)
		require.Equal(t, status, r.status, origin+" "+r.body)
	}
}

func TestHealth(t *testing.T) {
	e := start(t)
	require.Equal(t, 200, e.do("GET", "/healthz", nil).status)
	require.Equal(t, 200, e.do("GET", "/readyz", nil).status)
	e.do("POST", "/api/1/envelope/", sent(hexID(1), "x"), "X-Sentry-Auth", auth)
	r := e.do("GET", "/metrics", nil)
	require.Equal(t, 200, r.status)
	require.Contains(t, r.body, `errata_ingest_requests_total{endpoint="envelope",status="200"} 1`)
	require.Contains(t, r.body, "errata_ingest_records_acked_total 1")
}

func TestBrokerAway(t *testing.T) {
	t.Run("spool", func(t *testing.T) {
		e := start(t)
		require.Equal(t, 200, e.do("POST", "/api/1/envelope/", sent(hexID(0), "x"), "X-Sentry-Auth", auth).status)
		e.cluster.Close()
		for i := range 20 {
			begin := time.Now()
			r := e.do("POST", "/api/1/envelope/", sent(hexID(i+1), "x"), "X-Sentry-Auth", auth)
			require.Equal(t, 200, r.status, r.body)
			require.Less(t, time.Since(begin), 30*time.Second, "a hang, not a measurement")
		}
		require.Positive(t, e.producer.SpoolBytes())
		require.Equal(t, 200, e.do("GET", "/readyz", nil).status)
	})
	t.Run("no spool", func(t *testing.T) {
		e := start(t, func(c *Config) { c.SpoolBytes = -1 })
		e.cluster.Close()
		e.do("POST", "/api/1/envelope/", sent(hexID(0), "x"), "X-Sentry-Auth", auth)
		begin := time.Now()
		r := e.do("POST", "/api/1/envelope/", sent(hexID(1), "x"), "X-Sentry-Auth", auth)
		require.Less(t, time.Since(begin), 30*time.Second, "a hang, not a measurement")
		require.Equal(t, 503, r.status)
		require.NotEmpty(t, r.header.Get("Retry-After"))
		require.Equal(t, http.StatusServiceUnavailable, e.do("GET", "/readyz", nil).status)
	})
}
