package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRulesAndRegroup goes the way of a person: why is this event here, a rule
// file, what it would change, make it so for history and future, take it back.
func TestRulesAndRegroup(t *testing.T) {
	needE2E(t)
	t.Parallel()
	s := up(t, t.TempDir())
	var ids []string
	for _, title := range []string{"RedisDown", "RedisDown", "RedisTimeout", "CartEmpty"} {
		ids = append(ids, s.event(t, title))
	}
	byIssue := func() map[string]float64 {
		out := map[string]float64{}
		for _, r := range s.sql(t, "SELECT title, toFloat64(events) AS n FROM errata.issues WHERE events > 0") {
			out[r["title"].(string)] = r["n"].(float64)
		}
		return out
	}
	apart := map[string]float64{"RedisDown: of the test": 2, "RedisTimeout: of the test": 1, "CartEmpty: of the test": 1}
	s.eventually(t, "SELECT issue FROM errata.issues", rowsAre(3))
	s.drained(t)
	require.Equal(t, apart, byIssue())

	why := s.tool(t, "issue", "why", ids[0])
	require.Contains(t, why, "exception stack")
	require.Contains(t, why, "raise RedisDown")
	row := s.sql(t, "SELECT grouping_version, deciding_component, grouping_reason FROM errata.events WHERE event_id = '%s'", ids[0])[0]
	require.Equal(t, "exception stack", row["deciding_component"])
	require.Contains(t, why, row["grouping_version"])

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	wrong := errata(t, "rules", "check", file("wrong.rules", "# Ours.\ntype:RedisDown => redis\n"))
	out, err := wrong.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "line 2")
	rules := file("shop.rules", "# One outage.\ntype:Redis* -> redis-outage\n")
	require.Contains(t, s.tool(t, "rules", "diff", rules), "+ type:Redis* -> redis-outage")
	require.Contains(t, s.tool(t, "issue", "why", ids[0], "--rules", rules), "redis-outage")

	require.Contains(t, s.tool(t, "regroup", "--rules", rules, "--dry-run", "--since", "30d", "--quiet"), "merges: 1; splits: 0")
	require.Equal(t, apart, byIssue(), "a dry run changes nothing")
	require.Contains(t, s.tool(t, "regroup", "--rules", rules, "--apply", "--quiet"), "Take it back")
	joined := s.eventually(t, "SELECT issue, events FROM errata.issues WHERE title LIKE 'Redis%' AND events > 0", rowsAre(1))[0]
	require.EqualValues(t, 3, joined["events"])
	require.Contains(t, s.tool(t, "rules", "show"), "redis-outage")

	// Once the edge has the rules, an event to come lands in the survivor.
	var landed []map[string]any
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		id := s.event(t, "RedisRefused")
		landed = s.eventually(t, "SELECT issue, deciding_component FROM errata.events WHERE event_id = '"+id+"'", rowsAre(1))
		if landed[0]["deciding_component"] == "fingerprint" {
			break
		}
	}
	require.Equal(t, joined["issue"], landed[0]["issue"])

	require.Contains(t, s.tool(t, "regroup", "--undo"), "is taken back")
	require.Empty(t, s.tool(t, "rules", "show"))
	s.eventually(t, "SELECT title FROM errata.issues WHERE title IN ('RedisTimeout: of the test', 'CartEmpty: of the test') AND events = 1", rowsAre(2))

	require.Contains(t, s.tool(t, "rules", "apply", rules), "has 1 rules now")
	require.Contains(t, s.tool(t, "rules", "apply", rules), "No change.")
}
