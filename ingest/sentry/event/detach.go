package event

import (
	"strings"
	"unicode/utf8"

	"errata/ingest/sentry/tree"
	"errata/schema"
)

// detach copies all strings of the row out of the tree's buffer, in one
// allocation, and makes them valid UTF-8: a column may be part of a JSON answer.
func detach(ev *schema.Event) {
	var room [128]*string
	detachTexts(texts(ev, room[:0]))
}

// detachTexts moves strings into one memory of their own.
func detachTexts(all []*string) {
	n := 0
	for _, s := range all {
		if !utf8.ValidString(*s) {
			*s = strings.ToValidUTF8(*s, "\ufffd")
		}
		n += len(*s)
	}
	buf := make([]byte, 0, n)
	for _, s := range all {
		start := len(buf)
		buf = append(buf, *s...)
		*s = tree.Str(buf[start:])
	}
}

// texts returns where the strings of the row are that are not empty.
func texts(ev *schema.Event, all []*string) []*string {
	for _, s := range [...]*string{
		&ev.GroupingVersion, &ev.GroupingReason, &ev.Type, &ev.Platform, &ev.SdkName, &ev.SdkVersion, &ev.Service, &ev.Environment,
		&ev.Release, &ev.Dist, &ev.ServerName, &ev.Transaction, &ev.Logger, &ev.Title, &ev.Culprit, &ev.Message, &ev.ExceptionType,
		&ev.ExceptionValue, &ev.Mechanism, &ev.UserId, &ev.UserIp, &ev.UserEmail, &ev.UserName, &ev.HttpMethod, &ev.Url, &ev.TraceId,
		&ev.SpanId, &ev.Country, &ev.ReplayId, &ev.TaskName, &ev.TaskId, &ev.DecidingComponent, &ev.EventName,
	} {
		if *s != "" {
			all = append(all, s)
		}
	}
	for i := range ev.FramesFunction {
		if s := &ev.FramesFunction[i]; *s != "" {
			all = append(all, s)
		}
	}
	for i := range ev.FramesFile {
		if s := &ev.FramesFile[i]; *s != "" {
			all = append(all, s)
		}
	}
	for _, t := range ev.Tags {
		if t.Key != "" {
			all = append(all, &t.Key)
		}
		if t.Value != "" {
			all = append(all, &t.Value)
		}
	}
	return all
}
