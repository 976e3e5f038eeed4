package event

import (
	"errors"
	"strconv"
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// OriginalTime is the attribute that keeps a time which was moved.
const OriginalTime = "errata.original_time"

// MaxSpans bounds the children of one transaction.
const MaxSpans = 2000

// Transaction is what ReadTransaction made: the root first, then its children.
type Transaction struct {
	Spans   []*schema.Span
	Invalid int // Children that lack an id or a time.
	Over    int // Children beyond MaxSpans.
}

// Reasons for which a transaction is refused.
var (
	ErrTransactionTime  = errors.New("a transaction needs start_timestamp and timestamp, in this order")
	ErrTransactionTrace = errors.New("a transaction needs contexts.trace with trace_id and span_id")
)

// ReadTransaction makes the spans of a transaction. The tree may be released
// afterwards.
func ReadTransaction(doc *tree.Doc, in *Input) (Transaction, error) {
	r := newReader(doc, in)
	defer r.release()
	r.prepare()
	var out Transaction
	start, ok := instant.Value(r.f.Get(shape.StartTimestamp))
	end, ok2 := instant.Value(r.f.Get(shape.Timestamp))
	if !ok || !ok2 || end < start {
		return out, ErrTransactionTime
	}
	var ev schema.Event
	r.columns(&ev)
	trace := r.f.Get(shape.Contexts).Get("trace")
	if ev.TraceId == "" || ev.SpanId == "" {
		return out, ErrTransactionTrace
	}
	root := &schema.Span{
		TraceId: ev.TraceId, SpanId: ev.SpanId, ParentSpanId: HexID(tree.Get(trace, "parent_span_id"), 16),
		StartUs: start + r.shift, DurationUs: uint64(end - start), Protocol: schema.Protocol_PROTOCOL_SENTRY,
		Service: ev.Service, Op: tree.Cut(tree.Get(trace, "op"), 128), Name: ev.Transaction, IsSegment: true, SegmentName: ev.Transaction,
		Environment: ev.Environment, Release: ev.Release, HttpStatus: ev.HttpStatus, SdkName: ev.SdkName, UserHash: ev.UserHash,
		EventId: append([]byte(nil), in.ID[:]...), ServerName: ev.ServerName, SampleWeight: r.sampleWeight(),
	}
	root.StartUs, _ = instant.Clamp(root.StartUs, in.Request.ReceivedAt, in.Request.Project.RetentionDays)
	root.Kind = SpanKind(root.Op)
	root.Status, root.StatusMessage = spanStatus(tree.Get(trace, "status"))
	root.Attributes = r.rootAttributes(&ev, trace)
	root.Measurements = Measurements(r.f.Get(shape.Measurements))
	list := r.f.Get(shape.Spans).GetArray()
	out.Spans = make([]*schema.Span, 1, 1+min(len(list), MaxSpans))
	out.Spans[0] = root
	rows := make([]schema.Span, min(len(list), MaxSpans))
	n := 0
	for _, v := range list {
		if tree.Null(v) {
			continue
		}
		if n == MaxSpans {
			out.Over++
			continue
		}
		if !r.child(&rows[n], v, root) {
			out.Invalid++
			rows[n].Reset()
			continue
		}
		out.Spans = append(out.Spans, &rows[n])
		n++
	}
	DetachSpans(out.Spans)
	return out, nil
}

// sampleWeight is how many transactions this one stands for.
func (r *reader) sampleWeight() float32 {
	if r.in.Header == nil {
		return 1
	}
	f, err := strconv.ParseFloat(r.in.Header.Trace.SampleRate, 32)
	if err != nil || f <= 0 || f > 1 {
		return 1
	}
	return float32(1 / f)
}

// child reads one member of spans[].
func (r *reader) child(s *schema.Span, v *node.Value, root *schema.Span) bool {
	if v.Type() != node.TypeObject {
		return false
	}
	start, ok := instant.Value(v.Get("start_timestamp"))
	end, ok2 := instant.Value(v.Get("timestamp"))
	s.SpanId = HexID(tree.Get(v, "span_id"), 16)
	if !ok || !ok2 || end < start || s.SpanId == "" {
		return false
	}
	s.TraceId = HexID(tree.Get(v, "trace_id"), 32)
	if s.TraceId == "" {
		s.TraceId = root.TraceId
	}
	s.ParentSpanId = HexID(tree.Get(v, "parent_span_id"), 16)
	original := start + r.shift
	s.DurationUs = uint64(end - start)
	var moved bool
	if s.StartUs, moved = instant.Clamp(original, r.in.Request.ReceivedAt, r.in.Request.Project.RetentionDays); moved {
		s.StartUs = root.StartUs
	}
	s.Protocol, s.Service, s.SegmentName = root.Protocol, root.Service, root.SegmentName
	s.Environment, s.Release, s.SdkName, s.ServerName = root.Environment, root.Release, root.SdkName, root.ServerName
	s.UserHash, s.SampleWeight = root.UserHash, root.SampleWeight
	s.Op = tree.Cut(tree.Get(v, "op"), 128)
	s.Name = tree.Cut(tree.Lenient(v.Get("description")), schema.MaxAttributeValue)
	if s.Name == "" {
		s.Name = s.Op
	}
	s.Kind = SpanKind(s.Op)
	s.Status, s.StatusMessage = spanStatus(tree.Get(v, "status"))
	var a attributes
	a.object("", v.Get("data"))
	a.object("", v.Get("tags"))
	a.object("", v.Get("sentry_tags"))
	a.add("sentry.origin", tree.Get(v, "origin"))
	if moved {
		a.add(OriginalTime, string(instant.Append(nil, original)))
	}
	s.Attributes = a.rows
	if n, ok := tree.Uint(v.Get("data", "http.response.status_code")); ok && n < 1000 {
		s.HttpStatus = uint32(n)
	} else if n, ok := digits(tree.Lenient(v.Get("tags", "http.status_code"))); ok && n < 1000 {
		s.HttpStatus = n
	}
	s.Measurements = Measurements(v.Get("measurements"))
	return true
}

// rootAttributes keeps what a transaction knows beside its spans.
func (r *reader) rootAttributes(ev *schema.Event, trace *node.Value) []*schema.Tag {
	var a attributes
	a.object("", trace.Get("data"))
	for _, t := range ev.Tags {
		a.add(t.Key, t.Value)
	}
	a.add("sentry.origin", tree.Get(trace, "origin"))
	a.add("sentry.transaction.source", tree.Get(r.f.Get(shape.TransactionInfo), "source"))
	a.add("sentry.platform", ev.Platform)
	a.add("http.request.method", ev.HttpMethod)
	a.add("url.full", ev.Url)
	a.add("url.query", tree.Get(r.f.Get(shape.Request), "query_string"))
	a.add("user.id", ev.UserId)
	a.add("user.name", ev.UserName)
	a.add("user.email", ev.UserEmail)
	a.add("client.address", ev.UserIp)
	a.add("sentry.dist", ev.Dist)
	a.add("sentry.replay_id", ev.ReplayId)
	a.add("task.name", ev.TaskName)
	a.add("task.id", ev.TaskId)
	r.f.Get(shape.Contexts).GetObject().Visit(func(k []byte, v *node.Value) {
		if string(k) != "trace" {
			a.object(tree.Str(k)+".", v)
		}
	})
	a.object("extra.", r.f.Get(shape.Extra))
	return a.rows
}

// attributes collects unique keys within bounds; the first of equal keys wins.
type attributes struct{ rows []*schema.Tag }

func (a *attributes) add(key, value string) {
	if key == "" || value == "" || len(a.rows) == schema.MaxAttributes {
		return
	}
	for _, t := range a.rows {
		if t.Key == key {
			return
		}
	}
	value, _ = tree.CutChars(value, schema.MaxAttributeValue)
	a.rows = append(a.rows, &schema.Tag{Key: tree.Cut(key, schema.MaxTagKey), Value: value})
}

// object adds the members of an object; nested ones as JSON.
func (a *attributes) object(prefix string, v *node.Value) {
	v.GetObject().Visit(func(k []byte, c *node.Value) {
		if len(a.rows) < schema.MaxAttributes {
			a.add(prefix+tree.Str(k), tree.Lenient(c))
		}
	})
}

// Measurements reads {"name": {"value": n, "unit": u}}.
func Measurements(v *node.Value) []*schema.Measurement {
	var out []*schema.Measurement
	v.GetObject().Visit(func(k []byte, c *node.Value) {
		n, ok := tree.Float(c.Get("value"))
		if !ok || len(out) == 100 {
			return
		}
		out = append(out, &schema.Measurement{Name: tree.Cut(string(k), schema.MaxTagKey), Value: n, Unit: strings.Clone(tree.Get(c, "unit"))})
	})
	return out
}

// SpanKind returns the OTLP kind that an operation's name stands for.
func SpanKind(op string) uint32 {
	switch {
	case op == "http.server" || op == "websocket.server" || op == "rpc.server" || op == "grpc.server":
		return 2
	case op == "http.client" || op == "grpc.client" || strings.HasPrefix(op, "db") || strings.HasPrefix(op, "cache"):
		return 3
	case strings.HasPrefix(op, "queue.publish") || strings.HasPrefix(op, "queue.submit"):
		return 4
	case strings.HasPrefix(op, "queue.process") || strings.HasPrefix(op, "queue.task"):
		return 5
	}
	return 1
}

// spanStatus maps Sentry's status names to OTLP's codes.
func spanStatus(s string) (uint32, string) {
	switch s {
	case "":
		return 0, ""
	case "ok":
		return 1, ""
	case "unknown", "unset":
		return 0, ""
	}
	return 2, s
}

// DetachSpans copies all strings of the rows out of the tree's buffer.
func DetachSpans(spans []*schema.Span) {
	var all []*string
	visitSpans(spans, func(s *string) {
		if *s != "" {
			all = append(all, s)
		}
	})
	detachTexts(all)
}

func visitSpans(spans []*schema.Span, f func(*string)) {
	for _, s := range spans {
		for _, p := range [...]*string{
			&s.TraceId, &s.SpanId, &s.ParentSpanId, &s.Service, &s.Op, &s.Name, &s.StatusMessage, &s.SegmentName, &s.Environment,
			&s.Release, &s.ScopeName, &s.ScopeVersion, &s.SdkName, &s.TraceState, &s.ServerName,
		} {
			f(p)
		}
		for _, t := range s.Attributes {
			f(&t.Key)
			f(&t.Value)
		}
		for _, m := range s.Measurements {
			f(&m.Name)
			f(&m.Unit)
		}
		for _, l := range s.Links {
			f(&l.TraceId)
			f(&l.SpanId)
			for _, t := range l.Attributes {
				f(&t.Key)
				f(&t.Value)
			}
		}
	}
}
