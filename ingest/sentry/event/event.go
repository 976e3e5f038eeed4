// Package event turns the JSON of a Sentry event or transaction into rows. In:
// one parsed payload with what its envelope and request say. Out: schema.Event
// with its columns and a payload of one shape, or the spans of a transaction.
// It never rejects for a bad field: the field is dropped and named in the
// payload's errors. It never sends anything.
package event

import (
	"encoding/hex"
	"maps"
	"strings"
	"sync"
	"time"

	"errata/ingest/intake"
	"errata/ingest/node"
	"errata/ingest/scrub"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/payload"
	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema"
	"errata/schema/grouping"
)

// Input is what is known of an event beside its JSON.
type Input struct {
	Request *intake.Request
	Header  *envelope.Header // Nil where there is no envelope.
	ID      [16]byte
	Drift   int64 // Microseconds to add to all times.
	Bytes   int   // Size as received.
	// Payload is memory for the payload; nil where the row gets its own.
	Payload *[]byte
	// Feedback says that the item's type or the payload's is feedback.
	Feedback bool
	// Outline says that the tree is only an event's outline: the row gets neither
	// payload nor redactions, and nobody is told of those yet.
	Outline bool
	Agents  bool // The row of an outline has a payload all the same: a filter reads it.
	// Held are the redactions of an outline; nil for none.
	Held scrub.Counts
}

// reader is the state of one event's way; it is pooled.
type reader struct {
	in      *Input
	f       shape.Event
	group   grouping.Input
	frames  []schema.Frame // Backing of all frames of group.
	counts  scrub.Counts
	shift   int64 // Microseconds added to every time: drift and clamping.
	ts      int64
	scratch []byte
	tags    []schema.Tag
	order   []int // Of each exception of group: its place among the payload's.
}

var readers = sync.Pool{New: func() any { return &reader{counts: scrub.Counts{}} }}

func newReader(doc *tree.Doc, in *Input) *reader {
	r := readers.Get().(*reader)
	r.in = in
	r.f.Open(doc)
	return r
}

func (r *reader) release() {
	r.in = nil
	r.f.Reset()
	clear(r.frames)
	clear(r.tags)
	clear(r.counts)
	clear(r.group.Exceptions)
	r.frames, r.tags, r.scratch, r.order = r.frames[:0], r.tags[:0], r.scratch[:0], r.order[:0]
	ex := r.group.Exceptions[:0]
	r.group = grouping.Input{Exceptions: ex}
	if cap(r.scratch) > 256<<10 {
		r.scratch = nil
	}
	readers.Put(r)
}

// Type returns the payload's own type: transaction and feedback are believed,
// everything else is inferred later.
func Type(doc *tree.Doc) string { return tree.Get(doc.Root, "type") }

// ID returns the payload's event id, as sent.
func ID(doc *tree.Doc) string {
	if s := tree.Get(doc.Root, "event_id"); s != "" {
		return s
	}
	return tree.Get(doc.Root, "id")
}

// DSN returns the payload's own dsn, empty where it has none.
func DSN(doc *tree.Doc) string { return tree.Get(doc.Root, "dsn") }

// ParseID reads an id of 32 hex digits, with or without dashes. The nil id is
// none.
func ParseID(s string) (id [16]byte, ok bool) {
	var b [32]byte
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '-' && len(s) == 36 {
			continue
		}
		if n == 32 {
			return id, false
		}
		b[n] = s[i]
		n++
	}
	if n != 32 {
		return id, false
	}
	if _, err := hex.Decode(id[:], b[:]); err != nil {
		return [16]byte{}, false
	}
	return id, id != [16]byte{}
}

// Feedback is what an event of type feedback says beside its message.
type Feedback struct {
	EventID                            string // The event that it is about, as sent; empty where none.
	Name, Email, URL, Source, ReplayID string
}

// Read makes the row of an event, and what it says as feedback where it is
// some. The tree is changed and may be released afterwards: neither holds any
// part of it.
func Read(doc *tree.Doc, in *Input) (*schema.Event, *Feedback) {
	r := newReader(doc, in)
	defer r.release()
	r.prepare()
	row := &struct {
		event schema.Event
		id    [16]byte
	}{id: in.ID}
	ev := &row.event
	ev.EventId, ev.Protocol, ev.Weight, ev.PayloadBytes = row.id[:], schema.Protocol_PROTOCOL_SENTRY, 1, uint32(in.Bytes)
	ev.Timestamp = r.ts / 1000
	r.exceptions()
	r.stacks()
	r.columns(ev)
	r.kind(ev)
	r.message(ev)
	r.level(ev)
	r.grouping(ev)
	main := in.Request.Project.Describe(ev, &r.group)
	if main >= 0 {
		main = r.order[main]
	}
	if c := r.short(shape.Culprit, schema.MaxCulprit); c != "" {
		ev.Culprit = c // Old clients name it themselves.
	}
	if in.Outline && len(r.counts) > 1 {
		in.Held = maps.Clone(r.counts)
	}
	if in.Outline && !in.Agents {
		detach(ev)
		return ev, nil
	}
	r.payload(ev, main)
	ev.Redactions = r.redactions()
	var fb *Feedback
	if ev.Type == "feedback" {
		fb = r.feedback(ev)
	}
	detach(ev)
	return ev, fb
}

