package plugin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Every query of every dashboard answers, on a store with events and on one of
// whose projects nothing is known.
func TestDashboardsAnswer(t *testing.T) {
	s := source(t, nil, nil)
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
				Title   string           `json:"title"`
				Targets []map[string]any `json:"targets"`
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
		targets := []map[string]any{}
		for _, p := range d.Panels {
			targets = append(targets, p.Targets...)
		}
		for _, a := range d.Annotations.List {
			targets = append(targets, a.Target)
		}
		for name, values := range map[string]*strings.Replacer{
			"all":  strings.NewReplacer("$project", "$__all", "$environment", "$__all", "$release", "$__all", "$service", "$__all", "$issue", "", "$tag", ""),
			"some": strings.NewReplacer("$project", `["1","2"]`, "$environment", "production", "$release", "shop@1.0.0", "$service", "web", "$issue", issueA, "$tag", "plan"),
		} {
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				for _, target := range targets {
					q := map[string]any{}
					for k, v := range target {
						if text, ok := v.(string); ok {
							if k == "sql" {
								text = strings.ReplaceAll(text, "$tag", "'plan'")
							}
							v = values.Replace(text)
						}
						q[k] = v
					}
					if q["by"] == "tag" {
						q["tagKey"] = "plan"
					}
					body, err := json.Marshal(q)
					require.NoError(t, err)
					r := askOne(t, s, string(body), nil)
					require.NoError(t, r.Error, "%s", body)
					require.NotEmpty(t, r.Frames, "%s", body)
				}
			})
		}
	}
}

// Every rule of the library gets what the alert engine takes.
func TestRulesAreAlertable(t *testing.T) {
	s := source(t, nil, nil)
	raw, err := os.ReadFile("../../../deploy/grafana/provisioning/alerting/errata.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct {
				UID         string            `yaml:"uid"`
				Annotations map[string]string `yaml:"annotations"`
				Data        []struct {
					RefID string         `yaml:"refId"`
					Where string         `yaml:"datasourceUid"`
					Model map[string]any `yaml:"model"`
				} `yaml:"data"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(string(raw), "$$", "$")), &file))
	require.Len(t, file.Groups[0].Rules, 9)
	for _, rule := range file.Groups[0].Rules {
		t.Run(rule.UID, func(t *testing.T) {
			require.Equal(t, "errata", rule.Data[0].Where)
			body, err := json.Marshal(rule.Data[0].Model)
			require.NoError(t, err)
			r := askOne(t, s, string(body), fromAlert)
			require.NoError(t, r.Error)
			for _, f := range r.Frames {
				requireAlertable(t, f)
				if f.Meta.Type != data.FrameTypeNumericLong {
					continue
				}
				title, _ := f.FieldByName("title")
				require.Nil(t, title, "a label that the next event changes")
				for _, text := range rule.Annotations {
					for _, label := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
						field, _ := f.FieldByName(label[1])
						require.NotNil(t, field, "%s: there is no label %s", text, label[1])
					}
				}
			}
		})
	}
}
