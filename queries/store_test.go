package queries_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/schema/tables"
)

var update = flag.Bool("update", false, "Write the golden files.")

var migrate struct {
	sync.Once
	err error
}

// store is the package's shared server, as user; the schema is there. Tests
// keep apart by project: see newProject.
func store(t testing.TB, user string) *queries.Store {
	t.Helper()
	server := clickhousetest.Shared(t)
	migrate.Do(func() {
		conn, err := queries.Dial(t.Context(), queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]})
		if err != nil {
			migrate.err = err
			return
		}
		defer conn.Close()
		migrate.err = tables.Migrate(context.Background(), conn, tables.Options{Password: clickhousetest.Passwords["errata"]})
	})
	require.NoError(t, migrate.err)
	s, err := queries.Open(t.Context(), queries.Config{Addr: server.Addr(), User: user, Password: clickhousetest.Passwords[user]})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// storeIn is a database of its own on the shared server, as the owner.
func storeIn(t testing.TB, database string) *queries.Store {
	t.Helper()
	server := clickhousetest.Shared(t)
	c := queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]}
	conn, err := queries.Dial(t.Context(), c)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Database: database, Password: c.Password}))
	c.Database = database
	s, err := queries.Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var lastProject atomic.Uint32

// newProject is an id that no other test has.
func newProject() uint32 { return 1000 + lastProject.Add(1) }

// event is a row to seed; zero fields get defaults.
type event struct {
	project     uint32
	fingerprint uint64
	id          string
	ts          time.Time
	received    time.Time // Zero: ts.
	weight      int       // -1 means 0: a twin.
	protocol    string
	release     string
	environment string
	title       string
	user        uint64
	users       []uint64
	trace       string
	tags        map[string]string
	payload     string
	level       string
	service     string
}

// size is what an event had as it came.
func (e event) size() uint32 {
	return 1000 + uint32(e.fingerprint%7)*100 + uint32(len(e.title)) //nolint:gosec // Small.
}

// seed inserts events as the consumer does: whole rows, one block.
func seed(t testing.TB, s *queries.Store, events ...event) {
	t.Helper()
	batch, err := s.Conn().PrepareBatch(t.Context(), `INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, main_hash, event_id, weight, protocol, type, level,
		platform, service, environment, release, title, culprit, exception_type, exception_value, user_hash, user_hashes, trace_id, span_id, tags, payload, payload_bytes)`)
	require.NoError(t, err)
	for i, e := range events {
		or := func(v, d string) string {
			if v == "" {
				return d
			}
			return v
		}
		if e.ts.IsZero() {
			e.ts = time.Now().Add(-time.Minute)
		}
		if e.received.IsZero() {
			e.received = e.ts
		}
		weight := uint32(max(e.weight, 0))
		if e.weight == 0 {
			weight = 1
		}
		if e.id == "" {
			e.id = fmt.Sprintf("%08x-0000-4000-8000-%012x", e.project, e.ts.UnixNano()&0xffffffff<<8|int64(i))
		}
		if e.tags == nil {
			e.tags = map[string]string{}
		}
		if e.users == nil {
			e.users = []uint64{}
		}
		title := or(e.title, fmt.Sprintf("ValueError: %d", e.fingerprint))
		kind, value, _ := strings.Cut(title, ": ")
		payload := or(e.payload, `{"platform":"python"}`)
		if weight > 1 {
			payload = ""
		}
		require.NoError(t, batch.Append(e.project, e.ts.UTC(), e.received.UTC(), e.fingerprint, []uint64{e.fingerprint}, e.fingerprint, e.id, weight, or(e.protocol, "sentry"), "error", or(e.level, "error"),
			"python", or(e.service, "shop"), or(e.environment, "production"), e.release, title, "shop.views in pay", kind, value, e.user, e.users, e.trace, "", e.tags, payload, e.size()))
	}
	require.NoError(t, batch.Send())
}

// issueHex is a fingerprint as people see it.
func issueHex(f uint64) string { return fmt.Sprintf("%016x", f) }

// text is a cell for comparison.
func text(v any) string { return fmt.Sprint(v) }

// rows is a result as maps by column.
func rows(r *queries.Result) []map[string]any {
	var out []map[string]any
	for _, row := range r.Rows {
		m := map[string]any{}
		for i, c := range r.Columns {
			m[c.Name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

// A question that is asked a fourth time does not wait for a compiler.
func TestNothingIsCompiledOnTheWay(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"errata", "reader", "triage"} {
		r, err := store(t, user).SQL(t.Context(), "SELECT getSetting('compile_expressions') OR getSetting('compile_aggregate_expressions') OR getSetting('compile_sort_description') AS compiled")
		require.NoError(t, err)
		require.Equal(t, false, r.Rows[0][0], user)
	}
}
