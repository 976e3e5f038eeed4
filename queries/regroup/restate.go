package regroup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// restated are the tables whose users, first and last seen are computed anew
// for an issue that events have left, and those of them that are computed from
// events; the others follow from these.
var (
	restated = []string{"issue_rollup", "issue_hour", "issue_day", "issue_release"}
	computed = []string{"issue_rollup", "issue_hour", "issue_release"}
)

// restateAtOnce bounds the fingerprints of one statement.
const restateAtOnce = 500

// restate computes anew what cannot be subtracted: of every fingerprint that
// events left, minima, maxima and sketches are set to nothing and filled from
// the events that remain. Counts are not touched. Events that come in between
// are read too; that they are seen twice changes no minimum and no sketch. A
// fingerprint with history that is no longer stored keeps what it saw: the
// events that would tell are gone.
func (t *mover) restate(ctx context.Context) error {
	left, err := t.fingerprints(ctx, "list issues that events left", fmt.Sprintf(`SELECT r.fingerprint FROM
		(SELECT fingerprint, sum(events) AS n FROM issue_rollup WHERE project_id = %[1]d AND fingerprint IN (SELECT leaves FROM %[2]s) GROUP BY fingerprint) AS r
		LEFT JOIN (SELECT fingerprint, sum(toUInt64(weight)) AS n FROM events WHERE project_id = %[1]d AND fingerprint IN (SELECT leaves FROM %[2]s) GROUP BY fingerprint) AS e
		ON e.fingerprint = r.fingerprint WHERE r.n = e.n ORDER BY r.fingerprint`, t.project, t.moves()))
	if err != nil {
		return err
	}
	for some := range slices.Chunk(left, restateAtOnce) {
		if err := t.restateSome(ctx, strings.Join(some, ",")); err != nil {
			return err
		}
	}
	return nil
}

func (t *mover) restateSome(ctx context.Context, left string) error {
	// Each sum moves once by its token; these rows say nothing new when they
	// come again, and must come again after every update.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplicate": 0, "mutations_sync": 2, "max_threads": 1}))
	remaining := fmt.Sprintf("SELECT * FROM events WHERE project_id = %d AND fingerprint IN (%s)", t.project, left)
	// All is computed before anything is taken away, so that readers miss it for
	// a moment only, and once more after it, for what came in between.
	fill := map[string]string{}
	for _, table := range computed {
		query, err := t.viewOf(ctx, table)
		if err != nil {
			return err
		}
		fill[table] = "SELECT * REPLACE (toUInt64(0) AS events) FROM (" + query(remaining) + ")"
		if err := t.exec(ctx, "make a table for "+table, "CREATE TABLE IF NOT EXISTS "+t.stage+"_"+table+" AS "+table); err != nil {
			return err
		}
		if err := t.exec(ctx, "empty the table for "+table, "TRUNCATE TABLE "+t.stage+"_"+table); err != nil {
			return err
		}
		if err := t.exec(ctx, "compute "+table+" anew", "INSERT INTO "+t.stage+"_"+table+" "+fill[table]); err != nil {
			return err
		}
	}
	for _, table := range restated {
		nothing, err := t.nothing(ctx, table)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, "take back what "+table+" saw", fmt.Sprintf("ALTER TABLE %s UPDATE %s WHERE project_id = %d AND fingerprint IN (%s)", table, nothing, t.project, left)); err != nil {
			return err
		}
	}
	for _, from := range []func(table string) string{func(table string) string { return "SELECT * FROM " + t.stage + "_" + table }, func(table string) string { return fill[table] }} {
		for _, table := range computed {
			if err := t.exec(ctx, "fill "+table+" anew", "INSERT INTO "+table+" "+from(table)); err != nil {
				return err
			}
		}
	}
	return nil
}

// never stands for a minimum that saw nothing.
const never = "toDateTime64('2299-12-31 00:00:00', 3, 'UTC')"

