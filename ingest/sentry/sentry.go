// Package sentry reads what Sentry clients send. In: bodies, inflated and
// bounded by the edge, with what the request says. Out: an intake.Batch in
// which every item is counted once and is a row or has a fate. It speaks no
// HTTP, sends nothing and keeps nothing.
package sentry

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"errata/ingest/intake"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/item"
	"errata/ingest/sentry/limit"
	"errata/schema"
)

// Answer is what the client is told.
type Answer struct {
	EventID string // 32 lower hex digits; empty where no item has an id.
}

// DashedID is the answer's id as a UUID with dashes, as minidump clients read it.
func (a Answer) DashedID() string {
	s := a.EventID
	if len(s) != 32 {
		return s
	}
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// HeaderDSN returns the dsn of an envelope's header, for requests that carry no
// other authorization.
func HeaderDSN(body []byte) (string, bool) {
	h, _, err := envelope.ParseHeader(body)
	return h.DSN, err == nil && h.DSN != ""
}

func bad(detail, reason string, cause error) *intake.Error {
	e := &intake.Error{Status: http.StatusBadRequest, Detail: detail, Reason: reason}
	if cause != nil {
		e.Causes = []string{cause.Error()}
	}
	return e
}

var errEmpty = bad("empty body", "empty_body", errors.New("the request has no body"))

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
	if !strings.EqualFold(u.User.Username(), req.Key) || project != strconv.FormatUint(uint64(req.Project.ID), 10) {
		return bad("header mismatch", "dsn_mismatch", errors.New("dsn names another project or key than the authorization of the request"))
	}
	return nil
}

// Envelope reads an envelope.
func Envelope(req *intake.Request, body []byte) (*intake.Batch, Answer, error) {
	if len(body) == 0 {
		return nil, Answer{}, errEmpty
	}
	h, items, err := envelope.Parse(body)
	if errors.Is(err, envelope.ErrTooManyItems) {
		return nil, Answer{}, limit.TooMany("envelope", envelope.MaxItems)
	}
	if err != nil {
		return nil, Answer{}, bad("invalid envelope", "invalid_envelope", err)
	}
	if err := checkDSN(req, h.DSN); err != nil {
		return nil, Answer{}, err
	}
	if err := limit.Check(items); err != nil {
		return nil, Answer{}, err
	}
	for _, x := range [...]struct {
		name  string
		value *string
	}{{"release", &h.Trace.Release}, {"environment", &h.Trace.Environment}, {"transaction", &h.Trace.Transaction}, {"sdk.name", &h.SDKName}, {"sdk.version", &h.SDKVersion}} {
		*x.value = req.Project.Scrubber.Attribute(x.name, *x.value, nil) // They stand in for what an event lacks.
	}
	b := batch{Batch: item.New(req, &h), items: len(items)}
	if h.SentAt != "" {
		at, ok := instant.Text(h.SentAt)
		if !ok {
			return nil, Answer{}, bad("invalid envelope", "invalid_envelope", errors.New("sent_at of the envelope header must be RFC 3339"))
		}
		b.Drift = instant.Drift(req.ReceivedAt, at)
	}
	if h.EventID != "" {
		id, ok := event.ParseID(h.EventID)
		if !ok {
			return nil, Answer{}, bad("invalid event id", "invalid_event_id", errors.New("event_id of the envelope header must have 32 hex digits"))
		}
		b.ids.header, b.ids.known = id, true
	}
	items = b.nativeScope(items)
	// Events first: what hangs on one may stand before it.
	for i := range items {
		if eventLike(items[i].Type) {
			if err := b.item(&items[i]); err != nil {
				return nil, Answer{}, err
			}
		}
	}
	for i := range items {
		if !eventLike(items[i].Type) {
			if err := b.item(&items[i]); err != nil {
				return nil, Answer{}, err
			}
		}
	}
	return b.Batch.Batch, b.ids.answer(), nil
}

func eventLike(t string) bool { return t == "event" || t == "transaction" || t == "feedback" }

// batch is one request's rows with the ids of its events.
type batch struct {
	*item.Batch
	ids   idBook
	items int
	in    event.Input // Of the event that is read.
}

// idBook gives the items of one envelope their event ids.
type idBook struct {
	header [16]byte
	known  bool
	used   [][16]byte
	first  [1][16]byte // Memory of used: most envelopes have one event.
	more   bool        // The next event is one that the client does not number.
}

// next returns the id of an event item whose payload names own. Of several
// event items each needs an id of its own; ok is false where it has none.
func (b *idBook) next(own string) ([16]byte, bool) {
	id, ok := event.ParseID(own)
	if b.more && !ok {
		id, ok = item.NewID(), true
	}
	switch {
	case len(b.used) == 0 && b.known:
		id = b.header
	case len(b.used) == 0 && !ok:
		id = item.NewID()
	case !ok:
		return id, false
	}
	if slices.Contains(b.used, id) {
		return id, false
	}
	if len(b.used) == 0 {
		b.header, b.known = id, true
	}
	if b.used == nil {
		b.used = b.first[:0]
	}
	b.used = append(b.used, id)
	return id, true
}

// need returns the envelope's event id for items that hang on an event, and
// makes one where there is none.
func (b *idBook) need() []byte {
	if !b.known {
		b.header, b.known = item.NewID(), true
	}
	return append([]byte(nil), b.header[:]...)
}

// have returns the envelope's event id, nil where it has none.
func (b *idBook) have() []byte {
	if !b.known {
		return nil
	}
	return b.need()
}

func (b *idBook) answer() Answer {
	if !b.known {
		return Answer{}
	}
	return Answer{EventID: hex.EncodeToString(b.header[:])}
}

// item reads one item.
func (b *batch) item(it *envelope.Item) error {
	n := uint64(len(it.Payload))
	switch it.Type {
	case "event", "transaction", "feedback":
		return b.event(it)
	case "span", "otel_span":
		b.Spans(it)
	case "log", "otel_log":
		b.Logs(it)
	case "trace_metric":
		b.Metrics(it)
	case "session":
		b.Session(it.Payload)
	case "sessions":
		b.SessionBuckets(it.Payload)
	case "check_in":
		b.CheckIn(it.Payload)
	case "client_report":
		b.ClientReport(it.Payload)
	case "user_report":
		b.UserReport(it.Payload, b.ids.have())
	case "attachment":
		b.attachment(it)
	case "profile", "profile_chunk", "profile_chunk_ui", "replay_event", "replay_recording", "replay_video", "unreal_report", "form_data":
		if it.Type == "unreal_report" {
			b.crash("Unreal", "unreal")
		}
		b.Attach(&item.File{EventID: b.ids.need(), Name: it.Filename, Type: it.AttachmentType, ContentType: it.ContentType, ItemType: it.Type, TraceID: b.traceID(), Data: it.Payload})
	case "security", "raw_security":
		b.security(it.Payload)
	case "nel":
		b.nel(it.Payload)
	case "statsd", "metric_buckets", "metric_meta":
		b.Drop(schema.CategoryUnknown, it.Type, 1, n)
	case "integration":
		return bad("invalid item", "invalid_item", errors.New("items of type integration are not taken from clients"))
	default:
		b.Drop(schema.CategoryUnknown, b.Reason(it.Type), 1, n)
	}
	return nil
}

func (b *batch) traceID() string {
	if b.Header == nil {
		return ""
	}
	return event.HexID(b.Header.Trace.TraceID, 32)
}
