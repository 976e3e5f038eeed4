package main

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// deploy/compose runs this program: each command of it parses, and each of its
// variables is one that the command reads.
func TestComposeCommands(t *testing.T) {
	raw, err := os.ReadFile("deploy/compose/compose.yaml")
	require.NoError(t, err)
	text := regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`).ReplaceAllString(string(raw), "$1")
	var file struct {
		Services map[string]struct {
			Image       string
			Command     []string
			Environment map[string]string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &file))
	seen := 0
	for name, s := range file.Services {
		if !strings.HasPrefix(s.Image, "errata:") {
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			for k, v := range s.Environment {
				t.Setenv(k, v)
			}
			command := parse(t, s.Command...)
			require.Equal(t, s.Command[0], command.Path())
			known := map[string]bool{}
			for _, group := range command.AllFlags(false) {
				for _, f := range group {
					for _, env := range f.Envs {
						known[env] = true
					}
				}
			}
			for k := range s.Environment {
				require.True(t, known[k], "%s does not read %s", name, k)
			}
		})
	}
	require.Equal(t, 3, seen)
}

// Commands that the page tells people to run.
func TestComposeReadme(t *testing.T) {
	raw, err := os.ReadFile("deploy/compose/README.md")
	require.NoError(t, err)
	found := regexp.MustCompile(`run --rm migrate (.+)`).FindAllStringSubmatch(string(raw), -1)
	require.NotEmpty(t, found)
	for _, m := range found {
		parse(t, strings.Fields(m[1])...)
	}
}

func parse(t *testing.T, args ...string) *kong.Node {
	t.Helper()
	var c cli
	k, err := kong.New(&c, kong.Name("errata"), kong.Exit(func(int) { t.Fatal("exits") }))
	require.NoError(t, err)
	ctx, err := k.Parse(args)
	require.NoError(t, err)
	require.False(t, reflect.ValueOf(c).IsZero())
	return ctx.Selected()
}
