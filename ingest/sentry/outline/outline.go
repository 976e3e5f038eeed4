// Package outline leaves out of an event's JSON what neither grouping nor
// filters nor counts read: variables and source around a frame's line,
// breadcrumbs, modules, extra and their like, which are most of its bytes. In:
// the JSON as sent. Out: the same without those members, to be parsed. It parses
// and checks nothing; what it does not know the shape of it keeps.
package outline

import "bytes"

// shape says how a value is read: which of its members are kept, and how.
type shape uint8

const (
	whole    shape = iota // Kept as it is.
	dropped               // Left out.
	event                 // The event itself.
	chain                 // Exceptions or threads: one, a list, or either under "values".
	stack                 // {"frames": [...]} or the list alone.
	frame                 // One or a list of them.
	contexts              // By name.
	request               // Without what was sent in it.
	sdk                   // Without lists of packages and integrations.
)

// member is the shape of a member of a value that has shape s.
func (s shape) member(key string) shape {
	switch s {
	case event:
		switch key {
		case "exception", "sentry.interfaces.Exception", "threads", "sentry.interfaces.Threads":
			return chain
		case "stacktrace", "sentry.interfaces.Stacktrace":
			return stack
		case "contexts", "sentry.interfaces.Contexts":
			return contexts
		case "request", "sentry.interfaces.Http":
			return request
		case "sdk", "sentry.interfaces.Sdk":
			return sdk
		case "event_id", "id", "timestamp", "platform", "level", "type", "logger", "transaction", "server_name", "release", "dist", "environment",
			"site", "culprit", "message", "logentry", "sentry.interfaces.Message", "user", "sentry.interfaces.User", "tags", "fingerprint", "checksum", "dsn",
			"csp", "hpkp", "expectct", "expectstaple", "nel", "sentry.interfaces.Csp", "sentry.interfaces.Hpkp", "sentry.interfaces.ExpectCT", "sentry.interfaces.ExpectStaple":
			return whole
		}
	case chain:
		switch key {
		case "values":
			return chain
		case "stacktrace":
			return stack
		case "raw_stacktrace":
			return dropped
		}
		return whole
	case stack:
		if key == "frames" {
			return frame
		}
	case frame:
		switch key {
		case "function", "raw_function", "module", "filename", "abs_path", "package", "platform", "context_line", "lineno", "colno", "in_app":
			return whole
		}
	case contexts:
		switch key {
		case "trace", "response", "replay", "otel", "feedback":
			return whole
		}
	case request:
		switch key {
		case "url", "method", "env":
			return whole
		}
	case sdk:
		switch key {
		case "name", "version", "settings":
			return whole
		}
	}
	return dropped
}

// item is the shape of the items of a list that has shape s.
func (s shape) item() shape {
	switch s {
	case chain, frame:
		return s
	case stack:
		return frame
	}
	return whole
}

// maxDepth bounds the nesting; deeper events are for the parser to refuse.
const maxDepth = 200

type cutter struct {
	in, out []byte
	at      int
	agents  bool
}

// Cut appends the outline of an event to dst. agents keeps request and contexts
// whole: they tell the user agent. ok is false where in is not an object with
// matching brackets; it then has to be read as it is.
func Cut(dst, in []byte, agents bool) (out []byte, ok bool) {
	c := cutter{in: in, out: dst, agents: agents}
	c.space()
	if c.at >= len(in) || in[c.at] != '{' || !c.value(event) {
		return dst, false
	}
	c.space()
	return c.out, c.at == len(in)
}

func (c *cutter) space() {
	for c.at < len(c.in) {
		switch c.in[c.at] {
		case ' ', '\n', '\t', '\r':
			c.at++
		default:
			return
		}
	}
}

