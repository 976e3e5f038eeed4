package window

import (
	"encoding/hex"
	"slices"
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
	both       []uint32 // Memory of the stacks.
	all, inApp stack
	pair       pairSeen // Where it is paired.
}

// seen is the part of a witness that the window keeps. It holds no pointer, nor
// does anything else of which there is one an event: what a collection of
// garbage has to follow would be followed again and again, and a window lives
// through all of them.
type seen struct {
	offset     int64
	main       uint64
	what       uint64 // Type and value of the main exception; 0 where it has none.
	span       uint64 // 0 where there is none.
	outer      uint64
	trace      key128 // Zero where the event has none.
	frames     uint32 // Place of its stacks: the whole one, then that of the application's own frames.
	all, inApp uint32 // Their lengths.
	sibling    uint32 // The next witness of its occurrence, 0 for none.
	newer      uint32 // The next witness of the window, 0 for none.
	project    uint32
	kind       schema.Protocol
	paired     bool // Whether the rule of a reload applies.
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

// Fill computes what the rules compare. It keeps nothing of c. A witness may be
// filled again for another event once it was added.
func (w *Witness) Fill(c *Columns) {
	w.seen = seen{offset: w.Offset, main: w.MainHash, trace: traceKey(c.Trace), project: w.Project, kind: w.Kind}
	if c.Type != "" || c.Value != "" {
		w.what = pairHash(c.Type, c.Value)
	}
	w.all, w.inApp = nil, nil
	if w.trace != (key128{}) {
		w.stacks(c)
		w.span, w.outer = spanHash(c.Span), spanHash(c.OuterSpan)
	}
	if c.PID != "" && w.Kind == schema.Protocol_PROTOCOL_SENTRY {
		w.paired = true
		w.pair = pairSeen{pid: xxhash.Sum64String(c.PID), key: pairKey{project: w.Project, fingerprint: w.Fingerprint,
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
func (w *Witness) stacks(c *Columns) {
	n := min(len(c.Functions), len(c.Files), len(c.Lines))
	w.both = slices.Grow(w.both[:0], 2*n)
	all, inApp := w.both[:0:n], w.both[n:n:2*n]
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
	w.all, w.inApp = all, inApp
}

func frameHash(function, file string, line uint32) uint64 {
	if i := strings.LastIndexAny(file, "/\\"); i >= 0 {
		file = file[i+1:]
	}
	return xxhash.Sum64String(function)*31 + xxhash.Sum64String(file)*17 + uint64(line)
}

// around says whether w was recorded on the span right around those of v.
func (w *seen) around(v *seen) bool { return w.span != 0 && w.span == v.outer }
