package otlp

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/thrown"
	"errata/schema"
)

// witness is one record of an exception on a span.
type witness struct {
	found
	thrown.Exception
	outer *witness // The record of the same failure further out.
	inner *witness
}

// spanExceptions makes events of exceptions on spans. One failure that passes
// through nested spans is recorded on each of them; within a request such
// records are one event with the longest stack, at the innermost span.
func (a *adapter) spanExceptions(all []found) {
	if len(all) == 0 {
		return
	}
	if n := len(all) - maxErrors; n > 0 {
		a.tooManyErrors(uint64(n), schema.Protocol_PROTOCOL_OTLP)
		all = all[:maxErrors]
	}
	ws := make([]*witness, len(all))
	for i, f := range all {
		ws[i] = &witness{found: f, Exception: a.thrown(f.event.GetAttributes(), f.node.res.language)}
	}
	fold(ws)
	for _, w := range ws {
		a.batch.Accept(schema.CategoryError, 1, w.Size())
		if w.inner != nil {
			// Told by the innermost of its line.
			continue
		}
		a.batch.AddEvent(a.spanEvent(w))
	}
	if n := len(all) - len(a.batch.Events); n > 0 {
		a.batch.Fate(&schema.Outcome{
			Category: schema.CategoryError, Outcome: schema.OutcomeTwin, Reason: "nested_span",
			Quantity: uint64(n), Protocol: schema.Protocol_PROTOCOL_OTLP,
			Detail: "the same exception recorded again by an enclosing span",
		})
	}
}

// fold joins each record to the one further in that it repeats. An inner record
// is repeated at most once, by the first record that comes after it: of five
// failed attempts under one span, the span itself repeats the last.
func fold(ws []*witness) {
	if len(ws) < 2 {
		return
	}
	type same struct{ trace, typ, message string }
	groups := map[same][]*witness{}
	for _, w := range ws {
		k := same{w.node.row.TraceId, w.Type, w.Message}
		groups[k] = append(groups[k], w)
	}
	for _, g := range groups {
		if len(g) < 2 {
			continue
		}
		slices.SortStableFunc(g, func(x, y *witness) int {
			return cmp.Or(
				cmp.Compare(x.event.GetTimeUnixNano(), y.event.GetTimeUnixNano()),
				cmp.Compare(y.node.depth, x.node.depth), // Of one instant: inner ones first.
				bytes.Compare([]byte(x.node.row.SpanId), []byte(y.node.row.SpanId)),
				cmp.Compare(x.index, y.index),
			)
		})
		for i, w := range g {
			// Bounded: a failure is repeated soon or not at all.
			for j := i - 1; j >= 0 && j >= i-maxLookBack; j-- {
				if in := g[j]; in.outer == nil && repeats(w, in) {
					w.inner, in.outer = in, w
					break
				}
			}
		}
	}
}

const maxLookBack = 32

// repeats reports whether out records the failure that in recorded first.
func repeats(out, in *witness) bool {
	switch relation(out.node, in.node) {
	case ancestor:
		return tail(&out.Exception, &in.Exception, true)
	case itself, unknown:
		// Equal stacks on one span are a loop; a longer one is the same
		// exception seen by the code around.
		return tail(&out.Exception, &in.Exception, false) && len(out.Stack) > len(in.Stack)
	}
	return false
}

type kinship int

const (
	stranger kinship = iota
	ancestor         // The first span encloses the second.
	itself
	unknown // The line between them is not in the request, but times allow it.
)

func relation(out, in *node) kinship {
	if out == in {
		return itself
	}
	for n, steps := in.parent, 0; n != nil && steps < maxAncestors; n, steps = n.parent, steps+1 {
		if n == out {
			return ancestor
		}
	}
	if in.top.parent == nil && in.top.row.ParentSpanId != "" && encloses(out.row, in.top.row) {
		return unknown
	}
	return stranger
}

func encloses(out, in *schema.Span) bool {
	return out.StartUs <= in.StartUs && out.StartUs+int64(out.DurationUs) >= in.StartUs+int64(in.DurationUs)
}

// tail reports whether the stack of in is what the stack of out ends with.
// equal says whether equally long stacks count.
func tail(out, in *thrown.Exception, equal bool) bool {
	if len(out.Chain) != len(in.Chain) {
		return false
	}
	long, short := out.Main().Frames, in.Main().Frames
	if len(long) < len(short) || len(long) == len(short) && !equal && out.Stack == in.Stack {
		return false
	}
	long = long[len(long)-len(short):]
	from := 0
	if len(out.Main().Frames) >= schema.MaxFrames-1 {
		// The middle of a very long stack is cut out: only its inner half lines up.
		from = max(0, len(short)-schema.MaxFrames/2)
	}
	for i := from; i < len(short); i++ {
		x, y := &long[i], &short[i]
		if x.Function != y.Function || x.Line != y.Line || thrown.File(x) != thrown.File(y) {
			return false
		}
	}
	return len(short) > 0 || out.Stack == in.Stack
}

// spanEvent makes the event of a line of records, of which in is the innermost.
func (a *adapter) spanEvent(in *witness) *schema.Event {
	longest, outermost := in, in
	var folded uint32
	for w := in.outer; w != nil; w = w.outer {
		folded++
		outermost = w
		if len(w.Main().Frames) > len(longest.Main().Frames) {
			longest = w
		}
		if w.Escaped {
			in.Escaped = true
		}
	}
	if in.Escaped {
		longest.Main().Mechanism.Handled = schema.Handled_HANDLED_NO
	}
	nd := in.node
	row := nd.row
	o := &origin{
		protocol: schema.Protocol_PROTOCOL_OTLP, ns: in.event.GetTimeUnixNano(), eventName: attribute.Clipped(in.event.GetName(), schema.MaxTagKey),
		level: schema.Level_LEVEL_ERROR, res: nd.res, scope: nd.scope,
		traceID: row.TraceId, spanID: row.SpanId, parentID: row.ParentSpanId, outerID: outermost.node.row.ParentSpanId, op: row.Op, status: row.Status,
		transaction: row.SegmentName, sampled: nd.flags&flagSampled != 0 || nd.flags == 0,
		own: row.Attributes, folded: folded,
	}
	o.tags = [][]*schema.Tag{nd.searchable()}
	if s := nd.server(); s != nil {
		o.server = s.row.Attributes
		o.tags = append(o.tags, s.searchable())
	}
	o.tags = append(o.tags, nd.res.searchable())
	o.id = a.ids.Of("span", row.TraceId, row.SpanId, strconv.Itoa(in.index), strconv.FormatUint(o.ns, 10), longest.Type, longest.Message, longest.Stack)
	return a.event(o, &longest.Exception)
}

// server is the span that answers the request in which nd runs: itself or the
// nearest ancestor that is no client and says what was asked.
func (nd *node) server() *node {
	for n, steps := nd, 0; n != nil && steps < maxAncestors; n, steps = n.parent, steps+1 {
		if n.row.Kind == 2 || n.row.Kind == 5 {
			return n
		}
	}
	if nd.row.Kind != 3 && attribute.Value(nd.row.Attributes, "http.request.method", "http.method") != "" {
		return nd
	}
	return nil
}
