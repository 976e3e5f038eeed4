package plugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/plugin"
	"errata/queries"
	"errata/queries/catalog"
)

// A page shows a part of a large trace: its errors, then what came first.
func TestShownOfATrace(t *testing.T) {
	t.Parallel()
	rows := func(kinds ...string) frame.Rows {
		r := &queries.Result{Columns: []catalog.Field{{Name: "kind"}}}
		for _, k := range kinds {
			r.Rows = append(r.Rows, []any{k})
		}
		return frame.Read(r)
	}
	trace := rows("span", "log", "span", "error", "log", "error", "span")
	for name, c := range map[string]struct {
		most, counted int
		want          []int
		totals        map[string]int
	}{
		"all":               {10, 100, []int{0, 1, 2, 3, 4, 5, 6}, map[string]int{"span": 3, "log": 2, "error": 2}},
		"errors first":      {4, 100, []int{0, 1, 3, 5}, map[string]int{"span": 3, "log": 2, "error": 2}},
		"errors only":       {2, 100, []int{3, 5}, map[string]int{"span": 3, "log": 2, "error": 2}},
		"not all errors":    {1, 100, []int{3}, map[string]int{"span": 3, "log": 2, "error": 2}},
		"not all looked at": {4, 4, []int{0, 1, 2, 3}, map[string]int{"span": 2, "log": 1, "error": 1}},
	} {
		got, totals := plugin.ShownOf(trace, c.most, c.counted)
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.totals, totals, name)
	}
}

// A row of the cost by issue leads to its page, in all projects and in one.
func TestCostLeadsToIssues(t *testing.T) {
	t.Parallel()
	s := source(t, nil, nil)
	for name, body := range map[string]string{
		"all projects": `{"mode":"catalog","name":"cost","params":{"by":"issue"}}`,
		"by default":   `{"mode":"catalog","name":"cost","project":"$__all"}`,
		"one project":  `{"mode":"catalog","name":"cost","project":"shop","params":{"by":"issue"}}`,
		"two projects": `{"mode":"catalog","name":"cost","project":"[\"1\",\"2\"]"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := askOne(t, s, body, nil)
			require.NoError(t, r.Error)
			f := r.Frames[0]
			project, _ := f.FieldByName("project")
			require.NotNil(t, project)
			value, _ := f.FieldByName("value")
			require.NotNil(t, value.Config)
			require.Equal(t, "/a/errata-errors-app/issues/${__data.fields.project}/${__value.raw}?ds=errata", value.Config.Links[0].URL)
			of := map[any]any{}
			for i := range f.Rows() {
				of[value.At(i)] = project.At(i)
			}
			require.Equal(t, "shop", of[issueA])
		})
	}
	r := askOne(t, s, `{"mode":"catalog","name":"cost","params":{"by":"sdk"}}`, nil)
	require.NoError(t, r.Error)
	for _, x := range r.Frames[0].Fields {
		require.NotContains(t, []string{"project", "project_id"}, x.Name, "a project that says nothing")
		require.True(t, x.Config == nil || len(x.Config.Links) == 0)
	}
}
