package decode

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	respb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

const (
	varintType = protowire.VarintType
	bytesType  = protowire.BytesType
	fixed64    = protowire.Fixed64Type
	fixed32    = protowire.Fixed32Type
)

func shapeOf(m proto.Message) *shape { return messageShape(m.ProtoReflect().Descriptor()) }

// Shapes of what is decoded by hand, for their cost.
var (
	shResourceSpans = shapeOf((*tracepb.ResourceSpans)(nil))
	shScopeSpans    = shapeOf((*tracepb.ScopeSpans)(nil))
	shSpan          = shapeOf((*tracepb.Span)(nil))
	shSpanEvent     = shapeOf((*tracepb.Span_Event)(nil))
	shSpanLink      = shapeOf((*tracepb.Span_Link)(nil))
	shStatus        = shapeOf((*tracepb.Status)(nil))
	shResourceLogs  = shapeOf((*logspb.ResourceLogs)(nil))
	shScopeLogs     = shapeOf((*logspb.ScopeLogs)(nil))
	shLogRecord     = shapeOf((*logspb.LogRecord)(nil))
	shResource      = shapeOf((*respb.Resource)(nil))
	shScope         = shapeOf((*common.InstrumentationScope)(nil))
)

// message decodes the rest of w into a T and appends it to a list.
func message[T any](w *wire, t *token, s *shape, list []*T, read func(wire, *T) error) ([]*T, error) {
	in, err := w.inner(t, s)
	if err != nil {
		return list, err
	}
	m := new(T)
	return append(list, m), read(in, m)
}

// single decodes a message that stands once; a second one is merged into it.
func single[T any](w *wire, t *token, s *shape, m *T, read func(wire, *T) error) (*T, error) {
	in, err := w.inner(t, s)
	if err != nil {
		return m, err
	}
	if m == nil {
		m = new(T)
	}
	return m, read(in, m)
}

func exportTraces(w wire, m *coltrace.ExportTraceServiceRequest) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err == nil && ok && t.is(1, bytesType) {
			m.ResourceSpans, err = message(&w, &t, shResourceSpans, m.ResourceSpans, resourceSpans)
		}
		if err != nil || !ok {
			return err
		}
	}
}

func resourceSpans(w wire, m *tracepb.ResourceSpans) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			return err
		}
		switch {
		case t.is(1, bytesType):
			m.Resource, err = single(&w, &t, shResource, m.Resource, resource)
		case t.is(2, bytesType):
			m.ScopeSpans, err = message(&w, &t, shScopeSpans, m.ScopeSpans, scopeSpans)
		}
		if err != nil {
			return err
		}
	}
}

func scopeSpans(w wire, m *tracepb.ScopeSpans) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			return err
		}
		switch {
		case t.is(1, bytesType):
			m.Scope, err = single(&w, &t, shScope, m.Scope, instrumentationScope)
		case t.is(2, bytesType):
			m.Spans, err = message(&w, &t, shSpan, m.Spans, span)
		}
		if err != nil {
			return err
		}
	}
}

func span(w wire, m *tracepb.Span) error {
	attributes := newBlock(&w, 9)
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			m.Attributes = attributes.list
			return err
		}
		switch {
		case t.is(1, bytesType):
			m.TraceId = t.bytes()
		case t.is(2, bytesType):
			m.SpanId = t.bytes()
		case t.is(3, bytesType):
			m.TraceState = t.text()
		case t.is(4, bytesType):
			m.ParentSpanId = t.bytes()
		case t.is(5, bytesType):
			m.Name = t.text()
		case t.is(6, varintType):
			m.Kind = tracepb.Span_SpanKind(int32(t.n))
		case t.is(7, fixed64):
			m.StartTimeUnixNano = t.n
		case t.is(8, fixed64):
			m.EndTimeUnixNano = t.n
		case t.is(9, bytesType):
			err = attributes.add(&w, &t)
		case t.is(10, varintType):
			m.DroppedAttributesCount = uint32(t.n)
		case t.is(11, bytesType):
			m.Events, err = message(&w, &t, shSpanEvent, m.Events, spanEvent)
		case t.is(12, varintType):
			m.DroppedEventsCount = uint32(t.n)
		case t.is(13, bytesType):
			m.Links, err = message(&w, &t, shSpanLink, m.Links, spanLink)
		case t.is(14, varintType):
			m.DroppedLinksCount = uint32(t.n)
		case t.is(15, bytesType):
			m.Status, err = single(&w, &t, shStatus, m.Status, spanStatus)
		case t.is(16, fixed32):
			m.Flags = uint32(t.n)
		}
		if err != nil {
			return err
		}
	}
}