// nothing sets the states of a table to those of no event at all; keys and
// counts stay.
func (t *mover) nothing(ctx context.Context, table string) (string, error) {
	rows, err := t.s.Conn().Query(ctx, `SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ?
		AND NOT is_in_sorting_key AND default_kind = '' AND name != 'events' ORDER BY position`, table)
	if err != nil {
		return "", fmt.Errorf("cannot read the columns of %s: %w", table, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return "", fmt.Errorf("cannot read the columns of %s: %w", table, err)
		}
		switch {
		case strings.HasPrefix(kind, "SimpleAggregateFunction(min,"):
			out = append(out, name+" = "+never)
		case strings.HasPrefix(kind, "SimpleAggregateFunction("), strings.HasPrefix(kind, "AggregateFunction("):
			out = append(out, fmt.Sprintf("%s = defaultValueOfTypeName('%s')", name, strings.ReplaceAll(strings.ReplaceAll(kind, `\`, `\\`), "'", `\'`)))
		default:
			return "", fmt.Errorf("cannot take back what %s saw: column %s is a %s", table, name, kind)
		}
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("cannot read the columns of %s: %w", table, err)
	}
	return strings.Join(out, ", "), nil
}

// clean drops the stages, and what is empty of an issue that events left.
func (t *mover) clean(ctx context.Context) error {
	for _, table := range append([]string{""}, computed...) {
		name := t.stage
		if table != "" {
			name += "_" + table
		}
		if err := t.exec(ctx, "drop the table for events that moved", "DROP TABLE IF EXISTS "+name); err != nil {
			return err
		}
	}
	// The list is made first: within a mutation a subquery is asked again for
	// every part, and would see what the mutation did to the part before. Rows
	// of an event that comes meanwhile have seen something, and stay.
	empty, err := t.fingerprints(ctx, "list empty issues", fmt.Sprintf(`SELECT fingerprint FROM issue_rollup
		WHERE project_id = %d AND fingerprint IN (SELECT leaves FROM %s) GROUP BY fingerprint HAVING sum(events) = 0`, t.project, t.moves()))
	if err != nil {
		return err
	}
	for some := range slices.Chunk(empty, restateAtOnce) {
		err := t.exec(ctx, "drop empty issues", fmt.Sprintf("DELETE FROM issue_rollup WHERE project_id = %d AND fingerprint IN (%s) AND first_seen = %s", t.project, strings.Join(some, ","), never))
		if err != nil {
			return err
		}
	}
	if err := t.cleanReleases(ctx); err != nil {
		return err
	}
	return t.cleanTags(ctx)
}

// cleanTags takes back which tags the issues had that events left, and says it
// anew from their counts: twice, for events that come meanwhile.
func (t *mover) cleanTags(ctx context.Context) error {
	left := fmt.Sprintf("project_id = %d AND fingerprint IN (SELECT leaves FROM %s)", t.project, t.moves())
	again := `INSERT INTO tag_issue SELECT project_id, cityHash64(CAST(key, 'String'), value), fingerprint, toStartOfMonth(day), groupBitOr(bitShiftLeft(toUInt32(1), toDayOfMonth(day) - 1))
		FROM (SELECT project_id, fingerprint, key, value, day FROM issue_tag WHERE ` + left + ` GROUP BY project_id, fingerprint, key, value, day HAVING sum(events) > 0)
		GROUP BY project_id, key, value, fingerprint, toStartOfMonth(day)`
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplicate": 0, "mutations_sync": 2, "max_threads": 1}))
	if err := t.exec(ctx, "take back the tags of issues", "DELETE FROM tag_issue WHERE "+left); err != nil {
		return err
	}
	for range 2 {
		if err := t.exec(ctx, "say the tags of issues anew", again); err != nil {
			return err
		}
	}
	return nil
}

// cleanReleases drops releases that no event of an issue that was left is in.
func (t *mover) cleanReleases(ctx context.Context) error {
	empty, err := t.fingerprints(ctx, "list releases without events", fmt.Sprintf(`SELECT cityHash64(fingerprint, release, environment) FROM issue_release
		WHERE project_id = %d AND fingerprint IN (SELECT leaves FROM %s) GROUP BY fingerprint, release, environment HAVING sum(events) = 0`, t.project, t.moves()))
	if err != nil {
		return err
	}
	for some := range slices.Chunk(empty, restateAtOnce) {
		err := t.exec(ctx, "drop releases without events", fmt.Sprintf(`DELETE FROM issue_release WHERE project_id = %d AND fingerprint IN (SELECT leaves FROM %s)
			AND cityHash64(fingerprint, release, environment) IN (%s) AND first_seen = %s`, t.project, t.moves(), strings.Join(some, ","), never))
		if err != nil {
			return err
		}
	}
	return nil
}

// fingerprints reads a list of numbers, as SQL text.
func (t *mover) fingerprints(ctx context.Context, what, sql string) ([]string, error) {
	rows, err := t.s.Conn().Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("cannot %s: %w", what, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var f uint64
		if err := rows.Scan(&f); err != nil {
			return nil, fmt.Errorf("cannot %s: %w", what, err)
		}
		out = append(out, fmt.Sprint(f))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cannot %s: %w", what, err)
	}
	return out, nil
}
