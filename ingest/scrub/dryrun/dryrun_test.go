package dryrun

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/scrub"
)

func TestReport(t *testing.T) {
	r, err := New(scrub.Rules{Rules: []scrub.Rule{{Name: "customer", Pattern: `/C-\d+/`}}})
	require.NoError(t, err)
	r.Event("a", []byte(`{"extra":{"list":[{"n":"C-1"},{"n":"C-2"}],"password":"hunter2"}}`))
	r.Event("b", []byte(`{"extra":{"list":[{"n":"C-3"}]}}`))
	r.Event("c", []byte(`{"message":"clean"}`))
	r.Event("d", []byte(`no JSON`))
	got := r.Report()
	require.Equal(t, 4, got.Events)
	require.Equal(t, 2, got.Changed)
	require.Equal(t, 1, got.Bad)
	require.Equal(t, []Count{{"customer", 3, 2, "a"}, {"key", 1, 1, "a"}}, got.Rules)
	require.Equal(t, []Count{{"extra.list.*.n", 3, 2, "a"}, {"extra.password", 1, 1, "a"}}, got.Paths)
	b, err := json.Marshal(got)
	require.NoError(t, err)
	require.NotContains(t, string(b), "hunter2")
}

func TestBadRules(t *testing.T) {
	_, err := New(scrub.Rules{Rules: []scrub.Rule{{}}})
	require.Error(t, err)
}
