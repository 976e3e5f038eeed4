package grouping

import (
	"strings"

	"errata/schema"
)

const maxTitleValue = 256

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
	e := &r.exceptions[r.main]
	if e.Mechanism.Synthetic {
		if f := r.crashFrame(res); f != nil && f.Function != "" {
			return f.Function
		}
	}
	value := clip(firstLine(e.Value), maxTitleValue)
	switch {
	case res.Type == "" && value == "":
		return "<unknown>"
	case res.Type == "":
		return value
	case value == "":
		return res.Type
	}
	return res.Type + ": " + value
}

func firstLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSpace(s)
}

// crashFrame is the last frame in app with a function, else the last frame.
func (r *run) crashFrame(res *Result) *schema.Frame {
	if r.main < 0 {
		return nil
	}
	frames := r.exceptions[r.main].Frames
	for i := len(frames) - 1; i >= 0; i-- {
		if res.InApp[i] && frames[i].Function != "" {
			return &frames[i]
		}
	}
	if n := len(frames); n > 0 {
		return &frames[n-1]
	}
	return nil
}

// culprit is the transaction, else where the main exception was thrown.
func (r *run) culprit(res *Result) string {
	in := r.in
	if in.Transaction != "" {
		return in.Transaction
	}
	var frames []schema.Frame
	app := res.InApp
	if r.main >= 0 {
		e := &r.exceptions[r.main]
		if e.Mechanism.Synthetic {
			return ""
		}
		frames = e.Frames
	} else {
		frames, app = in.Stack, r.inApp
	}
	at := len(frames) - 1
	for i := at; i >= 0; i-- {
		if app[i] {
			at = i
			break
		}
	}
	if at < 0 {
		return in.RequestURL
	}
	f := &frames[at]
	platform := f.Platform
	if platform == "" {
		platform = in.Platform
	}
	file := f.Module
	if file == "" {
		file = f.File
	}
	switch platform {
	case "javascript", "node":
		return f.Function + "(" + file + ")"
	case "native", "cocoa", "objc", "c":
		return f.Function
	}
	if file == "" || f.Function == "" {
		return file + f.Function
	}
	return file + " in " + f.Function
}
