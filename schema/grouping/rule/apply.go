package rule

import (
	"math/bits"
	"sync"
	"unsafe"

	"errata/schema"
)

// Subject is what frame rules look at beside the frames.
type Subject struct {
	Platform  string
	Exception *schema.Exception                      // Of the stack; nil where it has none.
	Function  func(f *schema.Frame, p string) string // Normalizes a name; nil takes it as it is.
}

// probe is a frame made ready for matching.
type probe struct {
	path, pkg, fn, module, category []byte
	family                          Family
	fit                             *pathFit // Nil: the patterns are tried, on path.
}

// scratch is reused between events.
type scratch struct {
	probes []probe
	bytes  []byte
	rules  []uint64 // A bit for each rule that some frame may fit.
}

var pool = sync.Pool{New: func() any { return &scratch{bytes: make([]byte, 0, 4096)} }}

// done gives the memory back. The names in it are the caller's.
func (sc *scratch) done() {
	for i := range sc.probes {
		sc.probes[i].module, sc.probes[i].fn = nil, nil
	}
	pool.Put(sc)
}

// Apply decides on frames. out has one Decision a frame; its App marks are read
// as what the client said and overwritten where a rule speaks.
func (s *Set) Apply(sub Subject, frames []schema.Frame, out []Decision) (st Stack) {
	if len(s.rules) == 0 || len(frames) == 0 {
		return st
	}
	sc := pool.Get().(*scratch)
	defer sc.done()
	all := sc.prepare(s, sub, frames)
	for at, left := range sc.candidates(s) {
		for ; left != 0; left &= left - 1 {
			ri := at<<6 + bits.TrailingZeros64(left)
			if r := &s.rules[ri]; r.family == 0 || r.family&all != 0 {
				s.rule(ri, sc, sub.Exception, out, &st)
			}
		}
	}
	return st
}

// rule applies one rule to all frames.
func (s *Set) rule(ri int, sc *scratch, e *schema.Exception, out []Decision, st *Stack) {
	r := &s.rules[ri]
	up, down := false, 0 // What ranged actions of this rule cover already: the work stays linear.
	for i := range sc.probes {
		p := &sc.probes[i]
		if r.family != 0 && r.family&p.family == 0 {
			continue
		}
		if !matchAll(r.matchers, p, &out[i], e) {
			continue
		}
		if !r.local && !s.neighbours(r, sc, i, out, e) {
			continue
		}
		for ai := range r.actions {
			a := &r.actions[ai]
			from, to := i, i+1
			switch {
			case a.ranged == '^' && up:
				continue
			case a.ranged == '^':
				from, to = i+1, len(sc.probes)
			case a.ranged == 'v':
				from, to = down, i
			}
			for k := from; k < to; k++ {
				a.apply(&out[k], st, &sc.probes[k], int32(ri))
			}
		}
		up, down = true, i
	}
}

// candidates has a bit for each rule but those whose path no frame fits, where
// that is known of all frames.
func (sc *scratch) candidates(s *Set) []uint64 {
	sc.rules = sc.rules[:0]
	for i := 0; i < len(s.rules); i += 64 {
		sc.rules = append(sc.rules, ^uint64(0)>>max(0, 64-(len(s.rules)-i)))
	}
	for i := range sc.probes {
		if sc.probes[i].fit == nil {
			return sc.rules
		}
	}
	for i := range sc.rules {
		sc.rules[i] = s.pathless[i]
		for k := range sc.probes {
			sc.rules[i] |= sc.probes[k].fit.rules[i]
		}
	}
	return sc.rules
}

// neighbours checks the caller and the callee of frame i.
func (s *Set) neighbours(r *frameRule, sc *scratch, i int, out []Decision, e *schema.Exception) bool {
	if len(r.caller) > 0 && (i == 0 || !matchAll(r.caller, &sc.probes[i-1], &out[i-1], e)) {
		return false
	}
	return len(r.callee) == 0 || i+1 < len(out) && matchAll(r.callee, &sc.probes[i+1], &out[i+1], e)
}

