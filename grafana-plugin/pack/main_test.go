package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is a built plugin that passes.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		p := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		require.NoError(t, os.WriteFile(p, []byte(text), 0o644))
	}
	for _, f := range []string{"README.md", "CHANGELOG.md", "LICENSE", "img/logo.svg", "datasource/img/logo.svg", "panel/img/logo.svg", "module.js", "datasource/module.js", "panel/module.js", "datasource/gpx_errata_linux_amd64"} {
		put(f, "x")
	}
	logos := `"info":{"version":"1.2.3","logos":{"small":"img/logo.svg","large":"img/logo.svg"}}`
	put("plugin.json", `{"type":"app","id":"errata-errors-app","includes":[{"type":"datasource","path":"datasource/plugin.json"}],`+logos+`}`)
	put("datasource/plugin.json", `{"type":"datasource","id":"errata-errors-datasource","executable":"gpx_errata",`+logos+`}`)
	put("panel/plugin.json", `{"type":"panel","id":"errata-triage-panel",`+logos+`}`)
	return dir
}

func TestPack(t *testing.T) {
	dir, out := tree(t), t.TempDir()
	require.NoError(t, run(dir, out))
	z, err := zip.OpenReader(filepath.Join(out, "errata-errors-app-1.2.3.zip"))
	require.NoError(t, err)
	defer z.Close()
	modes := map[string]os.FileMode{}
	for _, f := range z.File {
		modes[f.Name] = f.Mode()
	}
	require.Equal(t, os.FileMode(0o755), modes["errata-errors-app/datasource/gpx_errata_linux_amd64"])
	require.Equal(t, os.FileMode(0o644), modes["errata-errors-app/plugin.json"])
	require.Len(t, modes, 13)
}

func TestCheckRefuses(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"jsx-runtime", "panel/module.js", `define(["react/jsx-runtime"])`, "uses react/jsx-runtime"},
		{"no version", "plugin.json", `{"type":"app","id":"errata-errors-app","info":{"version":"%VERSION%"}}`, "has no version"},
		{"other id", "panel/plugin.json", `{"type":"panel","id":"x"}`, "want panel errata-triage-panel"},
		{"no README", "README.md", "", "README.md is missing"},
		{"screenshot", "panel/plugin.json", `{"type":"panel","id":"errata-triage-panel","info":{"version":"1.2.3","screenshots":[{"path":"img/no.png"}]}}`, "img/no.png"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tree(t)
			require.NoError(t, os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o644))
			_, err := check(dir)
			require.ErrorContains(t, err, c.want)
		})
	}
	dir := tree(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "datasource", "gpx_errata_linux_amd64")))
	_, err := check(dir)
	require.ErrorContains(t, err, "none is built")
}
