package queries_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries"
)

// A row of issue_trend is an issue in an hour, environment and release, in
// however many pieces it is stored and of however many fingerprints it is.
func TestTrendViewOfRawEvents(t *testing.T) {
	t.Parallel()
	owner, reader := store(t, "errata"), store(t, "reader")
	projects := []uint32{newProject(), newProject()}
	h := randomHeap(time.Now().UTC().Truncate(time.Millisecond), projects, 900, 3)
	type row struct {
		level         string
		events, users uint64
	}
	levels := []string{"unspecified", "debug", "info", "warning", "error", "fatal"}
	compare := func(of func(uint64) uint64) {
		t.Helper()
		want, people := map[string]row{}, map[string]map[uint64]bool{}
		for _, e := range h.events {
			k := fmt.Sprint(e.project, " ", issueHex(of(e.fingerprint)), " ", e.ts.Truncate(time.Hour).Unix(), " ", e.environment, " ", e.release)
			if people[k] == nil {
				people[k] = map[uint64]bool{}
			}
			for _, u := range append([]uint64{e.user}, e.users...) {
				if u != 0 {
					people[k][u] = true
				}
			}
			w := want[k]
			want[k] = row{levels[max(slices.Index(levels, w.level), slices.Index(levels, e.level))], w.events + e.count(), uint64(len(people[k]))}
		}
		r, err := reader.SQL(t.Context(), fmt.Sprintf("SELECT project_id, issue, hour, environment, release, level, events, users FROM issue_trend WHERE project_id IN (%d, %d) LIMIT 100000", projects[0], projects[1]))
		require.NoError(t, err)
		got := map[string]row{}
		for _, x := range rows(r) {
			k := fmt.Sprint(x["project_id"], " ", x["issue"], " ", x["hour"].(time.Time).Unix(), " ", x["environment"], " ", x["release"])
			require.NotContains(t, got, k, "it is one row")
			got[k] = row{text(x["level"]), x["events"].(uint64), x["users"].(uint64)}
		}
		require.Equal(t, want, got)
		var most uint64
		for k, w := range want {
			if fmt.Sprint(projects[0], " ", issueHex(0x12), " ") == k[:len(fmt.Sprint(projects[0]))+18] {
				most += w.events
			}
		}
		r, err = reader.SQL(t.Context(), fmt.Sprintf("SELECT sum(events) FROM issue_trend WHERE project_id = %d AND issue = '%s'", projects[0], issueHex(0x12)))
		require.NoError(t, err)
		require.Equal(t, most, r.Rows[0][0])
	}
	for block := range slices.Chunk(h.events, 300) {
		seed(t, owner, block...)
	}
	compare(func(f uint64) uint64 { return f })
	for _, p := range projects {
		for f, into := range h.into {
			_, err := owner.Triage(t.Context(), queries.Change{Project: p, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(f)}, Into: issueHex(into)})
			require.NoError(t, err)
		}
	}
	compare(h.issue)
}
