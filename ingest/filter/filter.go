// Package filter decides which events a project does not want. In: an event and
// what the request says. Out: the reason, or nothing. It reads and never
// changes an event; what it matches is counted as filtered by whoever asks.
package filter

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"errata/schema"
)

// Config is a project's choice. All filters are off by default.
type Config struct {
	BrowserExtensions bool     `json:"browser_extensions"` // Errors out of browser extensions.
	WebCrawlers       bool     `json:"web_crawlers"`       // Known crawlers, by user agent.
	Localhost         bool     `json:"localhost"`          // Events from local hosts.
	Releases          []string `json:"releases"`           // Globs over the release; * is anything.
	Environments      []string `json:"environments"`       // Globs over the environment.
	Messages          []string `json:"messages"`           // Globs over title, message and exception value.
	IPs               []string `json:"ips"`                // Addresses or networks of clients and users.
	Fingerprints      []string `json:"fingerprints"`       // Discarded issues: 16 hex digits.
}

// Reasons, as Sentry names them where it has the same filter.
const (
	ReasonExtension   = "browser-extensions"
	ReasonCrawler     = "web-crawlers"
	ReasonLocalhost   = "localhost"
	ReasonRelease     = "release-version"
	ReasonEnvironment = "environment"
	ReasonMessage     = "error-message"
	ReasonIP          = "ip-address"
	ReasonDiscarded   = "discarded-hash"
)

const maxEntries = 1000

// Filter is a Config ready to use. It is safe for concurrent use; nil lets
// everything through.
type Filter struct {
	cfg          Config
	networks     []netip.Prefix
	fingerprints map[uint64]bool
}

// New checks a Config. It returns nil where no filter is on.
func New(cfg Config) (*Filter, error) {
	f := &Filter{cfg: cfg, fingerprints: map[uint64]bool{}}
	for name, list := range map[string][]string{
		"releases": cfg.Releases, "environments": cfg.Environments, "messages": cfg.Messages, "ips": cfg.IPs, "fingerprints": cfg.Fingerprints,
	} {
		if len(list) > maxEntries {
			return nil, fmt.Errorf("%s: %d entries are too many, at most %d", name, len(list), maxEntries)
		}
	}
	for _, ip := range cfg.IPs {
		p, err := network(ip)
		if err != nil {
			return nil, fmt.Errorf("ips: %w", err)
		}
		f.networks = append(f.networks, p)
	}
	for _, h := range cfg.Fingerprints {
		n, err := strconv.ParseUint(h, 16, 64)
		if err != nil || len(h) != 16 {
			return nil, fmt.Errorf("fingerprints: %q is not an issue, use its 16 hex digits", h)
		}
		f.fingerprints[n] = true
	}
	if !cfg.BrowserExtensions && !cfg.WebCrawlers && !cfg.Localhost && len(cfg.Releases)+len(cfg.Environments)+len(cfg.Messages)+len(cfg.IPs)+len(cfg.Fingerprints) == 0 {
		return nil, nil
	}
	return f, nil
}

// network reads an address or a network, for example 10.0.0.0/8.
func network(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an IP address nor a network", text)
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

// Client reports whether a client's address is unwanted, before its body is
// read.
func (f *Filter) Client(ip string) bool {
	if f == nil || len(f.networks) == 0 || ip == "" {
		return false
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	for _, n := range f.networks {
		if n.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// Event returns the reason to filter an event, or the empty string.
func (f *Filter) Event(ev *schema.Event, clientIP, userAgent string) string {
	if f == nil {
		return ""
	}
	switch {
	case f.discarded(ev):
		return ReasonDiscarded
	case f.Client(clientIP), f.Client(ev.UserIp):
		return ReasonIP
	case any(f.cfg.Releases, ev.Release):
		return ReasonRelease
	case any(f.cfg.Environments, ev.Environment):
		return ReasonEnvironment
	case any(f.cfg.Messages, ev.Title), any(f.cfg.Messages, ev.Message), any(f.cfg.Messages, ev.ExceptionValue):
		return ReasonMessage
	case f.cfg.Localhost && local(ev, clientIP):
		return ReasonLocalhost
	case f.cfg.BrowserExtensions && extension(ev):
		return ReasonExtension
	case f.cfg.WebCrawlers && crawler(ev, userAgent):
		return ReasonCrawler
	}
	return ""
}

func (f *Filter) discarded(ev *schema.Event) bool {
	if len(f.fingerprints) == 0 {
		return false
	}
	for _, h := range ev.Hashes {
		if f.fingerprints[h] {
			return true
		}
	}
	return f.fingerprints[ev.Fingerprint]
}

func any(globs []string, text string) bool {
	if text == "" {
		return false
	}
	for _, g := range globs {
		if Glob(g, text) {
			return true
		}
	}
	return false
}

// Glob matches text without regard to case; * is any run of characters and ?
// is one. It takes time linear in the text for each star.
func Glob(pattern, text string) bool {
	p, t := strings.ToLower(pattern), strings.ToLower(text)
	i, j, star, mark := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && (p[i] == '?' || p[i] == t[j] && p[i] != '*'):
			i++
			j++
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

func local(ev *schema.Event, clientIP string) bool {
	if ip := ev.UserIp; ip != "" {
		if a, err := netip.ParseAddr(ip); err == nil && a.IsLoopback() {
			return true
		}
	}
	if ev.Url == "" {
		return false
	}
	u, err := url.Parse(ev.Url)
	if err != nil {
		return false
	}
	h := u.Hostname()
	a, err := netip.ParseAddr(h)
	return h == "localhost" || strings.HasSuffix(h, ".localhost") || err == nil && a.IsLoopback()
}

var extensionText = regexp.MustCompile(`(?i)top\.GLOBALS|originalCreateNotification|canvas\.contentDocument|MyApp_RemoveAllHighlights|atomicFindClose|fb_xd_fragment|bmi_SafeAddOnload|EBCallBackMessageReceived|Extension context invalidated|conduitPage|_avast_submit|jigsaw is not defined|ComboSearch is not defined`)

func extension(ev *schema.Event) bool {
	if ev.Platform != "javascript" && ev.Platform != "" {
		return false
	}
	for _, file := range ev.FramesFile {
		scheme, _, ok := strings.Cut(file, "://")
		if ok && (strings.HasSuffix(scheme, "-extension") || scheme == "webkit-masked-url") {
			return true
		}
	}
	return extensionText.MatchString(ev.ExceptionValue)
}

var crawlerText = regexp.MustCompile(`(?i)googlebot|mediapartners-google|adsbot-google|feedfetcher|bingbot|bingpreview|baiduspider|yandex(bot|images)|slurp|duckduckbot|applebot|facebookexternalhit|twitterbot|linkedinbot|slackbot|telegrambot|semrushbot|ahrefsbot|mj12bot|dotbot|petalbot|bytespider|gptbot|claudebot|ccbot|crawler|spider|\bbot\b|uptimerobot|pingdom|headlesschrome-prerender`)

// crawler looks at the user agent of the request that the event tells of; the
// request's own one is the SDK's, except for browsers.
func crawler(ev *schema.Event, userAgent string) bool {
	if ev.Platform == "javascript" && crawlerText.MatchString(userAgent) {
		return true
	}
	if i := bytes.Index(bytes.ToLower(ev.Payload), []byte(`"user-agent"`)); i >= 0 {
		end := min(len(ev.Payload), i+400)
		return crawlerText.Match(ev.Payload[i:end])
	}
	return false
}
