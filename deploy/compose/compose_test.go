// Package compose checks the files of this folder without Docker: what Compose,
// ClickHouse and the images would stumble over is found here.
package compose

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// service is what the tests read of a service.
type service struct {
	Image       string
	Entrypoint  []string
	Command     []string
	Environment map[string]string
	Secrets     []string
	Volumes     []string
	MemLimit    string `yaml:"mem_limit"`
	Ports       []string
	Healthcheck map[string]any
	Restart     string
	Build       struct{ Context, Dockerfile, Target string }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

type file struct {
	Services map[string]service
	Secrets  map[string]struct{ File string }
	Volumes  map[string]any
}

var withDefault = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)

// text is compose.yaml as Compose reads it where no variable is set.
func text(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	return withDefault.ReplaceAllString(string(raw), "$1")
}

func read(t *testing.T) file {
	t.Helper()
	var f file
	require.NoError(t, yaml.Unmarshal([]byte(text(t)), &f))
	return f
}

func TestSchema(t *testing.T) {
	var all map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text(t)), &all))
	require.NoError(t, schema.Validate(all))

	// The schema is the one that refuses: a key that Compose has not.
	all["services"].(map[string]any)["kafka"].(map[string]any)["health_check"] = map[string]any{}
	require.Error(t, schema.Validate(all))
}

var pinned = regexp.MustCompile(`^[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*$`)

func TestServices(t *testing.T) {
	f := read(t)
	require.ElementsMatch(t, []string{"kafka", "clickhouse", "migrate", "ingest", "consume", "grafana"}, keys(f.Services))
	for name, s := range f.Services {
		t.Run(name, func(t *testing.T) {
			if s.Build.Context == "" {
				require.Regexp(t, pinned, s.Image)
			} else {
				require.DirExists(t, s.Build.Context)
				require.FileExists(t, filepath.Join(s.Build.Context, s.Build.Dockerfile))
				require.Contains(t, stages(t), s.Build.Target)
			}
			require.NotEmpty(t, s.MemLimit)
			require.NotEmpty(t, s.Restart)
			if name != "migrate" { // It ends.
				require.NotEmpty(t, s.Healthcheck["test"])
			}
			for _, p := range s.Ports {
				require.True(t, strings.HasPrefix(p, "127.0.0.1:"), p)
			}
			for _, secret := range s.Secrets {
				require.Contains(t, f.Secrets, secret)
			}
			// A secret that is read is one that is mounted.
			whole := strings.Join(s.Entrypoint, "\n") + "\n" + strings.Join(values(s.Environment), "\n")
			for _, m := range regexp.MustCompile(`/run/secrets/(\w+)`).FindAllStringSubmatch(whole, -1) {
				require.Contains(t, s.Secrets, m[1])
			}
			for on, how := range s.DependsOn {
				require.Contains(t, f.Services, on)
				require.Equal(t, map[bool]string{true: "service_completed_successfully", false: "service_healthy"}[on == "migrate"], how.Condition)
			}
			for _, v := range s.Volumes {
				from, _, _ := strings.Cut(v, ":")
				if strings.HasPrefix(from, ".") {
					_, err := os.Stat(from)
					require.NoError(t, err)
				} else {
					require.Contains(t, f.Volumes, from)
				}
			}
			// Passwords are in files, not in what `docker inspect` shows.
			for k, v := range s.Environment {
				if strings.Contains(k, "PASSWORD") {
					require.Regexp(t, "^/run/secrets/", v, k)
				}
			}
		})
	}
}

// Each secret that is mounted is one that secrets.sh writes; a second run keeps
// it, and the folder is closed to others.
func TestSecrets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	write := func() map[string]string {
		out, err := exec.Command("./secrets.sh", dir).CombinedOutput()
		require.NoError(t, err, "%s", out)
		got := map[string]string{}
		for name, s := range read(t).Secrets {
			raw, err := os.ReadFile(filepath.Join(dir, filepath.Base(s.File)))
			require.NoError(t, err)
			require.Equal(t, name, filepath.Base(s.File))
			require.Regexp(t, `^[0-9a-f]{48}$`, string(raw))
			got[name] = string(raw)
		}
		return got
	}
	first := write()
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(values(first)))), len(first), "each is another")
	require.Equal(t, first, write())
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

