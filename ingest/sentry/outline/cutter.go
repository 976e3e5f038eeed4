package outline

import "bytes"

// cutter walks the JSON of an event once and writes what an outline keeps.
type cutter struct {
	*Outline
	in     []byte
	at     int
	agents bool
	once   [sdk + 1]bool // Shapes that were met.
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
