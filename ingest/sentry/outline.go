package sentry

import (
	"sync"

	"github.com/valyala/fastjson"

	"errata/ingest/intake"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/outline"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

var outlines = sync.Pool{New: func() any { return new([]byte) }}

// outline reads of an event what groups and counts, where the request wants no
// more. It is false, and nothing happened, where the event has to be read as
// any other.
func (b *batch) outline(payload []byte) bool {
	if !b.Request.Outlines {
		return false
	}
	buf, _ := outlines.Get().(*[]byte)
	defer outlines.Put(buf)
	var ok bool
	agents := b.Request.Project.Filter.ReadsAgents()
	if *buf, ok = outline.Cut((*buf)[:0], payload, agents); !ok {
		return false
	}
	doc, err := tree.Parse(*buf)
	if err != nil {
		return false
	}
	defer doc.Release()
	if doc.Root.Type() != fastjson.TypeObject || checkDSN(b.Request, event.DSN(doc)) != nil {
		return false
	}
	if t := event.Type(doc); t == "transaction" || t == "feedback" {
		return false
	}
	id, ok := b.number("event", doc, len(payload))
	if !ok {
		return true
	}
	in := event.Input{Request: b.Request, Header: b.Header, ID: id, Drift: b.Drift, Bytes: len(payload), Outline: true, Agents: agents}
	ev, _ := event.Read(doc, &in)
	o := intake.Outline{
		Event:   ev,
		Counted: in.Held.Tell,
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
