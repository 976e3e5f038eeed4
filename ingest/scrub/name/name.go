// Package name tells names that hold secrets: of variables, headers, parameters,
// cookies. In: a name. Out: whether its value is to be taken out. It never sees a
// value.
package name

import (
	"strings"
	"sync"
	"sync/atomic"
)

// Names that hold secrets. A name matches by whole segments, never by a part of
// a word: "author" and "exp" are no secrets. Long words also match glued at the
// end or the beginning of a segment: accesstoken, dbpassword, passwordhash.
var (
	secretWords = []string{
		"password", "passwords", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "apikey", "apikeys", "authkey", "auth", "authorization",
		"authentication", "credential", "credentials", "privatekey", "jwt", "bearer", "csrf", "xsrf", "phpsessid",
		"jsessionid", "sessionid", "signingkey", "accesskey", "secretkey", "cvv", "cvc", "ssn",
	}
	gluedWords = []string{"password", "passwd", "secret", "token", "apikey", "credentials", "privatekey", "authorization"}
	// Two segments in a row.
	secretPairs = [][2]string{
		{"api", "key"}, {"api", "keys"}, {"access", "keys"}, {"private", "keys"}, {"private", "key"}, {"access", "key"}, {"signing", "key"}, {"encryption", "key"},
		{"session", "id"}, {"session", "key"}, {"amz", "signature"}, {"goog", "signature"}, {"set", "cookie"}, {"connection", "string"},
	}
	// Whole names.
	secretNames = map[string]bool{"otp": true, "pin": true, "twofactor": true, "sentrydsn": true, "cookie": true, "cookies": true, "cookie2": true}
	// A last segment that says that the value is about the secret only.
	aboutWords = map[string]bool{
		"count": true, "counts": true, "type": true, "limit": true, "usage": true, "ttl": true, "expiry": true, "expires": true,
		"method": true, "scheme": true, "provider": true, "status": true, "enabled": true, "required": true, "length": true,
		"budget": true, "url": true, "uri": true, "endpoint": true, "name": true, "backend": true, "error": true, "valid": true,
	}
	// Cookies that carry a session, beside the names above.
	sessionCookies = map[string]bool{
		"session": true, "sid": true, "connectsid": true, "vercel": true, "remember": true, "rememberme": true, "sess": true,
		"aspnetsessionid": true, "cfduid": true,
	}
)

// letters is the set of letters in a word, a bit each: a name can hold a word
// only if it has all of its letters. This refuses most names in a few
// nanoseconds.
func letters(s string) uint32 {
	var m uint32
	for i := range len(s) {
		c := s[i] | 0x20
		if c >= 'a' && c <= 'z' {
			m |= 1 << (c - 'a')
		}
	}
	return m
}

// Set decides over names with the built-in words and a project's own. It is safe
// for concurrent use.
type Set struct {
	masks    []uint32
	words    map[string]bool
	pairs    map[[2]string]bool
	glued    []string
	whole    map[string]bool
	safe     map[string]bool
	defaults bool
	seen     atomic.Pointer[verdicts]
}

// builtIn are the names of projects without rules of their own, which share
// their verdicts.
var builtIn = sync.OnceValue(func() *Set { return newSet(true, nil, nil, 2048) })

// New returns a Set of the built-in names, if they are to hold, and of those that
// a project calls sensitive, without those that it calls safe.
func New(defaults bool, sensitive, safe []string) *Set {
	if defaults && len(sensitive)+len(safe) == 0 {
		return builtIn()
	}
	return newSet(defaults, sensitive, safe, 256)
}

// newSet remembers so many names.
func newSet(defaults bool, sensitive, safe []string, memory int) *Set {
	n := &Set{words: map[string]bool{}, pairs: map[[2]string]bool{}, whole: map[string]bool{}, safe: map[string]bool{},
		defaults: defaults}
	n.seen.Store(newVerdicts(memory))
	mask := func(s string) { n.masks = append(n.masks, letters(s)) }
	if n.defaults {
		for _, w := range secretWords {
			n.words[w] = true
			mask(w)
		}
		for _, p := range secretPairs {
			n.pairs[p] = true
			mask(p[0] + p[1])
		}
		for w := range secretNames {
			n.whole[w] = true
			mask(w)
		}
		n.glued = gluedWords
	}
	for _, f := range sensitive {
		joined := Squash(f)
		n.whole[joined] = true
		switch parts := segments(f, nil); len(parts) {
		case 1:
			n.words[parts[0]] = true
		case 2:
			n.pairs[[2]string{parts[0], parts[1]}] = true
		}
		mask(f)
	}
	for _, f := range safe {
		n.safe[Squash(f)] = true
	}
	n.masks = withoutSupersets(n.masks)
	return n
}

