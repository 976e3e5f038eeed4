package event

import (
	"net/url"
	"strings"

	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema/grouping"
)

// report reads a browser's security report into what groups it. The message is
// the title.
func (r *reader) report(kind string) *grouping.Report {
	switch kind {
	case "error", "default", "feedback":
		return nil
	}
	rep := &grouping.Report{Kind: kind}
	switch kind {
	case "csp":
		v := r.f.Get(shape.CSP)
		d := tree.Get(v, "effective_directive")
		if d == "" {
			d, _, _ = strings.Cut(tree.Get(v, "violated_directive"), " ")
		}
		rep.Directive, rep.Blocked, rep.Document = d, tree.Get(v, "blocked_uri"), tree.Get(v, "document_uri")
		rep.Message = cspMessage(rep)
	case "hpkp":
		rep.Blocked = tree.Get(r.f.Get(shape.HPKP), "hostname")
		rep.Message = "Public key pinning validation failed for '" + rep.Blocked + "'"
	case "expectct":
		rep.Blocked = tree.Get(r.f.Get(shape.ExpectCT), "hostname")
		rep.Message = "Expect-CT failed for '" + rep.Blocked + "'"
	case "expectstaple":
		rep.Blocked = tree.Get(r.f.Get(shape.ExpectStaple), "hostname")
		rep.Message = "Expect-Staple failed for '" + rep.Blocked + "'"
	case "nel":
		v := r.f.Get(shape.NEL)
		body := v.Get("body")
		rep.Directive, rep.Document = tree.Get(body, "type"), tree.Get(v, "url")
		rep.Blocked = host(rep.Document)
		rep.Message = "Network error " + rep.Directive + " for '" + rep.Blocked + "'"
	default:
		return nil
	}
	return rep
}

// cspMessage builds the sentence for a blocked resource.
func cspMessage(rep *grouping.Report) string {
	what := map[string]string{
		"child-src": "child", "connect-src": "connect", "font-src": "font", "frame-src": "frame", "img-src": "image",
		"manifest-src": "manifest", "media-src": "media", "object-src": "object", "script-src": "script", "script-src-elem": "script",
		"script-src-attr": "script", "style-src": "style", "style-src-elem": "style", "style-src-attr": "style", "form-action": "form",
		"worker-src": "worker", "frame-ancestors": "frame ancestor", "base-uri": "base URI",
	}[rep.Directive]
	if what == "" {
		what = rep.Directive
	}
	switch b := strings.Trim(rep.Blocked, "'"); b {
	case "inline", "unsafe-inline":
		return "Blocked inline '" + what + "'"
	case "eval", "unsafe-eval", "wasm-eval":
		return "Blocked unsafe eval() '" + what + "'"
	case "", "self":
		return "Blocked '" + what + "' from '" + host(rep.Document) + "'"
	default:
		return "Blocked '" + what + "' from '" + host(b) + "'"
	}
}

// host returns the host of a URL, or a scheme such as data as it is.
func host(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		if i := strings.IndexByte(s, ':'); i > 0 && !strings.Contains(s, "/") {
			return s[:i+1]
		}
		return s
	}
	return u.Host
}