// stages are the named stages of the Dockerfile.
func stages(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^FROM \S+ AS (\w+)$`).FindAllStringSubmatch(string(raw), -1) {
		out = append(out, m[1])
	}
	return out
}

func TestDockerfile(t *testing.T) {
	raw, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	named := stages(t)
	user := map[string]string{}
	stage := ""
	for line := range strings.SplitSeq(string(raw), "\n") {
		word := strings.Fields(line)
		if len(word) < 2 {
			continue
		}
		switch word[0] {
		case "FROM":
			require.Regexp(t, pinned, word[1])
			stage = word[3]
		case "USER":
			user[stage] = word[1]
		case "COPY":
			args := slices.DeleteFunc(word[1:], func(a string) bool { return strings.HasPrefix(a, "--chmod") })
			if from, ok := strings.CutPrefix(args[0], "--from="); ok {
				require.Contains(t, named, from)
				continue
			}
			for _, path := range args[:len(args)-1] {
				_, err := os.Stat(filepath.Join("../..", path))
				require.NoError(t, err, line)
			}
		}
	}
	require.Equal(t, "10001", user["errata"], "not as root")
	require.Equal(t, "472", user["grafana"], "not as root")

	// The toolchain is not older than the module asks for.
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(string(mod))
	require.NotNil(t, version)
	require.Contains(t, string(raw), "FROM golang:"+version[1]+"-")

	// Of what a build needs, nothing is left out; passwords and data are.
	ignored, err := os.ReadFile("../../.dockerignore")
	require.NoError(t, err)
	for _, need := range []string{"deploy/compose/secrets", ".git", "errata-data"} {
		require.Contains(t, strings.Split(string(ignored), "\n"), need)
	}
}

// Grafana finds the plugin where it looks, and its files name what is there.
func TestGrafana(t *testing.T) {
	raw, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	grafana := read(t).Services["grafana"]
	const plugins = "/var/lib/grafana/plugins/" // Of the image, unless GF_PATHS_PLUGINS says otherwise.
	require.NotContains(t, grafana.Environment, "GF_PATHS_PLUGINS")
	require.Contains(t, string(raw), " "+plugins+"errata-errors-app\n")
	for _, v := range grafana.Volumes { // A volume there would hide what the image has.
		_, to, _ := strings.Cut(v, ":")
		require.False(t, strings.HasPrefix(plugins, strings.TrimSuffix(to, ":ro")), v)
	}

	var provider struct {
		Providers []struct{ Options struct{ Path string } }
	}
	provided, err := os.ReadFile("../grafana/provisioning/dashboards/errata.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(provided, &provider))
	rest, ok := strings.CutPrefix(provider.Providers[0].Options.Path, plugins+"errata-errors-app/")
	require.True(t, ok, provider.Providers[0].Options.Path)
	require.DirExists(t, filepath.Join("../../grafana-plugin/src", rest))

	// Each variable that the files read is set, by the file or by the entrypoint.
	source, err := os.ReadFile("../grafana/provisioning/datasources/errata.yaml")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`: \$(\w+)`).FindAllStringSubmatch(string(source), -1) {
		_, set := grafana.Environment[m[1]]
		require.True(t, set || strings.Contains(strings.Join(grafana.Entrypoint, "\n"), "export "+m[1]+"="), m[1])
	}
	// Each plugin of the package may be loaded without a signature.
	for _, file := range []string{"plugin.json", "datasource/plugin.json", "panel/plugin.json"} {
		var plugin struct{ ID string }
		raw, err := os.ReadFile(filepath.Join("../../grafana-plugin/src", file))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(raw, &plugin))
		require.Contains(t, strings.Split(grafana.Environment["GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS"], ","), plugin.ID)
	}
}

// What is embedded in the program must not be left out of the build's context.
func TestEmbeddedFilesAreInContext(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{if not .Standard}}{{$d := .Dir}}{{range .EmbedFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}`, "../..", "../../grafana-plugin/pkg").Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s", failed.Stderr)
	}
	require.NoError(t, err)
	require.Contains(t, string(out), "queries/catalog")
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for path := range strings.FieldsSeq(string(out)) {
		if rest, ours := strings.CutPrefix(path, root+"/"); ours {
			for _, part := range []string{"/testdata/", "/dist/", "/node_modules/", "/bin/"} {
				require.NotContains(t, "/"+rest, part)
			}
		}
	}
}

func keys[V any](m map[string]V) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func values(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
