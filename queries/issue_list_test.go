package queries_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// A page is put together of reads of the whole project: a project of more
// issues than whoever asks may read rows gets the same page, in parts.
func TestIssueListOfManyIssues(t *testing.T) {
	owner := store(t, "errata")
	limited, err := queries.Open(t.Context(), queries.Config{Addr: clickhousetest.Shared(t).Addr(), User: "errata", Password: clickhousetest.Passwords["errata"], Settings: map[string]any{"max_result_rows": 30, "max_block_size": 10}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = limited.Close() })
	project := newProject()
	now := time.Now().UTC().Truncate(time.Second)
	var block []event
	for n := range 200 {
		for k := range 1 + n%3 {
			block = append(block, event{project: project, fingerprint: uint64(n + 1), id: uuid.NewString(), ts: now.Add(-time.Duration(k*26+n%5) * time.Hour), release: "shop@1.0.0", user: uint64(n + k), tags: map[string]string{"plan": "pro"}})
		}
	}
	seed(t, owner, block...)
	var issues []string
	for n := range uint64(60) {
		issues = append(issues, issueHex(n+1))
	}
	_, err = owner.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Ignore, Issues: issues, UntilEvents: 5})
	require.NoError(t, err)
	_, err = owner.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(2), issueHex(3)}, Into: issueHex(1)})
	require.NoError(t, err)
	_, err = limited.SQL(t.Context(), fmt.Sprintf("SELECT fingerprint FROM issue_rollup WHERE project_id = %d", project))
	require.ErrorContains(t, err, "Limit for result exceeded")
	for _, c := range []map[string]string{{}, {"sort": "events"}, {"sort": "users", "tag": "plan=pro"}, {"status": "ignored", "text": "ValueError"}, {"from": "-2d", "sort": "trend"}, {"level": "error", "filters": `[{"key":"plan","operator":"=","values":["pro"]}]`}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			c["project"], c["limit"], c["offset"] = text(project), "25", "5"
			c["to"] = now.Add(time.Minute).Format(time.RFC3339)
			want, err := owner.Run(t.Context(), "issue_list", c)
			require.NoError(t, err)
			require.Len(t, want.Rows, 25)
			got, err := limited.Run(t.Context(), "issue_list", c)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}
