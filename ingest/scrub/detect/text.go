// Package detect finds secrets in texts: those that have a form of their own, and
// those that a name before them tells. In: a text. Out: the same with what was
// found taken out, counted by rule. What a text is part of it does not know.
package detect

import (
	"strings"

	"errata/ingest/scrub/name"
)

// Names of the built-in rules, as counted.
const (
	RuleKey     = "key"
	RuleCard    = "creditcard"
	RuleIBAN    = "iban"
	RuleSSN     = "ssn"
	RulePEM     = "pem"
	RuleURLAuth = "url_auth"
	RuleBearer  = "bearer"
	RuleEmail   = "email"
	RulePair    = "pair"
	RuleCookie  = "cookie"
	RuleUser    = "user_path"
	RuleIP      = "ip"
)

// Detector knows the names of one project. It is safe for concurrent use.
type Detector struct{ names *name.Set }

// New returns a Detector that takes out the values of these names.
func New(names *name.Set) Detector { return Detector{names} }

// Filtered stands for a value that was taken out whole.
const Filtered = "[Filtered]"

// Classes of bytes: one pass over a text says which detectors need to look.
const (
	hasAt = 1 << iota
	hasDash
	hasEqual
	hasColon
	hasSpace
	hasUpper
	hasSlash
	isDigit
	hasPercent
	hasUnder
	hasB
	hasH
)

var classes = func() (t [256]uint16) {
	t['@'], t['-'], t['_'], t['='], t[':'], t[' '], t['/'], t['\\'] = hasAt, hasDash, hasUnder, hasEqual, hasColon, hasSpace, hasSlash, hasSlash
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = hasUpper
	}
	t['b'], t['B'], t['h'] = hasB, hasB|hasUpper, hasH
	for c := '0'; c <= '9'; c++ {
		t[c] = isDigit
	}
	t[0xef] = isDigit // Wide digits begin with it.
	t['%'] = hasPercent
	return
}()

// look returns the classes in s and how many digits it has.
func look(s string) (flags uint16, digits int) {
	for i := range len(s) {
		c := classes[s[i]]
		flags |= c
		digits += int(c >> 7 & 1)
	}
	return flags, digits
}

// edit collects replacements in a text.
type edit struct {
	s    string
	out  []byte
	last int
}

func (e *edit) replace(from, to int, with string) {
	if from < e.last {
		return
	}
	if e.out == nil {
		e.out = make([]byte, 0, len(e.s)+16)
	}
	e.out = append(e.out, e.s[e.last:from]...)
	e.out = append(e.out, with...)
	e.last = to
}

func (e *edit) done() string {
	if e.out == nil {
		return e.s
	}
	return string(append(e.out, e.s[e.last:]...))
}

// Text applies the built-in detectors. message adds those for text that people
// read; the others are for values.
func (d Detector) Text(v string, message bool, c Counts) string {
	if len(v) < 6 {
		return v
	}
	flags, digits := look(v)
	if flags&hasDash != 0 && len(v) > 40 && strings.Contains(v, "PRIVATE KEY") {
		v = pem(v, c)
	}
	if flags&hasAt != 0 && flags&hasColon != 0 && strings.Contains(v, "://") {
		v = urlAuth(v, c)
	}
	if flags&(hasColon|hasEqual) != 0 {
		v = d.pairs(v, !message, c)
	}
	if isCoded(v, flags, digits) {
		v = d.coded(v, c, 1)
	}
	if flags&hasPercent != 0 && digits > 0 {
		v = d.escaped(v, c)
	}
	if flags&hasB != 0 && flags&(hasSpace|hasPercent) != 0 && len(v) > 12 {
		v = bearer(v, c)
	}
	if flags&hasDash != 0 && flags&hasSpace != 0 && !message {
		v = d.arguments(v, c)
	}
	v = formed(v, flags, digits, c)
	if message {
		if flags&hasAt != 0 {
			v = email(v, c)
		}
	} else if flags&hasSlash != 0 && flags&(hasH|hasUpper) != 0 {
		v = userPath(v, c)
	}
	return v
}

// formed applies the detectors of secrets that their form alone tells.
func formed(v string, flags uint16, digits int, c Counts) string {
	if len(v) >= minToken && flags&(hasDash|hasUnder|hasUpper) != 0 {
		v = tokens(v, c)
	}
	if digits >= 13 {
		v = Numbers(v, c)
	}
	if digits >= 12 {
		v = IBAN(v, c)
	}
	if digits >= 9 && flags&hasDash != 0 {
		v = ssn(v, c)
	}
	return v
}

// pem takes out private keys from BEGIN to END, or to the end of a text that
// was cut.
func pem(v string, c Counts) string {
	e := edit{s: v}
	for at := 0; ; {
		i := strings.Index(v[at:], "-----BEGIN ")
		if i < 0 {
			break
		}
		i += at
		head := strings.Index(v[i+11:], "-----")
		if head < 0 || head > 64 || !strings.Contains(v[i+11:i+11+head], "PRIVATE KEY") {
			at = i + 11
			continue
		}
		body := i + 11 + head + 5
		end := len(v)
		if j := strings.Index(v[body:], "-----END "); j >= 0 {
			end = body + j + 9
			for end < len(v) && (upper(v[end]) || v[end] == ' ') {
				end++
			}
			if strings.HasPrefix(v[end:], "-----") {
				end += 5 // Else the mark was cut, and the next dashes are those of another key.
			}
		}
		e.replace(i, end, "[pemkey]")
		c.Add(RulePEM)
		at = end
	}
	return e.done()
}

