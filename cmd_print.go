package main

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

// maxCell is how much of a value a table for people shows.
const maxCell = 80

// printResult writes a listing: a table for a person, or JSON.
func printResult(w io.Writer, r *queries.Result, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
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
			cells[i] = shorten(cell(v), maxCell)
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// printRecords writes rows one below the other, whole values: for a few wide
// rows.
func printRecords(w io.Writer, r *queries.Result, asJSON bool) error {
	if asJSON || len(r.Rows) == 0 {
		return printResult(w, r, asJSON)
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

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot write JSON: %w", err)
	}
	return nil
}

// cell is a value in words: UTC times, lists with commas, control characters
// made visible, so that a stored text cannot drive a terminal.
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
		return visible(v)
	case float64:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", v), "0"), ".")
	case fmt.Stringer:
		if s := v.String(); s != "00000000-0000-0000-0000-000000000000" {
			return visible(s)
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

func visible(s string) string {
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

func shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-3]) + "..."
}
