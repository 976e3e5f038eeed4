// Package frame turns columns and rows into Grafana's data frames. In: what
// queries answered. Out: frames of the documented types, one for tables, series,
// logs, traces and alerts each. It asks nothing.
package frame

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"errata/queries"
)

// Rows reads a result by column name. A column that is not there gives zero
// values.
type Rows struct {
	r  *queries.Result
	at map[string]int
}

// Read wraps a result.
func Read(r *queries.Result) Rows {
	at := map[string]int{}
	for i, c := range r.Columns {
		at[c.Name] = i
	}
	return Rows{r: r, at: at}
}

// Len is the number of rows.
func (t Rows) Len() int { return len(t.r.Rows) }

// Value is a cell as the driver gave it.
func (t Rows) Value(row int, column string) any {
	i, ok := t.at[column]
	if !ok {
		return nil
	}
	return t.r.Rows[row][i]
}

// Text is a cell as text; empty for null and for the zero UUID.
func (t Rows) Text(row int, column string) string {
	switch v := t.Value(row, column).(type) {
	case nil:
		return ""
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	case uuid.UUID:
		return IDText(v)
	default:
		return fmt.Sprint(v)
	}
}

// IDText is an event id as SDKs write it; empty for the zero UUID.
func IDText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return strings.ReplaceAll(id.String(), "-", "")
}

// Int is a cell as a whole number.
func (t Rows) Int(row int, column string) int64 {
	v := reflect.ValueOf(t.Value(row, column))
	switch {
	case !v.IsValid():
		return 0
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return int64(min(v.Uint(), math.MaxInt64)) //nolint:gosec // Bounded on this line.
	case v.CanFloat():
		return int64(v.Float())
	case v.Kind() == reflect.Bool && v.Bool():
		return 1
	}
	return 0
}

// Float is a cell as a number; nil for null.
func (t Rows) Float(row int, column string) *float64 {
	v := reflect.ValueOf(t.Value(row, column))
	var f float64
	switch {
	case !v.IsValid():
		return nil
	case v.CanFloat():
		f = v.Float()
	case v.CanInt():
		f = float64(v.Int())
	case v.CanUint():
		f = float64(v.Uint())
	default:
		return nil
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// Time is a cell as a time in UTC; zero for null and for the epoch, which the
// tables write for "none".
func (t Rows) Time(row int, column string) time.Time {
	v, ok := t.Value(row, column).(time.Time)
	if !ok || v.Unix() <= 0 {
		return time.Time{}
	}
	return v.UTC()
}

// Milli is a cell as milliseconds since the epoch; 0 for none.
func (t Rows) Milli(row int, column string) int64 {
	v := t.Time(row, column)
	if v.IsZero() {
		return 0
	}
	return v.UnixMilli()
}

// List is a cell as texts, never nil.
func (t Rows) List(row int, column string) []string {
	out := []string{}
	v := reflect.ValueOf(t.Value(row, column))
	if !v.IsValid() || v.Kind() != reflect.Slice {
		return out
	}
	for i := range v.Len() {
		out = append(out, strings.ToValidUTF8(fmt.Sprint(v.Index(i).Interface()), "\uFFFD"))
	}
	return out
}

// Map is a cell as names and texts, never nil.
func (t Rows) Map(row int, column string) map[string]string {
	out := map[string]string{}
	if m, ok := t.Value(row, column).(map[string]string); ok {
		for k, v := range m {
			out[k] = strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	return out
}

// sortedKeys gives a map one order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
