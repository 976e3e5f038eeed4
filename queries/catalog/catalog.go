// Package catalog holds the questions: one .sql file each, with typed parameters,
// columns, cost and bound in its head. In: a name and values as text. Out: the
// statement for these values, with parameters that travel apart from it. It asks
// nothing itself; package queries does.
package catalog

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"sync"
	"text/template"
)

//go:embed *.sql
var catalogFiles embed.FS

// Query is one named question of the catalog. Its name, parameters and columns
// are stable.
type Query struct {
	Name    string  `json:"name"`
	Purpose string  `json:"purpose"`
	Params  []Param `json:"params"`
	Columns []Field `json:"columns"`
	Cost    string  `json:"cost"`  // What it reads and how long that takes, warm.
	Bound   string  `json:"bound"` // What limits it, whatever the data.
	User    string  `json:"user"`  // Who may ask: reader, or errata where system tables are read.
	Steps   []Step  `json:"-"`
	// Applied are parameters that no statement takes: they are applied to what
	// the statements gave; see package queries.
	Applied []string `json:"-"`
}

// Step is one statement. A step before the last hands its columns on as array
// parameters: lists are asked in steps, the keys of a page first. Steps of a
// query that is put together here (see package queries) hand on nothing by themselves.
type Step struct {
	Name string
	Out  []Field // Parameters for the steps after it; empty for one that gives rows.
	text *template.Template
	uses map[string]bool // Words of its text, names of what others hand on among them.
}

// Reads tells whether a step needs what one of these hands on.
func (s Step) Reads(others []Step) bool {
	for _, o := range others {
		for _, f := range o.Out {
			if s.uses[f.Name] {
				return true
			}
		}
	}
	return false
}

// Param is a typed parameter: SQL refers to it as {name:Type}.
type Param struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"` // ClickHouse type, or Issue: 16 hex digits.
	Required bool     `json:"required"`
	Default  string   `json:"default,omitempty"`
	OneOf    []string `json:"one_of,omitempty"`
	Purpose  string   `json:"purpose"`
}

// Field is a named, typed column.
type Field struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Purpose string `json:"purpose,omitempty"`
}

// ErrNoQuery is returned for a name that the catalog does not have.
var ErrNoQuery = errors.New("the catalog has no such query; `errata query` lists them")

var loadCatalog = sync.OnceValues(func() (map[string]*Query, error) {
	entries, err := catalogFiles.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("cannot read catalog: %w", err)
	}
	all := map[string]*Query{}
	for _, e := range entries {
		raw, err := catalogFiles.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("cannot read catalog: %w", err)
		}
		q, err := parseQuery(raw)
		if err != nil {
			return nil, fmt.Errorf("cannot read catalog/%s: %w", e.Name(), err)
		}
		if q.Name+".sql" != e.Name() {
			return nil, fmt.Errorf("cannot read catalog/%s: it names itself %q", e.Name(), q.Name)
		}
		all[q.Name] = q
	}
	return all, nil
})

