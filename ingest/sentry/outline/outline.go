// Package outline leaves out of an event's JSON what neither grouping nor
// filters nor counts read: variables and source around a frame's line,
// breadcrumbs, modules, extra and their like, which are most of its bytes. In:
// the JSON as sent. Out: the same without those members, to be parsed, and which
// of the rest is one event's own: id, time, trace and user. It parses and checks
// nothing; what it does not know the shape of it keeps.
package outline

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
