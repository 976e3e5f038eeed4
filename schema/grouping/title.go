package grouping

import (
	"strings"

	"errata/schema"
	"errata/schema/grouping/rule"
	"errata/schema/grouping/symbol"
)

const maxTitleValue = 256

// title is one line that names the failure.
func (r *run) title(res *Result) string {
	in := r.in
	if r.main < 0 {
		if in.Report != nil && in.Report.Message != "" {
			return firstLine(in.Report.Message)
		}
		m := in.Message
		if m == "" {
			m = in.Template
		}
		if m = firstLine(m); m != "" {
			return m
		}
		return "<unlabeled event>"
	}
	e := &r.exceptions[r.titled()]
	typ := shortType(e.Type)
	if in.Platform == "go" {
		typ = goType(e.Type)
	}
	value := schema.Cut(firstLine(e.Value), maxTitleValue)
	// A made-up exception is named for where it happened; without even a made-up
	// type it is a message with its stack, and the message names it.
	if e.Mechanism.Synthetic && (typ != "" || value == "") {
		if f := r.crashFrame(); f != nil && symbol.Function(f, in.Platform) != "" {
			return symbol.InRules(f, in.Platform)
		}
		typ = ""
	}
	switch {
	case typ == "" && value == "":
		return "<unknown>"
	case typ == "":
		return value
	case value == "":
		return typ
	}
	return typ + ": " + value
}

// goType is a type as the language prints it, *fmt.wrapError: both protocols
// send its package, one of them with its path. The name alone says little.
func goType(t string) string {
	t = strings.TrimSpace(t)
	pointers := len(t) - len(strings.TrimLeft(t, "*"))
	return t[:pointers] + t[max(strings.LastIndexByte(t, '/')+1, pointers):]
}

// titled is the exception that names the failure: wrappers of RxJava and the
// recovery errors of React stand before what really failed.
func (r *run) titled() int {
	n := len(r.order)
	if n < 2 || r.order[n-1] != r.main {
		return r.main
	}
	e := &r.exceptions[r.main]
	switch shortType(e.Type) {
	case "OnErrorNotImplementedException", "UndeliverableException", "CompositeException":
		if r.in.Platform == "java" {
			return r.order[n-2]
		}
	case "Error":
		if javascript(r.in.Platform) && (strings.HasPrefix(e.Value, "There was an error during concurrent rendering") ||
			strings.HasPrefix(e.Value, "There was an error while hydrating")) {
			return r.order[n-2]
		}
	}
	return r.main
}

func firstLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSpace(s)
}

// mainStack is the stack that titles and culprits speak of; nil where there is none.
func (r *run) mainStack() *stack {
	i := max(r.main, 0)
	if i < len(r.stacks) && len(r.stacks[i].frames) > 0 {
		return &r.stacks[i]
	}
	return nil
}

// crashFrame is the innermost frame in app with a function, else the innermost.
func (r *run) crashFrame() *schema.Frame {
	s := r.mainStack()
	if s == nil {
		return nil
	}
	for i := len(s.frames) - 1; i >= 0; i-- {
		if r.decisions[s.at+i].App == rule.Yes && s.frames[i].Function != "" {
			return &s.frames[i]
		}
	}
	return &s.frames[len(s.frames)-1]
}

// culprit is the transaction, else where the main exception was thrown.
func (r *run) culprit() string {
	in := r.in
	if in.Transaction != "" {
		return in.Transaction
	}
	if r.main >= 0 && r.exceptions[r.main].Mechanism.Synthetic {
		return ""
	}
	s := r.mainStack()
	if s == nil {
		return in.RequestURL
	}
	at := len(s.frames) - 1
	for i := at; i >= 0; i-- {
		if r.decisions[s.at+i].App == rule.Yes {
			at = i
			break
		}
	}
	f := &s.frames[at]
	platform := f.Platform
	if platform == "" {
		platform = in.Platform
	}
	place := f.Module
	if place == "" {
		place = f.File
	}
	switch platform {
	case "javascript", "node":
		fn := f.Function
		if fn == "" {
			fn = "?"
		}
		return fn + "(" + place + ")"
	case "native", "cocoa", "objc", "c", "swift":
		return symbol.Native(f.Function)
	}
	if place == "" || f.Function == "" {
		return place + f.Function
	}
	return place + " in " + f.Function
}
