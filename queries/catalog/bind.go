package catalog

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ErrParam is returned for a parameter that is missing, unknown or of the
// wrong form.
var ErrParam = errors.New("wrong parameter")

// Bounds of one value: a query is asked by people and dashboards, whose variables
// may stand for thousands of values.
const (
	maxParamBytes = 64 << 10
	maxListBytes  = 256 << 10
)

// Bind checks values against the typed parameters of q and returns them in the
// form that ClickHouse reads, defaults filled in. now is what relative times
// are counted from.
func (q *Query) Bind(values map[string]string, now time.Time) (map[string]string, error) {
	for name := range values {
		if !slices.ContainsFunc(q.Params, func(p Param) bool { return p.Name == name }) {
			return nil, fmt.Errorf("cannot run query %s: %w: it has no %q; it takes %s", q.Name, ErrParam, name, q.paramNames())
		}
	}
	out := make(map[string]string, len(q.Params))
	for _, p := range q.Params {
		v, given := values[p.Name]
		empty := p.Type == "String" && p.Name != "trace_id" && v == "" || p.Name == "text" && strings.TrimSpace(v) == "" // Of an id bind says what it is.
		if p.Required && (!given || empty) {
			return nil, fmt.Errorf("cannot run query %s: %w: %s (%s) must be given: %s", q.Name, ErrParam, p.Name, p.Type, p.Purpose)
		}
		if !given || v == "" && p.Default != "" {
			v = p.Default
		}
		bound, err := p.bind(v, now)
		if err != nil {
			return nil, fmt.Errorf("cannot run query %s: %w: %s: %w", q.Name, ErrParam, p.Name, err)
		}
		out[p.Name] = bound
	}
	if p, lacks := q.Lacks(out); lacks {
		by := needs.FindStringSubmatch(p.Purpose)
		return nil, fmt.Errorf("cannot run query %s: %w: %s must be given where %s is %s: %s (query option_keys lists them)", q.Name, ErrParam, p.Name, by[1], by[2], strings.TrimSuffix(strings.TrimPrefix(p.Purpose, by[0]), "."))
	}
	// Both have one form, in which text orders as time does.
	if from, to := out["from"], out["to"]; from > to && q.timed("from") && q.timed("to") {
		return nil, fmt.Errorf("cannot run query %s: %w: from (%s) is after to (%s): give both, the earlier one as from", q.Name, ErrParam, from, to)
	}
	if q.counts() && out["from"] < out["to"] {
		out["to"] = before(out["to"])
	}
	return out, nil
}

// uncounted is what the end of a window is for questions that count slots: what
// begins at that moment is the next window's, else the whole slot that begins there
// would be counted, a day of it in a long window. Questions that show rows go to
// the moment itself.
const uncounted = "a whole minute is not itself counted"

func (q *Query) counts() bool {
	return slices.ContainsFunc(q.Params, func(p Param) bool { return p.Name == "to" && strings.Contains(p.Purpose, uncounted) })
}

// before is the last moment before a whole minute, and any other moment itself.
func before(v string) string {
	at, err := time.Parse(Moments, v)
	if err != nil || at.UnixMilli()%60_000 != 0 {
		return v
	}
	return at.Add(-time.Millisecond).Format(Moments)
}

var needs = regexp.MustCompile(`^Of (\w+)=(\w+): `)

// Lacks names the parameter that a value of another one needs and that is empty:
// the answer would be of nothing.
func (q *Query) Lacks(values map[string]string) (Param, bool) {
	at := slices.IndexFunc(q.Params, func(p Param) bool {
		by := needs.FindStringSubmatch(p.Purpose)
		return by != nil && values[by[1]] == by[2] && values[p.Name] == ""
	})
	if at < 0 {
		return Param{}, false
	}
	return q.Params[at], true
}

func (q *Query) timed(name string) bool {
	return slices.ContainsFunc(q.Params, func(p Param) bool { return p.Name == name && strings.HasPrefix(p.Type, "DateTime64") })
}

