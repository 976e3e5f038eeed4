package grouping

import (
	"strconv"
	"strings"
	"sync"

	"errata/schema"
	"errata/schema/grouping/param"
	"errata/schema/grouping/rule"
	"errata/schema/grouping/symbol"
)

// Bounds that hold whatever the caller trimmed.
const (
	maxFrames     = schema.MaxFrames
	maxExceptions = schema.MaxExceptions
	maxAllFrames  = 1000 // Of one event.
	leastFrames   = 20   // Of one exception, however many there are.
	maxReason     = 400
)

// run is one decision. It is reused: nothing of it may leave in a Result.
type run struct {
	g  *Grouper
	in *Input

	exceptions []schema.Exception // At most maxExceptions, the outermost ones.
	order      []int              // Which of them count, innermost first.
	main       int                // Index into exceptions; -1 where there is none.
	stacks     []stack            // One an exception, or one of in.Stack.
	decisions  []rule.Decision    // Of all frames of stacks, one after the other.
	sums       []frameSum         // Of the same frames.
	keys       []uint64           // Memory of stackHash.
	anyApp     bool               // Some exception that counts has frames in app.
	counted    int                // Frames of the main stack that counted.
	last       *schema.Frame      // The innermost of them.
	nameless   bool               // None of them is more than a file.
	value      string             // Of the main exception, parameterized; once.
	valued     bool
	rule       *rule.FingerprintRule
	parts      []string // Of the fingerprint that decided, variables resolved.
}

// stack is the frames of one exception that are looked at.
type stack struct {
	frames []schema.Frame
	skip   int // Outer frames left out.
	at     int // Where its decisions begin.
	rules  rule.Stack
	app    bool // Has frames in app that count.
}

var runs = sync.Pool{New: func() any { return &run{} }}

func newRun(g *Grouper, in *Input) *run {
	r := runs.Get().(*run)
	*r = run{g: g, in: in, main: -1, order: r.order[:0], stacks: r.stacks[:0], decisions: r.decisions[:0], sums: r.sums[:0], keys: r.keys}
	return r
}

func (r *run) done() {
	r.in, r.g, r.exceptions, r.last, r.rule, r.parts = nil, nil, nil, nil, nil, nil
	clear(r.stacks)
	if cap(r.decisions) <= 4*maxAllFrames {
		runs.Put(r)
	}
}

func (r *run) decide() Result {
	in := r.in
	res := Result{Main: -1}
	r.exceptions = in.Exceptions
	if n := len(r.exceptions); n > maxExceptions {
		r.exceptions = r.exceptions[n-maxExceptions:]
	}
	r.decideFrames()
	r.members()
	if r.main >= 0 {
		r.describe(&res)
	} else if len(r.stacks) == 1 {
		res.InApp = r.marks(0, len(in.Stack))
	}
	r.defaults(&res)
	r.fingerprint(&res)
	res.Reason = schema.Cut(res.Reason, maxReason)
	if res.Title == "" {
		res.Title = r.title(&res)
	}
	res.Title = schema.Cut(res.Title, schema.MaxTitle)
	res.Culprit = schema.Cut(r.culprit(), schema.MaxCulprit)
	return res
}

// describe copies what a row says of the main exception.
func (r *run) describe(res *Result) {
	e := &r.exceptions[r.main]
	res.Main = len(r.in.Exceptions) - len(r.exceptions) + r.main
	res.Type = shortType(e.Type)
	res.Value = e.Value
	res.Mechanism = e.Mechanism.Type
	res.Handled = e.Mechanism.Handled
	if n := len(e.Frames); n > 0 {
		res.InApp = r.marks(r.main, n)
	}
	if res.Handled == schema.Handled_HANDLED_UNKNOWN || res.Mechanism == "" {
		// Of a group or a chain the root says how it was caught.
		root := &r.exceptions[len(r.exceptions)-1].Mechanism
		if res.Handled == schema.Handled_HANDLED_UNKNOWN {
			res.Handled = root.Handled
		}
		if res.Mechanism == "" {
			res.Mechanism = root.Type
		}
	}
}

// marks are the decisions on a stack of n frames; those not looked at are a
// library's.
func (r *run) marks(i, n int) []bool {
	s := &r.stacks[i]
	out := make([]bool, n)
	for k := range s.frames {
		out[s.skip+k] = r.decisions[s.at+k].App == rule.Yes
	}
	return out
}

