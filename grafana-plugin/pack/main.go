// Command pack checks a built plugin and writes it as the zip that Grafana's
// catalog takes: one folder named for the app, programs executable. In: the
// folder dist. Out: errata-errors-app-VERSION.zip, or what is wrong with dist.
package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const app = "errata-errors-app"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pack DIST FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dist, folder string) error {
	version, err := check(dist)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // For everybody to read.
		return fmt.Errorf("cannot make %s: %w", folder, err)
	}
	name := filepath.Join(folder, app+"-"+version+".zip")
	if err := write(dist, name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	fmt.Printf("%s, %.1f MB\n", name, float64(info.Size())/1e6)
	return nil
}

type manifest struct {
	Type         string `json:"type"`
	Name         string `json:"name"`
	ID           string `json:"id"`
	Backend      bool   `json:"backend"`
	Alerting     bool   `json:"alerting"`
	Executable   string `json:"executable"`
	Dependencies struct {
		Grafana string `json:"grafanaDependency"`
	} `json:"dependencies"`
	Info struct {
		Version     string   `json:"version"`
		Updated     string   `json:"updated"`
		Description string   `json:"description"`
		Keywords    []string `json:"keywords"`
		Author      struct {
			Name string `json:"name"`
		} `json:"author"`
		Links []struct {
			Name string `json:"name"`
			URL  string `json:"url"`
		} `json:"links"`
		Logos struct {
			Small string `json:"small"`
			Large string `json:"large"`
		} `json:"logos"`
		Screenshots []struct {
			Name string `json:"name"`
			Path string `json:"path"`
		} `json:"screenshots"`
	} `json:"info"`
	Includes []struct {
		Type string `json:"type"`
		Path string `json:"path"`
	} `json:"includes"`
}

// check says what the catalog or an older Grafana would refuse; it returns the
// version.
func check(dist string) (string, error) {
	var faults []error
	fault := func(form string, args ...any) { faults = append(faults, fmt.Errorf(form, args...)) }
	version, manifests := "", map[string]manifest{}
	for folder, want := range map[string]manifest{
		".": {Type: "app", ID: app}, "datasource": {Type: "datasource", ID: "errata-errors-datasource"}, "panel": {Type: "panel", ID: "errata-triage-panel"},
	} {
		m := manifest{}
		raw, err := os.ReadFile(filepath.Join(dist, folder, "plugin.json"))
		if err != nil {
			fault("cannot read the manifest of %s: %w", folder, err)
			continue
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			fault("cannot read %s/plugin.json: %w", folder, err)
		}
		if m.ID != want.ID || m.Type != want.Type {
			fault("%s/plugin.json says %s %s, want %s %s", folder, m.Type, m.ID, want.Type, want.ID)
		}
		if strings.Contains(string(raw), "%VERSION%") || strings.Contains(string(raw), "%TODAY%") || m.Info.Version == "" {
			fault("%s/plugin.json has no version", folder)
		}
		if version != "" && m.Info.Version != version {
			fault("%s has version %s, another has %s", folder, m.Info.Version, version)
		}
		version, manifests[folder] = m.Info.Version, m
		there := func(path string) {
			if _, err := os.Stat(filepath.Join(dist, folder, path)); err != nil || path == "" {
				fault("%s/plugin.json names %q, which is not there", folder, path)
			}
		}
		there("module.js")
		there(m.Info.Logos.Small)
		there(m.Info.Logos.Large)
		for _, s := range m.Info.Screenshots {
			there(s.Path)
		}
		for _, i := range m.Includes {
			if i.Type != "page" {
				there(i.Path)
			}
		}
		if m.Executable != "" {
			if programs, _ := filepath.Glob(filepath.Join(dist, folder, m.Executable+"_*")); len(programs) == 0 {
				fault("%s/plugin.json names the program %s, and none is built", folder, m.Executable)
			}
		}
	}
	for _, f := range []string{"README.md", "CHANGELOG.md", "LICENSE"} {
		if info, err := os.Stat(filepath.Join(dist, f)); err != nil || info.Size() == 0 {
			fault("%s is missing", f)
		}
	}
	faults = append(faults, checkModules(dist)...)
	faults = append(faults, checkCatalog(dist, version, manifests)...)
	return version, errors.Join(faults...)
}

// checkModules looks for what only newer Grafana shares with plugins: one
// bundle must load in 10.4 and in 13.
func checkModules(dist string) []error {
	var faults []error
	err := filepath.WalkDir(dist, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".js" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", path, err)
		}
		for _, bad := range []string{"react/jsx-runtime", "react/jsx-dev-runtime", "@grafana/i18n", "@grafana/scenes", "__SECRET_INTERNALS"} {
			if bytes.Contains(raw, []byte(bad)) {
				faults = append(faults, fmt.Errorf("%s uses %s, which Grafana 10.4 does not share", path, bad))
			}
		}
		return nil
	})
	if err != nil {
		faults = append(faults, fmt.Errorf("cannot read %s: %w", dist, err))
	}
	return faults
}

func write(dist, name string) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	z := zip.NewWriter(file)
	defer func() { err = errors.Join(err, z.Close()) }()
	err = filepath.WalkDir(dist, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		within, err := filepath.Rel(dist, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h, err := zip.FileInfoHeader(info)
		if err != nil {
			return err
		}
		h.Name, h.Method = app+"/"+filepath.ToSlash(within), zip.Deflate
		h.SetMode(0o644)
		if strings.HasPrefix(filepath.Base(path), "gpx_") {
			h.SetMode(0o755)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		_, err = io.Copy(w, from)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot pack %s: %w", dist, err)
	}
	return nil
}
