package tables_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema/tables"
)

var update = flag.Bool("update", false, "Write the golden files.")

func TestRenderGolden(t *testing.T) {
	for _, c := range []struct {
		name    string
		options tables.Options
	}{
		{"single", tables.Options{Password: "it's secret"}},
		{"cluster", tables.Options{Cluster: "prod", Password: "it's secret"}},
		{"other_database", tables.Options{Database: "errors-2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			c.options.DryRun = &b
			require.NoError(t, tables.Migrate(context.Background(), nil, c.options))
			require.NotContains(t, b.String(), "secret", "a dry run must not show the password")
			path := filepath.Join("testdata", c.name+".sql")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), b.String())
		})
	}
}

// Every table that rows are inserted into, by a client or by a view, must
// remember tokens: one that does not would count a retried block twice.
func TestEveryTableDeduplicates(t *testing.T) {
	for _, cluster := range []string{"", "prod"} {
		all, err := tables.Render(tables.Options{Cluster: cluster})
		require.NoError(t, err)
		seen := 0
		for _, m := range all {
			for _, s := range m.Statements {
				if !strings.Contains(s, "MergeTree") {
					continue
				}
				seen++
				want := "non_replicated_deduplication_window = 10000"
				if cluster != "" {
					want = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds"
				}
				require.Contains(t, s, want, m.Name)
			}
		}
		require.Greater(t, seen, 10)
	}
}
