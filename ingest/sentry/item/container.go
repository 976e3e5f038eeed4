package item

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/node"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/instant"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// MaxItems bounds the objects of one container; clients send at most a thousand.
const MaxItems = 10_000

// Spans reads a container of spans or one span.
func (b *Batch) Spans(it *envelope.Item) {
	var rows []*schema.Span
	b.each(it, schema.CategorySpan, func(v *node.Value, _ []byte, _ int) error {
		older(it, v)
		s, err := b.span(v)
		if err == nil {
			rows = append(rows, s)
		}
		return err
	})
	b.Batch.Spans = append(b.Batch.Spans, rows...)
}

// Logs reads a container of log records or one record.
func (b *Batch) Logs(it *envelope.Item) {
	b.each(it, schema.CategoryLog, func(v *node.Value, raw []byte, i int) error {
		older(it, v)
		l, err := b.log(v, raw, i)
		if err == nil {
			b.logEvent(l, v)
			b.Batch.Logs = append(b.Batch.Logs, l)
		}
		return err
	})
}

// Metrics reads a container of metrics or one metric.
func (b *Batch) Metrics(it *envelope.Item) {
	b.each(it, schema.CategoryMetric, func(v *node.Value, raw []byte, i int) error {
		m, err := b.metric(v)
		if err == nil {
			if m.TraceId != "" { // Without one, equal points of two clients cannot be told apart.
				m.MetricId = rowHash(raw, i)
			}
			b.Batch.Metrics = append(b.Batch.Metrics, m)
		}
		return err
	})
}

// each calls f for each object of a container, or for the bare object of an
// item that is none. Every object is accepted; those that f refuses are
// invalid. A container whose item_count is wrong is invalid as a whole.
func (b *Batch) each(it *envelope.Item, category string, f func(v *node.Value, raw []byte, i int) error) {
	var items []byte
	if err := tree.Members(it.Payload, func(k, v []byte) error {
		if string(k) == "items" {
			items = v
		}
		return nil
	}); err != nil {
		b.Invalid(category, "invalid_json", err, uint64(len(it.Payload)), nil)
		return
	}
	if items == nil {
		b.one(category, it.Payload, 0, f)
		return
	}
	n := 0
	if err := tree.Elements(items, func([]byte) error { n++; return nil }); err != nil {
		b.Invalid(category, "invalid_json", err, uint64(len(it.Payload)), nil)
		return
	}
	if it.ItemCount >= 0 && it.ItemCount != n {
		n = max(n, 1)
		b.Accept(category, uint64(n), uint64(len(it.Payload)))
		b.End(category, schema.OutcomeInvalid, "item_count", fmt.Sprintf("item_count says %d", it.ItemCount), uint64(n), uint64(len(it.Payload)), nil)
		return
	}
	i := 0
	_ = tree.Elements(items, func(raw []byte) error {
		if i == MaxItems {
			over := uint64(n - i)
			b.Accept(category, over, 0)
			b.End(category, schema.OutcomeTooLarge, "too_many_items", fmt.Sprintf("a container has at most %d items", MaxItems), over, 0, nil)
			return errEnough
		}
		b.one(category, raw, i, f)
		i++
		return nil
	})
}

var errEnough = errors.New("enough")

func (b *Batch) one(category string, raw []byte, i int, f func(v *node.Value, raw []byte, i int) error) {
	doc, err := parse(raw)
	if err != nil {
		b.Invalid(category, "invalid_json", err, uint64(len(raw)), nil)
		return
	}
	defer doc.Release()
	if err := f(doc.Root, raw, i); err != nil {
		b.Invalid(category, "invalid_"+category, err, uint64(len(raw)), nil)
		return
	}
	b.Accept(category, 1, uint64(len(raw)))
}

