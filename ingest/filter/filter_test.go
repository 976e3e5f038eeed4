package filter

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestReasons(t *testing.T) {
	cfg := Config{
		BrowserExtensions: true, WebCrawlers: true, Localhost: true, Releases: []string{"shop@1.*"}, Environments: []string{"dev"},
		Messages: []string{"*ResizeObserver*"}, IPs: []string{"10.0.0.0/8", "2001:db8::1"}, Fingerprints: []string{"00000000000000ff"},
	}
	f, err := New(cfg)
	require.NoError(t, err)
	for _, tc := range []struct {
		name, ip, agent string
		ev              *schema.Event
		want            string
	}{
		{"plain", "203.0.113.1", "curl", &schema.Event{Title: "ValueError: x", Release: "shop@2.0", Environment: "prod", Platform: "python"}, ""},
		{"release", "", "", &schema.Event{Release: "shop@1.2"}, ReasonRelease},
		{"environment, other case", "", "", &schema.Event{Environment: "DEV"}, ReasonEnvironment},
		{"message", "", "", &schema.Event{Title: "Error: resizeobserver loop"}, ReasonMessage},
		{"client address", "10.2.3.4", "", &schema.Event{}, ReasonIP},
		{"user address", "203.0.113.1", "", &schema.Event{UserIp: "2001:db8::1"}, ReasonIP},
		{"discarded by any hash", "", "", &schema.Event{Fingerprint: 1, Hashes: []uint64{1, 0xff}}, ReasonDiscarded},
		{"localhost by URL", "", "", &schema.Event{Url: "http://localhost:3000/x"}, ReasonLocalhost},
		{"localhost in a path only", "", "", &schema.Event{Url: "http://shop.example/localhost"}, ""},
		{"extension", "", "", &schema.Event{Platform: "javascript", FramesFile: []string{"chrome-extension://abc/x.js"}}, ReasonExtension},
		{"extension text in Python", "", "", &schema.Event{Platform: "python", ExceptionValue: "top.GLOBALS"}, ""},
		{"crawler by the event's headers", "", "sentry.python", &schema.Event{Platform: "python", Payload: []byte(`{"request":{"headers":{"User-Agent":"Mozilla/5.0 (compatible; Googlebot/2.1)"}}}`)}, ReasonCrawler},
		{"browser", "", "Mozilla/5.0 Chrome/130", &schema.Event{Platform: "javascript"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, f.Event(tc.ev, tc.ip, tc.agent)) })
	}
}

func TestNothingIsOnByDefault(t *testing.T) {
	f, err := New(Config{})
	require.NoError(t, err)
	require.Nil(t, f)
	require.Empty(t, f.Event(&schema.Event{Url: "http://localhost/"}, "127.0.0.1", "googlebot"))
}

func TestConfigsThatCannotWork(t *testing.T) {
	for _, c := range []Config{{IPs: []string{"here"}}, {Fingerprints: []string{"xyz"}}, {Fingerprints: []string{"ff"}}, {Messages: make([]string, maxEntries+1)}} {
		_, err := New(c)
		require.Error(t, err)
	}
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		p, s string
		want bool
	}{{"*", "", true}, {"a*c", "abbbc", true}, {"a*c", "abbb", false}, {"a?c", "abc", true}, {"a/b*", "a/b/c", true}, {"*x*y*", "aXbYc", true}, {"abc", "ABC", true}, {"*****a", "bbbbbbbbbbbbbbbbbbbba", true}} {
		require.Equal(t, tc.want, Glob(tc.p, tc.s), tc.p+" "+tc.s)
	}
}
