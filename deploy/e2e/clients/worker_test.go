package clients

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// redis runs a real server without a file.
func redis(t *testing.T) string {
	t.Helper()
	port := freePort(t)
	p := start(t, t.TempDir(), nil, installed(t, "redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	p.answers(t, "127.0.0.1:"+port)
	return "redis://127.0.0.1:" + port
}

// TestWorkers queues tasks, those of ARQ on a real Redis and those of Celery in a
// folder (the versions of the Redis client that the two want exclude each other):
// name, id and retries of what fails are columns.
func TestWorkers(t *testing.T) {
	interpreter := python(t)
	dir, err := filepath.Abs("../apps/workers")
	require.NoError(t, err)
	enqueue := func(t *testing.T, what string, env []string) []string {
		t.Helper()
		p := start(t, dir, env, interpreter, "enqueue.py", what)
		p.wait(t)
		return strings.Fields(p.out.String())
	}

	t.Run("ARQ", func(t *testing.T) {
		broker := redis(t)
		p := newProject(t, "arq")
		env := []string{"REDIS_URL=" + broker + "/0", "SENTRY_DSN=" + p.dsn, "APP_VERSION=jobs@2.0.0"}
		ids := enqueue(t, "arq", env)
		worker := start(t, dir, env, interpreter, "-m", "arq", "arq_worker.WorkerSettings", "--burst")
		worker.wait(t)
		const once, thrice = "ReportError: report r-7 cannot be rendered", "ReportError: gave up after 3 tries"
		all := p.expect(t,
			want{title: once, events: 1, handled: "no", mechanism: "arq", transaction: "render_report", taskName: "render_report", taskID: true,
				release: "jobs@2.0.0", frame: "arq_worker.py render_report"},
			want{title: thrice, events: 1, handled: "no", mechanism: "arq", transaction: "flaky_report", taskName: "flaky_report", taskID: true, taskRetries: 2},
		)
		require.Equal(t, []string{all[once].events[0]["task_id"].(string), all[thrice].events[0]["task_id"].(string)}, ids)
	})

	t.Run("Celery", func(t *testing.T) {
		p := newProject(t, "celery")
		env := []string{"CELERY_BROKER_URL=filesystem://", "BROKER_FOLDER=" + t.TempDir(), "SENTRY_DSN=" + p.dsn, "APP_VERSION=jobs@2.0.0"}
		worker := start(t, dir, env, interpreter, "-m", "celery", "-A", "celery_app:celery", "worker", "--concurrency", "1", "--loglevel", "CRITICAL",
			"--without-gossip", "--without-mingle", "--without-heartbeat")
		ids := enqueue(t, "celery", env)
		const corrupt, locked = "RecordError: record c-1 is corrupt", "RecordError: record c-1 is locked"
		all := p.expect(t,
			want{title: corrupt, events: 1, handled: "no", mechanism: "celery", transaction: "celery_app.process_data", taskName: "celery_app.process_data", taskID: true,
				release: "jobs@2.0.0", frame: "celery_app.py process_data"},
			want{title: locked, events: 1, handled: "no", mechanism: "celery", transaction: "celery_app.process_with_retry", taskName: "celery_app.process_with_retry", taskID: true, taskRetries: 2},
		)
		require.Equal(t, []string{all[corrupt].events[0]["task_id"].(string), all[locked].events[0]["task_id"].(string)}, ids)
		worker.stop(t)
		// Each try is a span with its number.
		until(t, "SELECT DISTINCT attributes['messaging.message.retry.count'] AS n FROM errata.spans WHERE project_id = "+p.id+
			" AND op = 'queue.process' AND attributes['messaging.message.id'] = '"+ids[1]+"'", rowsAre(3))
	})
}
