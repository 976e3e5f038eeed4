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
		for i := range t.Len() {
			if n := t.Float(i, f.Key); strings.ContainsAny(f.Operator, "<>") && compares(f, n) || !strings.ContainsAny(f.Operator, "<>") && Selects(f, t.Text(i, f.Key)) {
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

// Selects says whether a filter takes this text. Its regular expressions were
// compiled when the query was read.
func Selects(f ask.Filter, text string) bool {
	match := slices.Contains(f.Values, text)
	if strings.HasSuffix(f.Operator, "~") {
		match = slices.ContainsFunc(f.Values, func(v string) bool {
			m, err := regexp.MatchString(v, text)
			return err == nil && m
		})
	}
	return match != strings.HasPrefix(f.Operator, "!")
}
