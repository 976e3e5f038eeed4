package plugin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/plugin"
)

// board is a dashboard and what it asks.
type board struct {
	name, uid string
	targets   []map[string]any
}

func boards(t *testing.T) (all []board) {
	t.Helper()
	files, err := filepath.Glob("../../src/dashboards/*.json")
	require.NoError(t, err)
	require.Len(t, files, 7)
	uids := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var d struct {
			UID    string `json:"uid"`
			Panels []struct {
				Type        string           `json:"type"`
				Title       string           `json:"title"`
				Description string           `json:"description"`
				Targets     []map[string]any `json:"targets"`
				Options     struct {
					Content string `json:"content"`
				} `json:"options"`
			} `json:"panels"`
			Annotations struct {
				List []struct {
					Target map[string]any `json:"target"`
				} `json:"list"`
			} `json:"annotations"`
		}
		require.NoError(t, json.Unmarshal(raw, &d))
		require.False(t, uids[d.UID], d.UID)
		uids[d.UID] = true
		b, told := board{name: filepath.Base(file), uid: d.UID}, false
		for _, p := range d.Panels {
			b.targets = append(b.targets, p.Targets...)
			told = told || p.Type == "text" && strings.Contains(p.Options.Content, "Nothing here yet?")
			for _, target := range p.Targets {
				if target["mode"] == "sql" {
					require.Contains(t, p.Description, "SQL: ", "%s: %s has SQL of its own; say why the catalog cannot be asked", file, p.Title)
				}
			}
		}
		require.True(t, told, "%s does not say what to do on an empty store", file)
		for _, a := range d.Annotations.List {
			b.targets = append(b.targets, a.Target)
		}
		all = append(all, b)
	}
	return all
}

// ask asks all that a dashboard does, variables replaced by values.
func (b board) ask(t *testing.T, s *plugin.Source, values *strings.Replacer) {
	t.Helper()
	var filled func(v any) any
	filled = func(v any) any {
		switch v := v.(type) {
		case string:
			return values.Replace(v)
		case map[string]any:
			out := map[string]any{}
			for k, x := range v {
				out[k] = filled(x)
			}
			return out
		}
		return v
	}
	for _, target := range b.targets {
		q := filled(target).(map[string]any)
		if q["by"] == "tag" && q["tagKey"] == "" {
			q["tagKey"] = "plan"
		}
		body, err := json.Marshal(q)
		require.NoError(t, err)
		r := askOne(t, s, string(body), nil)
		require.NoError(t, r.Error, "%s", body)
		require.NotEmpty(t, r.Frames, "%s", body)
	}
}

var everything = strings.NewReplacer("$project", "$__all", "$environment", "$__all", "$release", "$__all", "$service", "$__all", "$issue", "", "$tag", "")

// Every query of every dashboard answers, and each dashboard says what to do
// on an empty store; that one is asked in TestRulesFire.
func TestDashboardsAnswer(t *testing.T) {
	s := source(t, nil, nil)
	for _, b := range boards(t) {
		for name, values := range map[string]*strings.Replacer{
			"all":  everything,
			"some": strings.NewReplacer("$project", `["1","2"]`, "$environment", "production", "$release", "shop@1.0.0", "$service", "web", "$issue", issueA, "$tag", "plan"),
		} {
			t.Run(b.name+"/"+name, func(t *testing.T) { b.ask(t, s, values) })
		}
	}
}
