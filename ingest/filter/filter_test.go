package filter

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestReasons(t *testing.T) {
	cfg := Config{
		BrowserExtensions: true, WebCrawlers: true, LegacyBrowsers: true, Localhost: true, Releases: []string{"shop@1.*"}, Environments: []string{"dev"},
		Messages: []string{"*ResizeObserver*"}, IPs: []string{"10.0.0.0/8", "2001:db8::1", "2001:db8:7::/48", "::ffff:198.51.100.0/120", "::ffff:192.0.2.7", "fe80::1"}, Fingerprints: []string{"00000000000000ff"},
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
		{"client of a network of version 6", "2001:db8:7:1::9", "", &schema.Event{}, ReasonIP},
		{"client beside a network of version 6", "2001:db8:8::9", "", &schema.Event{}, ""},
		{"mapped client", "::ffff:10.1.1.1", "", &schema.Event{}, ReasonIP},
		{"mapped network", "198.51.100.9", "", &schema.Event{}, ReasonIP},
		{"mapped address", "192.0.2.7", "", &schema.Event{}, ReasonIP},
		{"beside a mapped address", "192.0.2.8", "", &schema.Event{}, ""},
		{"client with a zone", "fe80::1%eth0", "", &schema.Event{}, ReasonIP},
		{"localhost of OTLP", "", "", otlp(`"url.full":"http://LOCALHOST.:3000/x"`), ReasonLocalhost},
		{"localhost of version 6", "", "", &schema.Event{Url: "http://[::1]:3000/x"}, ReasonLocalhost},
		{"localhost, mapped", "", "", &schema.Event{UserIp: "::ffff:127.0.0.1"}, ReasonLocalhost},
		{"any address of this host", "", "", &schema.Event{Url: "http://0.0.0.0:8000/"}, ReasonLocalhost},
		{"a host that begins with localhost", "", "", &schema.Event{Url: "http://localhost.example/"}, ""},
		{"extension of Safari", "", "", &schema.Event{Platform: "javascript", FramesFile: []string{"app.js", "safari-web-extension://abc/x.js"}}, ReasonExtension},
		{"crawler over OTLP", "", "", otlp(`"user_agent.original":"Googlebot/2.1"`), ReasonCrawler},
		{"crawler over OTLP, old name", "", "", otlp(`"http.user_agent":"bingbot/2.0"`), ReasonCrawler},
		{"crawler in a list of headers", "", "", headers(`[["Accept","*/*"],["user-agent","AhrefsBot/7.0"]]`), ReasonCrawler},
		{"a crawler in another header", "", "", headers(`[["User-Agent","Mozilla/5.0 Chrome/130"],["Referer","https://crawler.example/spider"]]`), ""},
		{"a crawler in a tag", "", "", &schema.Event{Payload: []byte(`{"tags":{"user-agent":"x"},"message":"googlebot"}`)}, ""},
		{"Internet Explorer", "", "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko", &schema.Event{Platform: "javascript"}, ReasonLegacy},
		{"old Edge", "", "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763", &schema.Event{Platform: "javascript"}, ReasonLegacy},
		{"new Edge", "", "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0", &schema.Event{Platform: "javascript"}, ""},
		{"old Safari", "", "", headers(`{"User-Agent":"Mozilla/5.0 (Macintosh) AppleWebKit/534.57 (KHTML, like Gecko) Version/5.1.7 Safari/534.57.2"}`), ReasonLegacy},
		{"Safari", "", "", headers(`{"User-Agent":"Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"}`), ""},
		{"browser of Android", "", "", headers(`{"User-Agent":"Mozilla/5.0 (Linux; U; Android 4.0.3; de) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30"}`), ReasonLegacy},
		{"Chrome on Android", "", "", headers(`{"User-Agent":"Mozilla/5.0 (Linux; Android 4.4) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/81.0 Mobile Safari/537.36"}`), ""},
		{"Opera Mini", "", "", headers(`{"User-Agent":"Opera/9.80 (J2ME/MIDP; Opera Mini/9; U; en) Presto/2.5.25 Version/10.54"}`), ReasonLegacy},
		{"browser", "", "Mozilla/5.0 Chrome/130", &schema.Event{Platform: "javascript"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, f.Event(tc.ev, tc.ip, tc.agent)) })
	}
}

func otlp(attributes string) *schema.Event {
	return &schema.Event{Protocol: schema.Protocol_PROTOCOL_OTLP, Payload: []byte(`{"contexts":{"otel":{"attributes":{` + attributes + `}}}}`)}
}

func headers(list string) *schema.Event {
	return &schema.Event{Platform: "node", Payload: []byte(`{"request":{"headers":` + list + `}}`)}
}

func TestRows(t *testing.T) {
	f, err := New(Config{Releases: []string{"shop@0.*"}, Environments: []string{"ci"}})
	require.NoError(t, err)
	require.Equal(t, ReasonRelease, f.Row("shop@0.9", "prod"))
	require.Equal(t, ReasonEnvironment, f.Row("shop@1.0", "CI"))
	require.Empty(t, f.Row("shop@1.0", "prod"))
	require.Empty(t, f.Row("", ""))
	require.Empty(t, (*Filter)(nil).Row("shop@0.9", "ci"))
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
	}{{"*", "", true}, {"a*c", "abbbc", true}, {"a*c", "abbb", false}, {"a?c", "abc", true}, {"a/b*", "a/b/c", true}, {"*x*y*", "aXbYc", true}, {"abc", "ABC", true}, {"*****a", "bbbbbbbbbbbbbbbbbbbba", true},
		{"caf?", "café", true}, {"?", "é", true}, {"??", "é", false}, {"*?x", "éx", true}, {"É*", "école", true}, {"a*", "", false}, {"", "", true}, {"", "a", false}, {"a\\*", "a\\b", true}, {"[a]", "a", false}, {"x*?", "x*", true}} {
		require.Equal(t, tc.want, Glob(tc.p, tc.s), tc.p+" "+tc.s)
	}
}

// FuzzGlob holds globs against expressions that mean the same.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"a*b?c", "axxbyc"}, {"*é?", "xéy"}, {"***", ""}, {"[a-z]+", "[a-z]+"}, {"?*?", "ab"}, {"*a*a*a*b", "aaaaaaaaaaaa"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 64 || len(text) > 4096 {
			return
		}
		got := Glob(pattern, text)
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return // Only that it ends.
		}
		expression := regexp.QuoteMeta(strings.ToLower(pattern))
		expression = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(expression)
		if want := regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString(strings.ToLower(text)); got != want {
			t.Fatalf("%q on %q is %v", pattern, text, got)
		}
		if _, err := New(Config{IPs: []string{text}, Releases: []string{pattern}}); err == nil {
			_, _ = network(text)
		}
	})
}
