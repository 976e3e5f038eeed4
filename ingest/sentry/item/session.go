package item

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"errata/ingest/node"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// maxSessionAge is how long after its start a session is still counted.
const maxSessionAge = 5 * 24 * time.Hour

// maxBuckets bounds one pre-aggregated item.
const maxBuckets = 500

var statuses = map[string]schema.SessionStatus{
	"ok": schema.SessionStatus_SESSION_OK, "exited": schema.SessionStatus_SESSION_EXITED, "crashed": schema.SessionStatus_SESSION_CRASHED,
	"abnormal": schema.SessionStatus_SESSION_ABNORMAL, "errored": schema.SessionStatus_SESSION_ERRORED, "degraded": schema.SessionStatus_SESSION_ERRORED,
	"unhandled": schema.SessionStatus_SESSION_UNHANDLED,
}

// Session reads one update of one session.
func (b *Batch) Session(payload []byte) {
	s, err := b.session(payload)
	if err != nil {
		b.Invalid(schema.CategorySession, "invalid_session", err, uint64(len(payload)), nil)
		return
	}
	b.Accept(schema.CategorySession, 1, uint64(len(payload)))
	b.Batch.Sessions = append(b.Batch.Sessions, s)
}

func (b *Batch) session(payload []byte) (*schema.Session, error) {
	doc, err := parse(payload)
	if err != nil {
		return nil, err
	}
	defer doc.Release()
	v := doc.Root
	id := idBytes(tree.Get(v, "sid"))
	if id == nil {
		return nil, errors.New("a session needs a sid of 32 hex digits")
	}
	s := &schema.Session{SessionId: id, Quantity: 1, Status: schema.SessionStatus_SESSION_OK}
	if err := b.attrs(s, v.Get("attrs")); err != nil {
		return nil, err
	}
	if st := tree.Get(v, "status"); st != "" {
		known := false
		if s.Status, known = statuses[st]; !known {
			return nil, errors.New("status of a session is ok, exited, crashed, abnormal, errored or unhandled")
		}
	}
	started, ok := instant.Value(v.Get("started"))
	if !ok {
		return nil, errors.New("a session needs started")
	}
	at, ok := instant.Value(v.Get("timestamp"))
	if !ok {
		at = b.received() - b.Drift
	}
	if err := b.sessionTimes(s, started, at); err != nil {
		return nil, err
	}
	s.Init = tree.Is(v.Get("init"), node.TypeTrue)
	// Updates without a number are ordered by their time.
	if s.Seq, ok = tree.Uint(v.Get("seq")); !ok {
		s.Seq = uint64(s.Timestamp)
	}
	if n, ok := tree.Uint(v.Get("errors")); ok {
		s.Errors = uint32(min(n, math.MaxUint32))
	}
	if s.Errors > 0 && (s.Status == schema.SessionStatus_SESSION_OK || s.Status == schema.SessionStatus_SESSION_EXITED) {
		s.Status = schema.SessionStatus_SESSION_ERRORED
	}
	if f, ok := tree.Float(v.Get("duration")); ok && f > 0 {
		s.DurationMs = uint32(min(f*1000, math.MaxUint32))
	}
	did, _ := tree.Scalar(v.Get("did"))
	s.UserHash = schema.UserHash(did, "", "", "")
	return s, nil
}

// attrs reads what all sessions of an item share. A release is what sessions
// are counted by: without one they are of no use.
func (b *Batch) attrs(s *schema.Session, v *node.Value) error {
	s.Release = b.release(strings.TrimSpace(tree.Get(v, "release")))
	if s.Release == "" {
		return errors.New("a session needs attrs.release")
	}
	s.Environment = b.environment(tree.Get(v, "environment"))
	if b.Header != nil {
		s.SdkName = b.Header.SDKName
	}
	if s.SdkName == "" {
		s.SdkName, _, _ = strings.Cut(b.Request.Client, "/")
	}
	s.Os = tree.Clean(tree.Cut(tree.Get(v, "os"), 64))
	return nil
}

// sessionTimes moves both times by the drift and refuses what is too old.
func (b *Batch) sessionTimes(s *schema.Session, started, at int64) error {
	started, at = started+b.Drift, at+b.Drift
	now := b.received()
	if started < now-maxSessionAge.Microseconds() {
		return fmt.Errorf("session started more than %d days ago", maxSessionAge/(24*time.Hour))
	}
	if started > now+instant.MaxFuture.Microseconds() {
		started = now
	}
	at = min(max(at, started), max(now, started))
	s.Started, s.Timestamp = started/1000, at/1000
	return nil
}

