// Package credential reads who a request is from. In: headers, a query, a path or a
// DSN. Out: a key of the right form, or the refusal that the protocol asks for.
// Whether there is such a key it does not know.
package credential

import (
	"encoding/base64"
	"errors"
	"hash/maphash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"errata/ingest/intake"
	"errata/ingest/sentry/tree"
)

// Credential is what a request says of who it is from.
type Credential struct {
	Key     string // 32 hex digits, or empty.
	Client  string
	Version string
	owned   bool // The texts are not part of the request's buffers.
}

// Sentences of the protocol; clients and people search for them.
const (
	NoAuth   = "missing authorization information"
	TwoAuths = "multiple authorization payloads detected"
	BadAuth  = "bad sentry authentication header"
	BadKey   = "bad sentry DSN public key"
	BadID    = "invalid project id"
	rejected = "event submission rejected with_reason: "
)

// Of reads the one form of authorization that a Sentry request has.
// Two forms at once are refused: nobody could say which one holds.
func Of(header func(string) string, query string, pathKey string) (Credential, error) {
	own, other := header("X-Sentry-Auth"), header("Authorization")
	if own != "" && other == "" && pathKey == "" && !strings.Contains(query, "sentry_") {
		return sentryHeaders.read(own) // As nearly all clients send it.
	}
	var found []Credential
	if own != "" {
		found = append(found, Header(own))
	}
	if other != "" {
		if c, ok := Authorization(other); ok {
			found = append(found, c)
		}
	}
	if strings.Contains(query, "sentry_") {
		if c, ok := sentryQuery(query); ok {
			found = append(found, c)
		}
	}
	if pathKey != "" {
		found = append(found, Credential{Key: pathKey})
	}
	switch len(found) {
	case 0:
		return Credential{}, intake.Refuse(http.StatusUnauthorized, NoAuth, "no_auth",
			"send the DSN's public key in X-Sentry-Auth, in the query (sentry_key) or as dsn in the envelope header")
	case 1:
		return found[0].Check()
	}
	return Credential{}, intake.Refuse(http.StatusUnauthorized, TwoAuths, "multiple_auth")
}

// Detached returns the same as no part of the request's buffers.
func (c Credential) Detached() Credential {
	if c.owned {
		return c
	}
	return Credential{Key: strings.Clone(c.Key), Client: strings.Clone(c.Client), Version: c.Version}
}

// Check refuses keys that cannot be ones, before anybody looks them up.
func (c Credential) Check() (Credential, error) {
	// Flags may follow a dot: KEY.no-cache.
	c.Key, _, _ = strings.Cut(c.Key, ".")
	if c.Version != "" {
		// 2.0 is what old clients send for 2.
		v, err := strconv.ParseFloat(c.Version, 64)
		if err != nil || v > 7 || v < 0 {
			return c, intake.Refuse(http.StatusBadRequest, BadAuth, "bad_auth", "sentry_version "+strconv.Quote(tree.Cut(c.Version, 20))+" is not supported, use 7")
		}
	}
	if c.Key == "" {
		return c, intake.Refuse(http.StatusUnauthorized, NoAuth, "no_auth", "sentry_key is missing")
	}
	if !IsKey(c.Key) {
		return c, intake.Refuse(http.StatusBadRequest, BadKey, "bad_key", "a key has 32 hex digits")
	}
	c.Key = strings.ToLower(c.Key)
	return c, nil
}

// IsKey reports whether a text has the form of a key.
func IsKey(s string) bool {
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

// Header reads "Sentry k=v, k=v" in any order; the word may be absent.
func Header(h string) Credential {
	var c Credential
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
			c.Key = v
		case "sentry_client":
			c.Client = v
		case "sentry_version":
			c.Version = v
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
	Credential
}

var sentryHeaders = headerMemory{seed: maphash.MakeSeed()}

// read is Header and its check.
func (m *headerMemory) read(h string) (Credential, error) {
	if len(h) > 512 {
		return Header(h).Check()
	}
	at := &m.known[maphash.String(m.seed, h)%uint64(len(m.known))]
	if k := at.Load(); k != nil && k.text == h {
		return k.Credential, nil
	}
	text := strings.Clone(h) // It is part of the request's buffers.
	c, err := Header(text).Check()
	c.owned = true
	if err == nil {
		at.Store(&knownHeader{text, c})
	}
	return c, err
}

// Authorization reads the header of the same name. Schemes that cannot carry a
// key are left to whoever stands in front of the edge.
func Authorization(h string) (Credential, bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(h), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "sentry":
		return Header(rest), true
	case "bearer":
		return Credential{Key: rest}, IsKey(rest)
	case "basic":
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "="))
		if err != nil {
			return Credential{}, false
		}
		user, _, _ := strings.Cut(string(b), ":")
		return Credential{Key: user}, IsKey(user)
	}
	return Credential{}, false
}

func sentryQuery(query string) (Credential, bool) {
	q, err := url.ParseQuery(query)
	if err != nil && len(q) == 0 {
		return Credential{}, false
	}
	c := Credential{Key: q.Get("sentry_key"), Client: q.Get("sentry_client"), Version: q.Get("sentry_version")}
	return c, c.Key != "" || c.Version != "" || c.Client != ""
}

// OTLP reads the key of an OTLP request, in the documented order.
func OTLP(header func(string) string, query func(string) string) (Credential, error) {
	if h := header("X-Sentry-Auth"); h != "" {
		return Header(h).Check()
	}
	if h := header("Authorization"); h != "" {
		if c, ok := Authorization(h); ok {
			return c.Check()
		}
	}
	if h := header("X-Errata-Key"); h != "" {
		return Credential{Key: h}.Check()
	}
	if k := query("sentry_key"); k != "" {
		return Credential{Key: k}.Check()
	}
	return Credential{}, nil
}

// DSN reads KEY and PROJECT out of a DSN.
func DSN(dsn string) (key, project string, err error) {
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil || u.User.Username() == "" {
		return "", "", errors.New("a DSN looks like http://KEY@HOST/PROJECT")
	}
	return u.User.Username(), u.Path[strings.LastIndexByte(u.Path, '/')+1:], nil
}

// ProjectID reads the id of a path.
func ProjectID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, intake.Refuse(http.StatusBadRequest, BadID, "bad_project", "a project id is a positive number")
	}
	if n == 0 || n > 1<<32-1 {
		return 0, Rejected("ProjectId", "there is no project "+text)
	}
	return uint32(n), nil
}

// Rejected is the refusal of a request whose key is known.
func Rejected(reason, cause string) *intake.Error {
	return intake.Refuse(http.StatusForbidden, rejected+reason, "rejected", cause)
}

// OriginAllowed checks a browser's origin; requests without one come from no
// browser and are allowed.
func OriginAllowed(allowed []string, origin string) bool {
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
