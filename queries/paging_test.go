package queries_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Pages of an issue's events, one after the other by the time and the id of the
// last event of each: no event is left out and none comes twice, though many
// have the same time and pages end among them.
func TestPagesOfEvents(t *testing.T) {
	s := store(t, "errata")
	project := newProject()
	noon := time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Hour)
	var block []event
	for n := range 37 {
		block = append(block, event{project: project, fingerprint: 1, id: uuid.NewString(), ts: noon.Add(time.Duration(n/10) * time.Millisecond), user: uint64(n)})
	}
	seed(t, s, block...)
	base := []string{"issue", issueHex(1)}
	at := noon.Add(2 * time.Millisecond).Format(time.RFC3339Nano)
	require.Len(t, ask(t, s, project, "latest_events", "event_id", append(base, "before", at)...), 20, "events of that very time are not older")
	require.Empty(t, ask(t, s, project, "latest_events", "event_id", append(base, "before", noon.Format(time.RFC3339Nano))...))
	for _, limit := range []int{1, 4, 10, 36, 37} {
		for _, name := range []string{"latest_events", "issue_events"} {
			t.Run(fmt.Sprint(name, limit), func(t *testing.T) {
				var got []string
				place := []string{"before", "now"}
				for {
					page := ask(t, s, project, name, "ts event_id", append(append(slices.Clone(base), "limit", fmt.Sprint(limit)), place...)...)
					if len(page) == 0 {
						break
					}
					for _, row := range page {
						ts, id, _ := strings.Cut(row, " | ")
						got = append(got, id)
						place = []string{"before", strings.TrimSuffix(ts, " +0000 UTC"), "event_id", id}
					}
				}
				require.Len(t, got, len(block))
				slices.Sort(got)
				require.Len(t, slices.Compact(got), len(block))
			})
		}
	}
}
