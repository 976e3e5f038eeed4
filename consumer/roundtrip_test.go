package consumer_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"errata/schema"
)

// renamed columns: the rest of a row's fields have columns of their own names.
var renamed = map[string]map[string]string{
	"events":      {"timestamp": "ts"},
	"spans":       {"start_us": "ts", "events": "", "links": "", "measurements": ""},
	"logs":        {"time_us": "ts"},
	"sessions":    {"timestamp": "ts"},
	"check_ins":   {"timestamp": "ts"},
	"monitors":    {},
	"metrics":     {"time_us": "ts", "start_us": "start_ts"},
	"attachments": {"timestamp": "ts"},
	"feedback":    {"timestamp": "ts"},
}

// fill gives every field of a message a value that no other field has.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		n := uint64(f.Number())
		value := func() protoreflect.Value {
			switch f.Kind() {
			case protoreflect.StringKind:
				return protoreflect.ValueOfString(fmt.Sprintf("%032x", 1000+n))
			case protoreflect.BytesKind:
				return protoreflect.ValueOfBytes(id16(n))
			case protoreflect.BoolKind:
				return protoreflect.ValueOfBool(true)
			case protoreflect.EnumKind:
				return protoreflect.ValueOfEnum(2)
			case protoreflect.Uint32Kind:
				if f.Name() == "kind" || f.Name() == "status" || f.Name() == "temporality" {
					return protoreflect.ValueOfUint32(2)
				}
				return protoreflect.ValueOfUint32(uint32(100 + n))
			case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
				return protoreflect.ValueOfUint64(1<<40 + n)
			case protoreflect.Int64Kind:
				if strings.HasSuffix(string(f.Name()), "_us") {
					return protoreflect.ValueOfInt64(epoch.UnixMicro() + int64(n))
				}
				return protoreflect.ValueOfInt64(epoch.UnixMilli() + int64(n))
			case protoreflect.DoubleKind:
				return protoreflect.ValueOfFloat64(float64(n) + 0.5)
			case protoreflect.FloatKind:
				return protoreflect.ValueOfFloat32(float32(n) + 0.5)
			}
			panic(f.FullName())
		}
		switch {
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			list := m.Mutable(f).List()
			for range 2 {
				e := list.NewElement()
				fill(e.Message())
				list.Append(e)
			}
			if f.Message().Name() == "Tag" || f.Message().Name() == "Measurement" { // Keys are unique.
				second := list.Get(1).Message()
				first := second.Descriptor().Fields().Get(0)
				second.Set(first, protoreflect.ValueOfString("second of "+string(f.Name())))
			}
		case f.IsList():
			list := m.Mutable(f).List()
			list.Append(value())
			list.Append(value())
		default:
			m.Set(f, value())
		}
	}
}

