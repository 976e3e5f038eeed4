package regroup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"errata/queries"
	"errata/queries/regroup/plan"
	"errata/schema/grouping"
)

// What breaks off an issue takes its history along. Rows of events cannot
// change their place in the table's order, so they are copied with the new
// fingerprint into a table of the same shape, whose parts are then moved over:
// no view sees them twice. The aggregates by fingerprint get the moved part
// under its new fingerprint and the same part with a negative count under the
// old one, computed by the views' own queries: counts are exact and totals do
// not move. Users, first and last seen cannot be subtracted: restate computes
// them anew for what is left.

// dependants are the views that count events by fingerprint. Others follow
// from their tables, or do not know fingerprints.
var dependants = []string{"issue_rollup", "issue_hour", "issue_release", "issue_tag", "stored_size"}

// negated are the columns of a view that are sums.
func negated(table string) string {
	columns := []string{"events"}
	if table == "stored_size" { // Of kinds other than issue both parts cancel out.
		columns = append(columns, "stored", "bytes")
	}
	for i, c := range columns {
		columns[i] = "toUInt64(bitNot(" + c + ") + 1) AS " + c
	}
	return strings.Join(columns, ", ")
}

// mark notes which events have to move.
func mark(ctx context.Context, s *queries.Store, r *Report, run uuid.UUID) error {
	if len(r.decision.Moves) == 0 {
		return nil
	}
	g, err := grouping.New(r.rules)
	if err != nil {
		return fmt.Errorf("cannot regroup: %w: %w", ErrRules, err)
	}
	leaving := map[uint64]map[uint64]bool{}
	for _, m := range r.decision.Moves {
		if leaving[m.Old] == nil {
			leaving[m.Old] = map[uint64]bool{}
		}
		leaving[m.Old][m.New] = true
	}
	w, err := newWorker(ctx, s, g)
	if err != nil {
		return err
	}
	defer w.close()
	for _, old := range plan.Sorted(leaving) {
		if err := w.mark(ctx, s, r, run, old, leaving[old]); err != nil {
			return err
		}
	}
	// Twins go where their event goes.
	err = s.Conn().Exec(ctx, `INSERT INTO regroup_moves (project_id, run, event_id, origin, target)
		SELECT e.project_id, m.run, e.event_id, m.origin, m.target FROM events AS e
		INNER JOIN (SELECT run, event_id, origin, target FROM regroup_moves WHERE project_id = ? AND run = ?) AS m ON m.event_id = e.twin_of
		WHERE e.project_id = ? AND e.weight = 0 AND e.fingerprint = m.origin`, r.Project, run, r.Project)
	if err != nil {
		return fmt.Errorf("cannot note which twins move: %w", err)
	}
	return nil
}

