package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQueryParameters are those of --param and those behind the name, each once.
func TestQueryParameters(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		param map[string]string
		given []string
		want  map[string]string
		says  string
	}{
		"none":               {want: map[string]string{}},
		"both ways":          {map[string]string{"project": "1"}, []string{"from=-24h"}, map[string]string{"project": "1", "from": "-24h"}, ""},
		"a value with signs": {nil, []string{"filters=level=error", "text="}, map[string]string{"filters": "level=error", "text": ""}, ""},
		"twice":              {map[string]string{"project": "1"}, []string{"project=2"}, nil, "parameter project is given twice"},
		"twice behind":       {nil, []string{"project=1", "project=2"}, nil, "parameter project is given twice"},
		"no value":           {nil, []string{"shop"}, nil, `"shop" is no parameter: write parameter=value`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := (&queryCmd{Name: "issue_list", Param: c.param, Given: c.given}).params()
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}
