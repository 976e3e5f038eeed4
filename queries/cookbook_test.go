package queries_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// docs/sql.md is run as a reader would run it, on a project with a bit of
// everything: a statement that fails, or that could never answer, is a bug of
// the page.
func TestCookbook(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "sql.md"))
	require.NoError(t, err)
	owner, reader := store(t, "errata"), store(t, "reader")
	project := newProject()
	trace := "0af7651916cd43dd8448eb211c80319c"
	now := time.Now()
	seed(t, owner,
		event{project: project, fingerprint: 0xa1, id: uuid.NewString(), ts: now.Add(-time.Minute), title: "PaymentDeclined: card declined", release: "shop@1.0.0", user: 7, trace: trace, tags: map[string]string{"plan": "pro"},
			payload: `{"contexts":{"runtime":{"version":"3.13"}}}`},
		event{project: project, fingerprint: 0xa1, id: uuid.NewString(), ts: now.Add(-30 * time.Second), protocol: "otlp", weight: 25, users: []uint64{8, 9}, release: "shop@1.0.0", trace: trace, title: "Отказ: «ОшиБка» оплаты"})
	for _, sql := range []string{
		"INSERT INTO events (project_id, ts, fingerprint, event_id, frames_file, frames_line, frames_function, frames_in_app, handled, user_hash, task_name, task_id) VALUES (%d, now64(3), 0xa2, generateUUIDv4(), ['app.py'], [3], ['pay'], [true], 'no', 5, 'jobs.pay', 'x')",
		"INSERT INTO spans (project_id, ts, trace_id, service, name, is_segment, duration_us) VALUES (%d, now64(6), '" + trace + "', 'shop', 'GET /pay', true, 1000)",
		"INSERT INTO logs (project_id, ts, trace_id, service, body) VALUES (%d, now64(6), '" + trace + "', 'shop', 'will charge')",
		"INSERT INTO outcomes (project_id, minute, category, outcome, quantity) VALUES (%d, now(), 'error', 'accepted', 2)",
		"INSERT INTO sessions (project_id, started, ts, release, init, user_hash) VALUES (%d, now64(3), now64(3), 'shop@1.0.0', true, 1)",
		"INSERT INTO issue_actions (project_id, fingerprint, actor, action, assignee) VALUES (%d, 0xa1, 'ann', 'assign', 'bob')",
	} {
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(sql, project)))
	}
	blocks := sqlBlock.FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(blocks), 15)
	for i, b := range blocks {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			require.True(t, strings.Contains(b[1], "errata.") || strings.Contains(b[1], "database = 'errata'"), "names must work from any client")
			r, err := reader.SQL(t.Context(), strings.ReplaceAll(b[1], "project_id = 1", fmt.Sprintf("project_id = %d", project)))
			require.NoError(t, err, b[1])
			require.NotEmpty(t, r.Rows, "no row came: %s", b[1])
		})
	}
}
