// Package lock lets one regrouping of a project write at a time. A project goes
// in; a context that ends when the lock is lost comes out. It keeps nothing.
package lock

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

var errLost = errors.New("lost the connection that keeps other regroupings out; run this again")

// patience is how long a run waits for the one before: a lock is seen to be
// gone a moment after its holder let go.
const patience = 2 * time.Second

// codeSameID is what ClickHouse answers to a query whose name is taken.
const codeSameID = 216

// Take waits for the lock of a project. It is a query that does
// nothing, under a name that the server gives to one query only: it needs no
// table, is taken in one step, and ends with the process that holds it. The
// context ends when the lock is lost; the caller calls release.
func Take(ctx context.Context, s *queries.Store, project uint32) (locked context.Context, release func(), err error) {
	var database string
	if err := s.Conn().QueryRow(ctx, "SELECT currentDatabase()").Scan(&database); err != nil {
		return nil, nil, fmt.Errorf("cannot read the name of the database: %w", err)
	}
	locked, cancel := context.WithCancelCause(ctx)
	held := clickhouse.Context(locked, clickhouse.WithQueryID(Name(database, project)), clickhouse.WithSettings(clickhouse.Settings{
		"max_block_size": 1, "max_threads": 1, "max_execution_time": 0, "replace_running_query": 0,
	}))
	for deadline := time.Now().Add(patience); ; {
		rows, err := s.Conn().Query(held, "SELECT sleepEachRow(0.1) FROM numbers(100000000)")
		if err == nil {
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				for rows.Next() { // Each row says that the lock is held.
				}
				_ = rows.Close()
				cancel(errLost)
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
		case <-time.After(patience / 40):
		case <-ctx.Done():
			cancel(nil)
			return nil, nil, ctx.Err()
		}
	}
}

// Name is the name of the query that is the lock.
func Name(database string, project uint32) string {
	return fmt.Sprintf("errata-regroup-%s-%d", database, project)
}