// value reads one value and writes what s keeps of it.
func (c *cutter) value(s shape) bool {
	if c.at >= len(c.in) {
		return false
	}
	if s != whole && s != dropped {
		switch c.in[c.at] {
		case '{':
			return c.object(s)
		case '[':
			if s.item() != whole {
				return c.list(s)
			}
		}
	}
	start := c.at
	if !c.skip() {
		return false
	}
	if s != dropped {
		c.out = append(c.out, c.in[start:c.at]...)
	}
	return true
}

func (c *cutter) object(s shape) bool {
	c.out = append(c.out, '{')
	c.at++
	first := true
	for {
		c.space()
		if c.at >= len(c.in) {
			return false
		}
		if first && c.in[c.at] == '}' {
			c.at++
			c.out = append(c.out, '}')
			return true
		}
		start := c.at
		if c.in[c.at] != '"' || !c.text() {
			return false
		}
		name := c.in[start:c.at]
		sub := whole // A name that is written with escapes may be any.
		if bytes.IndexByte(name, '\\') < 0 {
			sub = s.member(string(name[1 : len(name)-1]))
			if c.agents && (sub == request || sub == contexts) {
				sub = whole
			}
		}
		c.space()
		if c.at >= len(c.in) || c.in[c.at] != ':' {
			return false
		}
		c.at++
		c.space()
		if sub != dropped {
			if n := len(c.out); c.out[n-1] != '{' {
				c.out = append(c.out, ',')
			}
			c.out = append(append(c.out, name...), ':')
		}
		if !c.value(sub) {
			return false
		}
		first = false
		c.space()
		if c.at >= len(c.in) {
			return false
		}
		switch c.in[c.at] {
		case ',':
			c.at++
		case '}':
			c.at++
			c.out = append(c.out, '}')
			return true
		default:
			return false
		}
	}
}

func (c *cutter) list(s shape) bool {
	c.out = append(c.out, '[')
	c.at++
	c.space()
	if c.at < len(c.in) && c.in[c.at] == ']' {
		c.at++
		c.out = append(c.out, ']')
		return true
	}
	for {
		c.space()
		if !c.value(s.item()) {
			return false
		}
		c.space()
		if c.at >= len(c.in) {
			return false
		}
		b := c.in[c.at]
		c.at++
		c.out = append(c.out, b)
		switch b {
		case ',':
		case ']':
			return true
		default:
			return false
		}
	}
}

// text moves behind the text that begins here.
func (c *cutter) text() bool {
	for at := c.at + 1; ; {
		n := bytes.IndexByte(c.in[at:], '"')
		if n < 0 {
			return false
		}
		end := at + n
		slashes := end
		for slashes > at && c.in[slashes-1] == '\\' {
			slashes--
		}
		if (end-slashes)%2 == 0 {
			c.at = end + 1
			return true
		}
		at = end + 1
	}
}

// skip moves behind the value that begins here. Of a list or object it matches
// texts and brackets only.
func (c *cutter) skip() bool {
	switch c.in[c.at] {
	case '"':
		return c.text()
	case '{', '[':
		return c.nested()
	}
	for start := c.at; ; c.at++ {
		if c.at == len(c.in) {
			return false // An event ends in a bracket.
		}
		switch c.in[c.at] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return c.at > start
		case '"', '{', '[', ':':
			return false
		}
	}
}

func (c *cutter) nested() bool {
	var square [(maxDepth + 63) / 64]uint64 // A bit for each open list.
	for depth := 0; c.at < len(c.in); c.at++ {
		switch b := c.in[c.at]; b {
		case '"':
			if !c.text() {
				return false
			}
			c.at--
		case '{', '[':
			if depth == maxDepth {
				return false
			}
			square[depth/64] &^= 1 << (depth % 64)
			if b == '[' {
				square[depth/64] |= 1 << (depth % 64)
			}
			depth++
		case '}', ']':
			depth--
			if list := square[depth/64]>>(depth%64)&1 == 1; list != (b == ']') {
				return false
			}
			if depth == 0 {
				c.at++
				return true
			}
		}
	}
	return false
}
