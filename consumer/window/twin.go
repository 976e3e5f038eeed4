package window

import (
	"encoding/hex"
	"strings"

	"github.com/cespare/xxhash/v2"

	"errata/schema"
)

// Witness is what the rule of twins looks at in one stored event.
type Witness struct {
	Offset      int64
	Project     uint32
	EventID     [16]byte
	TwinOf      [16]byte // Of a stored row; zero for one that counts itself.
	Fingerprint uint64   // Of a twin: that of the event that counts.
	MainHash    uint64
	Kind        schema.Protocol
	Millis      int64 // When it happened.
	seen
}

// seen is the part of a witness that the window keeps.
type seen struct {
	offset  int64
	main    uint64
	what    uint64 // Type and value of the main exception; 0 where it has none.
	span    uint64 // 0 where there is none.
	outer   uint64
	trace   key128 // Zero where the event has none.
	all     stack
	inApp   stack
	project uint32
	kind    schema.Protocol
	pair    *pairSeen // For the rule of a reload; nil where it does not apply.
}

type key128 struct{ a, b uint64 }

// stack holds, for each length n, the hash of the innermost n frames, so that
// one stack can be seen to be the inner end of another.
type stack []uint32

// Columns are the values of an event that a witness is made from, the same
// from the wire and from the table.
type Columns struct {
	Trace, Span, OuterSpan string
	Type, Value, Message   string
	Server, Transaction    string
	Functions, Files       []string
	Lines                  []uint32
	InApp                  []bool
	PID                    string // Tag pid, which people set for uvicorn --reload.
}

// Fill computes what the rules compare. It keeps nothing of c.
func (w *Witness) Fill(c *Columns) {
	w.seen = seen{offset: w.Offset, main: w.MainHash, trace: traceKey(c.Trace), project: w.Project, kind: w.Kind}
	if c.Type != "" || c.Value != "" {
		w.what = pairHash(c.Type, c.Value)
	}
	if w.trace != (key128{}) {
		w.all, w.inApp = stacks(c)
		w.span, w.outer = spanHash(c.Span), spanHash(c.OuterSpan)
	}
	if c.PID != "" && w.Kind == schema.Protocol_PROTOCOL_SENTRY {
		w.pair = &pairSeen{pid: xxhash.Sum64String(c.PID), key: pairKey{project: w.Project, fingerprint: w.Fingerprint,
			words: pairHash(c.Message, c.Type+"\x00"+c.Value), place: pairHash(c.Server, c.Transaction)}}
	}
}

func spanHash(id string) uint64 {
	if id == "" {
		return 0
	}
	return max(xxhash.Sum64String(id), 1)
}

func pairHash(a, b string) uint64 {
	h := xxhash.Sum64String(a)*0x9e3779b97f4a7c15 ^ xxhash.Sum64String(b)
	return max(h, 1)
}

func traceKey(id string) key128 {
	if len(id) != 32 {
		return key128{}
	}
	var raw [16]byte
	if _, err := hex.Decode(raw[:], []byte(id)); err != nil {
		return key128{}
	}
	k, _ := IDKey(0, raw[:])
	return key128{k.A, k.B}
}

// stacks hashes the frames from the innermost outwards. Files count by their
// base name: the protocols carry different paths. Lines count: a traceback
// that is recorded again further out shows the same lines inside.
func stacks(c *Columns) (all, inApp stack) {
	n := min(len(c.Functions), len(c.Files), len(c.Lines))
	if n == 0 {
		return nil, nil
	}
	k := 0
	for _, in := range c.InApp[:min(n, len(c.InApp))] {
		if in {
			k++
		}
	}
	both := make(stack, n+k) // One piece: a window holds many of them.
	all, inApp = both[:0:n], both[n:n:n+k]
	var hall, happ uint64 = 1, 1
	for i := n - 1; i >= 0; i-- {
		f := frameHash(c.Functions[i], c.Files[i], c.Lines[i])
		hall = (hall ^ f) * 0x9e3779b97f4a7c15
		hall ^= hall >> 29
		all = append(all, uint32(hall>>16))
		if i < len(c.InApp) && c.InApp[i] {
			happ = (happ ^ f) * 0x9e3779b97f4a7c15
			happ ^= happ >> 29
			inApp = append(inApp, uint32(happ>>16))
		}
	}
	return all, inApp
}

func frameHash(function, file string, line uint32) uint64 {
	if i := strings.LastIndexAny(file, "/\\"); i >= 0 {
		file = file[i+1:]
	}
	return xxhash.Sum64String(function)*31 + xxhash.Sum64String(file)*17 + uint64(line)
}

