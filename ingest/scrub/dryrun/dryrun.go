// Package dryrun says what scrubbing rules would do to stored events. In: the
// payloads of events and a project's rules. Out: how often each rule finds
// something and where. It changes nothing and never shows a value.
package dryrun

import (
	_ "embed" // The question for stored payloads.
	"fmt"
	"sort"
	"strings"

	"errata/ingest/node"
	"errata/ingest/scrub"
)

// SQL asks for event id and payload of a project's newest events.
//
//go:embed payloads.sql
var SQL string

// Count is how often something was found.
type Count struct {
	Name   string `json:"name"`
	Values int    `json:"values"`
	Events int    `json:"events"`
	Sample string `json:"sample_event_id"`
}

// Report is what a dry run found.
type Report struct {
	Events  int     `json:"events"`
	Changed int     `json:"changed"`
	Bad     int     `json:"unreadable"`
	Rules   []Count `json:"rules"`
	Paths   []Count `json:"paths"` // List indexes are *.
}

// Run collects a Report over events.
type Run struct {
	s            *scrub.Scrubber
	parser       node.Parser
	other        node.Parser
	report       Report
	rules, paths map[string]*Count
}

// maxPaths bounds the report: names of keys can be data.
const maxPaths = 500

// New starts a run.
func New(rules scrub.Rules) (*Run, error) {
	s, err := scrub.New(rules)
	if err != nil {
		return nil, fmt.Errorf("cannot use scrub rules: %w", err)
	}
	return &Run{s: s, rules: map[string]*Count{}, paths: map[string]*Count{}}, nil
}

// Event tries the rules on one payload.
func (r *Run) Event(id string, payload []byte) {
	r.report.Events++
	v, err := r.parser.ParseBytes(payload)
	before, err2 := r.other.ParseBytes(payload)
	if err != nil || err2 != nil {
		r.report.Bad++
		return
	}
	var a node.Arena
	c := scrub.Counts{}
	r.s.JSON(v, &a, c)
	if len(c) == 0 {
		return
	}
	r.report.Changed++
	for rule, n := range c {
		note(r.rules, rule, id, n)
	}
	found := map[string]int{}
	differ(before, v, "", found)
	for path, n := range found {
		if len(r.paths) < maxPaths || r.paths[path] != nil {
			note(r.paths, path, id, n)
		}
	}
}

func note(m map[string]*Count, name, id string, n int) {
	c := m[name]
	if c == nil {
		c = &Count{Name: name, Sample: id}
		m[name] = c
	}
	c.Values += n
	c.Events++
}

// differ notes the paths at which two trees of one payload differ.
func differ(a, b *node.Value, path string, found map[string]int) {
	if a == nil || b == nil || a.Type() != b.Type() {
		found[path]++
		return
	}
	switch a.Type() {
	case node.TypeObject:
		a.GetObject().Visit(func(k []byte, m *node.Value) {
			key := string(k)
			differ(m, b.Get(key), strings.TrimPrefix(path+"."+key, "."), found)
		})
	case node.TypeArray:
		other := b.GetArray()
		for i, m := range a.GetArray() {
			if i < len(other) {
				differ(m, other[i], path+".*", found)
			}
		}
	case node.TypeString:
		if string(a.GetStringBytes()) != string(b.GetStringBytes()) {
			found[path]++
		}
	}
}

// Report returns what was found so far, most frequent first.
func (r *Run) Report() Report {
	out := r.report
	out.Rules, out.Paths = sorted(r.rules), sorted(r.paths)
	return out
}

func sorted(m map[string]*Count) []Count {
	out := make([]Count, 0, len(m))
	for _, c := range m {
		out = append(out, *c)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Values != out[j].Values {
			return out[i].Values > out[j].Values
		}
		return out[i].Name < out[j].Name
	})
	return out
}
