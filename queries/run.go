package queries

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"

	"errata/queries/asking"
	"errata/queries/catalog"
)

// Result is columns and rows, in the order that the query gave them.
type Result = asking.Result

// Run asks a query of the catalog. Values are text, as a person or an URL
// gives them; see Query.Bind.
func (s *Store) Run(ctx context.Context, name string, values map[string]string) (*Result, error) {
	q, err := catalog.Lookup(name)
	if err != nil {
		return nil, err
	}
	bound, err := q.Bind(values, time.Now())
	if err != nil {
		return nil, err
	}
	if sql := q.AskKeptLonger(bound); sql != "" {
		r, err := s.server.Ask(ctx, sql, bound)
		if err != nil {
			return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
		}
		if len(r.Rows) == 0 {
			bound[catalog.KeptLonger] = "0"
		}
	}
	if compose := composed[q.Name]; compose != nil {
		r, err := compose(ctx, s, s.asking(q, bound))
		if err != nil {
			return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
		}
		return r, nil
	}
	// Steps that wait for nothing of each other are asked at once.
	for at := 0; at < len(q.Steps); {
		next := at + 1
		for next < len(q.Steps) && !q.Steps[next].Reads(q.Steps[at:next]) {
			next++
		}
		statements, results := make([]string, next-at), make([]*Result, next-at)
		for i, step := range q.Steps[at:next] {
			if statements[i], err = q.Statement(step, bound); err != nil {
				return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
			}
		}
		g, ctx := errgroup.WithContext(ctx)
		for i, sql := range statements {
			if sql != "" {
				g.Go(func() (err error) {
					results[i], err = s.server.Ask(ctx, sql, bound)
					return err
				})
			}
		}
		if err := g.Wait(); err != nil {
			return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
		}
		if next == len(q.Steps) && results[next-at-1] != nil {
			return results[next-at-1], nil
		}
		for i, step := range q.Steps[at:next] {
			if results[i] == nil {
				for _, f := range step.Out {
					bound[f.Name] = "[]"
				}
			} else if err := handOn(step, results[i], bound); err != nil {
				return nil, fmt.Errorf("cannot run query %s: %w", q.Name, err)
			}
		}
		at = next
	}
	return nil, fmt.Errorf("cannot run query %s: it has no statement", q.Name)
}

// handOn turns the columns of a step into array parameters of those after it.
func handOn(step catalog.Step, r *Result, bound map[string]string) error {
	if len(r.Columns) != len(step.Out) {
		return fmt.Errorf("step %s gave %d columns and names %d", step.Name, len(r.Columns), len(step.Out))
	}
	for c, f := range step.Out {
		column := make([]any, len(r.Rows))
		for i, row := range r.Rows {
			column[i] = row[c]
		}
		text, err := catalog.ArrayText(column)
		if err != nil {
			return fmt.Errorf("step %s, column %s: %w", step.Name, f.Name, err)
		}
		bound[f.Name] = text
	}
	return nil
}

// SQL runs a person's own statement. Whoever asks must be a read-only user:
// nothing is checked here.
func (s *Store) SQL(ctx context.Context, sql string) (*Result, error) {
	r, err := s.server.Ask(ctx, sql, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot run SQL: %w", err)
	}
	return r, nil
}

// Exec runs a statement of the owner that gives no rows. Values are bound as
// they are: the caller has checked them.
func (s *Store) Exec(ctx context.Context, sql string, values map[string]string) error {
	if len(values) > 0 {
		ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(values)))
	}
	if err := s.conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("cannot run SQL: %w", err)
	}
	return nil
}
