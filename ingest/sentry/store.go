package sentry

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"errata/ingest/intake"
	"errata/ingest/node"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/item"
	"errata/ingest/sentry/limit"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// Store reads the body of the store endpoint: an event as JSON, in base64, or
// in base64 of zlib or gzip. The edge hands bodies of the envelope content type to
// Envelope.
func Store(req *intake.Request, body []byte) (*intake.Batch, Answer, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, Answer{}, errEmpty
	}
	if body[0] != '{' {
		plain, err := decodeStore(body)
		if err != nil {
			return nil, Answer{}, err
		}
		body = plain
	}
	if len(body) > limit.MaxEventBytes {
		return nil, Answer{}, limit.TooLarge("event", limit.MaxEventBytes)
	}
	b := batch{Batch: item.New(req, nil), items: 1}
	if b.outline(body) {
		return b.Batch.Batch, b.ids.answer(), nil
	}
	doc, err := tree.Parse(body)
	if err != nil {
		return nil, Answer{}, bad("invalid event", "invalid_json", err)
	}
	defer doc.Release()
	if doc.Root.Type() != node.TypeObject {
		return nil, Answer{}, bad("invalid event", "invalid_json", errNoObject)
	}
	if err := checkDSN(req, event.DSN(doc)); err != nil {
		return nil, Answer{}, err
	}
	b.tree("event", doc, len(body))
	return b.Batch.Batch, b.ids.answer(), nil
}

var errNoObject = errors.New("an event must be a JSON object")

// decodeStore reads base64, and zlib or gzip inside it where there is some.
func decodeStore(body []byte) ([]byte, error) {
	raw := make([]byte, len(body)) // Enough for padded and bare alphabets.
	n, err := base64.StdEncoding.Decode(raw, body)
	if err != nil {
		n, err = base64.RawURLEncoding.Decode(raw, bytes.TrimRight(body, "="))
	}
	if err != nil {
		return nil, bad("invalid event", "invalid_json", errors.New("body is neither JSON nor base64"))
	}
	raw = raw[:n]
	if len(raw) > 0 && raw[0] == '{' {
		return raw, nil
	}
	var z io.ReadCloser
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		z, err = gzip.NewReader(bytes.NewReader(raw))
	} else {
		z, err = zlib.NewReader(bytes.NewReader(raw))
	}
	if err != nil {
		return nil, bad("invalid event", "invalid_json", errors.New("base64 holds neither JSON, zlib nor gzip"))
	}
	defer func() { _ = z.Close() }()
	out, err := io.ReadAll(io.LimitReader(z, limit.MaxEventBytes+1))
	if err != nil {
		return nil, bad("invalid event", "invalid_json", errors.New("zlib or gzip inside base64 is broken"))
	}
	if len(out) > limit.MaxEventBytes {
		return nil, limit.TooLarge("event", limit.MaxEventBytes)
	}
	return bytes.TrimSpace(out), nil
}

// event reads an event-shaped item. A payload that is no JSON refuses the whole
// request where it is all that there is; beside other items it is invalid.
func (b *batch) event(it *envelope.Item) error {
	if it.Type == "event" && b.outline(it.Payload) {
		return nil
	}
	doc, err := tree.Parse(it.Payload)
	if err == nil && doc.Root.Type() != node.TypeObject {
		doc.Release()
		err = errNoObject
	}
	if err != nil {
		if b.items == 1 {
			return bad("invalid event", "invalid_json", err)
		}
		b.Invalid(eventCategory(it.Type), "invalid_json", err, uint64(len(it.Payload)), b.ids.have())
		return nil
	}
	defer doc.Release()
	if err := checkDSN(b.Request, event.DSN(doc)); err != nil {
		return err
	}
	b.tree(it.Type, doc, len(it.Payload))
	return nil
}

func eventCategory(typ string) string {
	switch typ {
	case "transaction":
		return schema.CategoryTransaction
	case "feedback":
		return schema.CategoryFeedback
	}
	return schema.CategoryError
}

// tree turns one event-shaped document into rows.
func (b *batch) tree(typ string, doc *tree.Doc, size int) {
	if t := event.Type(doc); t == "transaction" || t == "feedback" {
		typ = t
	}
	id, ok := b.number(typ, doc, size)
	if !ok {
		return
	}
	b.in = event.Input{Request: b.Request, Header: b.Header, ID: id, Drift: b.Drift, Bytes: size, Feedback: typ == "feedback"}
	in := &b.in
	if typ == "transaction" {
		b.transaction(doc, in)
		return
	}
	in.Payload = b.Lend()
	ev, fb := event.Read(doc, in)
	b.Accept(ev.Category(), 1, uint64(size))
	b.AddEvent(ev)
	if fb != nil {
		b.Feedback(ev, fb)
	}
}

// number returns an event's id; one that may have none has its fate.
func (b *batch) number(typ string, doc *tree.Doc, size int) ([16]byte, bool) {
	id, ok := b.ids.next(event.ID(doc))
	if !ok {
		c := eventCategory(typ)
		b.Accept(c, 1, uint64(size))
		b.End(c, schema.OutcomeDropped, "second_event_without_own_id", "an envelope holds one event; further ones need an event_id of their own", 1, uint64(size), nil)
	}
	return id, ok
}

func (b *batch) transaction(doc *tree.Doc, in *event.Input) {
	t, err := event.ReadTransaction(doc, in)
	if err != nil {
		b.Invalid(schema.CategoryTransaction, "invalid_transaction", err, uint64(in.Bytes), append([]byte(nil), in.ID[:]...))
		return
	}
	b.Accept(schema.CategoryTransaction, 1, uint64(in.Bytes))
	if n := uint64(len(t.Spans) - 1 + t.Invalid + t.Over); n > 0 {
		b.Accept(schema.CategorySpan, n, 0)
	}
	if t.Invalid > 0 {
		b.End(schema.CategorySpan, schema.OutcomeInvalid, "invalid_span", "a span needs span_id, start_timestamp and timestamp", uint64(t.Invalid), 0, nil)
	}
	if t.Over > 0 {
		b.End(schema.CategorySpan, schema.OutcomeTooLarge, "too_many_spans", fmt.Sprintf("a transaction has at most %d spans", event.MaxSpans), uint64(t.Over), 0, nil)
	}
	b.Batch.Batch.Spans = append(b.Batch.Batch.Spans, t.Spans...)
}
