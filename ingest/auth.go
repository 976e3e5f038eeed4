package ingest

import (
	"encoding/base64"
	"errors"
	"hash/maphash"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gofiber/fiber/v2"

	"errata/ingest/directory"
	"errata/ingest/intake"
)

// credentials is what a request says of who it is from.
type credentials struct {
	key     string // 32 hex digits, or empty.
	client  string
	version string
	owned   bool // The texts are not part of the request's buffers.
}

// Sentences of the protocol; clients and people search for them.
const (
	detailNoAuth   = "missing authorization information"
	detailTwoAuths = "multiple authorization payloads detected"
	detailBadAuth  = "bad sentry authentication header"
	detailBadKey   = "bad sentry DSN public key"
	detailBadID    = "invalid project id"
	detailRejected = "event submission rejected with_reason: "
)

func refuse(status int, detail, reason string, causes ...string) *intake.Error {
	return &intake.Error{Status: status, Detail: detail, Causes: causes, Reason: reason}
}

// credentialsOf reads the one form of authorization that a Sentry request has.
// Two forms at once are refused: nobody could say which one holds.
func credentialsOf(header func(string) string, query string, pathKey string) (credentials, error) {
	own, other := header("X-Sentry-Auth"), header("Authorization")
	if own != "" && other == "" && pathKey == "" && !strings.Contains(query, "sentry_") {
		return sentryHeaders.read(own) // As nearly all clients send it.
	}
	var found []credentials
	if own != "" {
		found = append(found, sentryHeader(own))
	}
	if other != "" {
		if c, ok := authorization(other); ok {
			found = append(found, c)
		}
	}
	if strings.Contains(query, "sentry_") {
		if c, ok := sentryQuery(query); ok {
			found = append(found, c)
		}
	}
	if pathKey != "" {
		found = append(found, credentials{key: pathKey})
	}
	switch len(found) {
	case 0:
		return credentials{}, refuse(http.StatusUnauthorized, detailNoAuth, "no_auth",
			"send the DSN's public key in X-Sentry-Auth, in the query (sentry_key) or as dsn in the envelope header")
	case 1:
		return found[0].check()
	}
	return credentials{}, refuse(http.StatusUnauthorized, detailTwoAuths, "multiple_auth")
}

// check refuses keys that cannot be ones, before anybody looks them up.
func (c credentials) check() (credentials, error) {
	// Flags may follow a dot: KEY.no-cache.
	c.key, _, _ = strings.Cut(c.key, ".")
	if c.version != "" {
		// 2.0 is what old clients send for 2.
		v, err := strconv.ParseFloat(c.version, 64)
		if err != nil || v > 7 || v < 0 {
			return c, refuse(http.StatusBadRequest, detailBadAuth, "bad_auth", "sentry_version "+strconv.Quote(cutText(c.version, 20))+" is not supported, use 7")
		}
	}
	if c.key == "" {
		return c, refuse(http.StatusUnauthorized, detailNoAuth, "no_auth", "sentry_key is missing")
	}
	if !isKey(c.key) {
		return c, refuse(http.StatusBadRequest, detailBadKey, "bad_key", "a key has 32 hex digits")
	}
	c.key = strings.ToLower(c.key)
	return c, nil
}

func isKey(s string) bool {
	if len(s) != 32 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// sentryHeader reads "Sentry k=v, k=v" in any order; the word may be absent.
func sentryHeader(h string) credentials {
	var c credentials
	if len(h) > 6 && strings.EqualFold(h[:6], "sentry") && (h[6] == ' ' || h[6] == '\t') {
		h = h[6:]
	}
	for part := range strings.FieldsFuncSeq(h, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		switch strings.ToLower(k) {
		case "sentry_key":
			c.key = v
		case "sentry_client":
			c.client = v
		case "sentry_version":
			c.version = v
		}
	}
	return c
}

// headerMemory remembers headers that were read: a client sends the same one with
// each request. The header itself is compared.
type headerMemory struct {
	seed  maphash.Seed
	known [256]atomic.Pointer[knownHeader]
}

type knownHeader struct {
	text string
	credentials
}

var sentryHeaders = headerMemory{seed: maphash.MakeSeed()}

// read is sentryHeader and its check.
func (m *headerMemory) read(h string) (credentials, error) {
	if len(h) > 512 {
		return sentryHeader(h).check()
	}
	at := &m.known[maphash.String(m.seed, h)%uint64(len(m.known))]
	if k := at.Load(); k != nil && k.text == h {
		return k.credentials, nil
	}
	text := strings.Clone(h) // It is part of the request's buffers.
	c, err := sentryHeader(text).check()
	c.owned = true
	if err == nil {
		at.Store(&knownHeader{text, c})
	}
	return c, err
}

// authorization reads the header of the same name. Schemes that cannot carry a
// key are left to whoever stands in front of the edge.
func authorization(h string) (credentials, bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(h), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "sentry":
		return sentryHeader(rest), true
	case "bearer":
		return credentials{key: rest}, isKey(rest)
	case "basic":
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "="))
		if err != nil {
			return credentials{}, false
		}
		user, _, _ := strings.Cut(string(b), ":")
		return credentials{key: user}, isKey(user)
	}
	return credentials{}, false
}

