package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// What the validator of Grafana's catalog looks at and check does not. It
// cannot be had from registries alone, so its structural rules are kept here;
// what it asks the network or a scanner is left to it.

var (
	versionForm  = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	dayForm      = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	programForm  = regexp.MustCompile(`^gpx_[a-z0-9_]+_(linux|darwin|freebsd|windows)_(amd64|arm64|arm|386)(\.exe)?$`)
	codeForm     = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	linkForm     = regexp.MustCompile(`\[[^\]]+\]\(([^)\s]+)`)
	tagForm      = regexp.MustCompile(`</?[a-zA-Z][^>]*>|<!--`)
	activeInSVG  = regexp.MustCompile(`(?i)<script|<foreignObject|\son\w+\s*=|javascript:|<!ENTITY|(href|src)\s*=\s*["']?(https?:)?//`)
	localPath    = regexp.MustCompile(`(^|[^:/])/(home|root|work|Users|tmp|build)/`)
	unwanted     = regexp.MustCompile(`(?i)^(MANIFEST\.txt|standalone\.txt|pid\.txt|\.DS_Store|Thumbs\.db|\.env.*|.*\.test\.(js|ts|tsx)|.*\.pem|.*\.key|\.git.*|node_modules)$`)
	dependsForm  = regexp.MustCompile(`^>=\d+\.\d+\.\d+-0$`)
	jargon       = regexp.MustCompile(`(?i)npm (install|run|ci)|yarn |mage |webpack|docker compose up`)
	magicOfGOOS  = map[string][]byte{"linux": []byte("\x7fELF"), "freebsd": []byte("\x7fELF"), "windows": []byte("MZ"), "darwin": {0xcf, 0xfa, 0xed, 0xfe}}
	largestImage = int64(2 << 20)
)

// checkCatalog says what the catalog would refuse or warn of.
func checkCatalog(dist, version string, manifests map[string]manifest) (faults []error) {
	fault := func(form string, args ...any) { faults = append(faults, fmt.Errorf(form, args...)) }
	for folder, m := range manifests {
		where := path.Join(folder, "plugin.json")
		if !strings.HasPrefix(m.ID, "errata-") || !strings.HasSuffix(m.ID, "-"+m.Type) {
			fault("%s: id %s is not of the form org-name-%s", where, m.ID, m.Type)
		}
		if m.Name == "" || m.Name == m.ID {
			fault("%s: name %q is none for people", where, m.Name)
		}
		if m.Info.Description == "" || len(m.Info.Keywords) == 0 || m.Info.Author.Name == "" {
			fault("%s: description, keywords and author must be given: the catalog searches them", where)
		}
		if !versionForm.MatchString(m.Info.Version) {
			fault("%s: version %q is not of the form 1.2.3", where, m.Info.Version)
		}
		if !dayForm.MatchString(m.Info.Updated) {
			fault("%s: updated is %q, not a day", where, m.Info.Updated)
		}
		if !dependsForm.MatchString(m.Dependencies.Grafana) {
			fault("%s: grafanaDependency %q must be open above and take prereleases, as >=10.4.0-0", where, m.Dependencies.Grafana)
		}
		if len(m.Info.Links) == 0 {
			fault("%s: info.links is empty", where)
		}
		for _, l := range m.Info.Links {
			if u, err := url.Parse(l.URL); err != nil || u.Scheme != "https" || u.Host == "" || l.Name == "" {
				fault("%s: link %q to %q needs a name and https", where, l.Name, l.URL)
			}
		}
		if (m.Alerting || m.Executable != "") && !m.Backend || m.Backend && m.Executable == "" {
			fault("%s: backend, executable and alerting must go together", where)
		}
		for _, logo := range []string{m.Info.Logos.Small, m.Info.Logos.Large} {
			raw, err := os.ReadFile(filepath.Join(dist, folder, logo))
			if err == nil && (path.Ext(logo) != ".svg" || !bytes.Contains(raw, []byte("<svg")) || activeInSVG.Match(raw)) {
				fault("%s: logo %s must be an SVG without scripts and links", where, logo)
			}
		}
		faults = append(faults, checkScreenshots(dist, folder, m)...)
	}
	faults = append(faults, checkIncludes(dist, manifests)...)
	faults = append(faults, checkTexts(dist, version)...)
	return append(faults, checkFiles(dist, manifests)...)
}

func checkScreenshots(dist, folder string, m manifest) (faults []error) {
	if m.Type == "app" && len(m.Info.Screenshots) == 0 {
		return []error{fmt.Errorf("plugin.json: there is no screenshot")}
	}
	for _, s := range m.Info.Screenshots {
		file, err := os.Open(filepath.Join(dist, folder, s.Path))
		if err != nil {
			continue // Said by check.
		}
		info, err := file.Stat()
		if err == nil {
			_, err = png.DecodeConfig(file)
		}
		_ = file.Close()
		if err != nil || s.Name == "" || info.Size() > largestImage {
			faults = append(faults, fmt.Errorf("screenshot %s needs a name and must be a PNG of at most %d bytes", s.Path, largestImage))
		}
	}
	return faults
}

