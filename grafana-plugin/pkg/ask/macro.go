package ask

import (
	"fmt"
	"strconv"
	"strings"
)

// Expand replaces the macros of a person's SQL. projects are the ids that the
// query is limited to; none means all. Text in quotes and comments stays.
func (q *Query) Expand(projects []uint32) (string, error) {
	var out strings.Builder
	s := q.SQL
	for i := 0; i < len(s); {
		if n := skip(s[i:]); n > 0 {
			out.WriteString(s[i : i+n])
			i += n
			continue
		}
		name, n := macroName(s[i:])
		if n == 0 {
			out.WriteByte(s[i])
			i++
			continue
		}
		end, arg := i+n, ""
		if takesArgument[name] {
			for end < len(s) && strings.IndexByte(" \t\r\n", s[end]) >= 0 {
				end++
			}
			n := parenthesis(s[end:])
			if n == 0 {
				return "", fmt.Errorf("%w: $__%s needs a column in parentheses", ErrQuery, name)
			}
			inner := *q // A column may be made by a macro too.
			inner.SQL = strings.TrimSpace(s[end+1 : end+n-1])
			if inner.SQL == "" {
				return "", fmt.Errorf("%w: $__%s needs a column in parentheses", ErrQuery, name)
			}
			arg = inner.SQL
			if name != "conditionalAll" { // Which expands what it keeps.
				var err error
				if arg, err = inner.Expand(projects); err != nil {
					return "", err
				}
			}
			end += n
		}
		text, err := q.macro(name, arg, projects)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		i = end
	}
	return out.String(), nil
}

// macroName is the name of the macro that s begins with, as $__name or, as
// Grafana's own may be written, ${__name}; and its length. No length means that
// there is none.
func macroName(s string) (string, int) {
	open := "$__"
	if strings.HasPrefix(s, "${__") {
		open = "${__"
	} else if !strings.HasPrefix(s, open) {
		return "", 0
	}
	end := len(open)
	for end < len(s) && word(s[end]) {
		end++
	}
	name := s[len(open):end]
	if open == "$__" {
		return name, end
	}
	if end == len(s) || s[end] != '}' {
		return "", 0
	}
	return name, end + 1
}

var takesArgument = map[string]bool{
	"timeFilter": true, "timeFilter_ms": true, "dateFilter": true, "dateTimeFilter": true, "timeInterval": true, "timeInterval_ms": true, "timeGroup": true, "project": true, "conditionalAll": true,
}

func (q *Query) macro(name, arg string, projects []uint32) (string, error) {
	moment := func(ms int64) string { return fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", ms) }
	from, to := moment(q.From.UnixMilli()), moment(q.To.UnixMilli())
	switch name {
	case "timeFilter", "timeFilter_ms": // Either kind of column: the moments carry milliseconds.
		return fmt.Sprintf("(%[1]s >= %[2]s AND %[1]s <= %[3]s)", arg, from, to), nil
	case "dateFilter":
		return fmt.Sprintf("(%[1]s >= toDate(%[2]s) AND %[1]s <= toDate(%[3]s))", arg, from, to), nil
	case "dateTimeFilter":
		date, moment := comma(arg)
		if moment == "" {
			return "", fmt.Errorf("%w: $__dateTimeFilter needs two columns: a date and a time", ErrQuery)
		}
		return fmt.Sprintf("(%[1]s >= toDate(%[3]s) AND %[1]s <= toDate(%[4]s) AND %[2]s >= %[3]s AND %[2]s <= %[4]s)", date, moment, from, to), nil
	case "conditionalAll":
		condition, value := comma(arg)
		if value == "" {
			return "", fmt.Errorf("%w: $__conditionalAll needs a condition and a variable", ErrQuery)
		}
		if strings.Contains(value, "$__all") {
			return "1", nil
		}
		inner := *q
		inner.SQL = condition
		return inner.Expand(projects)
	case "timeInterval_ms":
		return fmt.Sprintf("toStartOfInterval(toDateTime64(%s, 3, 'UTC'), toIntervalSecond(%d), 'UTC')", arg, q.Bucket), nil
	case "timeInterval", "timeGroup":
		return fmt.Sprintf("toStartOfInterval(toDateTime(%s, 'UTC'), toIntervalSecond(%d), 'UTC')", arg, q.Bucket), nil
	case "interval":
		return fmt.Sprintf("INTERVAL %d SECOND", q.Bucket), nil
	case "interval_s":
		return strconv.FormatInt(q.Bucket, 10), nil
	case "interval_ms":
		return strconv.FormatInt(q.Bucket*1000, 10), nil
	case "fromTime":
		return from, nil
	case "toTime":
		return to, nil
	case "project":
		if len(projects) == 0 {
			return "1", nil
		}
		ids := make([]string, len(projects))
		for i, p := range projects {
			ids[i] = strconv.FormatUint(uint64(p), 10)
		}
		return fmt.Sprintf("%s IN (%s)", arg, strings.Join(ids, ", ")), nil
	}
	return "", fmt.Errorf("%w: there is no macro $__%s; there are timeFilter, timeFilter_ms, dateFilter, dateTimeFilter, timeInterval, timeInterval_ms, timeGroup, interval, interval_s, interval_ms, fromTime, toTime, project, conditionalAll", ErrQuery, clip(name))
}

// comma parts an argument at its last comma outside of parentheses and quotes.
func comma(arg string) (before, after string) {
	at := -1
	for i := 0; i < len(arg); i++ {
		if n := skip(arg[i:]); n > 0 {
			i += n - 1
		} else if n := parenthesis(arg[i:]); n > 0 {
			i += n - 1
		} else if arg[i] == ',' {
			at = i
		}
	}
	if at < 0 {
		return arg, ""
	}
	return strings.TrimSpace(arg[:at]), strings.TrimSpace(arg[at+1:])
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// skip is the length of the literal or comment that s begins with.
func skip(s string) int {
	end := func(close string, from int) int {
		if n := strings.Index(s[from:], close); n >= 0 {
			return from + n + len(close)
		}
		return len(s)
	}
	switch {
	case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "# "), strings.HasPrefix(s, "#!"):
		return end("\n", 2)
	case strings.HasPrefix(s, "/*"):
		return end("*/", 2)
	case s[0] == '\'' || s[0] == '"' || s[0] == '`':
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case s[0]:
				return i + 1
			}
		}
		return len(s)
	}
	return heredoc(s)
}

// heredoc is the length of the text between two equal marks, $$ or $word$, that
// s begins with; 0 where there is none. A macro is no mark.
func heredoc(s string) int {
	if s[0] != '$' || strings.HasPrefix(s, "$__") {
		return 0
	}
	n := 1
	for n < len(s) && word(s[n]) {
		n++
	}
	if n == len(s) || s[n] != '$' {
		return 0
	}
	mark := s[:n+1]
	length := strings.Index(s[n+1:], mark)
	if length < 0 {
		return 0
	}
	return n + 1 + length + len(mark)
}

// parenthesis is the length of the balanced parenthesis that s begins with; 0
// where there is none.
func parenthesis(s string) int {
	if s == "" || s[0] != '(' {
		return 0
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		if n := skip(s[i:]); n > 0 {
			i += n - 1
			continue
		}
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
