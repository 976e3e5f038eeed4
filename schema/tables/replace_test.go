package tables_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/schema/tables"
)

var viewName = regexp.MustCompile(`^CREATE MATERIALIZED VIEW IF NOT EXISTS \S+\.(\w+)`)

// asBefore makes the database one from before a migration that replaces views,
// and says which views these are.
func asBefore(t *testing.T, conn driver.Conn, o tables.Options, migration string) []string {
	t.Helper()
	all, err := tables.Render(o)
	require.NoError(t, err)
	made, replaced := map[string]string{}, []string{}
	for _, m := range all {
		for _, s := range m.Statements {
			view := viewName.FindStringSubmatch(s)
			switch {
			case view == nil:
			case m.Name < migration:
				made[view[1]] = s
			case m.Name == migration:
				replaced = append(replaced, view[1])
			}
		}
	}
	require.NotEmpty(t, replaced)
	for _, view := range replaced {
		require.NotEmpty(t, made[view], "%s is not replaced but new", view)
		require.NoError(t, conn.Exec(t.Context(), "DROP VIEW "+o.Database+"."+view+" SYNC"))
		require.NoError(t, conn.Exec(t.Context(), made[view]))
	}
	require.NoError(t, conn.Exec(t.Context(), "DELETE FROM "+o.Database+".migrations WHERE name = ?", migration))
	return replaced
}

// varied are events with all that views tell apart.
const varied = ` (project_id, ts, fingerprint, event_id, received_at, weight, protocol, type, level, platform, sdk_name, sdk_version, service, environment, release, server_name,
	transaction, title, culprit, exception_type, handled, user_hash, user_hashes, trace_id, payload_bytes, tags, payload)
	SELECT 1 + number % 2, now64(3) - toIntervalMillisecond((number * 7919) % 200000000), if(number % 23 = 0, 0, number % 7), generateUUIDv4(number), now64(3), [1, 0, 1, 5][1 + number % 4], [1, 2, 3, 0][1 + number % 4],
	'error', number % 6, 'go', 'sdk', toString(number % 3), ['', 'shop', 'billing'][1 + number % 3], ['', 'production', 'staging'][1 + intDiv(number, 3) % 3], ['', '1.0', '1.1', '2.0'][1 + intDiv(number, 5) % 4],
	concat('web-', toString(number % 5)), '/pay', concat('title ', toString(number)), 'culprit', 'LookupError', number % 3, if(number % 5 = 0, 0, number % 40), if(number % 4 = 3, [1, 0, number], []),
	if(number % 6 = 0, '', concat('trace-', toString(intDiv(number, 3)))), number % 5000,
	CAST(multiIf(number % 11 = 0, [], [('plan', ['free', 'gold', ''][1 + number % 3]), ('environment', 'of a tag'), ('', 'no key'), ('long', repeat('x', 150 + number % 100)), ('id', toString(number % 50))]), 'Map(LowCardinality(String), String)'),
	if(number % 3 = 0, '', '{}') FROM numbers(3000)`

// tellings are what the views of a database wrote, as one text each.
func tellings(t *testing.T, conn driver.Conn, database string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for table, columns := range map[string]string{
		"issue_tag":    "project_id, fingerprint, key, day, value, sum(events), max(last_seen)",
		"project_tag":  "project_id, key, day, value, sum(events)",
		"tag_issue":    "project_id, tag, fingerprint, month, groupBitOr(days)",
		"tag_trend":    "project_id, key, slot, environment, value, sum(events), sum(stored), sum(bytes)",
		"stored_size":  "project_id, kind, slot, value, fingerprint, sum(events), sum(stored), sum(bytes)",
		"trace_index":  "project_id, trace_id, day, min(min_ts), max(max_ts), sum(errors), sum(spans), sum(logs), arraySort(groupUniqArrayArray(services)), arraySort(groupUniqArrayArray(issues))",
		"issue_rollup": "project_id, fingerprint, min(first_seen), max(last_seen), sum(events), max(level_max), max(handled_max), groupBitOr(protocols), arraySort(groupUniqArrayArray(environments)), uniqCombinedArrayMerge(12)(users), argMaxMerge(last), argMinMerge(first)",
	} {
		var rows uint64
		var text string
		require.NoError(t, conn.QueryRow(t.Context(), fmt.Sprintf("SELECT count(), toString(cityHash64(groupArray(x))) FROM (SELECT toString(tuple(*)) AS x FROM (SELECT %s FROM %s.%s GROUP BY ALL) ORDER BY x)", columns, database, table)).Scan(&rows, &text))
		require.Positive(t, rows, table)
		out[table] = fmt.Sprintf("%d rows, %s", rows, text)
	}
	return out
}

