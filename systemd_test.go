package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhouse"
)

// deploy/systemd runs this program: each command of it parses, and each variable
// is one that the command reads.
func TestSystemdUnits(t *testing.T) {
	files, err := filepath.Glob("deploy/systemd/*.service")
	require.NoError(t, err)
	require.Len(t, files, 3)
	shared, err := os.ReadFile("deploy/systemd/errata.env")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			text := string(raw)
			if strings.Contains(text, "EnvironmentFile=/etc/errata/errata.env") {
				for line := range strings.Lines(string(shared)) {
					text += "Environment=" + line
				}
			}
			var args []string
			vars := map[string]string{}
			for line := range strings.Lines(text) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				switch key {
				case "ExecStart":
					args = strings.Fields(value)
				case "Environment":
					name, v, _ := strings.Cut(value, "=")
					vars[name] = v
					t.Setenv(name, v)
				}
			}
			require.NotEmpty(t, args)
			require.Equal(t, "/usr/local/bin/errata", args[0])
			known := map[string]bool{clickhouse.LibraryEnv: true}
			for _, group := range parse(t, args[1:]...).AllFlags(false) {
				for _, f := range group {
					for _, env := range f.Envs {
						known[env] = true
					}
				}
			}
			for name := range vars {
				require.True(t, known[name], "it does not read %s", name)
			}
		})
	}
}
