package detect

import "strings"

// pairs finds names with values inside a text: ?token=x&a=b in URLs, form
// bodies, "password": "x" in JSON, in what Python and Ruby print of a dict, and
// lines of headers. Values of secret names are taken out. With loose, unquoted
// values of name=value count too; in messages and source lines they do not,
// because code is full of them.
func (d Detector) pairs(v string, loose bool, c Counts) string {
	e := edit{s: v}
	opens := -1          // Where the first bracket is, once it was looked for.
	equal, colon := 0, 0 // The next of each from i on.
	for i := 1; i < len(v)-1; i++ {
		if equal < i {
			equal = next(v, i, '=')
		}
		if colon < i {
			colon = next(v, i, ':')
		}
		if i = min(equal, colon); i >= len(v)-1 {
			break
		}
		n, ok := nameBefore(v, i, e.last)
		if !ok || !d.secretName(n.text) && !(n.query && n.text == "sig") {
			continue
		}
		from := i + 1
		if v[i] == '=' && v[from] == '>' {
			from++ // Ruby and PHP.
		}
		for from < len(v) && v[from] == ' ' {
			from++
		}
		if from >= len(v) {
			break
		}
		if v[i] == ':' && !n.quoted {
			if loose && opens < 0 {
				if opens = strings.IndexAny(v, "[{"); opens < 0 {
					opens = len(v)
				}
			}
			switch {
			case n.line && from > i+1 && isHeader(n.text):
				i = d.headerLine(&e, n.text, from, c) - 1
				continue
			case n.member:
			case loose && from == i+1 && opens < n.start: // What Go prints of a map or a struct.
			default:
				continue
			}
		}
		from, to := valueAfter(v, from, loose || n.query, n.quoted)
		if from >= to || strings.HasPrefix(v[from:], Filtered) {
			continue
		}
		e.replace(from, to, Filtered)
		c.Add(RulePair)
		i = to - 1
	}
	return e.done()
}

// named is a name that stands before a separator.
type named struct {
	text   string
	start  int
	quoted bool
	query  bool // Of a URL, a form or a connection string.
	member bool // Follows a bracket or a comma.
	line   bool // Begins a line, a text, a quoted text or a word.
}

// nameBefore reads the name before a separator, which may be quoted, or the
// last index of another name: user[password]= and environ["PASSWORD"] =.
func nameBefore(v string, i, last int) (n named, ok bool) {
	end := i
	for end > 0 && v[end-1] == ' ' {
		end--
	}
	if end == 0 {
		return n, false
	}
	form := v[i] == '='
	indexed := form && v[end-1] == ']'
	if indexed {
		end--
	}
	if end > 0 && (v[end-1] == '"' || v[end-1] == '\'') {
		n.quoted = true
		end--
		for end > 0 && v[end-1] == '\\' {
			end-- // JSON inside of JSON, however often.
		}
	}
	start := end
	for start > 0 && end-start < 64 && (ident(v[start-1]) || n.quoted && v[start-1] == '.' || form && v[start-1] == '%') {
		start--
	}
	if start == end || start < last {
		return n, false
	}
	n.text, n.start = v[start:end], start
	before := start
	if indexed && !n.quoted {
		if start == 0 || v[start-1] != '[' {
			return n, false
		}
		for before > 0 && start-before < 256 && (ident(v[before-1]) || v[before-1] == '[' || v[before-1] == ']') {
			before--
		}
	}
	if before == 0 {
		n.query = form && strings.IndexByte(v, ' ') < 0
		n.line = true
		return n, true
	}
	switch v[before-1] {
	case '?', '&', ';', '#':
		n.query = form
	case '\n', '\r', '"', '\'', '\\': // Also \n that is escaped.
		n.line = true
	}
	for before > 0 && v[before-1] == ' ' {
		before--
		n.line = true // Lines that were joined.
	}
	n.member = before > 0 && strings.IndexByte("{,[(", v[before-1]) >= 0
	n.line = n.line || before == 0 || n.member
	return n, true
}

// secretName also knows names of which a URL has escaped some characters.
func (d Detector) secretName(name string) bool {
	if strings.IndexByte(name, '%') < 0 {
		return d.names.Secret(name)
	}
	var plain []byte
	for i := 0; i < len(name); {
		c, n := escape(name, i)
		if n == 0 {
			c, n = name[i], 1
		}
		plain = append(plain, c)
		i += n
	}
	return d.names.Secret(string(plain))
}

// valueAfter returns where a value begins and ends; both are the same where
// there is none to take out.
func valueAfter(v string, from int, bare, quotedName bool) (int, int) {
	mark := v[from]
	escapes := 0
	for from+escapes+1 < len(v) && v[from+escapes] == '\\' {
		escapes++
	}
	if next := v[from+escapes]; escapes > 0 && (next == '"' || next == '\'') {
		from += escapes
		mark = next
	} else {
		escapes = 0
	}
	if (mark == 'b' || mark == 'u' || mark == 'r') && from+1 < len(v) && (v[from+1] == '"' || v[from+1] == '\'') {
		from++
		mark = v[from]
	}
	switch {
	case mark == '"' || mark == '\'':
		return from + 1, quoteEnd(v, from+1, mark, escapes)
	case (mark == '[' || mark == '{') && (quotedName || bare):
		if strings.HasPrefix(v[from:], Filtered) || from+1 < len(v) && (v[from+1] == ']' || v[from+1] == '}') {
			return from, from
		}
		return from, bracketEnd(v, from)
	case !bare && (!quotedName || !digit(mark)):
		return from, from
	}
	to := bareEnd(v, from)
	switch v[from:to] {
	case "None", "null", "nil", "true", "false", "True", "False":
		return from, from
	}
	if to < len(v) && v[to] == ' ' && scheme(v[from:to]) {
		to = bareEnd(v, to+1)
	}
	return from, to
}

