package regroup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"errata/queries"
)

// ErrBusy is returned where another run writes.
var ErrBusy = errors.New("another regrouping of this project is being applied or taken back; wait until it is through, then run this again")

// ErrStale is returned where a plan is older than what it would change.
var ErrStale = errors.New("the plan is out of date; run this again")

var errLockLost = errors.New("lost the connection that keeps other regroupings out; run this again")

// lockPatience is how long a run waits for the one before: a lock is seen to be
// gone a moment after its holder let go.
const lockPatience = 2 * time.Second

// codeSameID is what ClickHouse answers to a query whose name is taken.
const codeSameID = 216

// lock lets one run of a project write at a time. It is a query that does
// nothing, under a name that the server gives to one query only: it needs no
// table, is taken in one step, and ends with the process that holds it. The
// context ends when the lock is lost; the caller calls release.
func lock(ctx context.Context, s *queries.Store, project uint32) (locked context.Context, release func(), err error) {
	var database string
	if err := s.Conn().QueryRow(ctx, "SELECT currentDatabase()").Scan(&database); err != nil {
		return nil, nil, fmt.Errorf("cannot read the name of the database: %w", err)
	}
	locked, cancel := context.WithCancelCause(ctx)
	held := clickhouse.Context(locked, clickhouse.WithQueryID(lockName(database, project)), clickhouse.WithSettings(clickhouse.Settings{
		"max_block_size": 1, "max_threads": 1, "max_execution_time": 0, "replace_running_query": 0,
	}))
	for deadline := time.Now().Add(lockPatience); ; {
		rows, err := s.Conn().Query(held, "SELECT sleepEachRow(0.1) FROM numbers(100000000)")
		if err == nil {
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				for rows.Next() { // Each row says that the lock is held.
				}
				_ = rows.Close()
				cancel(errLockLost)
			}()
			return locked, func() { cancel(nil); <-gone }, nil
		}
		var refused *clickhouse.Exception
		if !errors.As(err, &refused) || refused.Code != codeSameID {
			cancel(nil)
			return nil, nil, fmt.Errorf("cannot keep other regroupings out: %w", err)
		}
		if time.Now().After(deadline) {
			cancel(nil)
			return nil, nil, ErrBusy
		}
		select {
		case <-time.After(lockPatience / 40):
		case <-ctx.Done():
			cancel(nil)
			return nil, nil, ctx.Err()
		}
	}
}

func lockName(database string, project uint32) string {
	return fmt.Sprintf("errata-regroup-%s-%d", database, project)
}

// stamp is how many runs, and how many merges and splits, the triage log of a
// project has: it only grows, so an equal stamp means that nothing changed.
type stamp struct {
	Runs   uint64 `json:"runs"`
	Merges uint64 `json:"merges"`
}

func stampOf(ctx context.Context, s *queries.Store, project uint32) (st stamp, err error) {
	err = s.Conn().QueryRow(ctx, `SELECT countIf(fingerprint = 0 AND action IN ('regroup', 'undo')), countIf(action IN ('merge', 'split', 'undo')) FROM issue_actions WHERE project_id = ?`, project).Scan(&st.Runs, &st.Merges)
	if err != nil {
		return st, fmt.Errorf("cannot read the triage log: %w", err)
	}
	return st, nil
}
