// Package severity knows OpenTelemetry's numbers for how bad a log record is. In: a
// number or the word of a logging framework. Out: the number, and the level that
// events have.
package severity

import (
	"strings"

	"errata/schema"
)

// severities maps the words of logging frameworks to OTel's severity numbers,
// each to the first of its range.
var severities = map[string]uint32{
	"trace": 1, "verbose": 1, "vrb": 1, "finest": 1, "finer": 1, "silly": 1,
	"debug": 5, "dbg": 5, "fine": 5, "config": 5,
	"info": 9, "information": 9, "informational": 9, "inf": 9, "notice": 9, "success": 9,
	"warn": 13, "warning": 13, "wrn": 13,
	"error": 17, "err": 17, "severe": 17,
	"fatal": 21, "ftl": 21, "critical": 21, "crit": 21, "emergency": 21, "emerg": 21, "alert": 21, "panic": 21, "dpanic": 21,
}

// Of reads a severity that came as text only, 0 where the word is not
// known. OTel's own short names have a digit (WARN2), those of Go's slog a
// distance (INFO+2).
func Of(text string) uint32 {
	text = strings.ToLower(strings.TrimSpace(text))
	if n := severities[text]; n != 0 || text == "" {
		return n
	}
	if i := strings.IndexAny(text, "+-"); i > 0 && strings.Trim(text[i+1:], "0123456789") == "" {
		return severities[text[:i]]
	}
	last := len(text) - 1
	if c := text[last]; c >= '2' && c <= '4' {
		switch word := text[:last]; word {
		case "trace", "debug", "info", "warn", "error", "fatal":
			return severities[word] + uint32(c-'1')
		}
	}
	return 0
}

// Level maps a severity number.
func Level(number uint32) schema.Level {
	switch {
	case number >= 21:
		return schema.Level_LEVEL_FATAL
	case number >= 17:
		return schema.Level_LEVEL_ERROR
	case number >= 13:
		return schema.Level_LEVEL_WARNING
	case number >= 9:
		return schema.Level_LEVEL_INFO
	case number >= 1:
		return schema.Level_LEVEL_DEBUG
	}
	return schema.Level_LEVEL_UNSPECIFIED
}

// Name is what events say of a level.
func Name(l schema.Level) string {
	switch l {
	case schema.Level_LEVEL_FATAL:
		return "fatal"
	case schema.Level_LEVEL_WARNING:
		return "warning"
	case schema.Level_LEVEL_INFO:
		return "info"
	case schema.Level_LEVEL_DEBUG:
		return "debug"
	}
	return "error"
}
