package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// What dashboards filter by. A filter is a value like any other: it travels as
// JSON in one parameter and is compared in SQL, never pasted into it. Its key
// and its operator choose between fixed texts, so that one column is read and a
// regular expression is compiled once.
//
//	[{"key": "plan", "operator": "=~", "values": ["^pro"]}]
//
// Operators: = and =| (any of values), != and !=| (none of them), =~ and !~ (a
// regular expression found in the value), <, >, <= and >= (numbers). A key that a row
// does not have is the empty text.
func init() {
	maps.Copy(fragments, map[string]any{"severity": severity})
}

// Bounds of the filters of one question: each is a piece of the statement.
const (
	maxFilters  = 50
	maxPatterns = 50 // Of all filters, each compiled by itself.
)

// The text of a key, by what is filtered. Other keys are tags or attributes.
var (
	eventKeys = map[string]string{
		"environment": "toString(environment)", "release": "toString(release)", "level": "toString(level)", "service": "toString(service)",
		"server_name": "toString(server_name)", "transaction": "toString(transaction)", "platform": "toString(platform)", "protocol": "toString(protocol)",
		"type": "toString(exception_type)", "title": "title", "user": "user_id", "url": "url", "handled": "toString(handled)", "sdk": "toString(sdk_name)",
		"trace_id": "trace_id", "project_id": "toString(project_id)",
	}
	logKeys = map[string]string{
		"environment": "toString(environment)", "release": "toString(release)", "level": severity("severity"), "service": "toString(service)",
		"server_name": "toString(server_name)", "logger": "toString(scope_name)", "protocol": "toString(protocol)", "trace_id": "trace_id", "span_id": "span_id", "body": "body",
		"project_id": "toString(project_id)",
	}
	spanKeys = map[string]string{
		"environment": "toString(environment)", "release": "toString(release)", "service": "toString(service)", "server_name": "toString(server_name)",
		"name": "name", "op": "toString(op)", "kind": "toString(kind)", "status": "toString(status)",
		"project_id": "toString(project_id)",
	}
)

// AnyOf compares a column with the parameter of its name: values, one a line;
// empty for all.
func (c Choice) AnyOf(column string) (string, error) {
	if given, err := c.Given(column); !given {
		return "1", err
	}
	return "has(splitByChar('\\n', {" + column + ":String}), toString(" + column + "))", nil
}

// Same compares a column with one value of a parameter, empty for all.
func (c Choice) Same(name, column string) (string, error) {
	if given, err := c.Given(name); !given {
		return "1", err
	}
	return column + " = {" + name + ":String}", nil
}

// Project compares with parameter project, 0 for all.
func (c Choice) Project() (string, error) {
	if given, err := c.Given("project"); !given {
		return "1", err
	}
	return "project_id = {project:UInt32}", nil
}

// Projects compares with parameter projects: ids with commas between, empty for
// all. The subquery is what the primary key is read by.
func (c Choice) Projects() (string, error) {
	if given, err := c.Given("projects"); !given {
		return "1", err
	}
	if !strings.Contains(c.bound["projects"], ",") {
		return "project_id = toUInt32OrZero({projects:String})", nil
	}
	return "project_id IN (SELECT arrayJoin(arrayMap(p -> toUInt32OrZero(p), splitByChar(',', {projects:String}))))", nil
}

// EventFilters compares rows of events with parameter filters.
func (c Choice) EventFilters() (string, error) { return c.filters(eventKeys, "tags[%s]") }

// Counted leaves out twins where parameter filters asks for a tag: each row brings
// its own, and what has tags by issue counts those of events.
func (c Choice) Counted() (string, error) {
	list, err := c.list()
	for _, f := range list {
		if _, ok := eventKeys[f.Key]; !ok {
			return "weight > 0", err
		}
	}
	return "1", err
}

// LogFilters is EventFilters for logs.
func (c Choice) LogFilters() (string, error) {
	return c.filters(logKeys, "if(mapContains(attributes, %[1]s), attributes[%[1]s], resource[%[1]s])")
}

// SpanFilters is EventFilters for spans.
func (c Choice) SpanFilters() (string, error) {
	return c.filters(spanKeys, "if(mapContains(attributes, %[1]s), attributes[%[1]s], resource[%[1]s])")
}

// TagFilters compares column tag_value, that of the one tag that is named.
func (c Choice) TagFilters() (string, error) { return c.filters(nil, "tag_value") }

// filter is one member of parameter filters.
type filter struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

