package window

// occurrence is one thing that happened. Its witnesses in the window and its
// neighbours in the trace are named by their places.
type occurrence struct {
	primary     [16]byte
	fingerprint uint64
	first, last uint32 // Witnesses; there is always one.
	prev, next  uint32 // 0 for none.
}

type traceID struct {
	project uint32
	trace   key128
}

// occurrences are those of one trace, in the order of their oldest witness.
type occurrences struct{ first, last, n uint32 }

// maxOccurrences bounds how many occurrences of one trace are compared with a
// new witness: the newest ones.
const maxOccurrences = 1024

// Twins holds the newest stored events that could have further witnesses, in
// about 250 bytes an event, none of which is a pointer.
type Twins struct {
	records        int64
	traces         map[traceID]occurrences
	all            slab[occurrence]
	seen           slab[seen]
	oldest, newest uint32 // Of seen, 0 for none.
	frames         frames
	pairs          map[pairKey][]*pairing
	paired         queue[pairSeen] // Of the witnesses that say so, in their order.
}

// NewTwins returns an empty window over so many records; 0 means off.
func NewTwins(records int64) *Twins {
	return &Twins{records: records, traces: map[traceID]occurrences{}, pairs: map[pairKey][]*pairing{}}
}

// Records is the window's size.
func (t *Twins) Records() int64 { return t.records }

// Len is the number of events remembered.
func (t *Twins) Len() int { return t.seen.len() }

// Advance moves the window to the record at offset.
func (t *Twins) Advance(offset int64) {
	for t.oldest != 0 && t.seen.at(t.oldest).offset < offset-t.records {
		t.forget()
	}
}

// Judge says which event counts for w, if one does. The first issue wins: a
// twin takes the fingerprint of the event that counts.
func (t *Twins) Judge(w *Witness) (primary [16]byte, fingerprint uint64, twin bool) {
	if t.records <= 0 {
		return primary, 0, false
	}
	if w.trace != (key128{}) {
		for i := t.compared(t.traces[traceID{w.Project, w.trace}]); i != 0; {
			o := t.all.at(i)
			if t.takes(o, w) {
				return o.primary, o.fingerprint, true
			}
			i = o.next
		}
	}
	if p := t.reloaded(w); p != nil {
		return p.primary, w.Fingerprint, true
	}
	return primary, 0, false
}

// compared is the oldest occurrence of a trace that is compared with a new
// witness.
func (t *Twins) compared(all occurrences) uint32 {
	if all.n <= maxOccurrences {
		return all.first
	}
	i := all.last
	for range maxOccurrences - 1 {
		i = t.all.at(i).prev
	}
	return i
}

// takes says whether w is a further witness of o. Two rules, both within one
// trace of one project:
//
// Another kind: o has no witness of w's kind, and one of another kind has the
// same main hash, or the same type and value and a stack that nests with w's.
// So an occurrence holds at most one witness of a kind (or one nest of them),
// and occurrences = the larger of the counts of the kinds.
//
// The same kind: the same type and value, and all witnesses of that kind have
// stacks that nest with w's: one exception recorded again by an enclosing span,
// usually with a longer stack. An equal stack is another occurrence, unless it
// was recorded on the span right around that of a witness.
func (t *Twins) takes(o *occurrence, w *Witness) bool {
	same, other, equal, linked := false, false, false, false
	for i := o.first; i != 0; {
		v := t.seen.at(i)
		i = v.sibling
		if v.kind == w.kind {
			same = true
			if w.what == 0 || v.what != w.what || !t.nests(v.frames, v.all, w.all) {
				return false
			}
			equal = equal || int(v.all) == len(w.all)
			linked = linked || v.around(&w.seen) || w.around(v)
			continue
		}
		if w.main != 0 && v.main == w.main ||
			w.what != 0 && v.what == w.what && (t.nests(v.frames+v.all, v.inApp, w.inApp) || t.nests(v.frames, v.all, w.all)) {
			other = true
		}
	}
	if same {
		return !equal || linked
	}
	return other
}

// nests says whether the shorter one of a remembered stack and s is the inner
// end of the longer one; equal stacks nest too.
func (t *Twins) nests(from, length uint32, s stack) bool {
	n := min(length, uint32(len(s)))
	return n > 0 && t.frames.at(from+n-1) == s[n-1]
}

// Add remembers a stored event; w.TwinOf says which event counts for it.
func (t *Twins) Add(w *Witness) {
	if t.records <= 0 || w.trace == (key128{}) && !w.paired {
		return
	}
	kept := w.seen
	kept.frames, kept.all, kept.inApp = t.frames.end(), uint32(len(w.all)), uint32(len(w.inApp))
	t.frames.push(w.all)
	t.frames.push(w.inApp)
	at := t.seen.add(kept)
	if t.newest != 0 {
		t.seen.at(t.newest).newer = at
	} else {
		t.oldest = at
	}
	t.newest = at
	if w.paired {
		w.pair.key.fingerprint = w.Fingerprint // A twin's row carries the fingerprint of the event that counts.
		t.addPair(w)
		t.paired.push(w.pair)
	}
	if w.trace == (key128{}) {
		return
	}
	id := traceID{w.Project, w.trace}
	all := t.traces[id]
	primary := w.EventID
	if w.TwinOf != ([16]byte{}) {
		primary = w.TwinOf
		for i := all.first; i != 0; {
			o := t.all.at(i)
			if o.primary == primary {
				t.seen.at(o.last).sibling = at
				o.last = at
				return
			}
			i = o.next
		}
	}
	i := t.all.add(occurrence{primary: primary, fingerprint: w.Fingerprint, first: at, last: at, prev: all.last})
	if all.n == 0 {
		all.first = i
	} else {
		t.all.at(all.last).next = i
	}
	all.last = i
	all.n++
	t.traces[id] = all
}

// forget drops the oldest witness. An occurrence whose first witness is gone
// takes the place that its next one gives it, as in a window that never knew
// the first.
func (t *Twins) forget() {
	at := t.oldest
	w := *t.seen.at(at)
	t.seen.drop(at)
	if t.oldest = w.newer; t.oldest == 0 {
		t.newest = 0
	}
	t.frames.pop(w.all + w.inApp)
	if w.paired {
		p := t.paired.pop()
		t.forgetPair(&p)
	}
	if w.trace == (key128{}) {
		return
	}
	id := traceID{w.project, w.trace}
	all := t.traces[id]
	// The oldest witness of all is the first of the first occurrence.
	i := all.first
	o := t.all.at(i)
	o.first = w.sibling
	behind := uint32(0) // The last occurrence that is older than o now.
	if o.first != 0 {
		for k := o.next; k != 0 && t.seen.at(t.all.at(k).first).offset < t.seen.at(o.first).offset; k = t.all.at(k).next {
			behind = k
		}
		if behind == 0 {
			return
		}
	}
	all.first = o.next
	if o.next != 0 {
		t.all.at(o.next).prev = 0
	}
	switch {
	case behind != 0:
		b := t.all.at(behind)
		o.prev, o.next = behind, b.next
		b.next = i
		if o.next != 0 {
			t.all.at(o.next).prev = i
		} else {
			all.last = i
		}
	case all.n == 1:
		t.all.drop(i)
		delete(t.traces, id)
		return
	default:
		t.all.drop(i)
		all.n--
	}
	t.traces[id] = all
}