// urlAuth takes user and password out of scheme://user:password@host.
func urlAuth(v string, c Counts) string {
	e := edit{s: v}
	for at := 0; ; {
		i := strings.Index(v[at:], "://")
		if i < 0 {
			break
		}
		from := at + i + 3
		to := from
		for to < len(v) && to-from < 512 && strings.IndexByte(" /?#\"'<>\n\t", v[to]) < 0 {
			to++
		}
		if to < len(v) && (v[to] == '/' || v[to] == '?' || v[to] == '#') && openPassword(v[from:to]) {
			for to < len(v) && to-from < 512 && strings.IndexByte(" \"'<>\n\t", v[to]) < 0 {
				to++
			}
		}
		if j := strings.LastIndexByte(v[from:to], '@'); j > 0 && strings.IndexByte(v[from:from+j], ':') >= 0 && v[from:from+j] != Filtered {
			e.replace(from, from+j, Filtered)
			c.Add(RuleURLAuth)
		}
		at = to
	}
	return e.done()
}

// openPassword reports whether a host's place holds a user and the beginning of
// a password with a slash in it: what follows the colon is no port.
func openPassword(s string) bool {
	_, port, ok := strings.Cut(s, ":")
	return ok && port != "" && s[0] != '[' && strings.IndexByte(s, '@') < 0 && strings.Trim(port, "0123456789") != ""
}

// bearer takes out what follows Bearer or Basic. The rare letter that both begin
// with is looked for: their others are in every text.
func bearer(v string, c Counts) string {
	e := edit{s: v}
	small, large := -1, -1 // The next of each from at on.
	for at := 0; ; {
		if small < at {
			small = next(v, at, 'b')
		}
		if large < at {
			large = next(v, at, 'B')
		}
		i := min(small, large)
		if i == len(v) {
			break
		}
		at = i + 1
		from := credentialAfter(v, at)
		if from == 0 || i > 0 && ident(v[i-1]) {
			continue
		}
		to := from
		for to < len(v) && (ident(v[to]) || strings.IndexByte("._~+/=", v[to]) >= 0) {
			to++
		}
		if to-from >= 8 && token(v[from:to]) {
			e.replace(from, to, Filtered)
			c.Add(RuleBearer)
			at = to
		}
	}
	return e.done()
}

// next returns where the first c from at on is, the length where there is none.
func next(v string, at int, c byte) int {
	if i := strings.IndexByte(v[at:], c); i >= 0 {
		return at + i
	}
	return len(v)
}

// credentialAfter returns where the credential begins whose scheme goes on at at,
// behind its first letter; 0 for none.
func credentialAfter(v string, at int) int {
	rest := v[at:]
	switch {
	case strings.HasPrefix(rest, "earer"):
		at += 5
	case strings.HasPrefix(rest, "asic"):
		at += 4
	default:
		return 0
	}
	switch rest = v[at:]; {
	case strings.HasPrefix(rest, " "):
		return at + 1
	case strings.HasPrefix(rest, "%20"):
		return at + 3
	}
	return 0
}

// token tells a credential from a word: "Basic authentication" is no secret.
func token(s string) bool {
	kinds := 0
	var low, up, dig, other bool
	for i := range len(s) {
		switch c := s[i]; {
		case lower(c):
			low = true
		case upper(c):
			up = true
		case digit(c):
			dig = true
		default:
			other = true
		}
	}
	for _, b := range [...]bool{low, up, dig, other} {
		if b {
			kinds++
		}
	}
	return kinds >= 2 && (dig || other || up && !upper(s[0])) || len(s) >= 32
}

// email finds addresses in text for people.
func email(v string, c Counts) string {
	e := edit{s: v}
	for at := 0; ; {
		i := strings.IndexByte(v[at:], '@')
		if i < 0 {
			break
		}
		i += at
		from := i
		for from > e.last && i-from < 64 && (ident(v[from-1]) || strings.IndexByte(".+%", v[from-1]) >= 0) {
			from--
		}
		to, dot := i+1, 0
		for to < len(v) && to-i < 255 && (ident(v[to]) && v[to] != '_' || v[to] == '.') {
			if v[to] == '.' {
				dot = to
			}
			to++
		}
		if dot == to-1 && dot > i+1 {
			// A full stop ends the sentence, not the address.
			to--
			dot = strings.LastIndexByte(v[:to], '.')
		}
		at = max(to, i+1)
		if from < i && dot > i+1 && to-dot >= 3 && !digit(v[to-1]) {
			e.replace(from, to, "[email]")
			c.Add(RuleEmail)
		}
	}
	return e.done()
}

// userPath takes the user's name out of home folders.
func userPath(v string, c Counts) string {
	if !strings.Contains(v, "/home/") && !strings.Contains(v, "Users") {
		return v
	}
	e := edit{s: v}
	for at := 0; at < len(v); {
		n := homeAt(v, at)
		if n == 0 {
			at++
			continue
		}
		from := at + n
		to := from
		for to < len(v) && (ident(v[to]) || v[to] == '.') {
			to++
		}
		at = from - 1 // Its last slash may begin another one.
		if to > from && to < len(v) && (v[to] == '/' || v[to] == '\\') {
			e.replace(from, to, "[user]")
			c.Add(RuleUser)
		}
	}
	return e.done()
}

// homeAt returns how long the beginning of a home folder at i is; 0 for none.
func homeAt(v string, i int) int {
	if c := v[i]; c != '/' && c != '\\' || i+7 > len(v) || v[i+1] != 'h' && v[i+1] != 'U' {
		return 0
	}
	for _, home := range [...]string{"/home/", "/Users/", `\Users\`} {
		if strings.HasPrefix(v[i:], home) {
			return len(home)
		}
	}
	return 0
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }
func ident(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || digit(c) || c == '_' || c == '-' }
