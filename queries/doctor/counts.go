package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"errata/queries"
)

// A block is in a table a moment before it is in the views of it, and the tables
// are read one after the other: while events come in, what is on its way differs.
const (
	countsAsked = 10 // Most often.
	countsAlike = 3  // So many times in a row the same difference is one of the store.
	countsPause = 500 * time.Millisecond
)

// Counts compares every rollup with the raw rows, again where they differ. The
// verdict is Fail for a difference that stays as it is, and Warn for one that
// changes whenever it is looked at.
func Counts(ctx context.Context, s *queries.Store, project uint32) (r *queries.Result, verdict string, err error) {
	before, alike := "", 0
	for range countsAsked {
		if r, err = s.Run(ctx, "check_counts", map[string]string{"project": fmt.Sprint(project)}); err != nil {
			return nil, "", err
		}
		now := differing(r)
		if now == "" {
			return r, OK, nil
		}
		if now != before {
			before, alike = now, 0
		}
		if alike++; alike == countsAlike {
			return r, Fail, nil
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-time.After(countsPause):
		}
	}
	return r, Warn, nil
}

// differing names the rows that differ, and by how much.
func differing(r *queries.Result) string {
	var out strings.Builder
	for _, row := range r.Pick("project_id", "rollup", "measure", "difference", "verdict").Rows {
		if row[len(row)-1] == "differs" {
			fmt.Fprintln(&out, row...)
		}
	}
	return out.String()
}