// defaults fills the hashes that count where there is no custom fingerprint.
func (r *run) defaults(res *Result) {
	in := r.in
	if r.main >= 0 {
		if h, main := r.chain(res); h != 0 {
			if main == h {
				res.Hashes = []uint64{h}
			} else {
				res.Hashes = []uint64{h, main}
			}
			return
		}
	}
	h := newHasher()
	said := in.Template != "" || in.Message != ""
	switch {
	case len(r.stacks) == 1 && r.main < 0 && r.ownStack(&h, said):
		res.Component = "stack"
		res.Reason = r.where("stack: ", "", "", r.anyApp, "")
	case in.Report != nil:
		r.report(&h, res)
	case said:
		m := r.message()
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

// ownStack hashes the stack of an event without an exception. One that names no
// function leaves a message to speak for itself.
func (r *run) ownStack(h *hasher, said bool) bool {
	own := newHasher()
	counts, named := r.stackHash(&own, 0, r.anyApp, true)
	if !counts || !named && said {
		return false
	}
	*h = own
	return true
}

// message is what a message without a stack is grouped by: the template where
// the client sent one.
func (r *run) message() string {
	m := r.in.Template
	if m == "" {
		m = r.in.Message
	}
	return param.Message(m)
}

// chain hashes the exceptions that count, in order. A chain of one has the hash
// of its member, so that a client that sends no causes still meets one that does.
func (r *run) chain(res *Result) (sum, main uint64) {
	said := false
	for _, i := range r.order {
		e := &r.exceptions[i]
		said = said || e.Type != "" || e.Value != "" || len(e.Frames) > 0
	}
	if !said {
		return 0, 0
	}
	res.MainHash = r.witness()
	main = r.exceptionHash(r.main, r.stacks[r.main].app, true)
	sum = main
	if len(r.order) > 1 && !javascript(r.in.Platform) {
		h := newHasher()
		for _, i := range r.order {
			h.number(kindMember, r.exceptionHash(i, r.anyApp, false))
		}
		sum = h.sum()
	}
	if r.counted > 0 {
		res.Component = "exception stack"
		what := res.Type
		if r.nameless && r.exceptions[r.main].Mechanism.NSErrorCode == "" {
			what = named(res.Type, r.valueOf(r.main))
		}
		res.Reason = r.where("exception stack: ", what, ", ", r.stacks[r.main].app, causes(len(r.order)))
	} else {
		res.Component = "exception value"
		res.Reason = "exception value: " + named(res.Type, r.valueOf(r.main)) + causes(len(r.order))
	}
	return sum, main
}

// where says in words which frames counted, between what is said beside it: each
// piece put together alone would be memory of its own.
func (r *run) where(what, typ, sep string, app bool, causes string) string {
	kind := " frames, innermost "
	switch {
	case app && r.counted == 1:
		kind = " frame in app: "
	case app:
		kind = " frames in app, innermost "
	case r.counted == 1:
		kind = " frame: "
	}
	f := r.last
	if f == nil {
		return what + typ + sep + "0 frames" + causes
	}
	if f.Function == "" {
		return what + typ + sep + strconv.Itoa(r.counted) + kind + symbol.Base(f.File, f.AbsPath) + causes
	}
	return what + typ + sep + strconv.Itoa(r.counted) + kind + f.Function + " in " + symbol.Base(f.File, f.AbsPath) + causes
}

// named is a type and a value in words, where each of them is there.
func named(typ, value string) string {
	if typ != "" && value != "" {
		typ += ": "
	}
	return typ + value
}

func causes(n int) string {
	if n < 2 {
		return ""
	}
	return ", and " + strconv.Itoa(n-1) + " more of the chain"
}

// exceptionHash hashes one member. app says that only frames in app count.
func (r *run) exceptionHash(i int, app, main bool) uint64 {
	e := &r.exceptions[i]
	h := newHasher()
	if !e.Mechanism.Synthetic {
		h.text(kindType, shortType(e.Type))
	}
	// Handlers without a name are many in one file, and nothing but what they
	// throw tells them apart: the line moves, and only one protocol has its text.
	counts, named := r.stackHash(&h, i, app, main)
	if named {
		return h.sum()
	}
	// A stack whose frames are all a library's leaves the type alone to speak
	// for a cause: its value is not parted from ids, its frames move with the
	// library. Without any stack that counts the value has to do.
	if !counts && r.usable(i) {
		return h.sum()
	}
	if e.Mechanism.NSErrorCode != "" {
		h.text(kindNSError, e.Mechanism.NSErrorCode)
	} else {
		h.text(kindValue, r.valueOf(i))
	}
	return h.sum()
}

// valueOf is the value of exception i without what varies.
func (r *run) valueOf(i int) string {
	if i == r.main && r.valued {
		return r.value
	}
	v := r.exceptions[i].Value
	if v == "No error message" && javascript(r.in.Platform) {
		v = "" // What Sentry's browser SDK says of an error without one.
	}
	v = param.Message(v)
	if i == r.main {
		r.value, r.valued = v, true
	}
	return v
}

// witness hashes what every recording of one failure shares, however many
// outer frames it saw: the type and the innermost frame of the main exception,
// and its value where that frame has no name.
func (r *run) witness() uint64 {
	e := &r.exceptions[r.main]
	h := newHasher()
	h.text(kindMain, shortType(e.Type))
	s := &r.stacks[r.main]
	for i := len(e.Frames) - 1; i >= 0 && i >= len(e.Frames)-maxFrames; i-- {
		var k uint64
		var named bool
		if i >= s.skip {
			k = r.sum(s, i-s.skip)
			named = r.sums[s.at+i-s.skip].named
		} else {
			k, named = symbol.Hash(&e.Frames[i], r.in.Platform)
		}
		if k != 0 {
			h.number(kindFrame, k)
			if !named {
				break // Its file has others, which throw something else.
			}
			return h.sum()
		}
	}
	h.text(kindValue, r.valueOf(r.main))
	return h.sum()
}

// shortType is the last segment of a qualified class name: one protocol sends
// the package in front, the other does not.
func shortType(t string) string {
	t = strings.TrimSpace(t)
	if i := strings.LastIndexAny(t, ".$:\\"); i >= 0 && i+1 < len(t) && t[i+1] != ' ' {
		return t[i+1:]
	}
	return t
}