// payload writes the payload, whose length is not known before.
func (r *reader) payload(ev *schema.Event, main int) {
	to := &r.scratch
	if r.in.Payload != nil {
		to = r.in.Payload
	}
	*to = payload.Append((*to)[:0], &payload.Input{
		Event: ev, Attributes: &r.f, Time: r.ts, Shift: r.shift, Message: r.group.Message, Template: r.group.Template, Tags: r.tags, Main: main,
	})
	ev.Payload = *to
	if r.in.Payload == nil {
		ev.Payload = append([]byte(nil), r.scratch...)
	}
}

// ReadOwn makes the row of an event that is as like, but for what is its own:
// id, time, trace and user, which are all that the tree has. HTTP status and
// replay are left out. The row shares memory with like, which nobody may change.
func ReadOwn(doc *tree.Doc, in *Input, like *schema.Event) *schema.Event {
	r := newReader(doc, in)
	defer r.release()
	r.prepare()
	own := schema.Event{}
	r.user(&own)
	r.contexts(&own)
	if len(r.counts) > 1 {
		in.Held = maps.Clone(r.counts)
	}
	detach(&own)
	return &schema.Event{
		EventId: append([]byte(nil), in.ID[:]...), Timestamp: r.ts / 1000, PayloadBytes: uint32(in.Bytes),
		UserId: own.UserId, UserHash: own.UserHash, UserIp: own.UserIp, UserEmail: own.UserEmail, UserName: own.UserName, Country: own.Country,
		TraceId: own.TraceId, SpanId: own.SpanId, TraceSampled: own.TraceSampled,
		Fingerprint: like.Fingerprint, Hashes: like.Hashes, MainHash: like.MainHash, GroupingVersion: like.GroupingVersion, GroupingReason: like.GroupingReason,
		DecidingComponent: like.DecidingComponent, Weight: like.Weight, Protocol: like.Protocol, Type: like.Type, Level: like.Level, Platform: like.Platform,
		SdkName: like.SdkName, SdkVersion: like.SdkVersion, Service: like.Service, Environment: like.Environment, Release: like.Release, Dist: like.Dist,
		ServerName: like.ServerName, Transaction: like.Transaction, Logger: like.Logger, Title: like.Title, Culprit: like.Culprit, Message: like.Message,
		ExceptionType: like.ExceptionType, ExceptionValue: like.ExceptionValue, Handled: like.Handled, Mechanism: like.Mechanism, FramesFunction: like.FramesFunction,
		FramesFile: like.FramesFile, FramesLine: like.FramesLine, FramesInApp: like.FramesInApp, HttpMethod: like.HttpMethod, Url: like.Url, Tags: like.Tags,
	}
}

func (r *reader) feedback(ev *schema.Event) *Feedback {
	v := r.f.Get(shape.Contexts).Get("feedback")
	get := func(k string, max int) string { return tree.Clean(tree.Cut(tree.Get(v, k), max)) }
	id := get("associated_event_id", 36)
	if id == "" {
		id = get("event_id", 36)
	}
	replay := HexID(get("replay_id", 36), 32)
	if replay == "" {
		replay = strings.Clone(ev.ReplayId)
	}
	return &Feedback{EventID: id, Name: get("name", 128), Email: get("contact_email", 75), URL: get("url", schema.MaxURL), Source: get("source", 64), ReplayID: replay}
}

// prepare shapes and scrubs the tree and settles the time.
func (r *reader) prepare() {
	r.f.Shape(r.in.Request.ClientIP)
	if r.in.Outline {
		r.counts.Hold()
	}
	r.f.Scrub(func(root *node.Value, a *node.Arena) bool {
		s := r.in.Request.Project.Scrubber
		return s != nil && s.JSON(root, a, r.counts)
	})
	r.time()
}

func (r *reader) redactions() uint32 {
	n := 0
	for _, c := range r.counts {
		n += c
	}
	return uint32(n)
}

// time decides the event's time and how far all of its times are moved.
func (r *reader) time() {
	received := r.in.Request.ReceivedAt.UnixMicro()
	r.shift = r.in.Drift
	v := r.f.Get(shape.Timestamp)
	ts, ok := instant.Value(v)
	if !ok {
		if v != nil {
			r.f.Invalid("timestamp", "expected RFC 3339 text or seconds", v)
		}
		r.ts = received
		return
	}
	if r.shift != 0 {
		r.f.Problem("clock_drift", "timestamp", "the client's clock differs from the server's; all times were moved", nil)
	}
	ts += r.shift
	days := instant.Days(r.in.Request.Project.RetentionDays)
	switch oldest := received - int64(days)*int64(24*time.Hour/time.Microsecond); {
	case ts > received+instant.MaxFuture.Microseconds():
		r.f.Problem("future_timestamp", "timestamp", "in the future; all times were moved", v)
		r.shift += received - ts
		ts = received
	case ts < oldest:
		r.f.Problem("past_timestamp", "timestamp", "older than the project keeps; all times were moved", v)
		r.shift += received - ts
		ts = received
	}
	r.ts = ts
}