func (q *Query) paramNames() string {
	if len(q.Params) == 0 {
		return "none"
	}
	names := make([]string, len(q.Params))
	for i, p := range q.Params {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

func (p Param) bind(v string, now time.Time) (string, error) {
	most := maxParamBytes
	lines := strings.Contains(p.Purpose, "one a line")
	if p.Name == "filters" || lines {
		most = maxListBytes
	}
	if len(v) > most {
		return "", fmt.Errorf("it is %d bytes, the limit is %d: give less of it, or leave it out for all", len(v), most)
	}
	if len(p.OneOf) > 0 && !slices.Contains(p.OneOf, v) {
		return "", fmt.Errorf("%q is none of %s", v, strings.Join(p.OneOf, ", "))
	}
	switch {
	case p.Name == "projects" && v != "":
		return projectList(v)
	case p.Name == "filters" && v != "":
		list, err := filterList(v)
		return Escape(list), err
	case p.Name == "tag" && v != "" && strings.Index(v, "=") < 1:
		return "", fmt.Errorf("%.100q is no tag: give key=value, such as plan=pro", v)
	case p.Type == "Issue":
		return issueID(v)
	case p.Name == "issue" || p.Name == "issues" || p.Name == "fingerprints" || p.Name == "trace_id":
		switch empty := strings.TrimSpace(v) == ""; {
		case p.Name == "trace_id" && (p.Required || !empty):
			return traceID(v)
		case empty:
			return "", nil
		case p.Name == "issue":
			return issueID(v)
		}
		return issueIDs(v)
	case strings.HasPrefix(p.Type, "UInt"):
		bits, _ := strconv.Atoi(p.Type[4:])
		n, err := strconv.ParseUint(v, 10, bits)
		if err != nil {
			return "", fmt.Errorf("%q is not a whole number of %d bits", v, bits)
		}
		return strconv.FormatUint(n, 10), nil
	case strings.HasPrefix(p.Type, "Float"):
		return number(v)
	case p.Type == "UUID":
		id, err := uuid.Parse(strings.TrimSpace(v))
		if err != nil {
			return "", fmt.Errorf("%q is not an id of 32 hex digits", v)
		}
		return id.String(), nil
	case strings.HasPrefix(p.Type, "DateTime64"):
		t, err := ParseTime(v, now)
		if err != nil {
			return "", err
		}
		return held(t).Format(Moments), nil
	case p.Type == "String" && lines:
		return Escape(ended(v)), nil
	case p.Type == "String":
		return Escape(v), nil
	}
	return "", fmt.Errorf("type %s has no form", p.Type)
}

// ended are lines without the end of the last one, which would be one more value,
// the empty text. An empty line before it is that value, as is a line break alone.
func ended(v string) string {
	v = strings.ReplaceAll(v, "\r\n", "\n")
	if rest := strings.TrimSuffix(v, "\n"); rest != "" {
		return rest
	}
	return v
}

// held is a moment within what the tables can hold: before it and after it
// nothing happened, and the server would count around to other years.
func held(t time.Time) time.Time {
	first, last := time.Unix(0, 0), time.Date(2105, 12, 31, 23, 59, 59, 999e6, time.UTC)
	if t.Before(first) {
		t = first
	}
	if t.After(last) {
		t = last
	}
	return t.UTC()
}

// projectList checks ids with commas between: what is no id would be project 0,
// which has nothing, and the answer would be empty without a reason.
func projectList(v string) (string, error) {
	ids := strings.Split(v, ",")
	for i, id := range ids {
		n, err := strconv.ParseUint(strings.TrimSpace(id), 10, 32)
		if err != nil {
			return "", fmt.Errorf("%q is not the id of a project: give numbers with commas between, such as 1,2 (`errata project list` names them)", id)
		}
		ids[i] = strconv.FormatUint(n, 10)
	}
	return strings.Join(ids, ","), nil
}

// Escape is what a top-level text parameter is sent as: the server reads it
// as tab-separated text is read.
func Escape(v string) string {
	return strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r", "\x00", "\\0").Replace(v)
}

// Unescape reads what Escape wrote.
func Unescape(v string) string {
	return strings.NewReplacer("\\\\", "\\", "\\t", "\t", "\\n", "\n", "\\r", "\r", "\\0", "\x00").Replace(v)
}

var relative = regexp.MustCompile(`^([+-]?)(\d{1,6})([smhdw])$`)

// ParseTime reads a moment: now, a distance from now such as -24h or -14d (s,
// m, h, d, w), Unix seconds or milliseconds, RFC 3339, or a date.
func ParseTime(v string, now time.Time) (time.Time, error) {
	if v == "now" || v == "" {
		return now, nil
	}
	if m := relative.FindStringSubmatch(v); m != nil {
		n, _ := strconv.Atoi(m[2])
		unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[3]]
		d := time.Duration(min(int64(n), math.MaxInt64/int64(unit))) * unit // As far as a distance goes: 292 years.
		if m[1] == "-" {
			d = -d
		}
		return now.Add(d), nil
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if n > 1e11 {
			return time.UnixMilli(n), nil
		}
		return time.Unix(n, 0), nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, v, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: give now, -24h, -14d, 2026-11-23, 2026-11-23T10:00:00Z or Unix seconds", v)
}

// ArrayText writes values of a step as an array parameter.
func ArrayText(values []any) (string, error) {
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		switch v := v.(type) {
		case uint64:
			b.WriteString(strconv.FormatUint(v, 10))
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		case uint32:
			b.WriteString(strconv.FormatUint(uint64(v), 10))
		case string:
			b.WriteString("'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(v) + "'")
		case time.Time:
			b.WriteString("'" + v.UTC().Format(Moments) + "'")
		case uint8:
			b.WriteString(strconv.FormatUint(uint64(v), 10))
		case []uint64:
			b.WriteByte('[')
			for j, n := range v {
				if j > 0 {
					b.WriteByte(',')
				}
				b.WriteString(strconv.FormatUint(n, 10))
			}
			b.WriteByte(']')
		case uuid.UUID:
			b.WriteString("'" + v.String() + "'")
		default:
			return "", fmt.Errorf("cannot hand on a value of %T", v)
		}
	}
	b.WriteByte(']')
	return b.String(), nil
}
