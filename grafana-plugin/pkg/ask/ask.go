// Package ask reads what a panel asks for. In: the JSON of a query and its
// time range. Out: checked values for the catalog of queries, or a person's
// SQL with its macros expanded. It never touches the store, and never puts a
// value of a catalog query into SQL.
package ask

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrQuery is returned for a query that says something wrong.
var ErrQuery = errors.New("wrong query")

// Modes of a query.
const (
	Issues      = "issues"
	Events      = "events"
	ErrorTrend  = "error_trend"
	Logs        = "logs"
	Trace       = "trace"
	TraceSearch = "trace_search"
	Releases    = "releases"
	Outcomes    = "outcomes"
	SQL         = "sql"
	Annotations = "annotations"
	Catalog     = "catalog"
	Lag         = "lag"
)

// Formats of an answer.
const (
	Table      = "table"
	TimeSeries = "time_series"
	Numeric    = "numeric"
)

// Filter is one ad hoc filter: a value, never a piece of SQL.
type Filter struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Value    string   `json:"value,omitempty"`
	Values   []string `json:"values,omitempty"`
}

// Query is what the query editor writes; see datasource/types.ts.
type Query struct {
	Mode          string   `json:"mode"`
	Project       string   `json:"project"`
	Environment   string   `json:"environment"`
	Release       string   `json:"release"`
	Service       string   `json:"service"`
	Level         string   `json:"level"`
	Status        string   `json:"status"`
	Assignee      string   `json:"assignee"`
	Issue         string   `json:"issue"`
	Text          string   `json:"text"`
	TagKey        string   `json:"tagKey"`
	By            string   `json:"by"`
	Sort          string   `json:"sort"`
	Metric        string   `json:"metric"`
	TraceID       string   `json:"traceId"`
	MinDurationMs float64  `json:"minDurationMs"`
	OnlyErrors    bool     `json:"onlyErrors"`
	SQL           string   `json:"sql"`
	Format        string   `json:"format"`
	Kind          string   `json:"kind"`
	Volume        bool     `json:"volume"`
	Limit         int      `json:"limit"`
	Offset        int      `json:"-"`
	Filters       []Filter `json:"filters"`

	FirstSeen bool              `json:"firstSeen"` // Issues: only those first seen in the time range.
	Name      string            `json:"name"`      // Catalog: which query of it.
	Params    map[string]string `json:"params"`    // Catalog: its values, as text.

	From, To time.Time `json:"-"`
	Bucket   int64     `json:"-"` // Seconds.
}

// Bounds of a query.
const (
	maxQueryBytes = 256 << 10
	maxFieldBytes = 8 << 10
	maxListBytes  = 128 << 10 // Of a variable with many values.
	maxFilters    = 50
	maxKeyBytes   = 1000 // Keys of tags have up to 200 characters.
	maxBuckets    = 2000
)

var (
	issueForm    = regexp.MustCompile(`^[0-9a-f]{16}$`)
	traceForm    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	variableForm = regexp.MustCompile(`^\$(\w+|\{[^}]*\})$|^\[\[\w+\]\]$`)
)

// Read reads and checks a query. interval and points are what the panel can
// draw: how far apart, and how many.
func Read(raw []byte, from, to time.Time, interval time.Duration, points int64) (Query, error) {
	q := Query{}
	if len(raw) > maxQueryBytes {
		return q, fmt.Errorf("%w: it is %d bytes, the limit is %d", ErrQuery, len(raw), maxQueryBytes)
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		return q, fmt.Errorf("%w: it cannot be read: %w", ErrQuery, err)
	}
	q.From, q.To = from, to
	err := q.check()
	finest := int64(60) // What rollups count by.
	if q.Mode == SQL || q.Mode == Logs {
		finest = 1
	}
	q.Bucket = bucket(from, to, interval, points, finest)
	return q, err
}