// show spells a value as the test compares it, whatever its Go type.
func show(v any) string {
	switch x := v.(type) {
	case []byte:
		if len(x) == 16 {
			return uuid.UUID(x).String()
		}
		return string(x)
	case time.Time:
		return fmt.Sprint(x.UnixMicro())
	case map[string]string:
		return fmt.Sprint(x)
	case bool:
		if x {
			return "1"
		}
		return "0"
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Slice {
		var parts []string
		for i := range r.Len() {
			parts = append(parts, show(r.Index(i).Interface()))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprint(v)
}

// want spells a field of a message.
func want(m protoreflect.Message, f protoreflect.FieldDescriptor) string {
	one := func(v protoreflect.Value) any {
		switch f.Kind() {
		case protoreflect.EnumKind:
			return int32(v.Enum())
		case protoreflect.BytesKind:
			if f.Name() == "payload" {
				return string(v.Bytes())
			}
		case protoreflect.Int64Kind:
			if strings.HasSuffix(string(f.Name()), "_us") {
				return v.Int()
			}
			return v.Int() * 1000
		}
		return v.Interface()
	}
	if !f.IsList() {
		return show(one(m.Get(f)))
	}
	list := m.Get(f).List()
	if f.Kind() == protoreflect.MessageKind { // Tags.
		tags := map[string]string{}
		for i := range list.Len() {
			t := list.Get(i).Message().Interface().(*schema.Tag)
			tags[t.Key] = t.Value
		}
		return show(tags)
	}
	var parts []any
	for i := range list.Len() {
		parts = append(parts, one(list.Get(i)))
	}
	return show(parts)
}

// Every field of every row type comes back from the column of its name.
func TestEveryFieldHasItsColumn(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	received := epoch.Add(time.Hour).UnixMilli()
	rows := map[string]proto.Message{"events": &schema.Event{}, "spans": &schema.Span{}, "logs": &schema.Log{}, "sessions": &schema.Session{},
		"check_ins": &schema.CheckIn{}, "monitors": &schema.Monitor{}, "metrics": &schema.Metric{}, "attachments": &schema.Attachment{}, "feedback": &schema.Feedback{}}
	for _, m := range rows {
		fill(m.ProtoReflect())
	}
	span := rows["spans"].(*schema.Span)
	record := func() *schema.Record { return &schema.Record{ProjectId: 42, ReceivedAt: received, RetentionDays: 60} }
	r := record()
	r.Event, r.Attachments, r.Feedback = rows["events"].(*schema.Event), []*schema.Attachment{rows["attachments"].(*schema.Attachment)}, []*schema.Feedback{rows["feedback"].(*schema.Feedback)}
	s.send(schema.TopicEvents, "a", &schema.Record{ProjectId: 9, ReceivedAt: received}, r)
	r = record()
	r.Spans = []*schema.Span{span}
	s.send(schema.TopicSpans, "a", r)
	r = record()
	r.Logs = []*schema.Log{rows["logs"].(*schema.Log)}
	s.send(schema.TopicLogs, "a", r)
	r = record()
	r.Sessions, r.CheckIns = []*schema.Session{rows["sessions"].(*schema.Session)}, []*schema.CheckIn{rows["check_ins"].(*schema.CheckIn)}
	r.Metrics, r.Monitors = []*schema.Metric{rows["metrics"].(*schema.Metric)}, []*schema.Monitor{rows["monitors"].(*schema.Monitor)}
	s.send(schema.TopicSessions, "a", r)
	defer s.start(s.config())()

	for name, m := range rows {
		s.eventually(1, "SELECT count() FROM "+name)
		got := s.row(name)
		message := m.ProtoReflect()
		for i := range message.Descriptor().Fields().Len() {
			f := message.Descriptor().Fields().Get(i)
			column, other := renamed[name][string(f.Name())]
			if !other {
				column = string(f.Name())
			}
			if column == "" {
				continue
			}
			v, ok := got[column]
			require.True(t, ok, "%s has no column %s", name, column)
			require.Equal(t, want(message, f), v, "%s.%s", name, column)
		}
		require.Equal(t, "42", got["project_id"], name)
		if name != "monitors" {
			require.Equal(t, fmt.Sprint(received*1000), got["received_at"], name)
			require.Equal(t, "60", got["retention_days"], name)
		}
		if _, ok := got["topic_offset"]; ok && name == "events" {
			require.Equal(t, "1", got["topic_offset"])
		}
	}
	spans := s.row("spans")
	require.Equal(t, fmt.Sprintf("[%d %d]", span.Events[0].TimeUs, span.Events[1].TimeUs), spans["event_ts"])
	require.Equal(t, fmt.Sprintf("[%s %s]", span.Events[0].Name, span.Events[1].Name), spans["event_name"])
	require.Contains(t, spans["event_attributes"], "second of attributes")
	require.Equal(t, fmt.Sprintf("[%s %s]", span.Links[0].TraceId, span.Links[1].TraceId), spans["link_trace_id"])
	require.Equal(t, fmt.Sprintf("[%s %s]", span.Links[0].SpanId, span.Links[1].SpanId), spans["link_span_id"])
	require.Contains(t, spans["link_attributes"], "second of attributes")
	require.Equal(t, fmt.Sprint(map[string]float64{span.Measurements[0].Name: span.Measurements[0].Value, span.Measurements[1].Name: span.Measurements[1].Value}), spans["measurements"])
	require.Equal(t, fmt.Sprint(map[string]string{span.Measurements[0].Name: span.Measurements[0].Unit, span.Measurements[1].Name: span.Measurements[1].Unit}), spans["measurement_units"])
}

// row reads the only row of a table, each value as show spells it; enums as
// numbers.
func (s *store) row(name string) map[string]string {
	s.t.Helper()
	types, err := s.conn.Query(context.Background(), "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ?", name)
	require.NoError(s.t, err)
	var list []string
	for types.Next() {
		var column, typ string
		require.NoError(s.t, types.Scan(&column, &typ))
		if strings.HasPrefix(typ, "Enum8") {
			list = append(list, "toInt8("+column+") AS "+column)
		} else {
			list = append(list, column)
		}
	}
	rows, err := s.conn.Query(context.Background(), "SELECT "+strings.Join(list, ", ")+" FROM "+name)
	require.NoError(s.t, err)
	defer rows.Close()
	require.True(s.t, rows.Next())
	var targets []any
	for _, c := range rows.ColumnTypes() {
		targets = append(targets, reflect.New(c.ScanType()).Interface())
	}
	require.NoError(s.t, rows.Scan(targets...))
	got := map[string]string{}
	for i, c := range rows.Columns() {
		got[c] = show(reflect.ValueOf(targets[i]).Elem().Interface())
	}
	return got
}
