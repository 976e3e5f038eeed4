// Package sift selects rows by filters where the catalog does not: of answers
// that are few rows, such as outcomes, and of names. It asks nothing.
package sift

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/queries"
	"errata/queries/catalog"
)

// Keep leaves the rows that filters on their texts select, and gives back the
// filters on what the rows have not. The rows are few: the catalog bounds them.
func Keep(r *queries.Result, filters []ask.Filter) (ignored []ask.Filter) {
	t := frame.Read(r)
	for _, f := range filters {
		at := slices.IndexFunc(r.Columns, func(c catalog.Field) bool { return c.Name == f.Key })
		if at < 0 {
			ignored = append(ignored, f)
			continue
		}
		var left [][]any
		selects, number := Selector(f), strings.ContainsAny(f.Operator, "<>")
		for i := range t.Len() {
			if number && compares(f, t.Float(i, f.Key)) || !number && selects(t.Text(i, f.Key)) {
				left = append(left, r.Rows[i])
			}
		}
		r.Rows = left
	}
	return ignored
}

// compares says whether a number lies where the filter wants it.
func compares(f ask.Filter, n *float64) bool {
	limit, err := strconv.ParseFloat(strings.TrimSpace(f.Values[0]), 64)
	if err != nil || n == nil {
		return false
	}
	switch f.Operator {
	case "<":
		return *n < limit
	case "<=":
		return *n <= limit
	case ">":
		return *n > limit
	}
	return *n >= limit
}

// Selector says which texts a filter takes. Its regular expressions were checked
// when the query was read, and are compiled once for all texts.
func Selector(f ask.Filter) func(text string) bool {
	wanted := !strings.HasPrefix(f.Operator, "!")
	if !strings.HasSuffix(f.Operator, "~") {
		return func(text string) bool { return slices.Contains(f.Values, text) == wanted }
	}
	var patterns []*regexp.Regexp
	for _, v := range f.Values {
		if p, err := regexp.Compile(v); err == nil {
			patterns = append(patterns, p)
		}
	}
	return func(text string) bool {
		return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(text) }) == wanted
	}
}
