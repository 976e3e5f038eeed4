package grouping

import "strings"

// report groups a security report by what was refused, not by where.
func (r *run) report(h *hasher, res *Result) {
	p := r.in.Report
	kind := strings.ToLower(p.Kind)
	h.text(kindReport, kind)
	what := p.Blocked
	switch kind {
	case "csp":
		d := strings.ToLower(p.Directive)
		h.text(kindReport, d)
		what = blocked(p)
		res.Reason = "csp: directive " + d + ", blocked " + what
	default:
		what = host(what)
		res.Reason = kind + ": host " + what
	}
	h.text(kindReport, what)
	res.Component = kind
	if kind == "" {
		res.Component = "report"
	}
}

// blocked is the host or the keyword that a policy refused.
func blocked(p *Report) string {
	uri := strings.ToLower(strings.TrimSpace(p.Blocked))
	switch uri {
	case "", "self", "'self'":
		return "'self'"
	case "inline", "'unsafe-inline'":
		return "'unsafe-inline'"
	case "eval", "'unsafe-eval'":
		return "'unsafe-eval'"
	}
	scheme, rest, ok := strings.Cut(uri, ":")
	if ok && !strings.HasPrefix(rest, "//") && !strings.Contains(scheme, ".") {
		return scheme + ":" // data:, blob:, about: and their like.
	}
	return host(uri)
}

// host is the host name of an address, or the address where it has none.
func host(uri string) string {
	h := uri
	if _, rest, ok := strings.Cut(h, "://"); ok {
		h = rest
	}
	if i := strings.IndexAny(h, "/?#"); i >= 0 {
		h = h[:i]
	}
	if i := strings.LastIndexByte(h, '@'); i >= 0 {
		h = h[i+1:]
	}
	if i := strings.LastIndexByte(h, ':'); i >= 0 && len(h) > i+1 && strings.Trim(h[i+1:], "0123456789") == "" {
		h = h[:i]
	}
	return strings.ToLower(h)
}
