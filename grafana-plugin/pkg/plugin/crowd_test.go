package plugin_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// Two people act on the same thousand issues at once: each action of each is
// there, signed, and the lists show both.
func TestTwoPeopleAtOnce(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	at := base.Add(-41 * 24 * time.Hour) // A time that no other test looks at.
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, title, exception_type, payload)
		SELECT 4000, toDateTime64('%s', 3), now64(3), number + 1000001, [number + 1000001], generateUUIDv4(), 1, 'sentry', 'error', 'error', concat('Crowd', toString(number)), 'E', '{}' FROM numbers(1000)`, at.Format("2006-01-02 15:04:05"))))
	var wg sync.WaitGroup
	for from := 0; from < 1000; from += 100 {
		issues := make([]string, 100)
		for i := range issues {
			issues[i] = fmt.Sprintf("%016x", 1000001+from+i) // None that another project has.
		}
		for user, body := range map[string]map[string]any{"ed": {"action": "resolve"}, "ada": {"action": "assign", "assignee": "ada"}} {
			wg.Go(func() {
				body["project"], body["issues"] = 4000, issues
				raw, err := json.Marshal(body)
				if err != nil {
					t.Error(err)
					return
				}
				who := editor
				if user == "ada" {
					who = admin
				}
				status, answer := call(t, s, who, postMethod, "triage", string(raw), nil)
				if status != 200 || fmt.Sprint(answer["changed"]) != "100" {
					t.Errorf("%s: %d %v", user, status, answer)
				}
			})
		}
		wg.Wait()
	}
	r, err := owner.SQL(t.Context(), "SELECT actor, action, count(), uniqExact(fingerprint) FROM issue_actions WHERE project_id = 4000 GROUP BY ALL ORDER BY ALL")
	require.NoError(t, err)
	require.Equal(t, "[[ada assign 1000 1000] [ed resolve 1000 1000]]", fmt.Sprint(r.Rows))
	list := func(filter string) map[string]any {
		status, body := call(t, s, viewer, getMethod, fmt.Sprintf("issues?limit=200&from=%d&to=%d&%s", at.Add(-time.Hour).UnixMilli(), at.Add(time.Hour).UnixMilli(), filter), "", nil)
		require.Equal(t, 200, status, "%v", body)
		return body
	}
	require.Len(t, list("status=resolved&assignee=ada&offset=800")["issues"], 200)
	require.Empty(t, list("status=open")["issues"])
	require.Empty(t, list("status=resolved&offset=700")["notice"])
	require.Contains(t, list("status=resolved&offset=800")["notice"], "holds 1000 issues at most")
	require.Empty(t, list("status=resolved&offset=2000")["issues"], "no page comes twice")
	_, d := call(t, s, viewer, getMethod, "issues/4000/"+fmt.Sprintf("%016x", 1000007), "", nil)
	require.Len(t, d["history"], 2)
}
