package stack_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/stack"
	"errata/schema"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hints are what the attributes beside a text said; a file of the same name
// with .json holds them. Without one, the text stands alone.
type hints struct{ Language, Type, Message string }

// dump prints a chain for people to compare.
func dump(list []schema.Exception) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s: %q", e.Type, e.Value)
		if m := e.Mechanism; m.ID >= 0 {
			fmt.Fprintf(&b, " [%d<-%d %s %s group=%v]", m.ID, m.ParentID, m.Type, m.Source, m.IsGroup)
		}
		b.WriteByte('\n')
		for _, f := range e.Frames {
			fmt.Fprintf(&b, "    %s | %s | %s:%d:%d", f.Module, f.Function, f.File, f.Line, f.Column)
			if f.ContextLine != "" {
				fmt.Fprintf(&b, " | %s", f.ContextLine)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// Golden files: LANGUAGE/testdata/NAME.txt, read as its package's language and,
// where its own structure tells, as no language at all.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/testdata/*.txt")
	require.NoError(t, err)
	require.Greater(t, len(files), 40)
	for _, file := range files {
		t.Run(strings.Replace(file, "/testdata", "", 1), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			folder, _, _ := strings.Cut(file, "/")
			h := hints{Language: strings.TrimSuffix(folder, "lang")} // Package golang is of go.
			if body, err := os.ReadFile(strings.TrimSuffix(file, ".txt") + ".json"); err == nil {
				require.NoError(t, json.Unmarshal(body, &h))
			}
			got := dump(stack.Parse(h.Language, string(text), h.Type, h.Message))
			golden := strings.TrimSuffix(file, ".txt") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
			for _, language := range []string{"", "cpp"} {
				require.Equal(t, string(want), dump(stack.Parse(language, string(text), h.Type, h.Message)), "language %q", language)
			}
			for _, wrong := range []string{"python", "java", "nodejs", "go", "dotnet", "ruby", "php", "rust"} {
				other := dump(stack.Parse(wrong, string(text), h.Type, h.Message))
				if other != string(want) {
					t.Logf("as %s:\n%s", wrong, other)
				}
				require.Equal(t, string(want), other, "language %q", wrong)
			}
		})
	}
}
