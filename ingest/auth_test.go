package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"
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
