package queries_test

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
)

var used = regexp.MustCompile(`\{(\w+):([^{}]+?)\}`)

// Every query declares the parameters that it uses, with their types, and uses
// those that it declares.
func TestCatalogParametersAreDeclared(t *testing.T) {
	all, err := catalog.All()
	require.NoError(t, err)
	require.Greater(t, len(all), 8)
	for _, q := range all {
		t.Run(q.Name, func(t *testing.T) {
			declared := map[string]string{}
			for _, p := range q.Params {
				declared[p.Name] = p.Type
			}
			seen := map[string]bool{}
			for _, step := range q.Steps {
				for _, bound := range choices(q) {
					sql, err := q.Statement(step, bound)
					require.NoError(t, err)
					for _, m := range used.FindAllStringSubmatch(sql, -1) {
						seen[m[1]] = true
						want, ok := declared[m[1]]
						require.True(t, ok, "%s is used and not declared", m[1])
						if want == "Issue" {
							want = "String"
						}
						require.Equal(t, base(want), base(m[2]), m[1])
					}
				}
				for _, f := range step.Out {
					declared[f.Name] = f.Type
					seen[f.Name] = true
				}
			}
			// A parameter may choose between texts instead.
			for _, p := range q.Params {
				texts := map[string]bool{}
				for _, v := range p.OneOf {
					all := ""
					for _, step := range q.Steps {
						sql, err := q.Statement(step, map[string]string{p.Name: v, "bucket_seconds": "3600"})
						require.NoError(t, err)
						all += sql
					}
					texts[all] = true
				}
				seen[p.Name] = seen[p.Name] || len(texts) > 1
			}
			for _, name := range q.Applied {
				require.Contains(t, declared, name)
				seen[name] = true
			}
			require.Contains(t, []string{"reader", "errata"}, q.User)
			for name := range declared {
				require.True(t, seen[name], "%s is declared and not used", name)
			}
		})
	}
}

// choices are values that make each branch of a query's text: none, and all of
// them with each choice and with short and long windows.
func choices(q *catalog.Query) []map[string]string {
	out := []map[string]string{{}}
	for _, from := range []string{"2026-11-19 00:00:00.000", "2026-11-15 00:00:00.000"} {
		for _, handed := range []string{"[]", "[1]"} {
			full := map[string]string{}
			for _, p := range q.Params {
				full[p.Name] = "1"
			}
			maps.Copy(full, map[string]string{"from": from, "to": "2026-11-20 00:00:00.000", "bucket_seconds": "3600", "filters": `[{"key":"plan","operator":"=","values":["pro"]}]`})
			for _, s := range q.Steps {
				for _, f := range s.Out {
					full[f.Name] = handed
				}
			}
			out = append(out, full)
			for _, p := range q.Params {
				for _, v := range append(p.OneOf, "") {
					one := maps.Clone(full)
					one[p.Name] = v
					out = append(out, one)
				}
			}
		}
	}
	return out
}

// base strips precision and zone, which the header leaves out.
func base(kind string) string {
	return strings.NewReplacer("DateTime64(3, 'UTC')", "DateTime64", "DateTime64(3)", "DateTime64").Replace(kind)
}

// Every query answers as the reader, with the columns that it documents.
func TestCatalogAnswers(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	now := time.Now()
	for i := range 40 {
		seed(t, owner, event{project: project, fingerprint: uint64(i%4 + 1), ts: now.Add(-time.Duration(i) * time.Hour), release: "shop@1.0.0", user: uint64(i + 1),
			trace: strings.Repeat("ab", 16), id: []string{"", "11111111-1111-4111-8111-111111111111"}[min(1, max(0, 1-i))], tags: map[string]string{"plan": "pro"}})
	}
	values := map[string]string{"project": text(project), "issue": issueHex(1), "trace_id": strings.Repeat("ab", 16),
		"event_id": "11111111111141118111111111111111", "release": "shop@1.0.0", "key": "plan", "text": "ValueError", "tag": "plan=pro",
		"fingerprints": issueHex(1) + "," + issueHex(2), "issues": issueHex(1) + "," + issueHex(2), "id": "11111111111111111111111111111111", "at": "now"}
	reader := store(t, "reader")
	all, err := catalog.All()
	require.NoError(t, err)
	for _, q := range all {
		for _, mode := range []string{"required", "all"} {
			t.Run(q.Name+"/"+mode, func(t *testing.T) {
				given := map[string]string{}
				for _, p := range q.Params {
					if v, ok := values[p.Name]; ok && (p.Required || p.Name == "project" || mode == "all") {
						given[p.Name] = v
					}
				}
				asker := reader
				if q.User == "errata" {
					asker = owner
				}
				r, err := asker.Run(t.Context(), q.Name, given)
				require.NoError(t, err)
				require.Len(t, r.Columns, len(q.Columns))
				for i, c := range q.Columns {
					require.Equal(t, c.Name, r.Columns[i].Name)
					require.Equal(t, c.Type, r.Columns[i].Type, c.Name)
				}
			})
		}
	}
}
