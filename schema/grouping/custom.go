package grouping

import (
	"strings"

	"errata/schema"
	"errata/schema/grouping/param"
	"errata/schema/grouping/rule"
	"errata/schema/grouping/symbol"
)

// Bounds on a client's fingerprint.
const (
	maxParts    = 32
	maxPartSize = 1024
)

// fingerprint puts a rule's or the client's fingerprint before the default
// hashes. A project's rule wins over the client, the client over the built-in
// rules.
func (r *run) fingerprint(res *Result) {
	in := r.in
	var parts []string
	by := "client"
	if r.g.fingerprints.Len() > 0 {
		r.rule = r.g.fingerprints.Match(r.event())
	}
	switch {
	case r.rule != nil:
		parts, by = r.rule.Parts, "rule "+r.rule.Raw
	case len(in.Fingerprint) > 0:
		parts = in.Fingerprint
		if len(parts) > maxParts {
			parts = parts[:maxParts]
		}
	case in.Checksum != "":
		h := newHasher()
		h.text(kindCustom, schema.Cut(in.Checksum, maxPartSize))
		res.Hashes = append([]uint64{h.sum()}, res.Hashes...)
		res.Component, res.Reason = "checksum", "checksum: "+schema.Cut(in.Checksum, maxPartSize)
		return
	case javascript(in.Platform) && r.main >= 0:
		if r.rule = baseFingerprints.Match(r.event()); r.rule != nil {
			parts, by = r.rule.Parts, "built-in rule "+r.rule.Raw
		}
	}
	if r.rule != nil {
		res.Level = r.rule.Level
		if r.rule.Title != "" {
			res.Title = schema.Cut(firstLine(rule.Expand(schema.Cut(r.rule.Title, maxPartSize), r.variable)), schema.MaxTitle)
		}
	}
	if !custom(parts) {
		return
	}
	h := newHasher()
	r.parts = make([]string, 0, len(parts))
	for _, p := range parts {
		p = schema.Cut(p, maxPartSize)
		if isDefault(p) {
			for _, d := range res.Hashes[:1] {
				h.number(kindDefault, d)
			}
			r.parts = append(r.parts, "{{ default }}")
			continue
		}
		p = rule.Expand(p, r.variable)
		h.text(kindCustom, p)
		r.parts = append(r.parts, p)
	}
	res.Hashes = append([]uint64{h.sum()}, res.Hashes...)
	res.Component = "fingerprint"
	res.Reason = "fingerprint of " + by + ": " + strings.Join(r.parts, ", ")
}

func javascript(platform string) bool { return platform == "javascript" || platform == "node" }

// custom says whether a fingerprint is more than the default.
func custom(fp []string) bool {
	return len(fp) > 1 || len(fp) == 1 && !isDefault(fp[0])
}

func isDefault(s string) bool {
	return strings.HasPrefix(s, "{{") && rule.Variable(s) == "default"
}

// event is the view that fingerprint rules match.
func (r *run) event() *rule.Event {
	in := r.in
	e := &rule.Event{
		Platform: in.Platform, Message: in.Message, Template: in.Template, Logger: in.Logger, Level: in.Level,
		Transaction: in.Transaction, Release: in.Release, SDK: in.SDK, Tags: in.Tags, Exceptions: r.exceptions, Function: symbol.InRules,
	}
	for i := range r.stacks {
		s := &r.stacks[i]
		e.Stacks = append(e.Stacks, rule.EventStack{Frames: s.frames, Decisions: r.decisions[s.at : s.at+len(s.frames)]})
	}
	return e
}

// variable is the value of one {{ name }}; what is missing is named so that a
// rule still groups.
func (r *run) variable(name string) (string, bool) {
	in := r.in
	some := func(v, missing string) (string, bool) {
		if v == "" {
			return "<no-" + missing + ">", true
		}
		return schema.Cut(v, maxPartSize), true
	}
	switch name {
	case "transaction":
		return some(in.Transaction, "transaction")
	case "level":
		return some(in.Level, "level")
	case "logger":
		return some(in.Logger, "logger")
	case "release":
		return some(in.Release, "release")
	case "platform":
		return some(in.Platform, "platform")
	case "message":
		return some(param.Message(r.rawMessage()), "message")
	case "raw_message":
		return some(r.rawMessage(), "message")
	}
	if tag, ok := strings.CutPrefix(name, "tags."); ok {
		for _, t := range in.Tags {
			if t.GetKey() == tag {
				return some(t.GetValue(), "value-for-tag-"+tag)
			}
		}
		return "<no-value-for-tag-" + tag + ">", true
	}
	var typ, value string
	if r.main >= 0 {
		typ, value = shortType(r.exceptions[r.main].Type), r.exceptions[r.main].Value
	}
	switch name {
	case "type", "error.type":
		return some(typ, "type")
	case "value", "error.value":
		return some(param.Message(value), "value")
	case "raw_value", "error.raw_value":
		return some(value, "value")
	}
	var f schema.Frame
	if at := r.crashFrame(); at != nil {
		f = *at
	}
	switch name {
	case "function", "stack.function":
		return some(symbol.InRules(&f, in.Platform), "function")
	case "path", "stack.abs_path":
		p := f.AbsPath
		if p == "" {
			p = f.File
		}
		return some(p, "abs-path")
	case "filename", "stack.filename":
		p := f.File
		if p == "" {
			p = f.AbsPath
		}
		return some(p, "filename")
	case "module", "stack.module":
		return some(f.Module, "module")
	case "package", "stack.package":
		return some(symbol.Base(f.Package, ""), "package")
	}
	return "", false
}

func (r *run) rawMessage() string {
	if r.in.Message != "" {
		return r.in.Message
	}
	if r.in.Template != "" {
		return r.in.Template
	}
	if r.main >= 0 {
		return r.exceptions[r.main].Value
	}
	return ""
}
