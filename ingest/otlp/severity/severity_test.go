package severity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/otlp/severity"
	"errata/schema"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint32{
		"": 0, "loud": 0, "INFO": 9, " Warning ": 13, "CRITICAL": 21, "WARN2": 14, "ERROR4": 20, "INFO+2": 9, "DEBUG-1": 5, "ERROR5": 0, "ERROR1": 0, "INFO+x": 0, "4": 0, "+4": 0,
	} {
		require.Equal(t, want, severity.Of(text), text)
	}
}

func TestLevelAndItsName(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint32]schema.Level{
		0: schema.Level_LEVEL_UNSPECIFIED, 1: schema.Level_LEVEL_DEBUG, 8: schema.Level_LEVEL_DEBUG, 9: schema.Level_LEVEL_INFO, 12: schema.Level_LEVEL_INFO,
		13: schema.Level_LEVEL_WARNING, 16: schema.Level_LEVEL_WARNING, 17: schema.Level_LEVEL_ERROR, 20: schema.Level_LEVEL_ERROR, 21: schema.Level_LEVEL_FATAL, 24: schema.Level_LEVEL_FATAL,
	} {
		require.Equal(t, want, severity.Level(number), number)
	}
	for level, want := range map[schema.Level]string{
		schema.Level_LEVEL_UNSPECIFIED: "error", schema.Level_LEVEL_ERROR: "error", schema.Level_LEVEL_FATAL: "fatal",
		schema.Level_LEVEL_WARNING: "warning", schema.Level_LEVEL_INFO: "info", schema.Level_LEVEL_DEBUG: "debug",
	} {
		require.Equal(t, want, severity.Name(level), level)
	}
}
