package framing

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRefused(t *testing.T) {
	for headers, why := range map[string]string{
		"":       "",
		"\r\n":   "",
		"A: b":   "",
		"A:\r\n": "",
		"Host: x\r\nX-Sentry-Auth: Sentry sentry_key=0, sentry_version=7\r\nX-Time: 12:30 : 1\r\n\r\n": "",
		"Host: x\r\nContent Length: 5\r\n\r\n":                                                         "the name of a header holds a space",
		"Transfer Encoding: chunked\r\n\r\n":                                                           "the name of a header holds a space",
		"Host: x\r\nX-A: b\r\n c: d\r\n\r\n":                                                           "a header goes on in a second line, or its name begins with a space",
		"\tX-A: b\r\n\r\n":                                                                             "a header goes on in a second line, or its name begins with a space",
		"Host: x\r\nX-A: b\nContent-Length: 5\r\n\r\n":                                                 "a line of its headers ends without a carriage return",
		"Host: x\r\n\n": "a line of its headers ends without a carriage return",
	} {
		require.Equal(t, why, Refused([]byte(headers)), "%q", headers)
	}
}

func BenchmarkRefused(b *testing.B) {
	headers := []byte("Host: errata.example.com\r\nUser-Agent: sentry.python/2.75.0\r\nContent-Type: application/x-sentry-envelope\r\nContent-Encoding: gzip\r\n" +
		"X-Sentry-Auth: Sentry sentry_key=0123456789abcdef0123456789abcdef, sentry_version=7, sentry_client=sentry.python/2.75.0\r\nAccept-Encoding: identity\r\nContent-Length: 1234\r\n\r\n")
	for b.Loop() {
		if Refused(headers) != "" {
			b.Fatal("refused")
		}
	}
}
