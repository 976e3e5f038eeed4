package regroup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	"errata/queries"
	"errata/queries/regroup/plan"
	"errata/schema/grouping"
)

// sliceRows is about how many events one slice holds: what is lost at most
// where a run is stopped.
const sliceRows = 50_000

// slice is a day of a project, or a part of it by fingerprint.
type slice struct {
	day       time.Time
	part, of  uint64
	rows      uint64
	key       string
	low, high uint64
}

// cell counts what became of one fingerprint's events.
type cell struct {
	Rows        uint64 `json:"rows"`
	Occurrences uint64 `json:"occurrences"`
	Sample      string `json:"sample"`
	Title       string `json:"title"`
}

type flowKey struct{ old, new uint64 }

// counts is the result of some slices.
type counts struct {
	cells  map[flowKey]*cell
	follow map[uint64]uint64 // Occurrences without a payload: they follow their fingerprint.
	rows   uint64
	broken uint64 // Payloads that could not be read; they keep their fingerprint.
}

func newCounts() *counts { return &counts{cells: map[flowKey]*cell{}, follow: map[uint64]uint64{}} }

func (c *counts) add(o *counts) {
	for k, v := range o.cells {
		if have := c.cells[k]; have != nil {
			have.Rows += v.Rows
			have.Occurrences += v.Occurrences
			continue
		}
		c.cells[k] = v
	}
	for f, n := range o.follow {
		c.follow[f] += n
	}
	c.rows += o.rows
	c.broken += o.broken
}

// slices cuts the window into pieces that the table's order finds quickly.
func slicesOf(ctx context.Context, s *queries.Store, project uint32, from, to time.Time) ([]slice, error) {
	rows, err := s.Conn().Query(ctx, `SELECT toDate(ts) AS day, count() AS n FROM events
		WHERE project_id = ? AND toDate(ts) >= toDate(?) AND ts >= fromUnixTimestamp64Milli(?) AND ts < fromUnixTimestamp64Milli(?)
		GROUP BY day ORDER BY day`, project, from, from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("cannot count stored events: %w", err)
	}
	defer rows.Close()
	var out []slice
	for rows.Next() {
		var day time.Time
		var n uint64
		if err := rows.Scan(&day, &n); err != nil {
			return nil, fmt.Errorf("cannot count stored events: %w", err)
		}
		of := uint64(1)
		for of < 1024 && n/of > sliceRows {
			of *= 2
		}
		width := math.MaxUint64/of + 1 // 0 where there is one part.
		for p := range of {
			low, high := p*width, p*width+(width-1)
			if of == 1 {
				low, high = 0, math.MaxUint64
			}
			out = append(out, slice{day: day, part: p, of: of, rows: n / of, low: low, high: high, key: fmt.Sprintf("%s %d/%d", day.Format(time.DateOnly), p, of)})
		}
	}
	return out, rows.Err()
}

// take groups one event again. title and the like may point into memory that
// the reader uses again: what is kept is copied.
func (c *counts) take(w *worker, r *row) {
	c.rows++
	if len(r.payload) == 0 {
		c.follow[r.fingerprint] += uint64(r.weight)
		return
	}
	in, err := w.payload.Stored(r.payload, r.platform, r.kind)
	if err != nil {
		c.broken++
		c.follow[r.fingerprint] += uint64(r.weight)
		return
	}
	got := w.grouper.Group(in)
	k := flowKey{r.fingerprint, got.Hashes[0]}
	v := c.cells[k]
	if v == nil {
		v = &cell{Sample: r.id.String(), Title: strings.Clone(got.Title)}
		c.cells[k] = v
	}
	v.Rows++
	v.Occurrences += uint64(r.weight)
}

// scanAll groups the events of slices again, several at a time, and calls done
// for each that is through, one call at a time. It ends at the first error.
func scanAll(ctx context.Context, s *queries.Store, g *grouping.Grouper, project uint32, slices []slice, from, to time.Time, done func(slice, *counts) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		slice  slice
		counts *counts
		err    error
	}
	work, results := make(chan slice), make(chan result)
	var wg sync.WaitGroup
	for range min(max(1, runtime.GOMAXPROCS(0)), maxReaders, len(slices)) {
		wg.Go(func() {
			w, err := newWorker(ctx, s, g)
			if err == nil {
				defer w.close()
			}
			for sl := range work {
				r := result{slice: sl, err: err}
				if err == nil {
					r.counts, r.err = w.scan(ctx, project, sl, from, to)
				}
				select {
				case results <- r:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	wg.Go(func() {
		defer close(work)
		for _, sl := range slices {
			select {
			case work <- sl:
			case <-ctx.Done():
				return
			}
		}
	})
	defer wg.Wait()
	defer cancel()
	for range slices {
		select {
		case r := <-results:
			if r.err == nil {
				r.err = done(r.slice, r.counts)
			}
			if r.err != nil {
				return r.err
			}
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// scan groups the events of one slice again.
func (w *worker) scan(ctx context.Context, project uint32, sl slice, from, to time.Time) (*counts, error) {
	out := newCounts()
	// A twin counts where its event counts: weight 0 is left out.
	err := w.read(ctx, fmt.Sprintf(`WHERE project_id = %d AND toDate(ts) = '%s' AND fingerprint >= %d AND fingerprint <= %d
		AND ts >= fromUnixTimestamp64Milli(%d) AND ts < fromUnixTimestamp64Milli(%d) AND weight > 0`,
		project, sl.day.Format(time.DateOnly), sl.low, sl.high, from.UnixMilli(), to.UnixMilli()), func(r *row) error {
		out.take(w, r)
		return nil
	})
	return out, err
}

// parts are the flows, with rows that have no payload following most of their
// fingerprint.
func (c *counts) parts() []plan.Part {
	byOld := map[uint64]map[uint64]uint64{}
	for k, v := range c.cells {
		if byOld[k.old] == nil {
			byOld[k.old] = map[uint64]uint64{}
		}
		byOld[k.old][k.new] = v.Occurrences
	}
	follow := map[flowKey]uint64{}
	for f, n := range c.follow {
		to := f
		if m := byOld[f]; len(m) > 0 {
			to = plan.Most(m)
		}
		follow[flowKey{f, to}] = n
	}
	var out []plan.Part
	for _, old := range plan.Sorted(byOld) {
		for _, x := range plan.Sorted(byOld[old]) {
			k := flowKey{old, x}
			v := c.cells[k]
			out = append(out, plan.Part{Old: old, New: x, Rows: v.Rows, Occurrences: v.Occurrences + follow[k], Sample: v.Sample, Title: v.Title})
			delete(follow, k)
		}
	}
	for k, n := range follow {
		out = append(out, plan.Part{Old: k.old, New: k.new, Occurrences: n})
	}
	return out
}

var errStopped = errors.New("stopped; the same command takes it up again")
