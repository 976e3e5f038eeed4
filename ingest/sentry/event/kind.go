package event

import (
	"errata/ingest/node"
	"errata/ingest/sentry/payload"
	"errata/ingest/sentry/placeholder"
	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// kind infers the event's type from what it holds; only feedback is believed.
func (r *reader) kind(ev *schema.Event) {
	f := &r.f
	switch {
	case r.in.Feedback:
		ev.Type = "feedback"
	case len(r.group.Exceptions) > 0:
		ev.Type = "error"
	case f.Get(shape.CSP) != nil:
		ev.Type = "csp"
	case f.Get(shape.HPKP) != nil:
		ev.Type = "hpkp"
	case f.Get(shape.ExpectCT) != nil:
		ev.Type = "expectct"
	case f.Get(shape.ExpectStaple) != nil:
		ev.Type = "expectstaple"
	case f.Get(shape.NEL) != nil:
		ev.Type = "nel"
	default:
		ev.Type = "default"
	}
}

// message finds the formatted text and its template.
func (r *reader) message(ev *schema.Event) {
	l := r.f.Get(shape.Logentry)
	if ev.Type == "feedback" {
		ev.Message = tree.Get(r.f.Get(shape.Contexts).Get("feedback"), "message")
	}
	if l != nil {
		template, formatted := text(l.Get("message")), text(l.Get("formatted"))
		if formatted == "" && template != "" {
			if p := l.Get("params"); !tree.Null(p) {
				formatted = placeholder.Fill(template, p)
			} else {
				formatted, template = template, ""
			}
		}
		if template == formatted {
			template = ""
		}
		r.group.Template = template
		if ev.Message == "" {
			ev.Message = formatted
		}
	}
	if report := r.report(ev.Type); report != nil {
		r.group.Report = report
		if ev.Message == "" {
			ev.Message = report.Message
		}
	}
	r.group.Message = ev.Message
	ev.Message, _ = tree.CutChars(ev.Message, schema.MaxMessage)
}

func text(v *node.Value) string { return tree.Lenient(v) }

// level reads names and Python's numbers.
func (r *reader) level(ev *schema.Event) {
	v := r.f.Get(shape.Level)
	ev.Level = schema.Level_LEVEL_ERROR
	if ev.Type == "feedback" {
		ev.Level = schema.Level_LEVEL_INFO
	}
	if v == nil {
		return
	}
	s, _ := tree.Scalar(v)
	if l, ok := payload.ParseLevel(s); ok {
		ev.Level = l
		return
	}
	r.f.Invalid("level", "expected debug, info, warning, error or fatal", v)
}

// grouping fills the rest of what may decide a fingerprint.
func (r *reader) grouping(ev *schema.Event) {
	g := &r.group
	g.Platform, g.Type, g.Transaction, g.Logger = ev.Platform, ev.Type, ev.Transaction, ev.Logger
	g.Level, g.Release, g.Tags, g.SDK = payload.LevelName(ev.Level), ev.Release, ev.Tags, ev.SdkName
	if c, ok := tree.Scalar(r.f.Get(shape.Checksum)); ok {
		g.Checksum = tree.Cut(c, 128)
	}
	v := r.f.Get(shape.Fingerprint)
	if v == nil {
		return
	}
	if v.Type() != node.TypeArray {
		if s, ok := tree.Scalar(v); ok {
			g.Fingerprint = []string{tree.Cut(s, maxPath)}
		} else {
			r.f.Invalid("fingerprint", "expected a list of texts", v)
		}
		return
	}
	for i, p := range v.GetArray() {
		if i == 64 {
			break
		}
		if s, ok := tree.Scalar(p); ok {
			g.Fingerprint = append(g.Fingerprint, tree.Cut(s, maxPath))
		}
	}
}
