// Package outline leaves out of an event's JSON what neither grouping nor
// filters nor counts read: variables and source around a frame's line,
// breadcrumbs, modules, extra and their like, which are most of its bytes. In:
// the JSON as sent. Out: the same without those members, to be parsed, and which
// of the rest is one event's own: id, time, trace and user. It parses and checks
// nothing; what it does not know the shape of it keeps.
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

// Outline is what is left of an event. It may be used again for the next one.
type Outline struct {
	JSON []byte
	own  []part
	// odd says that own may miss some, or that some of it stands twice.
	odd bool
}

// part is a member with its name in an Outline's JSON.
type part struct {
	from, to int
	in       shape // event, contexts or request: what it is a member of.
	both     bool  // It also tells of the rest.
}

type cutter struct {
	*Outline
	in     []byte
	at     int
	agents bool
	once   [sdk + 1]bool // Shapes that were met.
}

// Cut makes o the outline of the event that in is. agents keeps request and
// contexts whole: they tell the user agent. ok is false where in is not an object
// with matching brackets; it then has to be read as it is.
func (o *Outline) Cut(in []byte, agents bool) (ok bool) {
	o.JSON, o.own, o.odd = o.JSON[:0], o.own[:0], agents
	c := cutter{Outline: o, in: in, agents: agents}
	c.space()
	if c.at >= len(in) || in[c.at] != '{' || !c.value(event) {
		return false
	}
	c.space()
	return c.at == len(in)
}

// Parts appends what is the event's own to own, as JSON, and the rest to rest,
// which is equal for events that differ in nothing else. ok is false where they
// cannot be told apart.
func (o *Outline) Parts(own, rest []byte) (_, _ []byte, ok bool) {
	if o.odd {
		return own, rest, false
	}
	at := 0
	for _, p := range o.own {
		if !p.both {
			rest = append(rest, o.JSON[at:p.from]...)
			at = p.to
		}
	}
	rest = append(rest, o.JSON[at:]...)
	own = append(own, '{')
	for _, in := range [...]shape{event, contexts, request} {
		open := false
		for _, p := range o.own {
			if p.in != in {
				continue
			}
			if own[len(own)-1] != '{' {
				own = append(own, ',')
			}
			switch {
			case open || in == event:
			case in == contexts:
				own = append(own, `"contexts":{`...)
			case in == request:
				own = append(own, `"request":{`...)
			}
			open = true
			own = append(own, o.JSON[p.from:p.to]...)
		}
		if open && in != event {
			own = append(own, '}')
		}
	}
	return append(own, '}'), rest, true
}

// note remembers the member that was written from start on, where it is the
// event's own.
func (c *cutter) note(s shape, name []byte, start int) {
	p := part{from: start, to: len(c.JSON), in: s}
	switch s {
	case event:
		switch string(name) {
		case "event_id", "id", "timestamp", "user", "sentry.interfaces.User", "dsn":
		case "platform", "sdk", "sentry.interfaces.Sdk":
			p.both = true
		default:
			return
		}
	case contexts:
		switch string(name) {
		case "trace", "response", "replay":
		default:
			return
		}
	case request:
		if string(name) != "env" {
			return
		}
		p.both = true
	default:
		return
	}
	c.own = append(c.own, p)
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
		c.JSON = append(c.JSON, c.in[start:c.at]...)
	}
	return true
}

func (c *cutter) object(s shape) bool {
	c.JSON = append(c.JSON, '{')
	c.at++
	first := true
	for {
		c.space()
		if c.at >= len(c.in) {
			return false
		}
		if first && c.in[c.at] == '}' {
			c.at++
			c.JSON = append(c.JSON, '}')
			return true
		}
		start := c.at
		if c.in[c.at] != '"' || !c.text() {
			return false
		}
		name := c.in[start:c.at]
		sub := whole
		if bytes.IndexByte(name, '\\') >= 0 {
			c.odd = true // It may be any.
		} else {
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
		from := len(c.JSON)
		switch sub {
		case contexts, request, sdk:
			c.odd = c.odd || c.once[sub] // Under two names: one of them counts.
			c.once[sub] = true
		}
		if sub != dropped {
			if n := len(c.JSON); c.JSON[n-1] != '{' {
				c.JSON = append(c.JSON, ',')
				from++
			}
			c.JSON = append(append(c.JSON, name...), ':')
		}
		if !c.value(sub) {
			return false
		}
		if sub != dropped {
			c.note(s, name[1:len(name)-1], from)
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
			c.JSON = append(c.JSON, '}')
			return true
		default:
			return false
		}
	}
}

func (c *cutter) list(s shape) bool {
	c.JSON = append(c.JSON, '[')
	c.at++
	c.space()
	if c.at < len(c.in) && c.in[c.at] == ']' {
		c.at++
		c.JSON = append(c.JSON, ']')
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
		c.JSON = append(c.JSON, b)
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