// span reads a span of the streaming form, or of the older one with
// description, op and data.
func (b *Batch) span(v *node.Value) (*schema.Span, error) {
	s := &schema.Span{Protocol: schema.Protocol_PROTOCOL_SENTRY, SampleWeight: 1}
	s.TraceId, s.SpanId = event.HexID(tree.Get(v, "trace_id"), 32), event.HexID(tree.Get(v, "span_id"), 16)
	if s.TraceId == "" || s.SpanId == "" {
		return nil, errors.New("a span needs trace_id of 32 and span_id of 16 hex digits")
	}
	end := v.Get("end_timestamp")
	if end == nil {
		end = v.Get("timestamp")
	}
	from, ok := instant.Value(v.Get("start_timestamp"))
	to, ok2 := instant.Value(end)
	if !ok || !ok2 || to < from {
		return nil, errors.New("a span needs start_timestamp and end_timestamp, in this order")
	}
	s.DurationUs = uint64(to - from)
	s.ParentSpanId = event.HexID(tree.Get(v, "parent_span_id"), 16)
	s.Attributes = b.attributes(v.Get("attributes"))
	if len(s.Attributes) == 0 {
		s.Attributes = b.attributes(v.Get("data"))
	}
	s.StartUs, s.Attributes = b.clamp(from, s.Attributes)
	s.IsSegment = tree.Is(v.Get("is_segment"), node.TypeTrue)
	a := s.Attributes
	s.Op = b.scrubText(tree.Clean(first(find(a, "sentry.op"), tree.Get(v, "op"))))
	s.Name = b.scrubText(tree.Clean(tree.Cut(first(tree.Get(v, "name"), tree.Get(v, "description"), s.Op), schema.MaxAttributeValue)))
	s.Kind = kind(first(tree.Get(v, "kind"), find(a, "sentry.kind")), s.Op)
	switch st := tree.Get(v, "status"); st {
	case "":
	case "ok":
		s.Status = 1
	default:
		s.Status = 2
		if st != "error" {
			s.StatusMessage = b.scrubText(tree.Clean(st))
		}
		if m := find(a, "sentry.status.message"); m != "" {
			s.StatusMessage = m
		}
	}
	s.SegmentName = find(a, "sentry.segment.name", "sentry.transaction")
	if s.SegmentName == "" && s.IsSegment {
		s.SegmentName = s.Name
	}
	s.Environment = b.environment(find(a, "sentry.environment"))
	s.Release = b.release(find(a, "sentry.release"))
	s.Service, s.SdkName = find(a, "service.name"), find(a, "sentry.sdk.name")
	s.ServerName = find(a, "server.name", "host.name")
	if n, err := strconv.ParseUint(find(a, "http.response.status_code", "http.status_code"), 10, 16); err == nil && n < 1000 {
		s.HttpStatus = uint32(n)
	}
	s.UserHash = userHash(a)
	s.Measurements = event.Measurements(v.Get("measurements"))
	event.DetachSpans([]*schema.Span{s})
	for _, l := range v.GetArray("links") {
		t, id := event.HexID(tree.Get(l, "trace_id"), 32), event.HexID(tree.Get(l, "span_id"), 16)
		if t != "" && len(s.Links) < 128 {
			s.Links = append(s.Links, &schema.SpanLink{TraceId: strings.Clone(t), SpanId: strings.Clone(id), Attributes: b.attributes(l.Get("attributes"))})
		}
	}
	return s, nil
}

// clamp moves a time by the drift and into what tables hold; a time that was
// moved further is kept as an attribute.
func (b *Batch) clamp(us int64, a []*schema.Tag) (int64, []*schema.Tag) {
	us += b.Drift
	at, moved := instant.Clamp(us, b.Request.ReceivedAt, b.Request.Project.RetentionDays)
	if moved {
		a = append(a, &schema.Tag{Key: event.OriginalTime, Value: string(instant.Append(nil, us))})
	}
	return at, a
}

