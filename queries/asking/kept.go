package asking

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/pieces"
)

// Milliseconds of an hour and a day.
const (
	HourMS = int64(time.Hour / time.Millisecond)
	DayMS  = 24 * HourMS
)

// waits is how many rows of parts that are not known a question waits for, where
// the statement that reads the table as a whole is faster than to read them: a
// tenth of a second.
const waits = 1_000_000

// Waits is how many rows a question on this server waits for.
func (a *Asking) Waits() uint64 {
	if a.Server.Waits > 0 {
		return a.Server.Waits
	}
	return waits
}

// Single tells whether the tables stand on the server that is asked. Reads of a
// cluster may each be answered by other replicas, whose parts differ.
func (a *Asking) Single(ctx context.Context) bool {
	if a.Server.local.Load() {
		return true
	}
	engine := ""
	err := a.Ask(ctx, "engine", func(r driver.Rows) error { return r.Scan(&engine) })
	if err != nil || engine == "" || engine == "Distributed" {
		return false // Or it may not be asked: then tables are read as a whole.
	}
	a.Server.local.Store(true)
	return true
}

// PartsOf lists the parts of a table by a step, and since when an issue that was
// first seen is fresh.
func (a *Asking) PartsOf(ctx context.Context, step string, fresh *int64) (pieces.List, error) {
	var out pieces.List
	err := a.Ask(ctx, step, func(r driver.Rows) error {
		var p pieces.Part
		var since int64
		err := r.Scan(&p.ID, &p.Name, &p.First, &p.Last, &p.Rows, &out.Server, &since)
		out.Parts = append(out.Parts, p)
		*fresh = max(*fresh, since)
		return err
	})
	return out, err
}

// Keep gives rows of a table as far as the window goes, from the mirror of key;
// each scans a row of step read. Nil where it is to be read as a whole.
func Keep[R any](ctx context.Context, a *Asking, key, list, read string, s pieces.Source[R], fresh *int64, each func(driver.Rows) (uint64, pieces.Row[R], error)) (*pieces.Rows[R], *pieces.Mirror[R], error) {
	if !a.Single(ctx) {
		return nil, nil, nil
	}
	if s.List == nil {
		s.List = func(ctx context.Context) (pieces.List, error) { return a.PartsOf(ctx, list, fresh) }
	}
	s.Read = func(ctx context.Context, names []string, first, last int64, again func(), give func(uint64, pieces.Row[R])) (uint64, error) {
		var server uint64
		b := a.With(map[string]string{"names": Texts(names), "span": "[" + Itoa(first) + "," + Itoa(last) + "]"})
		err := b.RowsAgain(ctx, read, again, func(r driver.Rows) error {
			part, row, err := each(r)
			if part == 0 { // The row that says who answers.
				server = row.Issue
			} else {
				give(part, row)
			}
			return err
		})
		return server, err
	}
	rows, m, err := pieces.Get(ctx, &a.Server.kept, key, s)
	if errors.Is(err, pieces.ErrWhole) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return &rows, m, nil
}

// Strip reads a row of a step that gives strips: part, issue, project, slots and
// users.
func Strip(r driver.Rows) (part uint64, row pieces.Row[pieces.Strip], err error) {
	var project uint32
	var cells, users string
	if err = r.Scan(&part, &row.Issue, &project, &cells, &users); err == nil {
		row.Value, err = pieces.Unpack(project, cells, users)
	}
	return part, row, err
}

// Floor is the start of the slot of a moment.
func Floor(ms, slot int64) int64 {
	return ms - (ms%slot+slot)%slot
}
