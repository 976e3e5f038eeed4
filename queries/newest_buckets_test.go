package queries_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A trend of more rows than come back keeps its newest ones, oldest first.
func TestTrendsKeepTheNewest(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	for _, sql := range []string{
		"INSERT INTO events (project_id, ts, received_at, fingerprint, event_id, payload_bytes) SELECT %d, now64(3) - toIntervalSecond(number), now64(3) - toIntervalSecond(number), 1, generateUUIDv4(), 1 FROM numbers(10050)",
		"INSERT INTO sessions (project_id, started, ts, release, init, user_hash) SELECT %d, now64(3) - toIntervalHour(if(number = 0, 0, 2)), now64(3), concat('shop@', toString(number)), true, 1 FROM numbers(10050)",
	} {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(sql, project)))
	}
	for query, given := range map[string]map[string]string{
		"byte_trend":    {"bucket_seconds": "1"},
		"delay_trend":   {"bucket_seconds": "1"},
		"release_trend": {"bucket_hours": "1"},
	} {
		t.Run(query, func(t *testing.T) {
			given["projects"], given["from"] = text(project), "-6h"
			r, err := owner.Run(t.Context(), query, given)
			require.NoError(t, err)
			require.Len(t, r.Rows, 10000)
			at := r.Column("time")
			newest, oldest := at[len(at)-1].(time.Time), at[0].(time.Time)
			require.Less(t, time.Since(newest), 2*time.Hour)
			require.True(t, oldest.Before(newest))
			if query == "release_trend" {
				require.Equal(t, "shop@0", text(r.Column("release")[len(at)-1]))
				return
			}
			require.Less(t, time.Since(newest), 10*time.Minute)
		})
	}
}