func spanEvent(w wire, m *tracepb.Span_Event) error {
	attributes := newBlock(&w, 3)
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			m.Attributes = attributes.list
			return err
		}
		switch {
		case t.is(1, fixed64):
			m.TimeUnixNano = t.n
		case t.is(2, bytesType):
			m.Name = t.text()
		case t.is(3, bytesType):
			err = attributes.add(&w, &t)
		case t.is(4, varintType):
			m.DroppedAttributesCount = uint32(t.n)
		}
		if err != nil {
			return err
		}
	}
}

func spanLink(w wire, m *tracepb.Span_Link) error {
	attributes := newBlock(&w, 4)
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			m.Attributes = attributes.list
			return err
		}
		switch {
		case t.is(1, bytesType):
			m.TraceId = t.bytes()
		case t.is(2, bytesType):
			m.SpanId = t.bytes()
		case t.is(3, bytesType):
			m.TraceState = t.text()
		case t.is(4, bytesType):
			err = attributes.add(&w, &t)
		case t.is(5, varintType):
			m.DroppedAttributesCount = uint32(t.n)
		case t.is(6, fixed32):
			m.Flags = uint32(t.n)
		}
		if err != nil {
			return err
		}
	}
}

func spanStatus(w wire, m *tracepb.Status) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			return err
		}
		switch {
		case t.is(2, bytesType):
			m.Message = t.text()
		case t.is(3, varintType):
			m.Code = tracepb.Status_StatusCode(int32(t.n))
		}
	}
}

func exportLogs(w wire, m *collogs.ExportLogsServiceRequest) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err == nil && ok && t.is(1, bytesType) {
			m.ResourceLogs, err = message(&w, &t, shResourceLogs, m.ResourceLogs, resourceLogs)
		}
		if err != nil || !ok {
			return err
		}
	}
}

func resourceLogs(w wire, m *logspb.ResourceLogs) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			return err
		}
		switch {
		case t.is(1, bytesType):
			m.Resource, err = single(&w, &t, shResource, m.Resource, resource)
		case t.is(2, bytesType):
			m.ScopeLogs, err = message(&w, &t, shScopeLogs, m.ScopeLogs, scopeLogs)
		}
		if err != nil {
			return err
		}
	}
}

func scopeLogs(w wire, m *logspb.ScopeLogs) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			return err
		}
		switch {
		case t.is(1, bytesType):
			m.Scope, err = single(&w, &t, shScope, m.Scope, instrumentationScope)
		case t.is(2, bytesType):
			m.LogRecords, err = message(&w, &t, shLogRecord, m.LogRecords, logRecord)
		}
		if err != nil {
			return err
		}
	}
}

func logRecord(w wire, m *logspb.LogRecord) error {
	attributes := newBlock(&w, 6)
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			m.Attributes = attributes.list
			return err
		}
		switch {
		case t.is(1, fixed64):
			m.TimeUnixNano = t.n
		case t.is(2, varintType):
			m.SeverityNumber = logspb.SeverityNumber(int32(t.n))
		case t.is(3, bytesType):
			m.SeverityText = t.text()
		case t.is(5, bytesType):
			m.Body, err = single(&w, &t, valueShape(), m.Body, anyValue)
		case t.is(6, bytesType):
			err = attributes.add(&w, &t)
		case t.is(7, varintType):
			m.DroppedAttributesCount = uint32(t.n)
		case t.is(8, fixed32):
			m.Flags = uint32(t.n)
		case t.is(9, bytesType):
			m.TraceId = t.bytes()
		case t.is(10, bytesType):
			m.SpanId = t.bytes()
		case t.is(11, fixed64):
			m.ObservedTimeUnixNano = t.n
		case t.is(12, bytesType):
			m.EventName = t.text()
		}
		if err != nil {
			return err
		}
	}
}

func resource(w wire, m *respb.Resource) error {
	attributes := newBlock(&w, 1)
	attributes.list = m.Attributes
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			m.Attributes = attributes.list
			return err
		}
		switch {
		case t.is(1, bytesType):
			err = attributes.add(&w, &t)
		case t.is(2, varintType):
			m.DroppedAttributesCount = uint32(t.n)
		}
		if err != nil {
			return err
		}
	}
}

func instrumentationScope(w wire, m *common.InstrumentationScope) error {
	attributes := newBlock(&w, 3)
	attributes.list = m.Attributes
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			m.Attributes = attributes.list
			return err
		}
		switch {
		case t.is(1, bytesType):
			m.Name = t.text()
		case t.is(2, bytesType):
			m.Version = t.text()
		case t.is(3, bytesType):
			err = attributes.add(&w, &t)
		case t.is(4, varintType):
			m.DroppedAttributesCount = uint32(t.n)
		}
		if err != nil {
			return err
		}
	}
}
