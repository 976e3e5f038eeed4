package asking

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"errata/queries/catalog"
)

// Result is columns and rows, in the order that the query gave them.
type Result struct {
	Columns []catalog.Field
	Rows    [][]any
}

// maxRows bounds what one query brings into memory.
const maxRows = 1_000_000

// Ask runs a statement with bound values.
func (s *Server) Ask(ctx context.Context, sql string, bound map[string]string) (*Result, error) {
	if len(bound) > 0 {
		ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(bound)))
	}
	rows, err := s.Conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	r := &Result{}
	kinds := rows.ColumnTypes()
	for _, k := range kinds {
		r.Columns = append(r.Columns, catalog.Field{Name: k.Name(), Type: k.DatabaseTypeName()})
	}
	for rows.Next() {
		cells := make([]any, len(kinds))
		for i, k := range kinds {
			cells[i] = reflect.New(k.ScanType()).Interface()
		}
		if err := rows.Scan(cells...); err != nil {
			return nil, err
		}
		for i := range cells {
			cells[i] = plain(reflect.ValueOf(cells[i]).Elem())
		}
		if len(r.Rows) == maxRows {
			return nil, fmt.Errorf("over %d rows came: add a LIMIT", maxRows)
		}
		r.Rows = append(r.Rows, cells)
	}
	return r, rows.Err()
}

// plain strips pointers, so that a null is nil.
func plain(v reflect.Value) any {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	return v.Interface()
}

// Column is the values of a named column.
func (r *Result) Column(name string) []any {
	i := slices.IndexFunc(r.Columns, func(f catalog.Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	out := make([]any, len(r.Rows))
	for n, row := range r.Rows {
		out[n] = row[i]
	}
	return out
}

// MarshalJSON writes an array of row objects with keys in column order. Times
// are RFC 3339 in UTC; numbers that JSON cannot hold are null.
func (r *Result) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, row := range r.Rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		for c, v := range row {
			if c > 0 {
				b.WriteByte(',')
			}
			key, err := json.Marshal(r.Columns[c].Name)
			if err != nil {
				return nil, err
			}
			value, err := marshal(jsonValue(v, strings.Contains(r.Columns[c].Type, "DateTime")))
			if err != nil {
				return nil, fmt.Errorf("cannot write column %s as JSON: %w", r.Columns[c].Name, err)
			}
			b.Write(key)
			b.WriteByte(':')
			b.Write(value)
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// jsonValue turns what the driver gives into what encoding/json writes well.
func jsonValue(v any, clock bool) any {
	switch v := v.(type) {
	case nil:
		return nil
	case time.Time:
		if !clock {
			return v.Format("2006-01-02")
		}
		return v.UTC().Format("2006-01-02T15:04:05.999999999Z07:00")
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case float32:
		return jsonValue(float64(v), clock)
	case net.IP:
		a, ok := netip.AddrFromSlice(v)
		if !ok {
			return ""
		}
		return a.Unmap().String()
	case []byte:
		return string(v)
	case fmt.Stringer:
		return v.String()
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, rv.Len())
		for i := range out {
			out[i] = jsonValue(plain(rv.Index(i)), clock)
		}
		return out
	case reflect.Map:
		out := make(map[string]any, rv.Len())
		for it := rv.MapRange(); it.Next(); {
			out[fmt.Sprint(it.Key().Interface())] = jsonValue(plain(it.Value()), clock)
		}
		return out
	}
	return v
}

// Pick is the result with some of its columns, in this order.
func (r *Result) Pick(names ...string) *Result {
	out := &Result{}
	var at []int
	for _, n := range names {
		if i := slices.IndexFunc(r.Columns, func(f catalog.Field) bool { return f.Name == n }); i >= 0 {
			at = append(at, i)
			out.Columns = append(out.Columns, r.Columns[i])
		}
	}
	for _, row := range r.Rows {
		cells := make([]any, len(at))
		for i, c := range at {
			cells[i] = row[c]
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}
