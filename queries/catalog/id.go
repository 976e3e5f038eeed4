package catalog

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var (
	issueForm = regexp.MustCompile(`^[0-9a-f]{16}$`)
	traceForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// IsIssue tells whether a text is the id of an issue: 16 lower case hex digits.
func IsIssue(v string) bool { return issueForm.MatchString(v) }

// issueID is an issue in the one form that it is compared in, and by which what is
// kept for it is named.
func issueID(v string) (string, error) {
	id := strings.ToLower(strings.TrimSpace(v))
	if !IsIssue(id) {
		return "", fmt.Errorf("%.100q is not an issue: give its 16 hex digits", v)
	}
	return id, nil
}

// issueIDs are several, with commas between. What is none would be looked for as
// another number.
func issueIDs(v string) (string, error) {
	ids := strings.Split(v, ",")
	for i, id := range ids {
		var err error
		if ids[i], err = issueID(id); err != nil {
			return "", err
		}
	}
	return strings.Join(ids, ","), nil
}

// traceID is a trace as tables have it. The empty one would be all that has none.
func traceID(v string) (string, error) {
	id := strings.ToLower(strings.TrimSpace(v))
	if len(id) == 36 { // As other tools show it: as a UUID.
		id = strings.ReplaceAll(id, "-", "")
	}
	if !traceForm.MatchString(id) {
		return "", fmt.Errorf("%.100q is not a trace id: give its 32 hex digits", v)
	}
	return id, nil
}

// number is a share or a measure: nothing can be compared with NaN.
func number(v string) (string, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(f) {
		return "", fmt.Errorf("%q is not a number", v)
	}
	return strconv.FormatFloat(f, 'g', -1, 64), nil
}