func (a *action) apply(d *Decision, st *Stack, p *probe, ri int32) {
	switch a.key {
	case 'a':
		d.App, d.AppRule = a.mark, ri
	case 'g':
		d.Group, d.GroupRule = a.mark, ri
	case 'c':
		d.Category = a.text
		p.category = []byte(a.text)
	case 'M':
		st.MaxFrames = a.number
	case 'm':
		st.MinFrames = a.number
	}
}

// prepare makes frames ready for matching. s is nil where nothing is remembered of
// paths.
func (sc *scratch) prepare(s *Set, sub Subject, frames []schema.Frame) (all Family) {
	sc.bytes = sc.bytes[:0]
	need := 0
	for i := range frames {
		f := &frames[i]
		need += len(f.AbsPath) + len(f.File) + len(f.Package) + 4
	}
	if cap(sc.bytes) < need {
		sc.bytes = make([]byte, 0, need)
	}
	if cap(sc.probes) < len(frames) {
		sc.probes = make([]probe, len(frames), max(len(frames), 64))
	}
	sc.probes = sc.probes[:len(frames)]
	event := FamilyOf(sub.Platform)
	for i := range frames {
		f := &frames[i]
		p := &sc.probes[i]
		*p = probe{family: event}
		platform := sub.Platform
		if f.Platform != "" {
			platform = f.Platform
			p.family = FamilyOf(platform)
		}
		all |= p.family
		path := f.AbsPath
		if path == "" {
			path = f.File
		}
		if s != nil {
			p.fit = s.fit(path, sc)
		}
		if p.fit == nil {
			p.path = sc.lower(path)
		}
		p.pkg = sc.lower(f.Package)
		p.module = bytesOf(f.Module)
		fn := f.Function
		if sub.Function != nil {
			fn = sub.Function(f, platform)
		}
		p.fn = bytesOf(fn)
	}
	return all
}

// bytesOf is a text as patterns read it, which must not be written to.
func bytesOf(s string) []byte {
	if s == "" {
		return nil
	}
	return unsafe.Slice(unsafe.StringData(s), min(len(s), maxValue))
}

// lower folds the case of a path, turns backslashes and roots a relative path,
// so that **/x/** also finds a first segment.
func (sc *scratch) lower(s string) []byte {
	if s == "" {
		return nil
	}
	if len(s) > maxValue {
		s = s[:maxValue]
	}
	at := len(sc.bytes)
	if s[0] != '/' && s[0] != '\\' {
		sc.bytes = append(sc.bytes, '/')
	}
	from := len(sc.bytes)
	sc.bytes = append(sc.bytes, s...)
	for i, c := range sc.bytes[from:] {
		if 'A' <= c && c <= 'Z' {
			sc.bytes[from+i] = c + 'a' - 'A'
		} else if c == '\\' {
			sc.bytes[from+i] = '/'
		}
	}
	return sc.bytes[at:len(sc.bytes):len(sc.bytes)]
}

func matchAll(ms []matcher, p *probe, d *Decision, e *schema.Exception) bool {
	for i := range ms {
		if ms[i].matchFrame(p, d, e) == ms[i].negate {
			return false
		}
	}
	return true
}

func (m *matcher) matchFrame(p *probe, d *Decision, e *schema.Exception) bool {
	switch m.field {
	case fPath:
		if p.fit != nil {
			return p.fit.has(m.bit)
		}
		return m.glob.MatchPath(p.path)
	case fPackage:
		return m.glob.MatchPath(p.pkg)
	case fFunction:
		return len(p.fn) > 0 && m.glob.Match(p.fn)
	case fModule:
		return len(p.module) > 0 && m.glob.Match(p.module)
	case fFamily:
		return m.family&p.family != 0
	case fApp:
		return (d.App == Yes) == m.yes
	case fCategory:
		return len(d.Category) > 0 && m.glob.Match(p.category)
	}
	if e == nil {
		return false
	}
	switch m.field {
	case fType:
		return m.matchText(e.Type)
	case fValue:
		return m.matchText(e.Value)
	case fMechanism:
		return m.matchText(e.Mechanism.Type)
	}
	return false
}

// matchText folds where the pattern does.
func (m *matcher) matchText(s string) bool {
	if len(s) > maxValue {
		s = s[:maxValue]
	}
	var buf [maxValue]byte
	b := append(buf[:0], s...)
	m.glob.Fold(b)
	return m.glob.Match(b)
}