func (q *Query) check() error {
	if q.Mode == "" {
		q.Mode = Issues
	}
	if q.Kind != "" && q.Mode == Issues {
		q.Mode = Annotations // The annotation editor sets a kind and keeps the rest.
	}
	fail := func(form string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrQuery, fmt.Sprintf(form, args...))
	}
	if !slices.Contains([]string{Issues, Events, ErrorTrend, Logs, Trace, TraceSearch, Releases, Outcomes, SQL, Annotations, Catalog, Lag}, q.Mode) {
		return fail("there is no mode %q", clip(q.Mode))
	}
	for _, f := range []struct {
		name string
		v    *string
	}{
		{"project", &q.Project}, {"environment", &q.Environment}, {"release", &q.Release}, {"service", &q.Service}, {"level", &q.Level}, {"status", &q.Status},
		{"assignee", &q.Assignee}, {"issue", &q.Issue}, {"text", &q.Text}, {"tag", &q.TagKey}, {"trace id", &q.TraceID},
	} {
		*f.v = strings.TrimSpace(*f.v)
		if most := bytesOf(*f.v); len(*f.v) > most {
			return fail("%s is %d bytes, the limit is %d; where a variable stands for all its values, set its custom all value to $__all", f.name, len(*f.v), most)
		}
		if strings.ContainsRune(*f.v, 0) {
			return fail("%s holds a zero byte", f.name)
		}
		if *f.v == "$__all" { // What a variable gives for all, so that what has no value is in it.
			*f.v = ""
		}
		if variableForm.MatchString(*f.v) {
			return fail("%s is the variable %s, which has no value here; alert rules know no dashboard variables: write the value", f.name, *f.v)
		}
	}
	if err := q.checkParams(); err != nil {
		return err
	}
	q.Issue, q.TraceID = strings.ToLower(q.Issue), strings.ReplaceAll(strings.ToLower(q.TraceID), "-", "")
	switch {
	case q.Issue != "" && !issueForm.MatchString(q.Issue):
		return fail("%q is not an issue: give its 16 hex digits", clip(q.Issue))
	case q.TraceID != "" && !traceForm.MatchString(q.TraceID):
		return fail("%q is not a trace id: give its 32 hex digits", clip(q.TraceID))
	case q.Mode == Trace && q.TraceID == "":
		return fail("give a trace id of 32 hex digits")
	case q.Mode == Catalog && q.Name == "":
		return fail("name a query of the catalog")
	case len(q.Params) > maxFilters:
		return fail("there are %d values for a query of the catalog, the limit is %d", len(q.Params), maxFilters)
	case q.Mode == SQL && strings.TrimSpace(q.SQL) == "":
		return fail("the SQL is empty")
	case q.Mode != SQL && q.To.Before(q.From):
		return fail("the time range ends before it begins")
	case len(q.Filters) > maxFilters:
		return fail("there are %d filters, the limit is %d", len(q.Filters), maxFilters)
	case q.Limit < 0:
		return fail("limit is %d; give a number above 0", q.Limit)
	case math.IsNaN(q.MinDurationMs) || q.MinDurationMs < 0 || q.MinDurationMs > 1e12:
		return fail("longer than is %v; give milliseconds from 0", q.MinDurationMs)
	case !slices.Contains([]string{"", Table, TimeSeries, Numeric}, q.Format):
		return fail("there is no format %q", clip(q.Format))
	case !slices.Contains([]string{"", "none", "project", "environment", "release", "service", "level", "handled", "protocol", "issue", "tag"}, q.By):
		return fail("errors cannot be split by %q", clip(q.By))
	case !slices.Contains([]string{"", "last_seen", "first_seen", "events", "users", "trend"}, q.Sort):
		return fail("issues cannot be sorted by %q", clip(q.Sort))
	case q.Mode == ErrorTrend && q.By == "tag" && q.TagKey == "":
		return fail("name the tag to split by")
	}
	return q.checkFilters()
}

// checkParams checks the values of a query of the catalog: one or, where a
// variable gave several, JSON of a list.
func (q *Query) checkParams() error {
	for name, v := range q.Params {
		switch v = strings.TrimSpace(v); {
		case len(v) > bytesOf(v):
			return fmt.Errorf("%w: %s is %d bytes, the limit is %d; where a variable stands for all its values, set its custom all value to $__all", ErrQuery, clip(name), len(v), bytesOf(v))
		case strings.ContainsRune(v, 0):
			return fmt.Errorf("%w: %s holds a zero byte", ErrQuery, clip(name))
		case variableForm.MatchString(v) && v != "$__all":
			return fmt.Errorf("%w: %s is the variable %s, which has no value here; alert rules know no dashboard variables: write the value", ErrQuery, clip(name), v)
		}
	}
	return nil
}

// bytesOf is how long a field may be: one value, or a variable's many.
func bytesOf(v string) int {
	if strings.HasPrefix(v, "[") {
		return maxListBytes
	}
	return maxFieldBytes
}

// Operators of a filter.
var operators = []string{"=", "!=", "=~", "!~", "<", ">", "<=", ">=", "=|", "!=|"}

