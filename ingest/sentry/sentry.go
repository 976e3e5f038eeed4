// Package sentry reads what Sentry clients send. In: bodies, inflated and
// bounded by the edge, with what the request says. Out: an intake.Batch in
// which every item is counted once and is a row or has a fate. It speaks no
// HTTP, sends nothing and keeps nothing.
package sentry

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// Answer is what the client is told.
type Answer struct {
	EventID string // 32 lower hex digits; empty where no item has an id.
}

// DashedID is the answer's id as a UUID with dashes, as minidump clients read it.
func (a Answer) DashedID() string {
	if len(a.EventID) != 32 {
		return a.EventID
	}
	s := a.EventID
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// HeaderDSN returns the dsn of an envelope's header, for requests that carry no
// other authorization.
func HeaderDSN(body []byte) (string, bool) {
	h, _, err := envelope.ParseHeader(body)
	return h.DSN, err == nil && h.DSN != ""
}

// batch is the state of one request.
type batch struct {
	*intake.Batch
	req    *intake.Request
	header *envelope.Header
	drift  int64
	key    uint64
}

func newBatch(req *intake.Request, h *envelope.Header) *batch {
	b := &batch{Batch: &intake.Batch{Request: req}, req: req, header: h}
	if req.Key != "" {
		b.key = xxhash.Sum64String(req.Key)
	}
	return b
}

// fate records what became of n items that are no rows.
func (b *batch) fate(category, outcome, reason, detail string, n, bytes uint64, id []byte) {
	b.Fate(&schema.Outcome{
		Category: category, Outcome: outcome, Reason: reason, Detail: detail, Quantity: n, Bytes: bytes, EventId: id,
		Protocol: schema.Protocol_PROTOCOL_SENTRY, KeyHash: b.key,
	})
}

// drop accepts items that are not kept.
func (b *batch) drop(category, reason string, n, bytes uint64) {
	b.Accept(category, n, bytes)
	b.fate(category, schema.OutcomeDropped, reason, "", n, bytes, nil)
}

// invalid accepts items that cannot be read.
func (b *batch) invalid(category, reason string, err error, bytes uint64, id []byte) {
	b.Accept(category, 1, bytes)
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	b.fate(category, schema.OutcomeInvalid, reason, detail, 1, bytes, id)
}

func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // Never fails.
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func bad(detail, reason string, cause error) *intake.Error {
	e := &intake.Error{Status: http.StatusBadRequest, Detail: detail, Reason: reason}
	if cause != nil {
		e.Causes = []string{cause.Error()}
	}
	return e
}

// checkDSN refuses an envelope or event whose own dsn names another project or
// key than the request's authorization does.
func checkDSN(req *intake.Request, dsn string) error {
	if dsn == "" || req.Key == "" {
		return nil
	}
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil {
		return bad("bad dsn in body", "invalid_dsn", errors.New("dsn must be https://KEY@HOST/PROJECT"))
	}
	project := u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	if u.User.Username() != req.Key || project != projectID(req) {
		return bad("header mismatch", "dsn_mismatch", errors.New("dsn names another project or key than the authorization of the request"))
	}
	return nil
}

// Envelope reads an envelope.
func Envelope(req *intake.Request, body []byte) (*intake.Batch, Answer, error) {
	if len(body) == 0 {
		return nil, Answer{}, bad("empty body", "empty_body", nil)
	}
	h, items, err := envelope.Parse(body)
	if err != nil {
		return nil, Answer{}, bad("invalid envelope", "invalid_envelope", err)
	}
	if err := checkDSN(req, h.DSN); err != nil {
		return nil, Answer{}, err
	}
	b := newBatch(req, &h)
	if h.SentAt != "" {
		at, ok := instant.Text(h.SentAt)
		if !ok {
			return nil, Answer{}, bad("invalid envelope", "invalid_envelope", errors.New("sent_at of the envelope header must be RFC 3339"))
		}
		b.drift = instant.Drift(req.ReceivedAt, at)
	}
	ids := idBook{}
	if h.EventID != "" {
		id, ok := event.ParseID(h.EventID)
		if !ok {
			return nil, Answer{}, bad("invalid event id", "invalid_event_id", errors.New("event_id of the envelope header must have 32 hex digits"))
		}
		ids.header, ids.known = id, true
	}
	for i := range items {
		if err := b.item(&items[i], &ids); err != nil {
			return nil, Answer{}, err
		}
	}
	return b.Batch, ids.answer(), nil
}

// idBook gives the items of one envelope their event ids.
type idBook struct {
	header [16]byte
	known  bool
	used   [][16]byte
}

// next returns the id of an event item whose payload names own. Of several
// event items each needs an id of its own; ok is false where it has none.
func (b *idBook) next(own string) ([16]byte, bool) {
	id, ok := event.ParseID(own)
	switch {
	case len(b.used) == 0 && b.known:
		id = b.header
	case len(b.used) == 0 && !ok:
		id = newID()
	case !ok:
		return id, false
	}
	for _, u := range b.used {
		if u == id {
			return id, false
		}
	}
	if len(b.used) == 0 {
		b.header, b.known = id, true
	}
	b.used = append(b.used, id)
	return id, true
}

// need returns the envelope's event id for items that hang on an event, and
// makes one where there is none.
func (b *idBook) need() [16]byte {
	if !b.known {
		b.header, b.known = newID(), true
	}
	return b.header
}

func (b *idBook) answer() Answer {
	if !b.known {
		return Answer{}
	}
	return Answer{EventID: hex.EncodeToString(b.header[:])}
}

// item reads one item. Only a payload of an event that is no JSON refuses the
// whole request.
func (b *batch) item(it *envelope.Item, ids *idBook) error {
	n := uint64(len(it.Payload))
	switch it.Type {
	case "event", "transaction", "feedback":
		return b.event(it, ids)
	default:
		b.drop(schema.CategoryUnknown, reasonName(it.Type), 1, n)
	}
	return nil
}

// event reads an event-shaped item.
func (b *batch) event(it *envelope.Item, ids *idBook) error {
	doc, err := tree.Parse(it.Payload)
	if err != nil {
		return bad("invalid event", "invalid_json", err)
	}
	defer doc.Release()
	return b.tree(it.Type, doc, len(it.Payload), ids)
}

func projectID(req *intake.Request) string { return uitoa(req.Project.ID) }
