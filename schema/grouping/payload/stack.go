package payload

import (
	"net/url"
	"strings"

	"github.com/valyala/fastjson"

	"errata/schema"
	"errata/schema/grouping"
)

// oldestFrames of a stack over the limit are kept; the rest are those nearest
// the crash.
const oldestFrames = 50

func (d *Reader) frames(v *fastjson.Value) []schema.Frame {
	all := v.GetArray()
	if v.Type() == fastjson.TypeObject {
		all = v.GetArray("frames")
	}
	if len(all) == 0 {
		return nil
	}
	n := min(len(all), schema.MaxFrames)
	var out []schema.Frame
	if d.borrow {
		at := len(d.frameMemo)
		if cap(d.frameMemo)-at < n {
			d.frameMemo, at = make([]schema.Frame, 0, max(n, 256)), 0
		}
		d.frameMemo = d.frameMemo[:at+n]
		out = d.frameMemo[at : at : at+n]
	} else {
		out = make([]schema.Frame, 0, n)
	}
	for i, f := range all {
		if len(all) > schema.MaxFrames && i >= oldestFrames && i < len(all)-(schema.MaxFrames-oldestFrames) {
			continue
		}
		if f != nil && f.Type() == fastjson.TypeObject {
			out = append(out, d.frame(f))
		}
	}
	return out
}

func (d *Reader) frame(v *fastjson.Value) schema.Frame {
	var f schema.Frame
	// The payload shows our decision; what the client said stands beside it
	// where it differs, null where it said nothing.
	client, beside := schema.InAppUnknown, false
	v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		switch string(k) {
		case "function":
			if f.Function = d.text(v); f.Function == "?" {
				f.Function = ""
			}
		case "raw_function":
			f.RawFunction = d.text(v)
		case "module":
			f.Module = d.text(v)
		case "filename":
			f.File = d.text(v)
		case "abs_path":
			f.AbsPath = d.text(v)
		case "package":
			f.Package = d.text(v)
		case "platform":
			f.Platform = d.text(v)
		case "context_line":
			f.ContextLine = d.text(v)
		case "lineno":
			f.Line = d.number(v)
		case "colno":
			f.Column = d.number(v)
		case "in_app":
			f.InApp = mark(v)
		case "client_in_app":
			client, beside = mark(v), true
		}
	})
	if beside {
		f.InApp = client
	}
	if f.AbsPath == "" {
		f.AbsPath = f.File
	}
	if f.File == "" {
		f.File = f.AbsPath
	}
	if strings.Contains(f.File, "://") {
		if u, err := url.Parse(f.File); err == nil && u.Path != "" && u.Path != "/" {
			f.File = u.Path
		}
	}
	return f
}

func mark(v *fastjson.Value) schema.InApp {
	switch v.Type() {
	case fastjson.TypeTrue:
		return schema.InAppYes
	case fastjson.TypeFalse:
		return schema.InAppNo
	}
	return schema.InAppUnknown
}

// stacks fills the stack that counts where there is no exception: of the
// crashed, the current or the only thread, or the event's own.
func (d *Reader) stacks(in *grouping.Input, threads []*fastjson.Value, own *fastjson.Value) {
	thread := deciding(threads)
	if thread != nil {
		if s := thread.Get("stacktrace"); s != nil {
			in.Stack = d.frames(s)
		}
	}
	if len(in.Stack) == 0 && own != nil {
		in.Stack = d.frames(own)
		thread = nil
	}
	if len(in.Exceptions) != 1 || len(in.Exceptions[0].Frames) > 0 || len(in.Stack) == 0 {
		return
	}
	// A crashed thread's stack, or the event's own, belongs to the one
	// exception without any.
	if thread == nil || is(thread, "crashed") {
		in.Exceptions[0].Frames = in.Stack
	}
}

func is(v *fastjson.Value, key string) bool {
	b := v.Get(key)
	return b != nil && b.Type() == fastjson.TypeTrue
}

// deciding is the one crashed thread, else the one current, else the only.
func deciding(threads []*fastjson.Value) *fastjson.Value {
	for _, flag := range [...]string{"crashed", "current"} {
		var found *fastjson.Value
		n := 0
		for _, t := range threads {
			if t != nil && is(t, flag) {
				found = t
				n++
			}
		}
		if n == 1 {
			return found
		}
	}
	if len(threads) == 1 {
		return threads[0]
	}
	return nil
}

// report reads a browser's security report.
func (d *Reader) report(kind string, v *fastjson.Value) *grouping.Report {
	r := &grouping.Report{Kind: kind}
	switch kind {
	case "csp":
		r.Directive = d.text(v.Get("effective_directive"))
		if r.Directive == "" {
			r.Directive, _, _ = strings.Cut(d.text(v.Get("violated_directive")), " ")
		}
		r.Blocked, r.Document = d.text(v.Get("blocked_uri")), d.text(v.Get("document_uri"))
	case "nel":
		r.Directive, r.Document = d.text(v.Get("body", "type")), d.text(v.Get("url"))
		if u, err := url.Parse(r.Document); err == nil {
			r.Blocked = u.Host
		}
	default:
		r.Blocked = d.text(v.Get("hostname"))
	}
	r.Message = kind + " report: " + strings.TrimSpace(r.Directive+" "+r.Blocked)
	return r
}
