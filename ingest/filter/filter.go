// Package filter decides which events a project does not want. In: an event and
// what the request says. Out: the reason, or nothing. It reads and never
// changes an event; what it matches is counted as filtered by whoever asks.
package filter

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fastjson"

	"errata/schema"
)

// Config is a project's choice. All filters are off by default.
type Config struct {
	BrowserExtensions bool     `json:"browser_extensions"` // Errors out of browser extensions.
	WebCrawlers       bool     `json:"web_crawlers"`       // Known crawlers, by user agent.
	LegacyBrowsers    bool     `json:"legacy_browsers"`    // Browsers that their makers gave up, by user agent.
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
	ReasonLegacy      = "legacy-browsers"
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
	if !cfg.BrowserExtensions && !cfg.WebCrawlers && !cfg.LegacyBrowsers && !cfg.Localhost && len(cfg.Releases)+len(cfg.Environments)+len(cfg.Messages)+len(cfg.IPs)+len(cfg.Fingerprints) == 0 {
		return nil, nil
	}
	return f, nil
}

// network reads an address or a network, for example 10.0.0.0/8. Addresses of
// version 4 that are written in version 6 are those of version 4.
func network(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an IP address nor a network", text)
	}
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// ReadsAgents reports whether the user agent in an event's payload decides.
func (f *Filter) ReadsAgents() bool {
	return f != nil && (f.cfg.WebCrawlers || f.cfg.LegacyBrowsers)
}

// Client reports whether a client's address is unwanted.
func (f *Filter) Client(ip string) bool {
	if f == nil || len(f.networks) == 0 || ip == "" {
		return false
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	for _, n := range f.networks {
		if n.Contains(a.Unmap().WithZone("")) {
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
	case f.cfg.Localhost && local(ev):
		return ReasonLocalhost
	case f.cfg.BrowserExtensions && extension(ev):
		return ReasonExtension
	case f.cfg.WebCrawlers && agent(ev, userAgent, crawlerText.MatchString):
		return ReasonCrawler
	case f.cfg.LegacyBrowsers && agent(ev, userAgent, legacy):
		return ReasonLegacy
	}
	return ""
}

// Row returns the reason to filter a span, log record, session or metric by its
// release and environment, or the empty string.
func (f *Filter) Row(release, environment string) string {
	switch {
	case f == nil:
	case any(f.cfg.Releases, release):
		return ReasonRelease
	case any(f.cfg.Environments, environment):
		return ReasonEnvironment
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
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && p[i] == '?':
			i++
			j += width(t[j:])
		case i < len(p) && p[i] == t[j]:
			i++
			j++
		case star >= 0:
			mark += width(t[mark:])
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

func width(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func local(ev *schema.Event) bool {
	if ip := ev.UserIp; ip != "" {
		if a, err := netip.ParseAddr(ip); err == nil && a.Unmap().IsLoopback() {
			return true
		}
	}
	text := ev.Url
	if text == "" {
		text = attribute(ev, "url.full", "http.url")
	}
	if text == "" {
		return false
	}
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	h := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	a, err := netip.ParseAddr(h)
	return h == "localhost" || strings.HasSuffix(h, ".localhost") || err == nil && (a.Unmap().IsLoopback() || a.IsUnspecified())
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

// agent asks of the user agent of the request that the event tells of; the
// request's own one is the SDK's, except for browsers.
func agent(ev *schema.Event, own string, is func(string) bool) bool {
	if ev.Platform == "javascript" && own != "" && is(own) {
		return true
	}
	text := attribute(ev, "user_agent.original", "http.user_agent")
	return text != "" && is(text)
}

var parsers fastjson.ParserPool

// attribute returns what an event of OTLP says under one of two names, new and
// old, or what an event of Sentry has in its place: the User-Agent header.
func attribute(ev *schema.Event, name, old string) string {
	sentry := ev.Protocol != schema.Protocol_PROTOCOL_OTLP
	if sentry && name != "user_agent.original" {
		return ""
	}
	p := parsers.Get()
	defer parsers.Put(p)
	v, err := p.ParseBytes(ev.Payload)
	if err != nil {
		return ""
	}
	if attributes := v.Get("contexts", "otel", "attributes"); attributes != nil {
		for _, n := range [...]string{name, old} {
			if b := attributes.GetStringBytes(n); len(b) > 0 {
				return string(b)
			}
		}
	}
	if !sentry {
		return ""
	}
	headers := v.Get("request", "headers")
	if o := headers.GetObject(); o != nil {
		text := ""
		o.Visit(func(k []byte, v *fastjson.Value) {
			if strings.EqualFold(string(k), "user-agent") {
				text = string(v.GetStringBytes())
			}
		})
		return text
	}
	for _, h := range headers.GetArray() {
		if strings.EqualFold(string(h.GetStringBytes("0")), "user-agent") {
			return string(h.GetStringBytes("1"))
		}
	}
	return ""
}

var (
	internetExplorer = regexp.MustCompile(`\bMSIE |\bTrident/`)
	oldOpera         = regexp.MustCompile(`\bOpera[/ ]|\bOpera Mini`)
	versions         = regexp.MustCompile(`\b(Edge|Edg|Chrome|CriOS|Firefox|FxiOS|OPR|Android|Version)[/ ](\d+)`)
)

// legacy tells browsers that get no updates: Internet Explorer, Edge before 79,
// Opera before 15 and Opera Mini, the browser of Android up to 4, and Safari
// before 12.
func legacy(userAgent string) bool {
	if internetExplorer.MatchString(userAgent) || oldOpera.MatchString(userAgent) {
		return true
	}
	is := map[string]int{}
	for _, m := range versions.FindAllStringSubmatch(userAgent, 16) {
		if n, err := strconv.Atoi(m[2]); err == nil {
			is[m[1]] = n
		}
	}
	if n, ok := is["Edge"]; ok {
		return n < 79
	}
	for _, other := range [...]string{"Edg", "Chrome", "CriOS", "Firefox", "FxiOS", "OPR"} {
		if _, ok := is[other]; ok {
			return false
		}
	}
	if n, ok := is["Android"]; ok {
		return n <= 4
	}
	n, ok := is["Version"]
	return ok && n < 12 && strings.Contains(userAgent, "Safari/")
}