// All lists every query by name.
func All() ([]*Query, error) {
	all, err := loadCatalog()
	if err != nil {
		return nil, err
	}
	out := make([]*Query, 0, len(all))
	for _, q := range all {
		out = append(out, q)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// Lookup finds a query by name.
func Lookup(name string) (*Query, error) {
	all, err := loadCatalog()
	if err != nil {
		return nil, err
	}
	if q, ok := all[name]; ok {
		return q, nil
	}
	return nil, fmt.Errorf("cannot find query %q: %w", name, ErrNoQuery)
}

// Fragments that many queries share. They are fixed text: values come as
// parameters only.
var fragments = template.FuncMap{
	// The issue that a fingerprint belongs to.
	"survivor": survivor,
	// The fingerprint of parameter issue; of one that was merged away, of the issue
	// that it went into.
	"issue": func() string { return askedIssue },
	// The fingerprint that parameter issue names, whatever belongs to what.
	"named": func() string { return namedIssue },
	// All fingerprints of parameter issue: a set that the primary key is read by.
	// It is run while the question is planned, for which the merge log itself
	// takes 4 ms more than what is in memory of it.
	"members": func() string {
		return "(SELECT " + askedIssue + " AS fingerprint UNION ALL SELECT fingerprint FROM issue_of WHERE project_id = {project:UInt32} AND survivor = " + askedIssue + ")"
	},
	"strip": strip,
	// packed is an array of hashes, each once, as eight bytes each whose highest bit
	// is set: the server leaves out zeros at the end.
	"packed": func(hashes string) string {
		return "arrayStringConcat(arrayMap(h -> reinterpretAsFixedString(bitOr(h, toUInt64(9223372036854775808))), arrayDistinct(" + hashes + ")))"
	},
	"hex": func(f string) string { return "lower(leftPad(hex(" + f + "), 16, '0'))" },
	// Newest state first, then as a semantic version where both are one.
	"zero": func() string { return "toDateTime64(0, 3, 'UTC')" },
}

// namedIssue is the fingerprint that parameter issue names, and askedIssue that of
// the issue it belongs to.
const (
	namedIssue = "reinterpretAsUInt64(reverse(unhex({issue:String})))"
	askedIssue = "dictGetOrDefault(concat(currentDatabase(), '.issue_of'), 'survivor', ({project:UInt32}, " + namedIssue + "), " + namedIssue + ")"
)

// strip is all slots of a group as pieces.Unpack reads them; a slot may come more
// than once.
func strip(slot, n string) string {
	return "arrayStringConcat(arrayMap(c -> reinterpretAsFixedString(c), groupArray(bitOr(bitShiftLeft(toUInt64(8388608 + " + slot + "), 40), least(" + n + ", toUInt64(1099511627775))))))"
}

// survivor names the dictionary with its database: another shard runs its part
// of a question in the database that its cluster is configured with.
func survivor(f string) string {
	return "dictGetOrDefault(concat(currentDatabase(), '.issue_of'), 'survivor', (project_id, " + f + "), " + f + ")"
}

var (
	paramLine  = regexp.MustCompile(`^(\w+) (\w+(?:\([^=:]*\))?)(?: (required)| = ([^:]*?))?(?: of ([\w,]+))?: (.+)$`)
	columnLine = regexp.MustCompile(`^(\w+) (.+?): (.+)$`)
	stepLine   = regexp.MustCompile(`^(\w+): (.+)$`)
	word       = regexp.MustCompile(`\w+`)
)

// parseQuery reads a file: a header of comments, then one statement, or steps.
func parseQuery(raw []byte) (*Query, error) {
	q := &Query{User: "reader"}
	step := Step{Name: "result"}
	var text bytes.Buffer
	flush := func() error {
		sql := strings.TrimSpace(text.String())
		text.Reset()
		if sql == "" {
			return nil
		}
		var err error
		if step.text, err = template.New(q.Name).Delims("<<", ">>").Funcs(fragments).Parse(strings.TrimSuffix(sql, ";")); err != nil {
			return fmt.Errorf("cannot parse step %s: %w", step.Name, err)
		}
		step.uses = map[string]bool{}
		for _, w := range word.FindAllString(sql, -1) {
			step.uses[w] = true
		}
		q.Steps = append(q.Steps, step)
		step = Step{Name: "result"}
		return nil
	}
	sc := bufio.NewScanner(bytes.NewReader(raw))
	for sc.Scan() {
		line := sc.Text()
		word, rest, _ := strings.Cut(strings.TrimPrefix(line, "-- "), " ")
		if !strings.HasPrefix(line, "-- ") {
			text.WriteString(line + "\n")
			continue
		}
		var err error
		switch word {
		case "name:":
			q.Name = rest
		case "purpose:":
			q.Purpose = strings.TrimSpace(q.Purpose + " " + rest)
		case "user:":
			q.User = rest
		case "applied:":
			q.Applied = strings.Split(rest, ", ")
		case "cost:":
			q.Cost = strings.TrimSpace(q.Cost + " " + rest)
		case "bound:":
			q.Bound = strings.TrimSpace(q.Bound + " " + rest)
		case "param":
			err = q.addParam(rest)
		case "column":
			m := columnLine.FindStringSubmatch(rest)
			if m == nil {
				return nil, fmt.Errorf("cannot read column line %q", line)
			}
			q.Columns = append(q.Columns, Field{Name: m[1], Type: m[2], Purpose: m[3]})
		case "step":
			if err = flush(); err == nil {
				step, err = parseStep(rest)
			}
		default:
			continue // A comment for readers.
		}
		if err != nil {
			return nil, err
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	for _, step := range q.Steps {
		if _, err := q.Statement(step, nil); err != nil {
			return nil, err
		}
	}
	if q.Name == "" || q.Purpose == "" || q.Cost == "" || q.Bound == "" || len(q.Columns) == 0 || len(q.Steps) == 0 {
		return nil, errors.New("name, purpose, cost, bound, a column and a statement must be there")
	}
	return q, nil
}

func (q *Query) addParam(rest string) error {
	m := paramLine.FindStringSubmatch(rest)
	if m == nil {
		return fmt.Errorf("cannot read parameter line %q", rest)
	}
	p := Param{Name: m[1], Type: m[2], Required: m[3] != "", Default: strings.TrimSpace(m[4]), Purpose: m[6]}
	if m[5] != "" {
		p.OneOf = strings.Split(m[5], ",")
	}
	q.Params = append(q.Params, p)
	return nil
}

func parseStep(rest string) (Step, error) {
	m := stepLine.FindStringSubmatch(rest)
	if m == nil {
		return Step{}, fmt.Errorf("cannot read step line %q", rest)
	}
	s := Step{Name: m[1]}
	if m[1] == "result" || m[2] == "rows" {
		return s, nil
	}
	for f := range strings.SplitSeq(m[2], ", ") {
		name, kind, ok := strings.Cut(f, " ")
		if !ok {
			return s, fmt.Errorf("cannot read step output %q", f)
		}
		s.Out = append(s.Out, Field{Name: name, Type: kind})
	}
	return s, nil
}
