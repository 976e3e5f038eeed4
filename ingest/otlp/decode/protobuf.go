package decode

import (
	"fmt"
	"unicode/utf8"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fromProtobuf decodes spans and logs by hand, and all else with the library.
func fromProtobuf(body []byte, m proto.Message, memory *Memory) error {
	spent := budget{lent: memory}
	w := wire{budget: &spent}
	switch x := m.(type) {
	case *coltrace.ExportTraceServiceRequest:
		w.b = append([]byte(nil), body...)
		return exportTraces(w, x)
	case *collogs.ExportLogsServiceRequest:
		w.b = append([]byte(nil), body...)
		return exportLogs(w, x)
	}
	return byLibrary(body, m)
}

// byLibrary walks the body once before it is decoded: the walk counts
// messages and mends strings that are not UTF-8, for which the decoder would
// refuse the whole request and with it every good item beside the bad one.
func byLibrary(body []byte, m proto.Message) error {
	w := walker{body: body}
	if err := w.message(body, 0, messageShape(m.ProtoReflect().Descriptor()), 0); err != nil {
		return err
	}
	o := proto.UnmarshalOptions{RecursionLimit: MaxDepth + 1, DiscardUnknown: true}
	if err := o.Unmarshal(w.body, m); err != nil {
		return fmt.Errorf("%w: cannot read protobuf: %w", ErrMalformed, err)
	}
	return nil
}

type walker struct {
	budget
	body   []byte
	copied bool
}

func (w *walker) message(b []byte, base int, s *shape, depth int) error {
	if err := w.spend(s); err != nil {
		return err
	}
	if depth > MaxDepth {
		return tooDeep()
	}
	at := 0
	for at < len(b) {
		num, typ, n := protowire.ConsumeTag(b[at:])
		if n < 0 {
			return malformed(n)
		}
		at += n
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, b[at:]); n < 0 {
				return malformed(n)
			}
			at += n
			continue
		}
		v, n := protowire.ConsumeBytes(b[at:])
		if n < 0 {
			return malformed(n)
		}
		at += n
		f := s.field(num)
		if f == nil {
			continue
		}
		start := base + at - len(v)
		switch f.kind {
		case protoreflect.MessageKind:
			if err := w.message(v, start, f.message(), depth+1); err != nil {
				return err
			}
		case protoreflect.StringKind:
			if f.list {
				if err := w.spend(oneText); err != nil {
					return err
				}
			}
			if !utf8.Valid(v) {
				w.mend(start, len(v))
			}
		}
	}
	return nil
}

// mend replaces the bytes of a string that are not UTF-8, keeping its length,
// in a copy of the body.
func (w *walker) mend(start, n int) {
	if !w.copied {
		w.body, w.copied = append([]byte(nil), w.body...), true
	}
	v := w.body[start : start+n]
	for len(v) > 0 {
		r, size := utf8.DecodeRune(v)
		if r == utf8.RuneError && size == 1 {
			v[0] = '?'
		}
		v = v[size:]
	}
}

func malformed(n int) error {
	return fmt.Errorf("%w: cannot read protobuf: %w", ErrMalformed, protowire.ParseError(n))
}
