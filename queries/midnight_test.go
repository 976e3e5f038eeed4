package queries_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// A window that ends at midnight has nothing of the day that begins then: lists,
// trends and tags agree.
func TestWindowEndsAtMidnight(t *testing.T) {
	project := newProject()
	owner := store(t, "errata")
	midnight := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	for i, n := range []int{5, 3, 11} { // Two days before it, and the one after.
		for range n {
			seed(t, owner, event{project: project, fingerprint: 1, id: uuid.NewString(), ts: midnight.AddDate(0, 0, i-2).Add(time.Duration(n) * time.Hour)})
		}
	}
	for name, c := range map[string]struct {
		from, to time.Time
		want     uint64
	}{
		"two days":               {midnight.AddDate(0, 0, -2), midnight, 8},
		"one day":                {midnight.AddDate(0, 0, -1), midnight, 3},
		"an instant of the next": {midnight.AddDate(0, 0, -1), midnight.Add(12 * time.Hour), 14},
	} {
		with := map[string]string{"project": text(project), "from": c.from.Format(time.RFC3339), "to": c.to.Format(time.RFC3339)}
		sum := func(query, column string, more map[string]string) (n uint64) {
			t.Helper()
			maps.Copy(more, with)
			r, err := owner.Run(t.Context(), query, more)
			require.NoError(t, err)
			for _, row := range rows(r) {
				if key, ok := row["key"]; !ok || key == "level" {
					n += row[column].(uint64)
				}
			}
			return n
		}
		require.Equal(t, c.want, sum("issue_list", "window_events", map[string]string{}), name)
		require.Equal(t, c.want, sum("issue_trend", "events", map[string]string{"issue": issueHex(1)}), name)
		require.Equal(t, c.want, sum("tag_distribution", "events", map[string]string{"issue": issueHex(1), "key": "level"}), name)
		require.Equal(t, c.want, sum("tag_lift", "events", map[string]string{"issue": issueHex(1)}), name)
	}
}