// nests says whether the shorter stack is the inner end of the longer one;
// equal stacks nest too.
func (s stack) nests(o stack) bool {
	n := min(len(s), len(o))
	return n > 0 && s[n-1] == o[n-1]
}

// around says whether w was recorded on the span right around those of v.
func (w *seen) around(v *seen) bool { return w.span != 0 && w.span == v.outer }

// occurrence is one thing that happened, with its witnesses in the window.
type occurrence struct {
	primary     [16]byte
	fingerprint uint64
	witnesses   []*seen
}

type traceID struct {
	project uint32
	trace   key128
}

// maxOccurrences bounds how many occurrences of one trace are compared with a
// new witness: the newest ones.
const maxOccurrences = 1024

// Twins holds the newest stored events that could have further witnesses.
type Twins struct {
	records int64
	traces  map[traceID][]*occurrence // In the order of their oldest witness.
	pairs   map[pairKey][]*pairing
	queue   queue[*seen]
}

// NewTwins returns an empty window over so many records; 0 means off.
func NewTwins(records int64) *Twins {
	return &Twins{records: records, traces: map[traceID][]*occurrence{}, pairs: map[pairKey][]*pairing{}}
}

// Records is the window's size.
func (t *Twins) Records() int64 { return t.records }

// Len is the number of events remembered.
func (t *Twins) Len() int { return t.queue.len() }

// Advance moves the window to the record at offset.
func (t *Twins) Advance(offset int64) {
	for !t.queue.empty() && (*t.queue.front()).offset < offset-t.records {
		t.forget(t.queue.pop())
	}
}

// Judge says which event counts for w, if one does. The first issue wins: a
// twin takes the fingerprint of the event that counts.
func (t *Twins) Judge(w *Witness) (primary [16]byte, fingerprint uint64, twin bool) {
	if t.records <= 0 {
		return primary, 0, false
	}
	if w.trace != (key128{}) {
		all := t.traces[traceID{w.Project, w.trace}]
		for _, o := range all[max(0, len(all)-maxOccurrences):] {
			if o.takes(&w.seen) {
				return o.primary, o.fingerprint, true
			}
		}
	}
	if p := t.reloaded(w); p != nil {
		return p.primary, w.Fingerprint, true
	}
	return primary, 0, false
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
func (o *occurrence) takes(w *seen) bool {
	same, other, equal, linked := false, false, false, false
	for _, v := range o.witnesses {
		if v.kind == w.kind {
			same = true
			if w.what == 0 || v.what != w.what || !v.all.nests(w.all) {
				return false
			}
			equal = equal || len(v.all) == len(w.all)
			linked = linked || v.around(w) || w.around(v)
			continue
		}
		if w.main != 0 && v.main == w.main ||
			w.what != 0 && v.what == w.what && (v.inApp.nests(w.inApp) || v.all.nests(w.all)) {
			other = true
		}
	}
	if same {
		return !equal || linked
	}
	return other
}

// Add remembers a stored event; w.TwinOf says which event counts for it.
func (t *Twins) Add(w *Witness) {
	if t.records <= 0 || w.trace == (key128{}) && w.pair == nil {
		return
	}
	kept := new(seen)
	*kept = w.seen
	t.queue.push(kept)
	if w.pair != nil {
		w.pair.key.fingerprint = w.Fingerprint // A twin's row carries the fingerprint of the event that counts.
		t.addPair(w)
	}
	if w.trace == (key128{}) {
		return
	}
	id := traceID{w.Project, w.trace}
	primary := w.EventID
	if w.TwinOf != ([16]byte{}) {
		primary = w.TwinOf
		for _, o := range t.traces[id] {
			if o.primary == primary {
				o.witnesses = append(o.witnesses, kept)
				return
			}
		}
	}
	t.traces[id] = append(t.traces[id], &occurrence{primary: primary, fingerprint: w.Fingerprint, witnesses: []*seen{kept}})
}

// forget drops the oldest witness. An occurrence whose first witness is gone
// takes the place that its next one gives it, as in a window that never knew
// the first.
func (t *Twins) forget(w *seen) {
	if w.pair != nil {
		t.forgetPair(w.pair)
	}
	if w.trace == (key128{}) {
		return
	}
	id := traceID{w.project, w.trace}
	all := t.traces[id]
	// The oldest witness of all is the first of the first occurrence.
	o := all[0]
	o.witnesses[0] = nil
	o.witnesses = o.witnesses[1:]
	if len(o.witnesses) == 0 {
		all[0] = nil
		if all = all[1:]; len(all) == 0 {
			delete(t.traces, id)
			return
		}
		t.traces[id] = all
		return
	}
	for i := 1; i < len(all) && all[i].witnesses[0].offset < o.witnesses[0].offset; i++ {
		all[i-1], all[i] = all[i], all[i-1]
	}
}
