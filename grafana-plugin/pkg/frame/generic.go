package frame

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	"github.com/google/uuid"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/queries"
	"errata/queries/catalog"
)

// FromResult turns any result into a table: what SQL answers with.
func FromResult(r *queries.Result) *data.Frame {
	f := data.NewFrame("")
	for c, column := range r.Columns {
		f.Fields = append(f.Fields, field(column, r.Rows, c))
	}
	return Typed(f, data.FrameTypeTable)
}

// Typed states what a frame is, which alerting and SQL expressions ask for.
func Typed(f *data.Frame, t data.FrameType) *data.Frame {
	if f.Meta == nil {
		f.Meta = &data.FrameMeta{}
	}
	f.Meta.Type = t
	f.Meta.TypeVersion = data.FrameTypeVersion{0, 1}
	if t == data.FrameTypeLogLines {
		f.Meta.TypeVersion = data.FrameTypeVersion{0, 0}
	}
	return f
}

// bare is a ClickHouse type without what does not change its form.
func bare(kind string) (string, bool) {
	null := false
	for {
		changed := false
		for _, wrap := range []string{"Nullable(", "LowCardinality("} {
			if strings.HasPrefix(kind, wrap) && strings.HasSuffix(kind, ")") {
				null = null || wrap == "Nullable("
				kind, changed = kind[len(wrap):len(kind)-1], true
			}
		}
		if strings.HasPrefix(kind, "SimpleAggregateFunction(") {
			if _, rest, ok := strings.Cut(kind, ", "); ok {
				kind, changed = strings.TrimSuffix(rest, ")"), true
			}
		}
		if !changed {
			return kind, null
		}
	}
}

func field(column catalog.Field, rows [][]any, c int) *data.Field {
	kind, null := bare(column.Type)
	switch {
	case strings.HasPrefix(kind, "DateTime") || kind == "Date" || kind == "Date32":
		return times(column.Name, rows, c, null)
	case strings.HasSuffix(kind, "Int128"), strings.HasSuffix(kind, "Int256"):
		return fill(column.Name, rows, c, true, number) // Frames have no wider numbers.
	case kind == "UInt64" && slices.ContainsFunc(rows, func(row []any) bool { n, ok := row[c].(uint64); return ok && n > math.MaxInt64 }):
		return fill(column.Name, rows, c, null, func(v any) (uint64, bool) { n, ok := v.(uint64); return n, ok })
	case strings.HasPrefix(kind, "Int") && !strings.HasPrefix(kind, "Interval") || strings.HasPrefix(kind, "UInt"):
		return fill(column.Name, rows, c, null, whole)
	case strings.HasPrefix(kind, "Float") || kind == "BFloat16":
		return fill(column.Name, rows, c, true, number)
	case strings.HasPrefix(kind, "Decimal"):
		return fill(column.Name, rows, c, true, number)
	case kind == "Bool":
		return fill(column.Name, rows, c, null, func(v any) (bool, bool) { b, ok := v.(bool); return b, ok })
	case strings.HasPrefix(kind, "Map("), strings.HasPrefix(kind, "Tuple("), strings.HasPrefix(kind, "Array("), strings.HasPrefix(kind, "JSON"):
		return fill(column.Name, rows, c, false, func(v any) (json.RawMessage, bool) {
			raw, err := json.Marshal(jsonable(reflect.ValueOf(v)))
			return raw, err == nil
		})
	}
	null = null || strings.HasPrefix(kind, "Variant(") || strings.HasPrefix(kind, "Dynamic")
	return fill(column.Name, rows, c, null, func(v any) (string, bool) {
		switch v := v.(type) {
		case string:
			return strings.ToValidUTF8(v, "\uFFFD"), true
		case uuid.UUID:
			return v.String(), true
		case net.IP:
			return v.String(), true
		case time.Duration: // Of type Time, which may be over a day or below zero.
			return clock(v), true
		case chcol.Variant: // Dynamic is one, too.
			if v.Nil() {
				return "", false
			}
			if one, ok := jsonable(reflect.ValueOf(v.Any())).(string); ok {
				return one, true
			}
			raw, err := json.Marshal(jsonable(reflect.ValueOf(v.Any())))
			return string(raw), err == nil
		}
		return fmt.Sprint(v), true
	})
}

// Frames count nanoseconds since 1970 in 64 bits.
var earliest, latest = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// times is a field of times. One that a frame cannot hold is nothing, rather
// than another time.
func times(name string, rows [][]any, c int, null bool) *data.Field {
	null = null || slices.ContainsFunc(rows, func(row []any) bool {
		t, ok := row[c].(time.Time)
		return ok && (t.Before(earliest) || t.After(latest))
	})
	return fill(name, rows, c, null, func(v any) (time.Time, bool) {
		t, ok := v.(time.Time)
		return t.UTC(), ok && !t.Before(earliest) && !t.After(latest)
	})
}

// clock is a time of day as ClickHouse writes it.
func clock(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	s := fmt.Sprintf("%s%02d:%02d:%02d", sign, d/time.Hour, d/time.Minute%60, d/time.Second%60)
	if part := d % time.Second; part > 0 {
		s += strings.TrimRight(fmt.Sprintf(".%09d", part), "0")
	}
	return s
}

// fill makes a field; null makes it one that can hold nothing.
func fill[T any](name string, rows [][]any, c int, null bool, read func(any) (T, bool)) *data.Field {
	plain, pointers := make([]T, len(rows)), make([]*T, len(rows))
	for i, row := range rows {
		if row[c] == nil {
			continue
		}
		if v, ok := read(row[c]); ok {
			plain[i], pointers[i] = v, &v
		}
	}
	if null {
		return data.NewField(name, nil, pointers)
	}
	return data.NewField(name, nil, plain)
}

