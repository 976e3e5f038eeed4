package ingest

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2/utils"
	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
)

func TestOriginAllowed(t *testing.T) {
	for _, tc := range []struct {
		allowed []string
		origin  string
		want    bool
	}{
		{nil, "https://x.example", true},
		{[]string{"*"}, "https://x.example", true},
		{[]string{"x.example"}, "", true},
		{[]string{"x.example"}, "https://x.example:8443", true},
		{[]string{"https://x.example"}, "http://x.example", false},
		{[]string{"*.x.example"}, "https://a.b.x.example", true},
		{[]string{"*.x.example"}, "https://x.example", false},
		{[]string{"*.x.example"}, "https://evilx.example", false},
	} {
		require.Equal(t, tc.want, originAllowed(tc.allowed, tc.origin), "%v %s", tc.allowed, tc.origin)
	}
}

// TestSentryHeaderAgain reads headers more than once: what is remembered must be
// what was read, also of headers that differ in little and of those refused.
func TestSentryHeaderAgain(t *testing.T) {
	t.Parallel()
	upper := strings.ToUpper(testKey)
	for name, c := range map[string]struct {
		header string
		want   credentials
		reason string
	}{
		"as clients send it": {"Sentry sentry_key=" + testKey + ", sentry_version=7, sentry_client=sentry.python/2.75.0", credentials{testKey, "sentry.python/2.75.0", "7", true}, ""},
		"another client":     {"Sentry sentry_key=" + testKey + ", sentry_version=7, sentry_client=sentry.python/2.75.1", credentials{testKey, "sentry.python/2.75.1", "7", true}, ""},
		"capitals, a flag":   {"Sentry sentry_key=" + upper + ".no-cache", credentials{testKey, "", "", true}, ""},
		"a long one":         {"Sentry sentry_key=" + testKey + ", sentry_client=" + strings.Repeat("x", 600), credentials{testKey, strings.Repeat("x", 600), "", false}, ""},
		"no key":             {"Sentry sentry_version=7", credentials{}, "no_auth"},
		"a bad key":          {"Sentry sentry_key=" + testKey[1:], credentials{}, "bad_key"},
		"a bad version":      {"Sentry sentry_key=" + testKey + ", sentry_version=8", credentials{}, "bad_auth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 3 {
				buffer := []byte(c.header) // Used again for the next request.
				got, err := credentialsOf(func(name string) string {
					if name == "X-Sentry-Auth" {
						return utils.UnsafeString(buffer)
					}
					return ""
				}, "", "")
				got = copied(got)
				clear(buffer)
				if c.reason != "" {
					refusal := &intake.Error{}
					require.ErrorAs(t, err, &refusal)
					require.Equal(t, c.reason, refusal.Reason)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, c.want, got)
			}
			// A second authorization is refused whatever is remembered.
			for _, query := range []string{"sentry_key=" + testKey, "x=1&sentry_client=y&sentry_version=7"} {
				_, err := credentialsOf(func(name string) string {
					if name == "X-Sentry-Auth" {
						return c.header
					}
					return ""
				}, query, "")
				require.ErrorContains(t, err, detailTwoAuths)
			}
		})
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add(auth, "", "")
	f.Add("", "Basic MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY6", "sentry_key=x&sentry_version=7")
	f.Add("sentry sentry_key=,=,,", "Bearer x", "%zz&sentry_")
	f.Fuzz(func(t *testing.T, header, authorization, query string) {
		c, err := credentialsOf(func(name string) string {
			if name == "Authorization" {
				return authorization
			}
			return header
		}, query, "")
		if err == nil && !isKey(c.key) {
			t.Fatalf("%q was taken as a key", c.key)
		}
	})
}

func FuzzMultipart(f *testing.F) {
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--x--"))
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\n\r\n--x"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		parts, err := formParts(kind, body)
		n := 0
		for _, p := range parts {
			n += len(p.Data)
		}
		if err == nil && n > len(body) {
			t.Fatal("parts are larger than the body")
		}
	})
}