func token(ctx context.Context, name string) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": name, "async_insert": 0,
		"insert_deduplicate": 1, "deduplicate_blocks_in_dependent_materialized_views": 1, "max_block_size": 1 << 20, "min_insert_block_size_rows": 1 << 20}))
}

// A view that is replaced says what it said before, of any event, and takes a
// block that it took before for the same block.
func TestReplacedViewsSayTheSame(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	o := tables.Options{Database: "replaced", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	asBefore(t, conn, o, "091_views_by_hash.sql")
	// now64 is the same for both: the rows of the second come from the first.
	require.NoError(t, conn.Exec(t.Context(), "CREATE TABLE replaced.blocks AS replaced.events ENGINE = Memory"))
	require.NoError(t, conn.Exec(t.Context(), "INSERT INTO replaced.blocks"+varied))
	send := func(name string) {
		t.Helper()
		require.NoError(t, conn.Exec(token(t.Context(), name), "INSERT INTO replaced.events SELECT * FROM replaced.blocks"))
	}
	send("before")
	want := tellings(t, conn, "replaced")
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	send("before")
	require.Equal(t, want, tellings(t, conn, "replaced"), "a block that came again after the migration is counted again")

	for _, table := range []string{"events", "issue_tag", "project_tag", "tag_issue", "tag_trend", "stored_size", "trace_index", "issue_rollup"} {
		require.NoError(t, conn.Exec(t.Context(), "TRUNCATE TABLE replaced."+table))
	}
	send("after")
	require.Equal(t, want, tellings(t, conn, "replaced"))
	require.NoError(t, conn.Exec(t.Context(), "DELETE FROM replaced.migrations WHERE name = '091_views_by_hash.sql'"))
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	send("after")
	require.Equal(t, want, tellings(t, conn, "replaced"))
}

// Replaced while events come in: who inserts is told to try again, and each
// event is counted once.
func TestViewsAreReplacedDuringInserts(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	o := tables.Options{Database: "replacing", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	asBefore(t, conn, o, "091_views_by_hash.sql")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	inserted, waited, failed := uint64(0), 0, error(nil)
	wg.Go(func() {
		for block := 0; ctx.Err() == nil; block++ {
			for range 2 { // Each comes twice, at times across the migration.
				for {
					err := conn.Exec(token(context.Background(), fmt.Sprint(block)), `INSERT INTO replacing.events (project_id, ts, fingerprint, trace_id, tags, payload_bytes)
						SELECT 1, now64(3), number % 9, 'ff', map('plan', 'free'), 10 FROM numbers(50)`)
					if err == nil {
						break
					}
					if e, ok := errors.AsType[*clickhouse.Exception](err); !ok || e.Code != 252 { // Too many parts.
						failed = err
						return
					}
					waited++
				}
			}
			inserted += 50
		}
	})
	for range 2 {
		require.NoError(t, tables.Migrate(t.Context(), conn, o))
		asBeforeGuarded(t, conn, o)
	}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	stop()
	wg.Wait()
	require.NoError(t, failed)
	require.Positive(t, inserted)
	require.Positive(t, waited, "nothing kept events out while views were replaced")
	for _, from := range []string{"events", "issue_rollup", "issue_hour", "tag_trend WHERE key = ''", "project_tag WHERE key = 'level'", "issue_tag WHERE key = 'plan'", "stored_size WHERE kind = 'issue'"} {
		what := "sum(events)"
		if from == "events" {
			what = "count()"
		}
		require.Equal(t, inserted, count(t, conn, "SELECT "+what+" FROM replacing."+from), from)
	}
	require.Equal(t, 10*inserted, count(t, conn, "SELECT sum(bytes) FROM replacing.tag_trend WHERE key = 'plan'"))
	require.Equal(t, inserted, count(t, conn, "SELECT sum(errors) FROM replacing.trace_index"))
}

// Several at once while events come in, as replicas of a deployment start.
func TestViewsAreReplacedAtOnce(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	o := tables.Options{Database: "replacing_at_once", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	inserted := uint64(0)
	insert := func() error { // The same block again until it is in, as the consumer does.
		err := conn.Exec(token(t.Context(), fmt.Sprint(inserted)), "INSERT INTO replacing_at_once.events (project_id, ts, fingerprint, tags) SELECT 1, now64(3), 7, map('plan', 'free') FROM numbers(10)")
		if err == nil {
			inserted += 10
		}
		return err
	}
	for range 2 {
		require.NoError(t, insert())
		asBefore(t, conn, o, "091_views_by_hash.sql")
		done := make(chan error)
		for range 3 {
			go func() { done <- tables.Migrate(t.Context(), conn, o) }()
		}
		for left := 3; left > 0; {
			select {
			case err := <-done:
				require.NoError(t, err)
				left--
			default:
				_ = insert()
			}
		}
	}
	require.NoError(t, insert())
	require.Equal(t, inserted, count(t, conn, "SELECT count() FROM replacing_at_once.events"))
	for _, from := range []string{"issue_rollup", "tag_trend WHERE key = ''", "issue_tag WHERE key = 'plan'", "stored_size WHERE kind = 'issue'"} {
		require.Equal(t, inserted, count(t, conn, "SELECT sum(events) FROM replacing_at_once."+from), from)
	}
}

// asBeforeGuarded is asBefore while nothing may come in, as the migration itself
// goes about it.
func asBeforeGuarded(t *testing.T, conn driver.Conn, o tables.Options) {
	t.Helper()
	require.NoError(t, conn.Exec(t.Context(), "ALTER TABLE "+o.Database+".events MODIFY SETTING max_parts_in_total = 0"))
	asBefore(t, conn, o, "091_views_by_hash.sql")
	require.NoError(t, conn.Exec(t.Context(), "ALTER TABLE "+o.Database+".events RESET SETTING max_parts_in_total"))
}

// Killed at any statement of it: until it is through nothing comes in, and after
// that a block that came before is known.
func TestReplacingIsInterrupted(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	o := tables.Options{Database: "replace_killed", Password: clickhousetest.Passwords["errata"]}
	require.NoError(t, tables.Migrate(t.Context(), conn, o))
	views := asBefore(t, conn, o, "091_views_by_hash.sql")
	send := func(name string) error {
		return conn.Exec(token(t.Context(), name), `INSERT INTO replace_killed.events (project_id, ts, fingerprint, trace_id, tags)
			SELECT 1, toDateTime64(now(), 3), number % 9, 'ff', map('plan', 'free') FROM numbers(50)`)
	}
	require.NoError(t, send("before"))
	want := tellings(t, conn, "replace_killed")
	replaced := func() uint64 {
		return count(t, conn, "SELECT count() FROM system.tables WHERE database = 'replace_killed' AND comment = '091_views_by_hash.sql'")
	}
	deaths, refused := 0, 0
	for {
		// Two statements find the database and the table of migrations.
		err := tables.Migrate(t.Context(), &dying{conn, 2 + 1 + 3}, o)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, errDied)
		deaths++
		require.Less(t, deaths, 20)
		if err = send("before"); err == nil {
			require.EqualValues(t, len(views), replaced(), "events come in before all views are there")
			continue
		}
		require.ErrorContains(t, err, "Too many parts")
		refused++
	}
	require.Greater(t, refused, len(views)/2)
	require.NoError(t, send("before"))
	require.Equal(t, want, tellings(t, conn, "replace_killed"))
	require.EqualValues(t, len(views), replaced())
	var create string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT create_table_query FROM system.tables WHERE database = 'replace_killed' AND name = 'events'").Scan(&create))
	require.NotContains(t, create, "max_parts_in_total")
}