func whole(v any) (int64, bool) {
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return r.Int(), true
	case r.CanUint():
		return int64(min(r.Uint(), math.MaxInt64)), true //nolint:gosec // Bounded on this line.
	}
	return 0, false
}

func number(v any) (float64, bool) {
	r := reflect.ValueOf(v)
	f := 0.0
	if r.CanFloat() {
		f = r.Float()
	} else if d, ok := v.(interface{ InexactFloat64() float64 }); ok {
		f = d.InexactFloat64()
	} else if b, ok := v.(big.Int); ok {
		f, _ = new(big.Float).SetInt(&b).Float64()
	} else {
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// jsonable makes of a nested value what encoding/json can write: keys are text,
// numbers finite.
func jsonable(v reflect.Value) any {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	switch x := v.Interface().(type) {
	case chcol.JSON:
		return jsonable(reflect.ValueOf(x.NestedMap()))
	case chcol.Variant:
		return jsonable(reflect.ValueOf(x.Any()))
	case big.Int:
		return json.Number(x.String())
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case uuid.UUID:
		return x.String()
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		return x
	case string:
		return strings.ToValidUTF8(x, "\uFFFD")
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = jsonable(v.Index(i))
		}
		return out
	case reflect.Map:
		out := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			out[fmt.Sprint(it.Key().Interface())] = jsonable(it.Value())
		}
		return out
	}
	return v.Interface()
}

// Notice adds a sentence that Grafana shows on the panel.
func Notice(f *data.Frame, severity data.NoticeSeverity, text string) {
	f.AppendNotices(data.Notice{Severity: severity, Text: text})
}

// ToNumeric makes of a table what alert rules and SQL expressions take: texts
// as labels and exactly one number, the first or the one named, no times. The
// names of numbers left out are returned. A named number that is not there is an
// error, since another one would be compared instead of it.
func ToNumeric(f *data.Frame, metric string) (*data.Frame, []string, error) {
	out := &data.Frame{Name: f.Name, RefID: f.RefID, Meta: f.Meta}
	var numbers []*data.Field
	for _, x := range f.Fields {
		switch {
		case x.Type().Numeric():
			numbers = append(numbers, x)
		case x.Type() == data.FieldTypeString || x.Type() == data.FieldTypeNullableString:
			out.Fields = append(out.Fields, x)
		}
	}
	chosen := 0
	if metric != "" {
		chosen = slices.IndexFunc(numbers, func(x *data.Field) bool { return x.Name == metric })
	}
	var left []string
	for _, x := range numbers {
		left = append(left, x.Name)
	}
	switch {
	case len(numbers) == 0:
		return nil, nil, errors.New("there is no number that a rule could compare")
	case chosen < 0:
		return nil, nil, fmt.Errorf("there is no number %.60q; there are %s", metric, strings.Join(left, ", "))
	}
	left = nil
	for i, x := range numbers {
		if i == chosen {
			out.Fields = append(out.Fields, x)
		} else {
			left = append(left, x.Name)
		}
	}
	return Typed(out, data.FrameTypeNumericLong), left, nil
}

// Summed is ToNumeric for a table whose texts repeat: whole numbers of the same
// texts are summed, since a rule takes each row of labels once. A share cannot
// be summed: then the texts must differ.
func Summed(f *data.Frame, metric string) (*data.Frame, error) {
	n, left, err := ToNumeric(f, metric)
	if err != nil {
		return nil, err
	}
	last := len(n.Fields) - 1
	rows := n.Fields[last].Len()
	out := n.EmptyCopy()
	out.Meta = n.Meta
	sums := data.NewField(n.Fields[last].Name, nil, []float64{})
	out.Fields[last] = sums
	at := map[string]int{}
	whole := !strings.Contains(n.Fields[last].Type().ItemTypeString(), "float")
	for i := range rows {
		v, err := n.Fields[last].NullableFloatAt(i)
		if err != nil || v == nil {
			continue // Nothing is known, such as a rate without sessions.
		}
		var key strings.Builder
		for _, x := range n.Fields[:last] {
			key.WriteString(fmt.Sprint(text(x, i)) + "\x00")
		}
		if k, ok := at[key.String()]; ok {
			if !whole {
				return nil, fmt.Errorf("several rows have the same texts, and %s cannot be summed", n.Fields[last].Name)
			}
			sums.Set(k, sums.At(k).(float64)+*v)
			continue
		}
		at[key.String()] = sums.Len()
		for c, x := range n.Fields[:last] {
			out.Fields[c].Append(x.At(i))
		}
		sums.Append(*v)
	}
	if len(left) > 0 {
		Notice(out, data.NoticeSeverityInfo, "A rule takes one number: left out are "+strings.Join(left, ", ")+".")
	}
	return out, nil
}

func text(x *data.Field, i int) string {
	if v, ok := x.ConcreteAt(i); ok {
		return fmt.Sprint(v)
	}
	return ""
}

// Flat writes lists of texts as one text, which tables of Grafana can show and
// filter.
func Flat(f *data.Frame) *data.Frame {
	for n, x := range f.Fields {
		if x.Type() != data.FieldTypeJSON {
			continue
		}
		out := data.NewField(x.Name, x.Labels, make([]string, x.Len()))
		out.Config = x.Config
		for i := range x.Len() {
			var list []string
			raw := x.At(i).(json.RawMessage)
			if json.Unmarshal(raw, &list) == nil {
				out.Set(i, strings.Join(list, ", "))
			} else {
				out.Set(i, string(raw))
			}
		}
		f.Fields[n] = out
	}
	return f
}