// checkIncludes compares what the app says that it holds with what it holds.
func checkIncludes(dist string, manifests map[string]manifest) (faults []error) {
	named := map[string]bool{}
	for _, i := range manifests["."].Includes {
		switch i.Type {
		case "datasource", "panel":
			named[i.Path] = true
		case "page":
			if !strings.HasPrefix(i.Path, "/a/"+app+"/") {
				faults = append(faults, fmt.Errorf("plugin.json: page %s is not below /a/%s/", i.Path, app))
			}
		case "dashboard":
			var board struct{ UID, Title string }
			raw, err := os.ReadFile(filepath.Join(dist, i.Path))
			if err == nil && (json.Unmarshal(raw, &board) != nil || board.UID == "" || board.Title == "") {
				faults = append(faults, fmt.Errorf("%s is not a dashboard with uid and title", i.Path))
			}
		}
	}
	for folder := range manifests {
		if folder != "." && !named[folder+"/plugin.json"] {
			faults = append(faults, fmt.Errorf("plugin.json does not include %s/plugin.json", folder))
		}
	}
	return faults
}

// checkTexts reads what the catalog shows to people.
func checkTexts(dist, version string) (faults []error) {
	fault := func(form string, args ...any) { faults = append(faults, fmt.Errorf(form, args...)) }
	readme, _ := os.ReadFile(filepath.Join(dist, "README.md"))
	text := codeForm.ReplaceAllString(string(readme), "")
	for _, l := range linkForm.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(l[1], "https://") && !strings.HasPrefix(l[1], "#") {
			fault("README.md: link %s does not work in the catalog; use https", l[1])
		}
	}
	if t := tagForm.FindString(text); t != "" {
		fault("README.md: %s is HTML, which the catalog does not show", t)
	}
	if j := jargon.FindString(string(readme)); j != "" {
		fault("README.md: %q is for who builds the plugin, not for its users", j)
	}
	changes, _ := os.ReadFile(filepath.Join(dist, "CHANGELOG.md"))
	if version != "" && !regexp.MustCompile(`(?m)^## \[?`+regexp.QuoteMeta(version)+`\b`).Match(changes) {
		fault("CHANGELOG.md has no heading for %s", version)
	}
	license, _ := os.ReadFile(filepath.Join(dist, "LICENSE"))
	if !bytes.Contains(license, []byte("Apache License")) || !bytes.Contains(license, []byte("Version 2.0")) {
		fault("LICENSE is not the Apache License 2.0")
	}
	return faults
}

// checkFiles looks at every file: nothing that does not belong there, programs
// that are what their names say, source maps of our own sources.
func checkFiles(dist string, manifests map[string]manifest) (faults []error) {
	fault := func(form string, args ...any) { faults = append(faults, fmt.Errorf(form, args...)) }
	err := filepath.WalkDir(dist, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		within, err := filepath.Rel(dist, name)
		if err != nil {
			return err
		}
		if unwanted.MatchString(d.Name()) {
			fault("%s does not belong into the package", within)
		}
		if d.IsDir() {
			return nil
		}
		switch {
		case strings.HasPrefix(d.Name(), "gpx_"):
			form := programForm.FindStringSubmatch(d.Name())
			if form == nil || (form[1] == "windows") != (form[3] != "") {
				fault("%s is not named for a system and a processor", within)
				return nil
			}
			if own := manifests[filepath.ToSlash(filepath.Dir(within))].Executable; own == "" || !strings.HasPrefix(d.Name(), own+"_") {
				fault("%s is in a folder whose plugin.json does not name it", within)
			}
			if !begins(name, magicOfGOOS[form[1]]) {
				fault("%s is no program of %s", within, form[1])
			}
		case begins(name, magicOfGOOS["linux"]) || begins(name, []byte("#!")):
			fault("%s is a program that no plugin.json names", within)
		case d.Name() == "module.js":
			if fault := checkMap(name + ".map"); fault != nil {
				faults = append(faults, fault)
			}
		}
		return nil
	})
	if err != nil {
		fault("cannot read %s: %w", dist, err)
	}
	return faults
}

func begins(name string, with []byte) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, len(with))
	n, _ := file.Read(head)
	return len(with) > 0 && bytes.Equal(head[:n], with)
}

// checkMap reads a source map: the catalog compares it with the sources.
func checkMap(name string) error {
	raw, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%s is missing: the catalog compares it with the sources", name)
	}
	var m struct {
		Sources  []string `json:"sources"`
		Contents []string `json:"sourcesContent"`
	}
	if err := json.Unmarshal(raw, &m); err != nil || len(m.Sources) == 0 || len(m.Contents) != len(m.Sources) {
		return fmt.Errorf("%s is no source map with its sources", name)
	}
	if i := slices.IndexFunc(m.Sources, func(s string) bool { return localPath.MatchString(s) }); i >= 0 {
		return fmt.Errorf("%s names %s, a path of the machine that built it", name, m.Sources[i])
	}
	if !slices.ContainsFunc(m.Sources, func(s string) bool { return strings.HasSuffix(s, ".ts") || strings.HasSuffix(s, ".tsx") }) {
		return fmt.Errorf("%s has none of our sources", name)
	}
	return nil
}
