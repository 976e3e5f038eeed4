package answer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/ask"
	"errata/schema"
)

// The word all means all projects, and one of that name where there is one.
func TestProjectsByName(t *testing.T) {
	t.Parallel()
	two := []schema.Project{{ID: 1, Slug: "shop"}, {ID: 2, Slug: "mail"}}
	three := append(two[:2:2], schema.Project{ID: 3, Slug: "all"})
	for _, c := range []struct {
		all    []schema.Project
		wanted []string
		want   []uint32
	}{
		{two, []string{"shop", "1", "2"}, []uint32{1, 2}},
		{two, []string{"all"}, nil},
		{three, []string{"all"}, []uint32{3}},
		{three, []string{"all", "shop"}, []uint32{3, 1}},
		{nil, []string{"all"}, nil},
	} {
		got, err := named(c.wanted, c.all)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.wanted)
	}
	for _, wanted := range [][]string{{"none"}, {"all", "shop"}, {"shop", "4"}} {
		_, err := named(wanted, two)
		require.ErrorIs(t, err, ask.ErrQuery, wanted)
	}
}