func bareEnd(v string, to int) int {
	for to < len(v) && strings.IndexByte("&; ,)}]\n\"'", v[to]) < 0 {
		to++
	}
	return to
}

// scheme tells the word before a credential.
func scheme(word string) bool {
	switch strings.ToLower(word) {
	case "bearer", "basic", "token", "digest", "negotiate", "apikey":
		return true
	}
	return false
}

// quoteEnd returns where a quoted text ends whose quotes stand behind a number
// of backslashes; more of them are part of the text.
func quoteEnd(v string, from int, mark byte, escapes int) int {
	run := 0
	for to := from; to < len(v); to++ {
		switch {
		case v[to] == '\\':
			run++
			continue
		case v[to] == mark && (escapes == 0 && run%2 == 0 || escapes > 0 && run <= escapes):
			return to - run
		}
		run = 0
	}
	return len(v)
}

// bracketEnd returns where a list or an object ends that begins at from: all of
// the text where it was cut.
func bracketEnd(v string, from int) int {
	depth := 0
	quote := byte(0)
	for to := from; to < len(v); to++ {
		switch ch := v[to]; {
		case ch == '\\':
			to++ // A quote of JSON in JSON is no mark here: brackets alone count then.
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			quote = ch
		case ch == '[' || ch == '{':
			depth++
		case ch == ']' || ch == '}':
			if depth--; depth == 0 {
				return to + 1
			}
		}
	}
	return len(v)
}

// isHeader tells names of headers from words before a colon: "invalid token: x"
// is no header.
func isHeader(name string) bool {
	if strings.IndexByte(name, '-') > 0 {
		return true
	}
	switch strings.ToLower(name) {
	case "authorization", "cookie":
		return true
	}
	return false
}

// headerLine takes the secret out of a line like Authorization: Digest x, and
// returns where the line ends. Words that are no credentials stay.
func (d Detector) headerLine(e *edit, name string, from int, c Counts) int {
	v := e.s
	cookie := strings.HasSuffix(strings.ToLower(name), "cookie")
	to := len(v)
	if !cookie {
		to = min(to, from+1024)
	}
	for at := from; at < to; at++ {
		n := strings.IndexAny(v[at:to], "\r\n\"'\\")
		if n < 0 {
			break
		}
		if at += n; v[at] != '\\' || at+1 < len(v) && strings.IndexByte(`nru"'`, v[at+1]) >= 0 {
			to = at
		}
	}
	line := v[from:to]
	if cookie {
		if n := d.Cookies(line, c); n != line {
			e.replace(from, to, n)
		}
		return max(to, from)
	}
	word, rest, two := strings.Cut(line, " ")
	switch {
	case strings.HasPrefix(line, Filtered) || strings.HasPrefix(rest, Filtered):
		return to
	case two && scheme(word):
		if kind := strings.ToLower(word); kind == "bearer" || kind == "basic" {
			return to // These have a rule of their own.
		}
		from += len(word) + 1
		if strings.EqualFold(word, "digest") {
			to = len(v) // Its parts are quoted.
			if n := strings.IndexAny(v[from:], "\r\n"); n >= 0 {
				to = from + n
			}
		}
		if !token(v[from:to]) {
			return to
		}
	case len(word) >= 8 && token(strings.TrimRight(word, ".,;)")):
		to = from + len(word)
	default:
		return to
	}
	e.replace(from, to, Filtered)
	c.Add(RulePair)
	return to
}

// arguments takes out what follows the option of a command line: --password x.
// That with an equal sign is a pair.
func (d Detector) arguments(v string, c Counts) string {
	e := edit{s: v}
	for at := 0; ; {
		i := strings.Index(v[at:], "--")
		if i < 0 {
			break
		}
		i += at + 2
		to := i
		for to < len(v) && ident(v[to]) {
			to++
		}
		at = max(to, i)
		if to == i || to+1 >= len(v) || v[to] != ' ' || v[to+1] == '-' || i > 2 && v[i-3] != ' ' || !d.names.Secret(v[i:to]) {
			continue
		}
		from, end := valueAfter(v, to+1, true, false)
		if from < end && !strings.HasPrefix(v[from:], Filtered) {
			e.replace(from, end, Filtered)
			c.Add(RulePair)
			at = end
		}
	}
	return e.done()
}

// Option reports whether an item of an argument list says that the next one is
// a secret.
func (d Detector) Option(v string) bool {
	return len(v) > 3 && v[0] == '-' && strings.IndexByte(v, '=') < 0 && strings.IndexByte(v, ' ') < 0 && d.names.Secret(strings.TrimLeft(v, "-"))
}

// Cookies keeps the names of a Cookie header and the values of those that carry
// no session.
func (d Detector) Cookies(v string, c Counts) string {
	if strings.HasPrefix(v, `["`) && strings.Contains(v, `","`) { // Values of one header that came as a list.
		list := strings.Split(v, `","`)
		for i := range list {
			list[i] = d.Cookies(list[i], c)
		}
		return strings.Join(list, `","`)
	}
	parts := strings.Split(v, ";")
	changed := false
	for i, p := range parts {
		name, value, ok := strings.Cut(p, "=")
		if ok && value != Filtered && d.names.Cookie(strings.TrimSpace(name)) {
			parts[i] = name + "=" + Filtered
			changed = true
			c.Add(RuleCookie)
		}
	}
	if !changed {
		return v
	}
	return strings.Join(parts, ";")
}
