package placeholder

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/sentry/tree"
)

func TestFill(t *testing.T) {
	t.Parallel()
	cases := []struct{ template, params, want string }{
		{"order %d of %s", `[5,"bob"]`, "order 5 of bob"},
		{"order %d of %s", `[5]`, "order 5 of %s"},
		{"%(a)s and %(b)d", `{"a":"x","b":2}`, "x and 2"},
		{"%(a)s and %(c)s", `{"a":"x"}`, "x and %(c)s"},
		{"100%% of %s", `["all"]`, "100% of all"},
		{"order {} of {}", `[5,"bob"]`, "order 5 of bob"},
		{"order {1} of {0}", `[5,"bob"]`, "order bob of 5"},
		{"order {id:>4} of {name}", `{"id":5}`, "order 5 of {name}"},
		{"got {} for %s", `["bob"]`, "got {} for bob"},
		{"{0} is no place of %s", `["bob"]`, "{0} is no place of bob"},
		{`{"id": 7} of %(who)s`, `{"who":"bob","id":1}`, `{"id": 7} of bob`},
		{"100% of {}", `["all"]`, "100% of all"},
		{"no parameter %s {}", `[]`, "no parameter %s {}"},
		{"%", `["x"]`, "%"},
		{"{", `["x"]`, "{"},
		{"%(", `{"":1}`, "%("},
		{"%s", `[{"a":[1]}]`, `{"a":[1]}`},
	}
	for _, c := range cases {
		t.Run(c.template, func(t *testing.T) {
			t.Parallel()
			doc, err := tree.Parse([]byte(`{"p":` + c.params + `}`))
			require.NoError(t, err)
			require.Equal(t, c.want, Fill(c.template, doc.Root.Get("p")))
		})
	}
}

func TestFillIsBounded(t *testing.T) {
	t.Parallel()
	doc, err := tree.Parse([]byte(`{"p":["` + strings.Repeat("x", 1000) + `"]}`))
	require.NoError(t, err)
	require.Less(t, len(Fill(strings.Repeat("{0}", 100_000), doc.Root.Get("p"))), 2*maxBytes)
}
