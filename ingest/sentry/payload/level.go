package payload

import (
	"strings"

	"errata/schema"
)

// ParseLevel reads a level's name or Python's number.
func ParseLevel(s string) (schema.Level, bool) {
	switch strings.ToLower(s) {
	case "debug", "10", "trace":
		return schema.Level_LEVEL_DEBUG, true
	case "info", "log", "20":
		return schema.Level_LEVEL_INFO, true
	case "warning", "warn", "30":
		return schema.Level_LEVEL_WARNING, true
	case "error", "40":
		return schema.Level_LEVEL_ERROR, true
	case "fatal", "critical", "50":
		return schema.Level_LEVEL_FATAL, true
	}
	return schema.Level_LEVEL_UNSPECIFIED, false
}

// LevelName is the payload's spelling.
func LevelName(l schema.Level) string {
	switch l {
	case schema.Level_LEVEL_DEBUG:
		return "debug"
	case schema.Level_LEVEL_INFO:
		return "info"
	case schema.Level_LEVEL_WARNING:
		return "warning"
	case schema.Level_LEVEL_FATAL:
		return "fatal"
	}
	return "error"
}