// mark notes which events of one fingerprint have to move.
func (w *worker) mark(ctx context.Context, s *queries.Store, r *Report, run uuid.UUID, old uint64, leaving map[uint64]bool) error {
	batch, err := s.Conn().PrepareBatch(ctx, `INSERT INTO regroup_moves (project_id, run, event_id, origin, target)`)
	if err != nil {
		return fmt.Errorf("cannot note which events move: %w", err)
	}
	defer batch.Close()
	err = w.read(ctx, fmt.Sprintf(`WHERE project_id = %d AND fingerprint = %d AND ts >= fromUnixTimestamp64Milli(%d) AND ts < fromUnixTimestamp64Milli(%d) AND weight > 0 AND payload != ''`,
		r.Project, old, r.window[0].UnixMilli(), r.window[1].UnixMilli()), func(e *row) error {
		in, err := w.payload.Stored(e.payload, e.platform, e.kind)
		if err != nil {
			return nil //nolint:nilerr // What cannot be read stays where it is.
		}
		if to := w.grouper.Group(in).Hashes[0]; leaving[to] {
			if err := batch.Append(r.Project, run, e.id, old, to); err != nil {
				return fmt.Errorf("cannot note which events move: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("cannot note which events move: %w", err)
	}
	return nil
}

// transfer moves the noted events, forward or back. Every step may be done
// again: a transfer that died is finished by the same call.
func transfer(ctx context.Context, s *queries.Store, project uint32, run uuid.UUID, back bool) error {
	t := &mover{s: s, project: project, run: run, from: "origin", to: "target", stage: "regroup_" + strings.ReplaceAll(run.String(), "-", "")}
	if back {
		t.from, t.to = "target", "origin"
	}
	var n uint64
	if err := s.Conn().QueryRow(ctx, `SELECT count() FROM regroup_moves WHERE project_id = ? AND run = ?`, project, run).Scan(&n); err != nil {
		return fmt.Errorf("cannot read which events move: %w", err)
	}
	if n == 0 {
		return nil
	}
	for _, step := range []func(context.Context) error{t.copy, t.count, t.swap, t.restate, t.clean} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// movable says whether events are in one table of one server.
func movable(ctx context.Context, s *queries.Store) (bool, error) {
	var engine string
	if err := s.Conn().QueryRow(ctx, `SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'events'`).Scan(&engine); err != nil {
		return false, fmt.Errorf("cannot read the form of table events: %w", err)
	}
	return engine == "MergeTree", nil
}

type mover struct {
	s        *queries.Store
	project  uint32
	run      uuid.UUID
	from, to string // Columns of regroup_moves.
	stage    string // Table that the copies are made in.
}

func (t *mover) exec(ctx context.Context, what, sql string, args ...any) error {
	if err := t.s.Conn().Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("cannot %s: %w", what, err)
	}
	return nil
}

// moves is the list of this run, as SQL text: ids and numbers only. An id that is
// stored twice was noted twice: joined with its rows as noted, they would be four.
func (t *mover) moves() string {
	return fmt.Sprintf("(SELECT DISTINCT event_id, %s AS leaves, %s AS joins FROM regroup_moves WHERE project_id = %d AND run = '%s')", t.from, t.to, t.project, t.run)
}

// copy fills the stage with the rows that have to move and have not yet.
func (t *mover) copy(ctx context.Context) error {
	if err := t.exec(ctx, "make a table for events that move", "CREATE TABLE IF NOT EXISTS "+t.stage+" AS events"); err != nil {
		return err
	}
	if err := t.exec(ctx, "empty the table for events that move", "TRUNCATE TABLE "+t.stage); err != nil {
		return err
	}
	return t.exec(ctx, "copy events that move", fmt.Sprintf(`INSERT INTO %s SELECT e.* REPLACE (m.joins AS fingerprint)
		FROM events AS e INNER JOIN %s AS m ON m.event_id = e.event_id
		WHERE e.project_id = %d AND e.fingerprint = m.leaves
			AND (e.event_id, m.joins) NOT IN (SELECT event_id, fingerprint FROM events WHERE project_id = %d AND event_id IN (SELECT event_id FROM %s))`,
		t.stage, t.moves(), t.project, t.project, t.moves()))
}

// count moves the sums, by the queries of the views themselves. The tokens let
// each sum move once, whatever happens in between.
func (t *mover) count(ctx context.Context) error {
	for _, table := range dependants {
		query, err := t.viewOf(ctx, table)
		if err != nil {
			return err
		}
		moved := query("SELECT * FROM " + t.stage)
		left := query("SELECT x.* REPLACE (m.leaves AS fingerprint) FROM " + t.stage + " AS x INNER JOIN " + t.moves() + " AS m ON m.event_id = x.event_id")
		left = "SELECT * REPLACE (" + negated(table) + ") FROM (" + left + ")"
		for sign, sql := range map[string]string{"plus": moved, "minus": left} {
			c := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
				"insert_deduplication_token": fmt.Sprintf("regroup-%s-%s-%s-%s", t.run, t.to, table, sign), "max_threads": 1, "max_insert_threads": 1,
				"max_block_size": 1 << 20, "min_insert_block_size_rows": 1 << 20, "deduplicate_blocks_in_dependent_materialized_views": 1,
			}))
			if err := t.exec(c, "move the counts of "+table, "INSERT INTO "+table+" "+sql); err != nil {
				return err
			}
		}
	}
	return nil
}

// viewOf is how a table is counted: the query of its view, over other events.
func (t *mover) viewOf(ctx context.Context, table string) (over func(events string) string, err error) {
	var query, database string
	err = t.s.Conn().QueryRow(ctx, `SELECT as_select, currentDatabase() FROM system.tables WHERE database = currentDatabase() AND name = ?`, table+"_mv").Scan(&query, &database)
	if err != nil {
		return nil, fmt.Errorf("cannot read how %s is counted: %w", table, err)
	}
	source := "FROM " + database + ".events"
	if strings.Count(query, source) != 1 {
		return nil, fmt.Errorf("cannot move the counts of %s: its view does not read table events as expected", table)
	}
	return func(events string) string { return strings.Replace(query, source, "FROM ("+events+")", 1) }, nil
}

// swap puts the copies in and takes the rows that they replace out.
func (t *mover) swap(ctx context.Context) error {
	rows, err := t.s.Conn().Query(ctx, `SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND table = ? AND active`, t.stage)
	if err != nil {
		return fmt.Errorf("cannot list the parts that move: %w", err)
	}
	var partitions []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			_ = rows.Close()
			return fmt.Errorf("cannot list the parts that move: %w", err)
		}
		partitions = append(partitions, id)
	}
	_ = rows.Close()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("cannot list the parts that move: %w", err)
	}
	for _, id := range partitions {
		if err := t.exec(ctx, "move events", fmt.Sprintf("ALTER TABLE %s MOVE PARTITION ID '%s' TO TABLE events", t.stage, id)); err != nil {
			return err
		}
	}
	return t.exec(ctx, "take moved events out of their old place", fmt.Sprintf(`DELETE FROM events WHERE project_id = %d
		AND (event_id, fingerprint) IN (SELECT event_id, leaves FROM %s)`, t.project, t.moves()))
}

// window is what a plan looked at.
type window [2]time.Time
