package event

import (
	"encoding/binary"
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
	buf := joined(all)
	if !ascii(buf) {
		// One by one: two halves of a character may stand side by side.
		for _, s := range all {
			if !utf8.ValidString(*s) {
				*s = strings.ToValidUTF8(*s, "\ufffd")
			}
		}
		buf = joined(all)
	}
	for _, s := range all {
		n := len(*s)
		*s, buf = tree.Str(buf[:n]), buf[n:]
	}
}

// joined returns the texts one after the other.
func joined(all []*string) []byte {
	n := 0
	for _, s := range all {
		n += len(*s)
	}
	buf := make([]byte, 0, n)
	for _, s := range all {
		buf = append(buf, *s...)
	}
	return buf
}

func ascii(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
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