func sentryQuery(query string) (credentials, bool) {
	q, err := url.ParseQuery(query)
	if err != nil && len(q) == 0 {
		return credentials{}, false
	}
	c := credentials{key: q.Get("sentry_key"), client: q.Get("sentry_client"), version: q.Get("sentry_version")}
	return c, c.key != "" || c.version != "" || c.client != ""
}

// dsnKey reads KEY and PROJECT out of a DSN.
func dsnKey(dsn string) (key, project string, err error) {
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil || u.User.Username() == "" {
		return "", "", errors.New("a DSN looks like http://KEY@HOST/PROJECT")
	}
	return u.User.Username(), u.Path[strings.LastIndexByte(u.Path, '/')+1:], nil
}

// projectID reads the id of a path.
func projectID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, refuse(http.StatusBadRequest, detailBadID, "bad_project", "a project id is a positive number")
	}
	if n == 0 || n > 1<<32-1 {
		return 0, rejected("ProjectId", "there is no project "+text)
	}
	return uint32(n), nil
}

func rejected(reason, cause string) *intake.Error {
	return refuse(http.StatusForbidden, detailRejected+reason, "rejected", cause)
}

// admit finds the project of a key and checks that the request may use it. cred
// has no part of the request's buffers.
// pathProject is empty where the path names none.
func (s *Server) admit(c *fiber.Ctx, cred credentials, pathProject string) (*intake.Request, error) {
	var id uint32
	if pathProject != "" {
		var err error
		if id, err = projectID(pathProject); err != nil {
			return nil, err
		}
	}
	entry, err := s.directory.ByKey(c.Context(), cred.key)
	if err != nil {
		return nil, lookupError(err)
	}
	c.Locals(projectLocal, entry.Project)
	if id != 0 && id != entry.Project.ID {
		return nil, rejected("ProjectId", "the key belongs to another project")
	}
	req := s.request(c)
	req.Key, req.Project, req.KeySettings = cred.key, entry.Project, entry.Settings
	req.Client = cred.client
	if !originAllowed(entry.Project.Settings.AllowedOrigins, req.Origin) {
		return nil, rejected("Cors", "the origin is not among the project's allowed_origins")
	}
	return req, nil
}

func lookupError(err error) error {
	if errors.Is(err, directory.ErrNotLoaded) {
		return refuse(http.StatusServiceUnavailable, "project configuration is not there yet", "no_projects", "projects are read from ClickHouse; try again in a moment")
	}
	return rejected("ProjectId", "there is no such project or key, or it is disabled")
}

// clientIP is the peer's address, or the first one that a trusted proxy names.
func (s *Server) clientIP(c *fiber.Ctx) string {
	if s.cfg.TrustForwarded {
		if f := c.Get(fiber.HeaderXForwardedFor); f != "" {
			first, _, _ := strings.Cut(f, ",")
			first = strings.TrimSpace(first)
			if a, err := netip.ParseAddr(strings.Trim(first, "[]")); err == nil {
				return a.Unmap().String()
			}
			if a, err := netip.ParseAddrPort(first); err == nil { // As some proxies write it.
				return a.Addr().Unmap().String()
			}
		}
	}
	return addrIP(c.Context().RemoteAddr())
}

func addrIP(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	ip, ok := netip.AddrFromSlice(t.IP)
	if !ok {
		return ""
	}
	return ip.Unmap().String()
}

// originAllowed checks a browser's origin; requests without one come from no
// browser and are allowed.
func originAllowed(allowed []string, origin string) bool {
	if len(allowed) == 0 || origin == "" {
		return true
	}
	host := origin
	if u, err := url.Parse(origin); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	for _, a := range allowed {
		switch {
		case a == "*", strings.EqualFold(a, origin), strings.EqualFold(a, host):
			return true
		case strings.HasPrefix(a, "*.") && len(host) > len(a)-1 && strings.EqualFold(host[len(host)-len(a)+1:], a[1:]):
			return true
		}
		if u, err := url.Parse(a); err == nil && u.Host != "" && strings.HasPrefix(origin, a+"/") {
			return true
		}
	}
	return false
}

func cutText(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
