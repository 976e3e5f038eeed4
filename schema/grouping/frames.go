package grouping

import (
	"strings"

	"errata/schema"
	"errata/schema/grouping/rule"
	"errata/schema/grouping/symbol"
)

// decideFrames asks the rules about every frame that is looked at.
func (r *run) decideFrames() {
	if len(r.exceptions) == 0 {
		if len(r.in.Stack) > 0 {
			r.addStack(r.in.Stack, nil, maxFrames)
			r.anyApp = r.stacks[0].app
		}
		return
	}
	total := 0
	for i := range r.exceptions {
		total += min(len(r.exceptions[i].Frames), maxFrames)
	}
	limit := maxFrames
	if total > maxAllFrames {
		limit = max(leastFrames, maxAllFrames/len(r.exceptions))
	}
	for i := range r.exceptions {
		e := &r.exceptions[i]
		r.addStack(e.Frames, e, limit)
	}
}

// addStack decides on the innermost frames up to limit.
func (r *run) addStack(frames []schema.Frame, e *schema.Exception, limit int) {
	s := stack{at: len(r.decisions)}
	s.skip = max(0, len(frames)-limit)
	s.frames = frames[s.skip:]
	said := false
	for i := range s.frames {
		said = said || s.frames[i].InApp == schema.InAppYes
	}
	for i := range s.frames {
		r.decisions = append(r.decisions, rule.Decision{App: r.hint(&s.frames[i], said), AppRule: -1, GroupRule: -1})
		r.sums = append(r.sums, frameSum{})
	}
	own := r.decisions[s.at:]
	s.rules = r.g.frames.Apply(rule.Subject{Platform: r.in.Platform, Exception: e, Function: symbol.InRules}, s.frames, own)
	for i := range own {
		if own[i].App == rule.Yes && own[i].Group != rule.No {
			s.app = true
			break
		}
	}
	r.stacks = append(r.stacks, s)
}

// hint is what stands where no rule speaks: what the client said, and where it
// said nothing, that a frame is the application's own. said tells that the
// client marked other frames of this stack; it then left out what it did not
// know. An absolute Python path is decided by its place alone: the client
// leaves such frames unmarked whenever the process was started elsewhere, and
// the other protocol knows no marks at all.
func (r *run) hint(f *schema.Frame, said bool) rule.Mark {
	switch f.InApp {
	case schema.InAppYes:
		return rule.Yes
	case schema.InAppNo:
		return rule.No
	}
	if !said {
		switch r.in.Platform {
		case "native", "c", "cocoa", "objc", "swift":
			// Only the other protocol's stacks come unmarked by nature, and it has
			// none of these: nothing is known of such a frame.
			return rule.No
		}
		return rule.Yes
	}
	if r.in.Platform == "python" && absolute(f.AbsPath) {
		return rule.Yes
	}
	return rule.No
}

// absolute says whether a path begins at a root, of Windows too.
func absolute(p string) bool {
	return strings.HasPrefix(p, "/") || len(p) > 2 && p[1] == ':' && (p[2] == '\\' || p[2] == '/')
}

// Cycles of up to this many frames are collapsed: recursion, direct or mutual,
// groups whatever its depth.
const maxCycle = 8

// stackHash adds the frames that count and says whether any did, and whether
// any of these has a name. app restricts them to those in app; main notes them
// for the reason.
func (r *run) stackHash(h *hasher, i int, app, main bool) (counts, named bool) {
	s := &r.stacks[i]
	if len(r.keys) < len(s.frames) {
		r.keys = make([]uint64, max(64, len(s.frames)))
	}
	keys, n := r.keys, 0
	var last *schema.Frame
	for k := range s.frames {
		d := &r.decisions[s.at+k]
		if app && d.App != rule.Yes || d.Group == rule.No {
			continue
		}
		key := r.sum(s, k)
		if key == 0 {
			continue
		}
		named = named || r.sums[s.at+k].named
		keys[n] = key
		n++
		for p := 1; p <= maxCycle && 2*p <= n; p++ {
			if cycle(keys[:n], p) {
				n -= p
				break
			}
		}
		last = &s.frames[k]
	}
	if n == 0 || n < s.rules.MinFrames {
		return false, false
	}
	from := 0
	if m := s.rules.MaxFrames; m > 0 && n > m {
		from = n - m
	}
	for _, k := range keys[from:n] {
		h.number(kindFrame, k)
	}
	if main {
		r.counted, r.last, r.nameless = n-from, last, !named
	}
	return true, named
}

func cycle(keys []uint64, p int) bool {
	n := len(keys)
	for i := 1; i <= p; i++ {
		if keys[n-i] != keys[n-i-p] {
			return false
		}
	}
	return true
}

// usable says whether some frame of stack i would count if those of libraries
// did.
func (r *run) usable(i int) bool {
	s := &r.stacks[i]
	for k := range s.frames {
		if r.decisions[s.at+k].Group != rule.No && r.sum(s, k) != 0 {
			return len(s.frames) >= s.rules.MinFrames
		}
	}
	return false
}

// frameSum is the hash of a frame, which several hashes of an event are made of.
type frameSum struct {
	hash  uint64
	named bool // More than its file is known.
	done  bool
}

// sum is the hash of frame k of a stack.
func (r *run) sum(s *stack, k int) uint64 {
	at := &r.sums[s.at+k]
	if !at.done {
		at.hash, at.named = symbol.Hash(&s.frames[k], r.in.Platform)
		at.done = true
	}
	return at.hash
}
