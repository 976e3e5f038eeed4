package attribute

import (
	"strings"

	"errata/schema"
)

// Searchable makes tags of one set of attributes. Most attributes are tags as they
// are: those are shared, so nobody may change one.
func Searchable(set []*schema.Tag) []*schema.Tag {
	out := make([]*schema.Tag, 0, len(set))
	for _, t := range set {
		if untagged(t.Key) {
			continue
		}
		v := t.Value
		if strings.ContainsAny(v, "\r\n") {
			v = strings.Map(inLine, v)
		}
		if v = Clipped(strings.TrimSpace(v), schema.MaxTagValue); v == "" {
			continue
		}
		if k := strings.Map(keyRune, t.Key); k != t.Key || v != t.Value {
			t = &schema.Tag{Key: k, Value: v}
		}
		out = append(out, t)
	}
	return out
}

// Merge joins sets of tags; the first of equal keys wins.
func Merge(sets ...[]*schema.Tag) []*schema.Tag {
	n := 0
	for _, set := range sets {
		n += len(set)
	}
	out := make([]*schema.Tag, 0, min(n, schema.MaxTags))
	for _, set := range sets {
	next:
		for _, t := range set {
			if len(out) == schema.MaxTags {
				return out
			}
			for _, have := range out {
				if have.Key == t.Key {
					continue next
				}
			}
			out = append(out, t)
		}
	}
	return out
}

// inLine makes a tag's value one line.
func inLine(r rune) rune {
	if r == '\n' || r == '\r' {
		return ' '
	}
	return r
}

// keyRune writes what Sentry's tag keys cannot hold as they can.
func keyRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == ':', r == '-':
		return r
	case r == ' ':
		return '-'
	}
	return '_'
}

// untagged names attributes that are columns of their own, or that differ for
// almost every event: counting events by them tells nothing. They stay in the
// payload's context.
func untagged(key string) bool {
	switch key {
	case "release", "dist", "user", "filename", "function", "environment",
		"service.name", "service.version", "deployment.environment", "deployment.environment.name", "host.name",
		"user.id", "user.name", "user.full_name", "user.email", "enduser.id", "client.address", "http.client_ip",
		"http.url", "http.target", "url.full", "url.path", "url.query", "http.user_agent", "user_agent.original",
		"net.peer.port", "network.peer.port", "net.sock.peer.port", "client.port", "thread.id", "process.pid",
		"process.parent_pid", "process.command_args", "process.command_line", "code.lineno", "code.line.number",
		"code.stacktrace", "db.statement", "db.query.text", "sentry.op", OriginalTime:
		return true
	}
	return strings.HasPrefix(key, "exception.") || strings.HasPrefix(key, "telemetry.")
}
