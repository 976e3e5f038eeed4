package stack_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/stack"
	"errata/schema"
)

// Random trees of chains and groups, printed by CPython and, beside it, listed
// by Sentry's SDK: text and list must give one tree. Values of members that
// quote joiners are not among them: only the main exception's message is known.
func TestPythonTrees(t *testing.T) {
	t.Parallel()
	pattern := "python/testdata/python_trees_*.json"
	if p := os.Getenv("TREES"); p != "" {
		pattern = p
	}
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		var cases []struct {
			Type, Message, Text string
			Chain               json.RawMessage
		}
		require.NoError(t, json.Unmarshal(body, &cases))
		require.NotEmpty(t, cases)
		for i, c := range cases {
			var ev sentryEvent
			require.NoError(t, json.Unmarshal(c.Chain, &ev.Exception.Values))
			want := ev.exceptions()
			if len(want) > schema.MaxExceptions {
				continue
			}
			got := stack.Parse("python", c.Text, c.Type, c.Message)
			require.Equal(t, flat(want, true), flat(got, true), "%s case %d:\n%s", file, i, c.Text)
		}
	}
}
