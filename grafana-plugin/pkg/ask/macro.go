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
		if !strings.HasPrefix(s[i:], "$__") {
			out.WriteByte(s[i])
			i++
			continue
		}
		end := i + 3
		for end < len(s) && word(s[end]) {
			end++
		}
		name, arg := s[i+3:end], ""
		if takesArgument[name] {
			n := parenthesis(s[end:])
			if n == 0 {
				return "", fmt.Errorf("%w: $__%s needs a column in parentheses", ErrQuery, name)
			}
			arg = strings.TrimSpace(s[end+1 : end+n-1])
			if arg == "" {
				return "", fmt.Errorf("%w: $__%s needs a column in parentheses", ErrQuery, name)
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

var takesArgument = map[string]bool{"timeFilter": true, "dateFilter": true, "timeInterval": true, "project": true}

func (q *Query) macro(name, arg string, projects []uint32) (string, error) {
	moment := func(ms int64) string { return fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", ms) }
	from, to := moment(q.From.UnixMilli()), moment(q.To.UnixMilli())
	switch name {
	case "timeFilter":
		return fmt.Sprintf("(%[1]s >= %[2]s AND %[1]s <= %[3]s)", arg, from, to), nil
	case "dateFilter":
		return fmt.Sprintf("(%[1]s >= toDate(%[2]s) AND %[1]s <= toDate(%[3]s))", arg, from, to), nil
	case "timeInterval":
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
	return "", fmt.Errorf("%w: there is no macro $__%s; there are timeFilter, dateFilter, timeInterval, interval, interval_s, interval_ms, fromTime, toTime, project", ErrQuery, clip(name))
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
	case strings.HasPrefix(s, "--"):
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
	return 0
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
