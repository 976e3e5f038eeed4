package grouping

import (
	"strconv"
	"strings"

	"errata/schema"
	"errata/schema/grouping/param"
)

// Bounds that hold whatever the caller trimmed.
const (
	maxFrames     = schema.MaxFrames
	maxExceptions = schema.MaxExceptions
)

// run is one decision.
type run struct {
	g  *Grouper
	in *Input

	exceptions []schema.Exception // At most maxExceptions: the innermost half and the outermost one.
	main       int                // Index into in.Exceptions.
	inApp      []bool             // Of all frames of the chain, one after the other.
	anyApp     bool               // Some exception has frames in app.
	appMain    bool               // The main one has.
	frames     int                // Frames of the main exception that counted.
	last       string             // Function of the innermost of them.
}

func (r *run) decide() Result {
	in := r.in
	res := Result{Main: -1}
	r.exceptions = in.Exceptions
	if len(r.exceptions) > maxExceptions {
		r.exceptions = r.exceptions[len(r.exceptions)-maxExceptions:]
	}
	r.main = len(r.exceptions) - 1
	if r.main >= 0 {
		e := &r.exceptions[r.main]
		res.Main = len(in.Exceptions) - len(r.exceptions) + r.main
		res.Type = shortType(e.Type)
		res.Value = e.Value
		res.Mechanism = e.Mechanism.Type
		res.Handled = e.Mechanism.Handled
	}
	r.decideInApp(&res)
	r.defaults(&res)
	if custom(in.Fingerprint) {
		h := r.spliced(in.Fingerprint, res.Hashes[0])
		res.Hashes = append([]uint64{h}, res.Hashes...)
		res.Component = "fingerprint"
		res.Reason = "fingerprint: " + strings.Join(in.Fingerprint, ", ")
	}
	res.Reason = clip(res.Reason, 400)
	res.Title = clip(r.title(&res), schema.MaxTitle)
	res.Culprit = clip(r.culprit(&res), schema.MaxCulprit)
	return res
}

// Defaults fills the hashes that count where there is no custom fingerprint.
func (r *run) defaults(res *Result) {
	in := r.in
	if r.main >= 0 {
		if h, ok := r.chain(res); ok {
			main := h
			if len(r.exceptions) > 1 {
				main = r.exceptionHash(r.main, r.appMain)
			}
			if main == h {
				res.Hashes = []uint64{h}
			} else {
				res.Hashes = []uint64{h, main}
			}
			return
		}
	}
	h := newHasher()
	switch {
	case len(in.Stack) > 0 && r.stackHash(&h, in.Stack, r.inApp, r.anyApp) > 0:
		res.Component = "stack"
		res.Reason = "stack: " + strconv.Itoa(r.frames) + " frames, innermost " + r.last
	case in.Report != nil:
		res.Component = in.Report.Kind
		h.text(kindReport, in.Report.Kind)
		h.text(kindReport, in.Report.Directive)
		h.text(kindReport, in.Report.Blocked)
		res.Reason = in.Report.Kind + ": " + in.Report.Directive + " " + in.Report.Blocked
	case in.Template != "" || in.Message != "":
		m := in.Template
		if m == "" {
			m = in.Message
		}
		m = param.Message(m)
		h.text(kindMessage, m)
		res.Component = "message"
		res.Reason = "message: " + m
	default:
		h.text(kindFallback, in.Type)
		h.text(kindFallback, in.Logger)
		h.text(kindFallback, in.Transaction)
		res.Component = "fallback"
		res.Reason = "fallback: type " + in.Type + ", logger " + in.Logger + ", transaction " + in.Transaction
	}
	v := h.sum()
	res.Hashes = []uint64{v}
	res.MainHash = v
}

// Chain hashes all exceptions in order. A chain of one has the hash of its
// member, so that a client that sends no causes still meets one that does.
func (r *run) chain(res *Result) (uint64, bool) {
	any := false
	for i := range r.exceptions {
		e := &r.exceptions[i]
		any = any || e.Type != "" || e.Value != "" || len(e.Frames) > 0
	}
	if !any {
		return 0, false
	}
	res.MainHash = r.witness()
	var sum uint64
	if len(r.exceptions) == 1 {
		sum = r.exceptionHash(0, r.appMain)
	} else {
		h := newHasher()
		for i := range r.exceptions {
			h.number(kindMember, r.exceptionHash(i, r.anyApp))
		}
		sum = h.sum()
	}
	if r.frames > 0 {
		res.Component = "exception stack"
		where := " frames"
		if r.appMain {
			where = " frames in app"
		}
		res.Reason = "exception stack: " + res.Type + ", " + strconv.Itoa(r.frames) + where + ", innermost " + r.last + causes(len(r.exceptions))
	} else {
		res.Component = "exception value"
		res.Reason = "exception value: " + res.Type + ": " + param.Message(res.Value) + causes(len(r.exceptions))
	}
	return sum, true
}

func causes(n int) string {
	if n < 2 {
		return ""
	}
	return ", with " + strconv.Itoa(n-1) + " more of the chain"
}

// exceptionHash hashes one member. app says that only frames in app count.
func (r *run) exceptionHash(i int, app bool) uint64 {
	e := &r.exceptions[i]
	h := newHasher()
	if !e.Mechanism.Synthetic {
		h.text(kindType, shortType(e.Type))
	}
	n := r.stackHash(&h, e.Frames, r.flags(i), app)
	if i == r.main {
		r.frames = n
	}
	if n == 0 && len(e.Frames) == 0 {
		if e.Mechanism.NSErrorCode != "" {
			h.text(kindNSError, e.Mechanism.NSErrorCode)
		} else {
			h.text(kindValue, param.Message(e.Value))
		}
	}
	return h.sum()
}

// witness hashes what every recording of one failure shares, however many
// outer frames it saw: the type and the innermost frame of the main exception.
func (r *run) witness() uint64 {
	e := &r.exceptions[r.main]
	h := newHasher()
	h.text(kindMain, shortType(e.Type))
	if n := len(e.Frames); n > 0 {
		h.number(kindFrame, frameHash(&e.Frames[n-1], r.in.Platform))
	} else {
		h.text(kindValue, param.Message(e.Value))
	}
	return h.sum()
}

// shortType is the last segment of a qualified class name.
func shortType(t string) string {
	t = strings.TrimSpace(t)
	if i := strings.LastIndexAny(t, ".$:/\\"); i >= 0 && i+1 < len(t) {
		return t[i+1:]
	}
	return t
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