// SessionBuckets reads pre-aggregated sessions: one row for each status of
// each bucket.
func (b *Batch) SessionBuckets(payload []byte) {
	n := uint64(len(payload))
	doc, err := parse(payload)
	if err != nil {
		b.Invalid(schema.CategorySession, "invalid_json", err, n, nil)
		return
	}
	defer doc.Release()
	if !tree.Is(doc.Root.Get("aggregates"), node.TypeArray) {
		b.Invalid(schema.CategorySession, "invalid_session", errors.New("pre-aggregated sessions need a list of aggregates"), n, nil)
		return
	}
	list := doc.Root.GetArray("aggregates")
	rows := 0
	for i, v := range list {
		if i == maxBuckets {
			b.Accept(schema.CategorySession, uint64(len(list)-i), 0)
			b.End(schema.CategorySession, schema.OutcomeTooLarge, "too_many_buckets", fmt.Sprintf("at most %d buckets an item", maxBuckets), uint64(len(list)-i), 0, nil)
			return
		}
		got, err := b.bucket(doc.Root, v)
		if err != nil {
			b.Invalid(schema.CategorySession, "invalid_session", err, 0, nil)
			continue
		}
		for _, s := range got {
			size := uint64(0)
			if rows == 0 {
				size = n
			}
			rows++
			b.Accept(schema.CategorySession, 1, size)
			b.Batch.Sessions = append(b.Batch.Sessions, s)
		}
	}
}

func (b *Batch) bucket(root, v *node.Value) ([]*schema.Session, error) {
	started, ok := instant.Value(v.Get("started"))
	if !ok {
		return nil, errors.New("a bucket of sessions needs started")
	}
	var out []*schema.Session
	did, _ := tree.Scalar(v.Get("did"))
	for _, st := range []string{"exited", "errored", "abnormal", "unhandled", "crashed"} {
		n, ok := tree.Uint(v.Get(st))
		if !ok || n == 0 {
			continue
		}
		s := &schema.Session{Status: statuses[st], Quantity: uint32(min(n, math.MaxUint32)), UserHash: schema.UserHash(did, "", "", "")}
		if s.Status == schema.SessionStatus_SESSION_ERRORED {
			s.Errors = s.Quantity
		}
		if err := b.attrs(s, root.Get("attrs")); err != nil {
			return nil, err
		}
		if err := b.sessionTimes(s, started, started); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// ClientReport counts what the client dropped by itself. These items never
// came: their outcomes are outside the balance, and the report is not counted.
func (b *Batch) ClientReport(payload []byte) {
	doc, err := parse(payload)
	if err != nil {
		b.Invalid(schema.CategoryUnknown, "invalid_client_report", err, uint64(len(payload)), nil)
		return
	}
	defer doc.Release()
	for _, list := range []struct{ key, reason string }{
		{"discarded_events", ""}, {"rate_limited_events", "rate_limited:"}, {"filtered_events", "filtered:"}, {"filtered_sampling_events", "sampled:"},
	} {
		for i, v := range doc.Root.GetArray(list.key) {
			if i == 100 {
				break
			}
			n, ok := tree.Uint(v.Get("quantity"))
			if !ok || n == 0 {
				continue
			}
			b.Fate(&schema.Outcome{
				Category: tree.Clean(tree.Cut(first(tree.Get(v, "category"), schema.CategoryUnknown), 32)), Outcome: schema.OutcomeClientReport,
				Reason:   tree.Clean(tree.Cut(list.reason+b.scrubText(first(tree.Get(v, "reason"), "unknown")), 64)),
				Quantity: min(n, 1<<40), Protocol: schema.Protocol_PROTOCOL_SENTRY, KeyHash: b.key, Client: true,
			})
		}
	}
}

// UserReport reads what a user says of an event.
func (b *Batch) UserReport(payload []byte, envelopeID []byte) {
	n := uint64(len(payload))
	doc, err := parse(payload)
	if err != nil {
		b.Invalid(schema.CategoryFeedback, "invalid_json", err, n, nil)
		return
	}
	defer doc.Release()
	v := doc.Root
	id := idBytes(tree.Get(v, "event_id"))
	if id == nil {
		id = envelopeID
	}
	b.Report(id, tree.Get(v, "name"), tree.Get(v, "email"), first(tree.Get(v, "comments"), tree.Get(v, "message")), "user_report", n)
}

// Report accepts what a user says of an event, whichever way it came.
func (b *Batch) Report(eventID []byte, name, email, message, source string, bytes uint64) {
	if eventID == nil {
		b.Invalid(schema.CategoryFeedback, "invalid_user_report", errors.New("a user report needs the event_id that it is about"), bytes, nil)
		return
	}
	message, _ = tree.CutChars(message, schema.MaxMessage)
	b.Accept(schema.CategoryFeedback, 1, bytes)
	b.Batch.Feedback = append(b.Batch.Feedback, &schema.Feedback{
		EventId: eventID, Timestamp: b.received() / 1000, Name: tree.Clean(tree.Cut(name, 128)), Email: tree.Clean(tree.Cut(email, 75)),
		Message: b.scrubText(tree.Clean(message)), Source: source,
	})
}

// Feedback links the row of a feedback event to the event that it is about.
func (b *Batch) Feedback(ev *schema.Event, f *event.Feedback) {
	b.Batch.Feedback = append(b.Batch.Feedback, &schema.Feedback{
		FeedbackId: ev.EventId, EventId: idBytes(f.EventID), Timestamp: ev.Timestamp, Name: f.Name, Email: f.Email, Message: ev.Message,
		Url: f.URL, Source: f.Source, Environment: ev.Environment, Release: ev.Release, TraceId: ev.TraceId, ReplayId: f.ReplayID,
	})
}
