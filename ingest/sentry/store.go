package sentry

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"errata/ingest/intake"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// MaxEventBytes bounds one event's JSON.
const MaxEventBytes = 1 << 20

// Store reads the body of the store endpoint: an event as JSON, in base64, or
// in base64 of zlib. Envelopes go to Envelope.
func Store(req *intake.Request, body []byte) (*intake.Batch, Answer, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, Answer{}, bad("empty body", "empty_body", nil)
	}
	if body[0] != '{' {
		plain, err := decodeStore(body)
		if err != nil {
			return nil, Answer{}, err
		}
		body = plain
	}
	if len(body) > MaxEventBytes {
		return nil, Answer{}, tooLarge("event", MaxEventBytes)
	}
	doc, err := tree.Parse(body)
	if err != nil {
		return nil, Answer{}, bad("invalid event", "invalid_json", err)
	}
	defer doc.Release()
	if err := checkDSN(req, event.DSN(doc)); err != nil {
		return nil, Answer{}, err
	}
	b := newBatch(req, nil)
	ids := idBook{}
	typ := "event"
	if event.Type(doc) == "transaction" {
		typ = "transaction"
	}
	if err := b.tree(typ, doc, len(body), &ids); err != nil {
		return nil, Answer{}, err
	}
	return b.Batch, ids.answer(), nil
}

func tooLarge(what string, limit int) *intake.Error {
	return &intake.Error{
		Status: http.StatusRequestEntityTooLarge, Detail: "payload too large", Reason: "too_large",
		Causes: []string{fmt.Sprintf("%s is over %d bytes; send less data or attach it", what, limit)},
	}
}

// decodeStore reads base64, and zlib inside it where there is some.
func decodeStore(body []byte) ([]byte, error) {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
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
	z, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, bad("invalid event", "invalid_json", errors.New("base64 holds neither JSON nor zlib"))
	}
	defer z.Close()
	out, err := io.ReadAll(io.LimitReader(z, MaxEventBytes+1))
	if err != nil {
		return nil, bad("invalid event", "invalid_json", errors.New("zlib inside base64 is broken"))
	}
	if len(out) > MaxEventBytes {
		return nil, tooLarge("event", MaxEventBytes)
	}
	return bytes.TrimSpace(out), nil
}

// tree turns one event-shaped document into rows.
func (b *batch) tree(typ string, doc *tree.Doc, size int, ids *idBook) error {
	if doc.Root.Type() != fastjson.TypeObject {
		return bad("invalid event", "invalid_json", errors.New("an event must be a JSON object"))
	}
	if t := event.Type(doc); t == "transaction" {
		typ = t
	}
	category := schema.CategoryError
	if typ == "transaction" {
		category = schema.CategoryTransaction
	}
	id, ok := ids.next(event.ID(doc))
	if !ok {
		b.Accept(category, 1, uint64(size))
		b.fate(category, schema.OutcomeDropped, "second_event_without_own_id", "an envelope holds one event; further ones need an event_id of their own", 1, uint64(size), nil)
		return nil
	}
	in := event.Input{Request: b.req, Header: b.header, ID: id, Drift: b.drift, Bytes: size}
	if typ == "transaction" {
		b.transaction(doc, &in)
		return nil
	}
	ev := event.Read(doc, &in)
	b.Accept(ev.Category(), 1, uint64(size))
	b.Events = append(b.Events, ev)
	return nil
}

func (b *batch) transaction(doc *tree.Doc, in *event.Input) {
	t, err := event.ReadTransaction(doc, in)
	if err != nil {
		b.invalid(schema.CategoryTransaction, "invalid_transaction", err, uint64(in.Bytes), append([]byte(nil), in.ID[:]...))
		return
	}
	b.Accept(schema.CategoryTransaction, 1, uint64(in.Bytes))
	if n := uint64(len(t.Spans) - 1 + t.Invalid + t.Over); n > 0 {
		b.Accept(schema.CategorySpan, n, 0)
	}
	if t.Invalid > 0 {
		b.fate(schema.CategorySpan, schema.OutcomeInvalid, "invalid_span", "a span needs span_id, start_timestamp and timestamp", uint64(t.Invalid), 0, nil)
	}
	if t.Over > 0 {
		b.fate(schema.CategorySpan, schema.OutcomeTooLarge, "too_many_spans", fmt.Sprintf("a transaction has at most %d spans", event.MaxSpans), uint64(t.Over), 0, nil)
	}
	b.Spans = append(b.Spans, t.Spans...)
}

func uitoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// reasonName makes a type that a client made up fit for a reason.
func reasonName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, s)
	return tree.Cut(s, 64)
}
