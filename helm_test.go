package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// manifest is what of a Kubernetes object is checked here.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		Selector yaml.Node
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Containers []struct {
					Name, Image  string
					Args         []string
					Env          []struct{ Name, Value string }
					Ports        []struct{ Name string }
					VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
				}
			}
		}
	}
}

// deploy/helm runs this program: the chart uses of templates only what is
// rendered here too, each command of it parses, and each variable is one that the
// command reads.
func TestHelmChart(t *testing.T) {
	var values map[string]any
	raw, err := os.ReadFile("deploy/helm/errata/values.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, &values))
	values["env"] = map[string]string{"ERRATA_KAFKA_TLS": "true", "ERRATA_KAFKA_USER": "errata", "ERRATA_CLICKHOUSE_TLS": "true"}
	files, err := filepath.Glob("deploy/helm/errata/templates/*.yaml")
	require.NoError(t, err)
	commands := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		tmpl, err := template.New(file).Option("missingkey=error").Funcs(template.FuncMap{
			"quote": func(v any) string { return strconv.Quote(fmt.Sprint(v)) },
		}).Parse(string(text))
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, tmpl.Execute(&out, map[string]any{"Values": values, "Release": map[string]any{"Name": "shop"}}))
		dec := yaml.NewDecoder(&out)
		for {
			var m manifest
			err := dec.Decode(&m)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			require.NotEmpty(t, m.Kind, file)
			require.NotEmpty(t, m.Metadata.Name, file)
			for _, c := range m.Spec.Template.Spec.Containers {
				t.Run(c.Name, func(t *testing.T) {
					commands[c.Name] = true
					require.NotEmpty(t, c.Image)
					require.Equal(t, m.Metadata.Name, m.Spec.Template.Metadata.Labels["app.kubernetes.io/name"])
					for _, e := range c.Env {
						t.Setenv(e.Name, e.Value)
					}
					known := map[string]bool{}
					for _, group := range parse(t, c.Args...).AllFlags(false) {
						for _, f := range group {
							for _, env := range f.Envs {
								known[env] = true
							}
						}
					}
					for _, e := range c.Env {
						require.True(t, known[e.Name], "it does not read %s", e.Name)
					}
				})
			}
		}
	}
	require.Equal(t, map[string]bool{"migrate": true, "ingest": true, "consume": true}, commands)
}