// Empty reports whether no name holds a secret.
func (n *Set) Empty() bool { return len(n.masks) == 0 }

// withoutSupersets drops masks that another one implies.
func withoutSupersets(masks []uint32) []uint32 {
	var out []uint32
next:
	for i, m := range masks {
		for j, o := range masks {
			if m&o == o && (m != o || j < i) {
				continue next
			}
		}
		out = append(out, m)
	}
	return out
}

// Secret reports whether a key's value is to be taken out.
func (n *Set) Secret(key string) bool {
	if len(key) < 3 || len(key) > maxName {
		return len(key) > maxName && len(key) <= 256 && n.unseen(key)
	}
	return n.remembered(key)
}

// unseen decides over a name by its letters first.
func (n *Set) unseen(key string) bool {
	have := letters(key)
	for _, m := range n.masks {
		if have&m == m {
			return n.slow(key)
		}
	}
	return false
}

func (n *Set) slow(key string) bool {
	joined := Squash(key)
	if n.safe[joined] {
		return false
	}
	if n.whole[joined] {
		return true
	}
	var room [16]string
	parts := segments(key, room[:0])
	if len(parts) == 0 {
		return false
	}
	if len(parts) > 1 && aboutWords[parts[len(parts)-1]] {
		return false
	}
	for i, p := range parts {
		if n.safe[p] {
			continue
		}
		if n.words[p] || n.whole[p] && i == len(parts)-1 && n.header(parts[:i]) {
			return true
		}
		if i > 0 && n.pairs[[2]string{parts[i-1], p}] {
			return true
		}
		for _, g := range n.glued {
			// secretary and tokenize are words of their own.
			front := g != "secret" && g != "token" && strings.HasPrefix(p, g)
			if len(p) > len(g) && (strings.HasSuffix(p, g) || front) && p != g+"s" {
				return true
			}
		}
	}
	return false
}

// header reports whether the segments before the last one are those of a
// header attribute: http.request.header.cookie.
func (n *Set) header(before []string) bool {
	return len(before) > 0 && (before[len(before)-1] == "header" || before[len(before)-1] == "headers")
}

// segments cuts a name at everything that is no letter or digit and before
// capitals: apiKey, API_KEY and api-key are api and key.
func segments(s string, out []string) []string {
	low := strings.ToLower(s)
	if len(low) != len(s) {
		return append(out, low)
	}
	start := -1
	for i := 0; i <= len(s); i++ {
		var c byte
		if i < len(s) {
			c = s[i]
		}
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
		if start >= 0 && (!word || upper(c) && i > 0 && (!upper(s[i-1]) || i+1 < len(s) && lower(s[i+1]))) {
			out = append(out, low[start:i])
			start = -1
		}
		if word && start < 0 {
			start = i
		}
	}
	return out
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }

// Squash keeps letters and digits, in lower case.
func Squash(s string) string {
	b := make([]byte, 0, 64)
	for i := range len(s) {
		c := s[i]
		if upper(c) {
			c |= 0x20
		}
		if lower(c) || digit(c) || c >= 0x80 {
			b = append(b, c)
		}
	}
	return string(b)
}

// Cookie reports whether a cookie of this name carries a session or a secret.
func (n *Set) Cookie(name string) bool {
	if n.Secret(name) {
		return true
	}
	if !n.defaults {
		return false
	}
	if sessionCookies[Squash(name)] {
		return true
	}
	for _, p := range segments(name, nil) {
		if sessionCookies[p] || strings.HasSuffix(p, "session") || strings.HasSuffix(p, "sessid") {
			return true
		}
	}
	return false
}
