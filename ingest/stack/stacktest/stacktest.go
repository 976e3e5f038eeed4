// Package stacktest has what the tests of all languages' stacks share.
package stacktest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/ingest/stack"
	"errata/ingest/stack/scan"
	"errata/schema"
)

// Bounded checks what holds for any text.
func Bounded(t testing.TB, list []schema.Exception) {
	t.Helper()
	require.NotEmpty(t, list)
	require.LessOrEqual(t, len(list), schema.MaxExceptions)
	for _, e := range list {
		require.LessOrEqual(t, len(e.Frames), schema.MaxFrames)
	}
}

// Fuzz reads any text with the parser of a language, as that language and as
// none. The stacks of the package's testdata are where it begins.
func Fuzz(f *testing.F, language string, parse scan.Parser) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(body), "Error", "x")
	}
	f.Fuzz(func(t *testing.T, text, typ, value string) {
		if len(text) > stack.MaxBytes {
			text = text[:stack.MaxBytes]
		}
		start := time.Now()
		if list := parse(text, scan.Hint{Type: typ, Value: value}); list != nil {
			Bounded(t, list)
		}
		Bounded(t, stack.Parse(language, text, typ, value))
		Bounded(t, stack.Parse("", text, typ, value))
		require.Less(t, time.Since(start), 10*time.Second, "a hang, not a measurement")
	})
}