// list is what parameter filters holds.
func (c Choice) list() (list []filter, err error) {
	if given, err := c.Given("filters"); !given {
		return nil, err
	}
	if err := json.Unmarshal([]byte(Unescape(c.bound["filters"])), &list); err != nil {
		return nil, fmt.Errorf("%w: filters: %w", ErrParam, err) // Bind has read them once.
	}
	return list, nil
}

// filterList reads filters and writes them in the one form that the server reads
// them in, too: it knows names of members in small letters only, takes the first
// of two members of one name where this takes the last, and fewer forms of numbers.
// What is no regular expression would be refused only where there is a row.
func filterList(v string) (string, error) {
	var list []filter
	if err := json.Unmarshal([]byte(v), &list); err != nil {
		return "", fmt.Errorf("give JSON as in [{\"key\": \"plan\", \"operator\": \"=\", \"values\": [\"pro\"]}]: %w", err)
	}
	if len(list) == 0 {
		return "", nil
	}
	if len(list) > maxFilters {
		return "", fmt.Errorf("there are %d, the limit is %d", len(list), maxFilters)
	}
	for _, f := range list {
		switch f.Operator {
		case "=", "=|", "!=", "!=|":
		case "=~", "!~":
			for _, pattern := range f.Values {
				if _, err := syntax.Parse(pattern, syntax.Perl); err != nil {
					return "", fmt.Errorf("%.100q of %.100q is not a regular expression", pattern, f.Key)
				}
			}
		case "<", ">", "<=", ">=":
			n, err := strconv.ParseFloat(strings.TrimSpace(strings.Join(f.Values, ",")), 64)
			if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
				return "", fmt.Errorf("%s of %.100q compares with one number, not with %.100q", f.Operator, f.Key, f.Values)
			}
			f.Values[0] = strconv.FormatFloat(n, 'g', -1, 64)
		default:
			return "", fmt.Errorf("%.100q is none of =, =|, !=, !=|, =~, !~, <, >, <= and >=", f.Operator)
		}
	}
	out, err := json.Marshal(list)
	return string(out), err
}

func (c Choice) filters(columns map[string]string, other string) (string, error) {
	list, err := c.list()
	if err != nil {
		return "", err
	}
	patterns := 0
	all := make([]string, 0, len(list))
	for i, f := range list {
		value, ok := columns[f.Key]
		if !ok {
			key := fmt.Sprintf("JSONExtractString({filters:String}, %d, 'key')", i+1)
			value = strings.NewReplacer("%s", key, "%[1]s", key).Replace(other)
		}
		given := fmt.Sprintf("JSONExtract({filters:String}, %d, 'values', 'Array(String)')", i+1)
		patterns += len(f.Values)
		// Any of many is one pattern: each by itself would be compiled again for every
		// row. One that quotes its end (\Q) would quote all that follow.
		found := "match(" + value + ", concat('(?:', arrayStringConcat(" + given + ", ')|(?:'), ')'))"
		if slices.ContainsFunc(f.Values, func(v string) bool { return strings.Contains(v, `\Q`) }) {
			found = "arrayExists(p -> match(" + value + ", p), " + given + ")"
		}
		if patterns <= maxPatterns {
			one := []string{"0"}
			for n := range f.Values {
				one = append(one, fmt.Sprintf("match(%s, %s[%d])", value, given, n+1))
			}
			found = "(" + strings.Join(one, " OR ") + ")"
		}
		switch f.Operator {
		case "=", "=|":
			all = append(all, "has("+given+", "+value+")")
		case "!=", "!=|":
			all = append(all, "NOT has("+given+", "+value+")")
		case "=~":
			all = append(all, found)
		case "!~":
			all = append(all, "NOT "+found)
		case "<", ">", "<=", ">=":
			all = append(all, "toFloat64OrNull("+value+") "+f.Operator+" toFloat64OrZero("+given+"[1])")
		default:
			return "", fmt.Errorf("%w: filters: %q is none of =, =|, !=, !=|, =~, !~, <, >, <= and >=", ErrParam, f.Operator)
		}
	}
	if len(all) == 0 {
		return "1", nil
	}
	return strings.Join(all, " AND "), nil
}

// severity is the name of an OTLP severity number, as log panels know it.
func severity(number string) string {
	return "multiIf(" + number + " = 0, 'unknown', " + number + " < 5, 'trace', " + number + " < 9, 'debug', " + number + " < 13, 'info', " +
		number + " < 17, 'warning', " + number + " < 21, 'error', 'critical')"
}
