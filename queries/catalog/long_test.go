package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
)

// A window that begins before rollups do is asked as any other, where nobody keeps
// more than they do; else what is older is asked too.
func TestLongWindowsOfNinetyDays(t *testing.T) {
	t.Parallel()
	all, err := catalog.All()
	require.NoError(t, err)
	given := map[string]string{"project": "1", "issue": "00000000000000ff", "bucket": "day", "bucket_seconds": "86400", "bucket_hours": "24", "tag": "plan=pro", "text": "word", "key": "plan", "to": "now"}
	asked, longer := 0, 0
	for _, q := range all {
		values := map[string]string{}
		for _, p := range q.Params {
			if v, ok := given[p.Name]; ok {
				values[p.Name] = v
			}
		}
		at := func(from string) map[string]string {
			values["from"] = from
			bound, err := q.Bind(values, time.Now())
			require.NoError(t, err, q.Name)
			return bound
		}
		if values["to"] == "" {
			continue // It has no window.
		}
		short, long := at("-89d"), at("-200d")
		asked++
		require.Empty(t, q.AskKeptLonger(short), q.Name)
		require.Contains(t, q.AskKeptLonger(long), "retention_days > 90", q.Name)
		for _, step := range q.Steps {
			want, err := q.Statement(step, short)
			require.NoError(t, err)
			older, err := q.Statement(step, long)
			require.NoError(t, err)
			if older != want {
				longer++
			}
			long[catalog.KeptLonger] = "0"
			got, err := q.Statement(step, long)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s, step %s", q.Name, step.Name)
			delete(long, catalog.KeptLonger)
		}
	}
	require.Greater(t, asked, 20)
	require.Greater(t, longer, 8)
}
