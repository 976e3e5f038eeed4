package sentry

import (
	"sync"

	"errata/ingest/intake"
	"errata/ingest/node"
	"errata/ingest/scrub"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/outline"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// sketch is the memory in which outlines are made.
type sketch struct {
	outline.Outline
	own, rest []byte
}

var sketches = sync.Pool{New: func() any { return new(sketch) }}

// outline reads of an event what groups and counts, where the request wants no
// more. It is false, and nothing happened, where the event has to be read as
// any other.
func (b *batch) outline(payload []byte) bool {
	if !b.Request.Outlines {
		return false
	}
	s, _ := sketches.Get().(*sketch)
	defer sketches.Put(s)
	agents := b.Request.Project.Filter.ReadsAgents()
	if !s.Cut(payload, agents) {
		return false
	}
	text := s.JSON
	var like *lookalike
	own, rest, ok := s.Parts(s.own[:0], s.rest[:0])
	s.own, s.rest = own, b.context(rest)
	if ok {
		if like = lookalikes.find(b.Request.Project, s.rest); like != nil {
			text = s.own
		}
	}
	doc, err := tree.Parse(text)
	if err != nil {
		return false
	}
	defer doc.Release()
	if doc.Root.Type() != node.TypeObject || checkDSN(b.Request, event.DSN(doc)) != nil {
		return false
	}
	if t := event.Type(doc); t == "transaction" || t == "feedback" {
		return false
	}
	id, numbered := b.number("event", doc, len(payload))
	if !numbered {
		return true
	}
	in := event.Input{Request: b.Request, Header: b.Header, ID: id, Drift: b.Drift, Bytes: len(payload), Outline: true, Agents: agents}
	var ev *schema.Event
	held := scrub.Counts(nil)
	if like != nil {
		ev, held = event.ReadOwn(doc, &in, like.event), like.held
	} else if ev, _ = event.Read(doc, &in); ok && ev.Category() == schema.CategoryError {
		lookalikes.keep(b.Request.Project, s.rest, ev, in.Held)
	}
	o := intake.Outline{
		Event:   ev,
		Counted: func() { in.Held.Tell(); held.Tell() },
		Whole: func() *schema.Event {
			in.Outline = false
			doc, err := tree.Parse(payload)
			if err != nil {
				return nil
			}
			defer doc.Release()
			ev, _ := event.Read(doc, &in)
			return ev
		},
	}
	if ev.Category() != schema.CategoryError {
		// A flood is one of errors.
		whole := o.Whole()
		if whole == nil {
			b.Invalid(ev.Category(), "invalid_json", tree.ErrSyntax, uint64(len(payload)), ev.EventId)
			return true
		}
		ev = whole
	} else {
		b.Outlines = append(b.Outlines, o)
	}
	b.Accept(ev.Category(), 1, uint64(len(payload)))
	b.Events = append(b.Events, ev)
	return true
}

// context appends what beside an event's JSON decides its columns.
func (b *batch) context(rest []byte) []byte {
	if h := b.Header; h != nil {
		for _, s := range [...]string{h.Trace.Release, h.Trace.Environment, h.SDKName, h.SDKVersion} {
			rest = append(append(rest, 0), s...)
		}
	}
	return append(append(rest, 0), b.Request.Client...)
}
