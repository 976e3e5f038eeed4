// Package show writes answers for who asked: tables and records for a person,
// JSON for a program. It knows no question, and lets no stored text drive a
// terminal.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"errata/queries"
)

// MaxCell is how much of a value a table for people shows.
const MaxCell = 80

// Result writes a listing: a table for a person, or JSON.
func Result(w io.Writer, r *queries.Result, asJSON bool) error {
	if asJSON {
		return JSON(w, r)
	}
	if len(r.Rows) == 0 {
		_, err := fmt.Fprintln(w, "No rows.")
		return err
	}
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	names := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		names[i] = strings.ToUpper(c.Name)
	}
	fmt.Fprintln(tw, strings.Join(names, "\t"))
	for _, row := range r.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = Shorten(cell(v), MaxCell)
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// Records writes rows one below the other, whole values: for a few wide
// rows.
func Records(w io.Writer, r *queries.Result, asJSON bool) error {
	if asJSON || len(r.Rows) == 0 {
		return Result(w, r, asJSON)
	}
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for i, row := range r.Rows {
		if i > 0 {
			fmt.Fprintln(tw)
		}
		for c, v := range row {
			if text := cell(v); text != "" {
				fmt.Fprintf(tw, "%s\t%s\n", r.Columns[c].Name, text)
			}
		}
	}
	return tw.Flush()
}

// JSON writes a value for a program, indented.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot write JSON: %w", err)
	}
	return nil
}

// cell is a value in words: UTC times, lists with commas, control characters
// made Visible, so that a stored text cannot drive a terminal.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		if v.IsZero() || v.Unix() == 0 {
			return ""
		}
		return v.UTC().Format("2006-01-02 15:04:05")
	case string:
		return Visible(v)
	case float64:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", v), "0"), ".")
	case fmt.Stringer:
		if s := v.String(); s != "00000000-0000-0000-0000-000000000000" {
			return Visible(s)
		}
		return ""
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		parts := make([]string, rv.Len())
		for i := range parts {
			parts[i] = cell(rv.Index(i).Interface())
		}
		return strings.Join(parts, ", ")
	case reflect.Map:
		parts := make([]string, 0, rv.Len())
		for it := rv.MapRange(); it.Next(); {
			parts = append(parts, cell(it.Key().Interface())+"="+cell(it.Value().Interface()))
		}
		sort.Strings(parts)
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}

// Visible is a text on one line, whose control characters a terminal does not
// obey.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError:
			return '?'
		}
		return r
	}, s)
}

// Shorten cuts a text to limit characters.
func Shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-3]) + "..."
}