func kind(k, op string) uint32 {
	switch strings.ToLower(k) {
	case "internal":
		return 1
	case "server":
		return 2
	case "client":
		return 3
	case "producer":
		return 4
	case "consumer":
		return 5
	}
	return event.SpanKind(op)
}

func first(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}

// log reads one log record.
func (b *Batch) log(v *node.Value, raw []byte, i int) (*schema.Log, error) {
	at, ok := instant.Value(v.Get("timestamp"))
	if !ok {
		return nil, errors.New("a log record needs a timestamp")
	}
	at, a := b.clamp(at, b.attributes(v.Get("attributes")))
	l := &schema.Log{
		TimeUs: at, Protocol: schema.Protocol_PROTOCOL_SENTRY, Attributes: a,
		TraceId:     event.HexID(strings.Clone(tree.Get(v, "trace_id")), 32),
		SpanId:      event.HexID(strings.Clone(first(tree.Get(v, "span_id"), find(a, "sentry.trace.parent_span_id"))), 16),
		Environment: b.environment(find(a, "sentry.environment")), Release: b.release(find(a, "sentry.release")),
		Service: find(a, "service.name"), ServerName: find(a, "server.address", "host.name"),
		SeverityText: b.scrubText(tree.Clean(tree.Cut(tree.Get(v, "level"), 32))),
	}
	l.Severity = severity(l.SeverityText)
	for _, n := range []*node.Value{v.Get("severity_number"), v.Get("attributes", "sentry.severity_number", "value")} {
		if n, ok := tree.Uint(n); ok && n >= 1 && n <= 24 {
			l.Severity = uint32(n)
			break
		}
	}
	body, _ := tree.CutChars(tree.Lenient(v.Get("body")), schema.MaxMessage)
	l.Body = b.scrubText(tree.Clean(body))
	l.LogId = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, xxhash.Sum64(raw)), rowHash(raw, i))
	return l, nil
}

// rowHash sums up the bytes of a row and its place in the container: those of
// a retried request give the same.
func rowHash(raw []byte, i int) uint64 {
	return xxhash.Sum64(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, xxhash.Sum64(raw)), uint32(i)))
}

func severity(level string) uint32 {
	switch strings.ToLower(level) {
	case "trace":
		return 1
	case "debug":
		return 5
	case "warn", "warning":
		return 13
	case "error":
		return 17
	case "fatal", "critical":
		return 21
	}
	return 9
}

// metric reads one metric.
func (b *Batch) metric(v *node.Value) (*schema.Metric, error) {
	at, ok := instant.Value(v.Get("timestamp"))
	n, ok2 := tree.Float(v.Get("value"))
	name, typ := tree.Get(v, "name"), tree.Get(v, "type")
	switch {
	case !ok:
		return nil, errors.New("a metric needs a timestamp")
	case !ok2:
		return nil, errors.New("a metric needs a value that is a finite number")
	case name == "":
		return nil, errors.New("a metric needs a name")
	case typ != "counter" && typ != "gauge" && typ != "distribution":
		return nil, errors.New("type of a metric is counter, gauge or distribution")
	}
	at, a := b.clamp(at, b.attributes(v.Get("attributes")))
	return &schema.Metric{
		TimeUs: at, Protocol: schema.Protocol_PROTOCOL_SENTRY, Name: tree.Cut(b.scrubText(tree.Clean(name)), schema.MaxTagValue), Type: strings.Clone(typ),
		Unit: tree.Cut(b.scrubText(tree.Clean(tree.Get(v, "unit"))), 64), Value: n, Count: 1, Min: n, Max: n,
		TraceId: event.HexID(strings.Clone(tree.Get(v, "trace_id")), 32), SpanId: event.HexID(strings.Clone(tree.Get(v, "span_id")), 16),
		Environment: b.environment(find(a, "sentry.environment")), Release: b.release(find(a, "sentry.release")),
		Service: find(a, "service.name"), Attributes: a,
		Monotonic: typ == "counter",
	}, nil
}