func (q *Query) checkFilters() error {
	for i, f := range q.Filters {
		if !slices.Contains(operators, f.Operator) {
			return fmt.Errorf("%w: filter %q has the operator %q; there are %s", ErrQuery, clip(f.Key), clip(f.Operator), strings.Join(operators, " "))
		}
		if f.Key == "" || len(f.Key) > maxKeyBytes {
			return fmt.Errorf("%w: a filter needs a key of 1 to %d bytes", ErrQuery, maxKeyBytes)
		}
		if len(f.Values) == 0 {
			q.Filters[i].Values = []string{f.Value}
		}
		q.Filters[i].Value = ""
		if strings.ContainsAny(f.Operator, "<>") {
			v := strings.Join(q.Filters[i].Values, ", ")
			n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
				return fmt.Errorf("%w: filter %q: %s compares with one number, not with %q", ErrQuery, clip(f.Key), f.Operator, clip(v))
			}
			// Written so that the server, which reads fewer forms of a number, takes it for no other.
			q.Filters[i].Values = []string{strconv.FormatFloat(n, 'g', -1, 64)}
		}
		if f.Operator != "=~" && f.Operator != "!~" {
			continue
		}
		for _, v := range q.Filters[i].Values {
			if _, err := regexp.Compile(v); err != nil {
				return fmt.Errorf("%w: filter %q: %q is not a regular expression", ErrQuery, clip(f.Key), clip(v))
			}
		}
	}
	return nil
}

// FilterText is the filters as the catalog takes them.
func (q *Query) FilterText() string {
	if len(q.Filters) == 0 {
		return ""
	}
	raw, err := json.Marshal(q.Filters)
	if err != nil {
		return ""
	}
	return string(raw)
}

// State is the status as the catalog names it.
func (q *Query) State() string {
	switch q.Status {
	case "", "all", "any":
		return "any"
	case "open":
		return "unresolved"
	}
	return q.Status
}

// List reads a field that may hold several values: JSON of a list, as a
// variable gives it, or values with commas between, as a person types them.
// Empty means all.
func List(v string) []string {
	parts, ok := JSONList(v)
	if !ok {
		for p := range strings.SplitSeq(v, ",") {
			parts = append(parts, strings.TrimSpace(p))
		}
	}
	var out []string
	for _, p := range parts {
		p = strings.ReplaceAll(p, "\n", " ")
		if p == "$__all" {
			return nil
		}
		if p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// JSONList reads a list as a variable gives it. Other JSON, such as null, is a
// value like any.
func JSONList(v string) (parts []string, ok bool) {
	ok = strings.HasPrefix(strings.TrimSpace(v), "[") && json.Unmarshal([]byte(v), &parts) == nil
	return parts, ok
}

// Lines is a field for the catalog: one value a line.
func Lines(v string) string { return strings.Join(List(v), "\n") }

// Window is the time range as the catalog takes it.
func (q *Query) Window() map[string]string {
	return map[string]string{"from": Milli(q.From), "to": Milli(q.To)}
}

// wholeFrom is the width in seconds from which on points of a trend are whole:
// what rollups count by.
const wholeFrom = 300

// Whole is the query over whole points: from the start of the first to the end
// of the last, as charts show them, where they are not short. Such a window is
// answered by rollups alone, and its first and last point dip for no reason of
// the panel's range.
func (q *Query) Whole() *Query {
	if q.Bucket < wholeFrom {
		return q
	}
	whole, width := *q, q.Bucket*1000
	whole.From = time.UnixMilli(floor(q.From.UnixMilli(), width)).UTC()
	whole.To = time.UnixMilli(floor(q.To.UnixMilli()-1, width) + width - 1).UTC()
	if whole.To.Before(q.From) { // A range of no length is its bucket.
		whole.To = whole.From.Add(time.Duration(width-1) * time.Millisecond)
	}
	return &whole
}

// floor rounds down, times before 1970 too.
func floor(v, by int64) int64 {
	r := v % by
	if r < 0 {
		r += by
	}
	return v - r
}

// Milli is a time as the catalog takes it.
func Milli(t time.Time) string {
	if t.UnixMilli() < 1e11 { // Read as seconds by the catalog; such times are before 1974.
		return strconv.FormatInt(t.Unix(), 10)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

var widths = []int64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800, 2592000}

// bucket is the width of a point in seconds: at least finest, and so that at
// most points of them cover the range.
func bucket(from, to time.Time, interval time.Duration, points, finest int64) int64 {
	if points <= 0 || points > maxBuckets {
		points = maxBuckets
	}
	least := max(int64(math.Ceil(interval.Seconds())), int64(math.Ceil(to.Sub(from).Seconds()/float64(points))))
	for _, w := range widths {
		if w >= max(least, finest) {
			return w
		}
	}
	return (least + 86399) / 86400 * 86400
}

func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}
