package decode

import (
	"reflect"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// shape is what the readers need of a message's descriptor, by number and by
// name. Shapes are built once a message type.
type shape struct {
	cost     int      // Bytes in memory, texts apart.
	item     bool     // A span, a log record or a data point.
	byNumber []*field // Index is the field number; nil where unused.
	byName   map[string]*field
}

type field struct {
	fd   protoreflect.FieldDescriptor
	kind protoreflect.Kind
	list bool
	id   bool // A trace or span id: hex in JSON.

	attributes bool // A list of attributes.
	sub        *shape
	subOnce    sync.Once
}

var shapes sync.Map // protoreflect.FullName -> *shape

func messageShape(d protoreflect.MessageDescriptor) *shape {
	if s, ok := shapes.Load(d.FullName()); ok {
		return s.(*shape)
	}
	s := &shape{byName: map[string]*field{}, cost: 64}
	if t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName()); err == nil {
		// Its pointer in a list comes on top, and the wrapper of a value's kind.
		s.cost = int(reflect.TypeOf(t.Zero().Interface()).Elem().Size()) + 24
	}
	name := string(d.Name())
	s.item = name == "Span" || name == "LogRecord" || strings.HasSuffix(name, "DataPoint")
	fields := d.Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		f := &field{fd: fd, kind: fd.Kind(), list: fd.IsList()}
		switch fd.Name() {
		case "trace_id", "span_id", "parent_span_id":
			f.id = f.kind == protoreflect.BytesKind
		}
		f.attributes = f.list && f.kind == protoreflect.MessageKind && fd.Message().FullName() == keyValueName
		n := int(fd.Number())
		for len(s.byNumber) <= n {
			s.byNumber = append(s.byNumber, nil)
		}
		s.byNumber[n] = f
		// The JSON mapping of protobuf asks readers to take both spellings.
		s.byName[fd.JSONName()] = f
		s.byName[string(fd.Name())] = f
	}
	actual, _ := shapes.LoadOrStore(d.FullName(), s)
	return actual.(*shape)
}

func (s *shape) field(n protoreflect.FieldNumber) *field {
	if int(n) >= len(s.byNumber) {
		return nil
	}
	return s.byNumber[n]
}

// message returns the shape of a message field; lazily, because attribute
// values contain themselves.
func (f *field) message() *shape {
	f.subOnce.Do(func() { f.sub = messageShape(f.fd.Message()) })
	return f.sub
}
