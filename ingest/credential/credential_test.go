package credential

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
)

const testKey = "0123456789abcdef0123456789abcdef"

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
		require.Equal(t, tc.want, OriginAllowed(tc.allowed, tc.origin), "%v %s", tc.allowed, tc.origin)
	}
}

// TestSentryHeaderAgain reads headers more than once: what is remembered must be
// what was read, also of headers that differ in little and of those refused.
func TestSentryHeaderAgain(t *testing.T) {
	t.Parallel()
	upper := strings.ToUpper(testKey)
	for name, c := range map[string]struct {
		header string
		want   Credential
		reason string
	}{
		"as clients send it": {"Sentry sentry_key=" + testKey + ", sentry_version=7, sentry_client=sentry.python/2.75.0", Credential{testKey, "sentry.python/2.75.0", "7", true}, ""},
		"another client":     {"Sentry sentry_key=" + testKey + ", sentry_version=7, sentry_client=sentry.python/2.75.1", Credential{testKey, "sentry.python/2.75.1", "7", true}, ""},
		"capitals, a flag":   {"Sentry sentry_key=" + upper + ".no-cache", Credential{testKey, "", "", true}, ""},
		"a long one":         {"Sentry sentry_key=" + testKey + ", sentry_client=" + strings.Repeat("x", 600), Credential{testKey, strings.Repeat("x", 600), "", false}, ""},
		"no key":             {"Sentry sentry_version=7", Credential{}, "no_auth"},
		"a bad key":          {"Sentry sentry_key=" + testKey[1:], Credential{}, "bad_key"},
		"a bad version":      {"Sentry sentry_key=" + testKey + ", sentry_version=8", Credential{}, "bad_auth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 3 {
				buffer := []byte(c.header) // Used again for the next request.
				got, err := Of(func(name string) string {
					if name == "X-Sentry-Auth" {
						return unsafe.String(unsafe.SliceData(buffer), len(buffer))
					}
					return ""
				}, "", "")
				got = got.Detached()
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
				_, err := Of(func(name string) string {
					if name == "X-Sentry-Auth" {
						return c.header
					}
					return ""
				}, query, "")
				require.ErrorContains(t, err, TwoAuths)
			}
		})
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add("Sentry sentry_key="+testKey+", sentry_version=7, sentry_client=x", "", "")
	f.Add("", "Basic MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY6", "sentry_key=x&sentry_version=7")
	f.Add("sentry sentry_key=,=,,", "Bearer x", "%zz&sentry_")
	f.Fuzz(func(t *testing.T, header, authorization, query string) {
		c, err := Of(func(name string) string {
			if name == "Authorization" {
				return authorization
			}
			return header
		}, query, "")
		if err == nil && !IsKey(c.Key) {
			t.Fatalf("%q was taken as a key", c.Key)
		}
	})
}
