package python

import (
	"slices"
	"strconv"
	"strings"

	"errata/ingest/stack/scan"
	"errata/schema"
)

// group reads the members of an exception group:
//
//	+-+---------------- 1 ----------------
//	  | Traceback (most recent call last):
//	  +---------------- 2 ----------------
//	  | ...
//	  +------------------------------------
func (p *reader) group(node *raised, depth int) {
	for first := true; depth < maxDepth; first = false {
		raw, next := p.peek()
		title, ok := separator(raw, depth, first)
		if !ok {
			if next >= 0 && !first && closing(raw, depth+1) {
				p.pos = next
			}
			return
		}
		node.exc.Mechanism.IsGroup = true
		p.pos = next
		if title == "..." {
			p.skip(depth + 1) // "and N more exceptions": they are not in the text.
			continue
		}
		if m := p.chain(depth + 1); m != nil {
			node.members = append(node.members, m)
		}
	}
}

// separator reads the title of a line before a member.
func separator(raw string, depth int, first bool) (title string, ok bool) {
	indent, lead := 2*depth, "+-+---------------- "
	if !first {
		indent, lead = 2*depth+2, "+---------------- "
	}
	if len(raw) <= indent || !blank(raw[:indent]) {
		return "", false
	}
	title, ok = strings.CutPrefix(raw[indent:], lead)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(title, " ----------------")
}

// closing says whether raw ends the members at depth. The closing line of
// nested groups is printed once, at the innermost.
func closing(raw string, depth int) bool {
	return len(raw) > 2*depth && blank(raw[:2*depth]) && strings.HasPrefix(raw[2*depth:], "+------------------------------------")
}

// skip passes over lines with the margin of depth.
func (p *reader) skip(depth int) {
	for {
		_, next, ok := p.line(p.pos, depth)
		if !ok {
			return
		}
		p.pos = next
	}
}

// groupMessage cuts " (N sub-exceptions)", which str() adds and Sentry's
// value has not, and the notes after it.
func groupMessage(value string) string {
	for end := len(value); ; {
		i := strings.LastIndex(value[:end], " (")
		if i < 0 {
			return value
		}
		_, rest, ok := scan.LeadingNumber(value[i+2:])
		if ok && strings.HasPrefix(rest, " sub-exception") {
			rest = strings.TrimPrefix(strings.TrimPrefix(rest, " sub-exception"), "s")
			if rest == ")" || strings.HasPrefix(rest, ")\n") {
				return value[:i]
			}
		}
		end = i
	}
}

// flatten lists the tree in Sentry's order: numbered from the main exception
// down, causes before members, then turned round. Only below a main exception
// that is a group does the SDK look into groups and give numbers.
func flatten(main *raised) []schema.Exception {
	var out []schema.Exception
	if !main.exc.Mechanism.IsGroup {
		for n := main; n != nil; n = n.cause {
			out = append(out, n.exc)
		}
	} else {
		number(main, -1, "", &out)
	}
	slices.Reverse(out)
	return out
}

// number appends node and all below it. A cause's parent is 0 whatever its
// place, as the SDK numbers it.
func number(node *raised, parent int, source string, out *[]schema.Exception) {
	e := node.exc
	id := len(*out)
	e.Mechanism.ID, e.Mechanism.ParentID, e.Mechanism.Source = id, parent, source
	if id > 0 {
		e.Mechanism.Type = "chained"
	}
	*out = append(*out, e)
	if node.cause != nil {
		number(node.cause, 0, "__cause__", out)
	}
	for i, m := range node.members {
		number(m, id, "exceptions["+strconv.Itoa(i)+"]", out)
	}
}
