// Package attribute reads OTLP's attributes. In: lists of keys and typed values.
// Out: flat, scrubbed and bounded tags with counts of what was cut, what makes
// them searchable, and what the semantic conventions say of user and request.
// It never looks at the item that they belong to.
package attribute

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	common "go.opentelemetry.io/proto/otlp/common/v1"

	"errata/ingest/scrub"
	"errata/schema"
)

// maxValueDepth bounds how deep a nested attribute value is written out.
const maxValueDepth = 16

// Attributes that tell what was left out, named as OTel names them for
// protocols that cannot carry the counts.
const (
	DroppedAttributes = "otel.dropped_attributes_count"
	DroppedEvents     = "otel.dropped_events_count"
	DroppedLinks      = "otel.dropped_links_count"
	TrimmedValues     = "errata.trimmed_values_count"
	OriginalTime      = "errata.original_time"
)

// Text renders a value: strings as they are, numbers and booleans as JSON
// spells them, bytes as base64, arrays and maps as JSON.
func Text(v *common.AnyValue) string {
	switch x := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return x.StringValue
	case *common.AnyValue_BoolValue:
		return strconv.FormatBool(x.BoolValue)
	case *common.AnyValue_IntValue:
		return strconv.FormatInt(x.IntValue, 10)
	case *common.AnyValue_DoubleValue:
		switch { // As OpenTelemetry spells them outside of OTLP, and JSON senders in it.
		case math.IsInf(x.DoubleValue, 1):
			return "Infinity"
		case math.IsInf(x.DoubleValue, -1):
			return "-Infinity"
		}
		return strconv.FormatFloat(x.DoubleValue, 'g', -1, 64)
	case *common.AnyValue_BytesValue:
		return base64.StdEncoding.EncodeToString(x.BytesValue)
	case *common.AnyValue_ArrayValue, *common.AnyValue_KvlistValue:
		return string(appendJSON(nil, v, 0))
	}
	return ""
}

func appendJSON(b []byte, v *common.AnyValue, depth int) []byte {
	if depth > maxValueDepth {
		return append(b, `"..."`...)
	}
	// What is longer than an attribute may be is cut anyway.
	if len(b) > 4*schema.MaxAttributeValue {
		return append(b, "null"...)
	}
	switch x := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return AppendString(b, x.StringValue)
	case *common.AnyValue_DoubleValue:
		if math.IsNaN(x.DoubleValue) || math.IsInf(x.DoubleValue, 0) {
			return AppendString(b, Text(v))
		}
		return strconv.AppendFloat(b, x.DoubleValue, 'g', -1, 64)
	case *common.AnyValue_BytesValue:
		return AppendString(b, Text(v))
	case *common.AnyValue_ArrayValue:
		b = append(b, '[')
		for i, e := range x.ArrayValue.GetValues() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e, depth+1)
		}
		return append(b, ']')
	case *common.AnyValue_KvlistValue:
		b = append(b, '{')
		for i, e := range x.KvlistValue.GetValues() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendString(b, e.GetKey()), ':')
			b = appendJSON(b, e.GetValue(), depth+1)
		}
		return append(b, '}')
	case nil:
		return append(b, "null"...)
	}
	return append(b, Text(v)...)
}

// Clip cuts s to n characters.
func Clip(s string, n int) (string, bool) {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s, false
	}
	i := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s[:i], true
}

// Clipped is Clip for those who do not ask whether something was cut.
func Clipped(s string, n int) string {
	s, _ = Clip(s, n)
	return s
}

// Bytes that one row may use for its sets of attributes, so that it fits into a
// record whatever is sent. Beyond them values are cut and then left out, both
// counted on the row.
const (
	RoomResource   = 64 << 10
	RoomAttributes = 256 << 10
	RoomEvents     = 320 << 10 // Of all events of a span.
	RoomLinks      = 64 << 10  // Of all links of a span.
	Overhead       = 16        // Of one attribute on the wire, or of what names an event.
)

// Reader flattens attributes by a project's rules.
type Reader struct {
	Scrubber *scrub.Scrubber
	Redacted scrub.Counts
}

// Tags flattens, scrubs and bounds attributes, and takes what they need from
// room. dropped is what the client says it left out itself; what is left out
// here is added to it. scope attributes come last, under a name of their own.
func (r Reader) Tags(kvs []*common.KeyValue, dropped uint32, room *int, scope ...*schema.Tag) []*schema.Tag {
	if len(kvs) == 0 && dropped == 0 && len(scope) == 0 {
		return nil
	}
	n := min(len(kvs), schema.MaxAttributes)
	slab := make([]schema.Tag, n)
	out := make([]*schema.Tag, 0, n+len(scope))
	trimmed := 0
next:
	for _, kv := range kvs {
		key := Clipped(kv.GetKey(), schema.MaxTagKey)
		left := *room - len(key) - Overhead
		if key == "" || len(out) == n || left < 0 {
			dropped++
			continue
		}
		for _, t := range out {
			if t.Key == key {
				dropped++
				continue next
			}
		}
		t := &slab[len(out)]
		t.Key = key
		// Scrubbed before it is cut: half a secret would not be known for one.
		v, cut := Clip(r.Scrubber.Attribute(key, Text(kv.GetValue()), r.Redacted), schema.MaxAttributeValue)
		if len(v) > left {
			v, cut = strings.ToValidUTF8(v[:left], ""), true
		}
		if cut {
			trimmed++
		}
		t.Value = v
		*room = left - len(v)
		out = append(out, t)
	}
	for _, t := range scope {
		left := *room - len(t.Key) - len(t.Value) - Overhead
		if left < 0 || len(out) >= schema.MaxAttributes {
			dropped++
			continue
		}
		*room = left
		out = append(out, t)
	}
	out = Note(out, DroppedAttributes, dropped)
	return Note(out, TrimmedValues, uint32(trimmed))
}

// Note adds a count to attributes, where there is something to count.
func Note(ts []*schema.Tag, key string, n uint32) []*schema.Tag {
	if n == 0 {
		return ts
	}
	return append(ts, &schema.Tag{Key: key, Value: strconv.FormatUint(uint64(n), 10)})
}

// Value returns the value of the first of keys that is there and not empty.
func Value(ts []*schema.Tag, keys ...string) string {
	for _, k := range keys {
		for _, t := range ts {
			if t.Key == k && t.Value != "" {
				return t.Value
			}
		}
	}
	return ""
}

// Raw returns the rendered value of an attribute, unscrubbed and whole.
func Raw(kvs []*common.KeyValue, key string) string {
	for _, kv := range kvs {
		if kv.GetKey() == key {
			return Text(kv.GetValue())
		}
	}
	return ""
}

// IsTrue reads booleans as SDKs send them: true, "true" or Python's "True".
func IsTrue(s string) bool { return strings.EqualFold(s, "true") }
