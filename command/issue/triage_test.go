package issue

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// What was done to several issues is taken back as one: the id of all is printed
// with those of each.
func TestPrintDone(t *testing.T) {
	t.Parallel()
	a, b, bulk := uuid.MustParse("019ac000-0000-7000-8000-000000000001"), uuid.MustParse("019ac000-0000-7000-8000-000000000002"), uuid.MustParse("5b0c1f64-0000-4000-8000-000000000003")
	for name, c := range map[string]struct {
		done       queries.Done
		json, text string
	}{
		"one": {queries.Done{Actions: []uuid.UUID{a}},
			`[{"action_id":"` + a.String() + `","bulk_id":null}]`, "ACTION_ID\n" + a.String() + "\n"},
		"several": {queries.Done{Actions: []uuid.UUID{a, b}, Bulk: bulk},
			`[{"action_id":"` + a.String() + `","bulk_id":"` + bulk.String() + `"},{"action_id":"` + b.String() + `","bulk_id":"` + bulk.String() + `"}]`,
			"ACTION_ID                             BULK_ID\n" + a.String() + "  " + bulk.String() + "\n" + b.String() + "  " + bulk.String() + "\n"},
	} {
		var out bytes.Buffer
		require.NoError(t, printDone(&out, c.done, true), name)
		require.JSONEq(t, c.json, out.String(), name)
		out.Reset()
		require.NoError(t, printDone(&out, c.done, false), name)
		require.Equal(t, c.text, out.String(), name)
	}
}

// Who asks for an issue that was merged away hears which one is shown.
func TestTellMerged(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		"00000000000000ab":   "Issue 00000000000000ab was merged into 00000000000000cd, which is shown.\n",
		" 00000000000000CD ": "",
	} {
		var out bytes.Buffer
		tellMerged(&out, asked, "00000000000000cd")
		require.Equal(t, want, out.String(), asked)
	}
}
