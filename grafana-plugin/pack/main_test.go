package main

import (
	"archive/zip"
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	svg       = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>`
	elf       = "\x7fELF program"
	sourceMap = `{"version":3,"sources":["webpack://errata-errors-app/./module.ts"],"sourcesContent":["export {}"]}`
	license   = "Apache License\nVersion 2.0, January 2004\n"
	ofAll     = `"name":"Errata","dependencies":{"grafanaDependency":">=10.4.0-0"},"info":{"version":"1.2.3","updated":"2026-11-28","description":"Errors.","keywords":["errors"],"author":{"name":"Errata"},"links":[{"name":"Docs","url":"https://example.com/"}],"logos":{"small":"img/logo.svg","large":"img/logo.svg"}`
	appJSON   = `{"type":"app","id":"errata-errors-app","includes":[{"type":"datasource","path":"datasource/plugin.json"},{"type":"panel","path":"panel/plugin.json"},{"type":"page","path":"/a/errata-errors-app/issues"},{"type":"dashboard","path":"dashboards/a.json"}],` + ofAll + `,"screenshots":[{"name":"Issues","path":"img/a.png"}]}}`
	dataJSON  = `{"type":"datasource","id":"errata-errors-datasource","backend":true,"alerting":true,"executable":"gpx_errata",` + ofAll + `}}`
	panelJSON = `{"type":"panel","id":"errata-triage-panel",` + ofAll + `}}`
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	p := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
	require.NoError(t, os.WriteFile(p, []byte(text), 0o644))
}

// tree is a built plugin that passes.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 2, 2))))
	for name, text := range map[string]string{
		"README.md": "# Errata\n\nSee [the docs](https://example.com/).\n", "CHANGELOG.md": "# Changes\n\n## 1.2.3\n\n- First.\n", "LICENSE": license,
		"img/logo.svg": svg, "datasource/img/logo.svg": svg, "panel/img/logo.svg": svg, "img/a.png": picture.String(), "dashboards/a.json": `{"uid":"a","title":"A"}`,
		"module.js": "x", "datasource/module.js": "x", "panel/module.js": "x", "module.js.map": sourceMap, "datasource/module.js.map": sourceMap, "panel/module.js.map": sourceMap,
		"datasource/gpx_errata_linux_amd64": elf, "plugin.json": appJSON, "datasource/plugin.json": dataJSON, "panel/plugin.json": panelJSON,
	} {
		put(t, dir, name, text)
	}
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
		require.True(t, strings.HasPrefix(f.Name, "errata-errors-app/"), "one folder, named for the app")
	}
	require.Equal(t, os.FileMode(0o755), modes["errata-errors-app/datasource/gpx_errata_linux_amd64"])
	require.Equal(t, os.FileMode(0o644), modes["errata-errors-app/plugin.json"])
	require.Len(t, modes, 18)
}

// refuses expects what is wrong with a package in which this file says this.
func refuses(t *testing.T, file, text, want string) {
	t.Helper()
	dir := tree(t)
	put(t, dir, file, text)
	_, err := check(dir)
	require.ErrorContains(t, err, want)
}

func TestCheckRefuses(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"jsx-runtime", "panel/module.js", `define(["react/jsx-runtime"])`, "uses react/jsx-runtime"},
		{"no version", "plugin.json", `{"type":"app","id":"errata-errors-app","info":{"version":"%VERSION%"}}`, "has no version"},
		{"other id", "panel/plugin.json", `{"type":"panel","id":"x"}`, "want panel errata-triage-panel"},
		{"no README", "README.md", "", "README.md is missing"},
		{"screenshot", "panel/plugin.json", `{"type":"panel","id":"errata-triage-panel","info":{"version":"1.2.3","screenshots":[{"path":"img/no.png"}]}}`, "img/no.png"},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, c.file, c.text, c.want) })
	}
	dir := tree(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "datasource", "gpx_errata_linux_amd64")))
	_, err := check(dir)
	require.ErrorContains(t, err, "none is built")
}

// The structural rules of the validator of Grafana's catalog.
func TestCatalogRules(t *testing.T) {
	swap := func(text, old, with string) string {
		require.Contains(t, text, old)
		return strings.Replace(text, old, with, 1)
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"no keywords", "plugin.json", swap(appJSON, `["errors"]`, "[]"), "keywords"},
		{"no description", "panel/plugin.json", swap(panelJSON, "Errors.", ""), "description"},
		{"no links", "plugin.json", swap(appJSON, `{"name":"Docs","url":"https://example.com/"}`, ""), "info.links is empty"},
		{"a link without https", "plugin.json", swap(appJSON, "https://example.com/", "example.com"), "needs a name and https"},
		{"no screenshot", "plugin.json", swap(appJSON, `{"name":"Issues","path":"img/a.png"}`, ""), "no screenshot"},
		{"a screenshot that is none", "img/a.png", "text", "must be a PNG"},
		{"a name for machines", "plugin.json", swap(appJSON, `"name":"Errata","dep`, `"name":"errata-errors-app","dep`), "none for people"},
		{"version", "plugin.json", swap(appJSON, "1.2.3", "1.2"), "not of the form"},
		{"day", "plugin.json", swap(appJSON, "2026-11-28", "today"), "not a day"},
		{"newer Grafana is shut out", "plugin.json", swap(appJSON, ">=10.4.0-0", ">=10.4.0 <14"), "open above"},
		{"prereleases are shut out", "datasource/plugin.json", swap(dataJSON, ">=10.4.0-0", ">=10.4.0"), "open above"},
		{"alerts without a backend", "datasource/plugin.json", swap(dataJSON, `"backend":true,`, ""), "must go together"},
		{"nested and not included", "plugin.json", swap(appJSON, `{"type":"panel","path":"panel/plugin.json"},`, ""), "does not include panel/plugin.json"},
		{"a page of another app", "plugin.json", swap(appJSON, "/a/errata-errors-app/issues", "/a/other/issues"), "is not below"},
		{"a dashboard without a uid", "dashboards/a.json", `{"title":"A"}`, "is not a dashboard"},
		{"a script in the logo", "img/logo.svg", "<svg onload=\"x()\"></svg>", "without scripts"},
		{"a logo that is none", "panel/img/logo.svg", "text", "must be an SVG"},
		{"a relative link", "README.md", "[setup](docs/setup.md)", "does not work in the catalog"},
		{"HTML", "README.md", "text <img src=x>", "is HTML"},
		{"words of developers", "README.md", "Run `npm install` first.", "who builds the plugin"},
		{"no change log of this version", "CHANGELOG.md", "## 1.2.2", "no heading for 1.2.3"},
		{"another license", "LICENSE", "all rights reserved", "Apache License"},
		{"a signature of something else", "MANIFEST.txt", "x", "does not belong"},
		{"debugging", "datasource/standalone.txt", "x", "does not belong"},
		{"a key", "datasource/client.key", "x", "does not belong"},
		{"a program without a system", "datasource/gpx_errata", elf, "not named for a system"},
		{"windows without .exe", "datasource/gpx_errata_windows_amd64", "MZ", "not named for a system"},
		{"a program of another system", "datasource/gpx_errata_darwin_arm64", elf, "no program of darwin"},
		{"a program elsewhere", "gpx_errata_linux_amd64", elf, "does not name it"},
		{"another program", "tool", elf, "that no plugin.json names"},
		{"a script", "run.sh", "#!/bin/sh", "that no plugin.json names"},
		{"no sources in the map", "panel/module.js.map", `{"sources":["webpack://a/b.ts"]}`, "no source map"},
		{"a path of a machine in the map", "module.js.map", `{"sources":["/home/me/a.ts"],"sourcesContent":[""]}`, "path of the machine"},
		{"a map of others", "module.js.map", `{"sources":["webpack/bootstrap"],"sourcesContent":[""]}`, "none of our sources"},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, c.file, c.text, c.want) })
	}
	dir := tree(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "panel", "module.js.map")))
	_, err := check(dir)
	require.ErrorContains(t, err, "compares it with the sources")
	_, err = check(tree(t))
	require.NoError(t, err)
}

// What is in the repository passes before anything is built.
func TestSourcesPass(t *testing.T) {
	dir := tree(t)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "img")))
	copied := func(to, from string) {
		raw, err := os.ReadFile(from)
		require.NoError(t, err)
		put(t, dir, to, strings.NewReplacer("%VERSION%", "0.1.0", "%TODAY%", "2026-11-28").Replace(string(raw)))
	}
	for to, from := range map[string]string{"README.md": "../README.md", "CHANGELOG.md": "../CHANGELOG.md", "LICENSE": "../../LICENSE"} {
		copied(to, from)
	}
	for _, pattern := range []string{"plugin.json", "*/plugin.json", "img/*", "*/img/*", "dashboards/*"} {
		files, err := filepath.Glob(filepath.Join("../src", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, f := range files {
			within, err := filepath.Rel("../src", f)
			require.NoError(t, err)
			copied(within, f)
		}
	}
	_, err := check(dir)
	require.NoError(t, err)
	raw, err := os.ReadFile("../package.json")
	require.NoError(t, err)
	require.Contains(t, string(raw), `"version": "0.1.0"`)
}
