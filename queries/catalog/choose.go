package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Statement is the text of a step for these values: branches that the values
// rule out are left out, since the server plans what it then never reads, and
// planning is most of the cost of a small question. Values choose between fixed
// texts only; they travel as parameters. An empty text is a step with nothing
// to ask.
func (q *Query) Statement(step Step, bound map[string]string) (string, error) {
	var b strings.Builder
	if err := step.text.Execute(&b, q.Choice(bound)); err != nil {
		if errors.Is(err, ErrParam) { // Where in the text it was found helps nobody who asks.
			for inner := errors.Unwrap(err); inner != nil && inner != ErrParam && errors.Is(inner, ErrParam); inner = errors.Unwrap(inner) { //nolint:errorlint // The wrapped ones are walked.
				err = inner
			}
			return "", err
		}
		return "", fmt.Errorf("cannot expand step %s: %w", step.Name, err)
	}
	return strings.TrimSpace(b.String()), nil
}

// Choice is what the text of a step may ask of these bound values.
func (q *Query) Choice(bound map[string]string) Choice {
	known := make(map[string]string, len(q.Params))
	for _, p := range q.Params {
		known[p.Name] = p.Type
	}
	for _, s := range q.Steps {
		for _, f := range s.Out {
			known[f.Name] = f.Type
		}
	}
	return Choice{known, bound}
}

// Choice is what the text of a step may ask of the values:
//
//	<<if .Given "text">> ... <<end>>
//	<<if .Is "sort" "events" "users">> ... <<end>>
type Choice struct {
	known map[string]string // Types by name.
	bound map[string]string
}

func (c Choice) value(name string) (string, error) {
	if _, ok := c.known[name]; !ok {
		return "", fmt.Errorf("it asks for %q, which is neither a parameter nor handed on", name)
	}
	return c.bound[name], nil
}

// Given tells whether a value is neither empty, nor the number zero, nor an
// empty list.
func (c Choice) Given(name string) (bool, error) {
	v, err := c.value(name)
	return v != "" && v != "[]" && (v != "0" || c.known[name] == "String"), err
}

// Is tells whether a value is one of these.
func (c Choice) Is(name string, any ...string) (bool, error) {
	v, err := c.value(name)
	return slices.Contains(any, v), err
}

// Some tells whether a list that a step handed on, of numbers, has one that is
// not zero.
func (c Choice) Some(name string) (bool, error) {
	v, err := c.value(name)
	return strings.ContainsAny(v, "123456789"), err
}

// noEvent is the id of no event.
const noEvent = "00000000-0000-0000-0000-000000000000"

// Older compares the place of an event with parameters before and event_id, in
// the order of newest first. Without an id only the time counts.
func (c Choice) Older(table string) (string, error) {
	older := table + "ts < {before:DateTime64(3, 'UTC')}"
	whole, err := c.Is("event_id", "", noEvent)
	if whole {
		return older, err
	}
	return "(" + older + " OR " + table + "ts = {before:DateTime64(3, 'UTC')} AND " + table + "event_id < {event_id:UUID})", err
}
