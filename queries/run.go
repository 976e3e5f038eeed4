package queries

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
	"golang.org/x/sync/errgroup"

	"errata/queries/catalog"
)

// Result is columns and rows, in the order that the query gave them.
type Result struct {
	Columns []catalog.Field
	Rows    [][]any
}

// maxRows bounds what one query brings into memory.
const maxRows = 1_000_000

// Run asks a query of the catalog. Values are text, as a person or an URL
// gives them; see Query.Bind.
func (s *Store) Run(ctx context.Context, name string, values map[string]string) (*Result, error) {
	q, err := catalog.Lookup(name)
	if err != nil {
		return nil, err
	}
	bound, err := q.Bind(values, time.Now())
	if err != nil {
		return nil, err
	}
	if compose := composed[q.Name]; compose != nil {
		r, err := compose(ctx, &asking{store: s, query: q, bound: bound})
		if err != nil {
			return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
		}
		return r, nil
	}
	// Steps that wait for nothing of each other are asked at once.
	for at := 0; at < len(q.Steps); {
		next := at + 1
		for next < len(q.Steps) && !q.Steps[next].Reads(q.Steps[at:next]) {
			next++
		}
		statements, results := make([]string, next-at), make([]*Result, next-at)
		for i, step := range q.Steps[at:next] {
			if statements[i], err = q.Statement(step, bound); err != nil {
				return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
			}
		}
		g, ctx := errgroup.WithContext(ctx)
		for i, sql := range statements {
			if sql != "" {
				g.Go(func() (err error) {
					results[i], err = s.ask(ctx, sql, bound)
					return err
				})
			}
		}
		if err := g.Wait(); err != nil {
			return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
		}
		if next == len(q.Steps) && results[next-at-1] != nil {
			return results[next-at-1], nil
		}
		for i, step := range q.Steps[at:next] {
			if results[i] == nil {
				for _, f := range step.Out {
					bound[f.Name] = "[]"
				}
			} else if err := handOn(step, results[i], bound); err != nil {
				return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
			}
		}
		at = next
	}
	return nil, fmt.Errorf("cannot run query %s: it has no statement", q.Name)
}

// handOn turns the columns of a step into array parameters of those after it.
func handOn(step catalog.Step, r *Result, bound map[string]string) error {
	if len(r.Columns) != len(step.Out) {
		return fmt.Errorf("step %s gave %d columns and names %d", step.Name, len(r.Columns), len(step.Out))
	}
	for c, f := range step.Out {
		column := make([]any, len(r.Rows))
		for i, row := range r.Rows {
			column[i] = row[c]
		}
		text, err := catalog.ArrayText(column)
		if err != nil {
			return fmt.Errorf("step %s, column %s: %w", step.Name, f.Name, err)
		}
		bound[f.Name] = text
	}
	return nil
}

// SQL runs a person's own statement. Whoever asks must be a read-only user:
// nothing is checked here.
func (s *Store) SQL(ctx context.Context, sql string) (*Result, error) {
	r, err := s.ask(ctx, sql, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot run SQL: %w", err)
	}
	return r, nil
}

// Exec runs a statement of the owner that gives no rows. Values are bound as
// they are: the caller has checked them.
func (s *Store) Exec(ctx context.Context, sql string, values map[string]string) error {
	if len(values) > 0 {
		ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(values)))
	}
	if err := s.conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("cannot run SQL: %w", err)
	}
	return nil
}

func (s *Store) ask(ctx context.Context, sql string, bound map[string]string) (*Result, error) {
	if len(bound) > 0 {
		ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(bound)))
	}
	rows, err := s.conn.Query(ctx, sql)
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
