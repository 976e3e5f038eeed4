package event

import (
	"strings"
	"unicode/utf8"

	"errata/schema"
)

// detach copies all strings of the row out of the tree's buffer, in one
// allocation, and makes them valid UTF-8: a column may be part of a JSON answer.
func detach(ev *schema.Event) {
	var c copier
	visitEvent(ev, c.measure)
	c.alloc()
	visitEvent(ev, c.copy)
}

func visitEvent(ev *schema.Event, f func(*string)) {
	for _, s := range [...]*string{
		&ev.GroupingVersion, &ev.GroupingReason, &ev.Type, &ev.Platform, &ev.SdkName, &ev.SdkVersion, &ev.Service, &ev.Environment,
		&ev.Release, &ev.Dist, &ev.ServerName, &ev.Transaction, &ev.Logger, &ev.Title, &ev.Culprit, &ev.Message, &ev.ExceptionType,
		&ev.ExceptionValue, &ev.Mechanism, &ev.UserId, &ev.UserIp, &ev.UserEmail, &ev.UserName, &ev.HttpMethod, &ev.Url, &ev.TraceId,
		&ev.SpanId, &ev.Country, &ev.ReplayId, &ev.TaskName, &ev.TaskId, &ev.DecidingComponent, &ev.EventName,
	} {
		f(s)
	}
	for i := range ev.FramesFunction {
		f(&ev.FramesFunction[i])
	}
	for i := range ev.FramesFile {
		f(&ev.FramesFile[i])
	}
	for _, t := range ev.Tags {
		f(&t.Key)
		f(&t.Value)
	}
}

// copier moves strings into one backing.
type copier struct {
	n   int
	buf strings.Builder
}

func (c *copier) measure(s *string) {
	if !utf8.ValidString(*s) {
		*s = strings.ToValidUTF8(*s, "\ufffd")
	}
	c.n += len(*s)
}

func (c *copier) alloc() { c.buf.Grow(c.n) }

func (c *copier) copy(s *string) {
	if *s == "" {
		return
	}
	start := c.buf.Len()
	c.buf.WriteString(*s)
	*s = c.buf.String()[start:]
}
