package regroup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"errata/queries"
	"errata/schema/grouping"
	"errata/schema/grouping/payload"
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

// row is one stored event on its way to a worker.
type row struct {
	fingerprint    uint64
	weight         uint32
	id             string
	platform, kind string
	title          string
	payload        []byte
}

const batchRows = 128

// scan groups the events of one slice again.
func scan(ctx context.Context, s *queries.Store, g *grouping.Grouper, project uint32, sl slice, from, to time.Time) (*counts, error) {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 512, "max_threads": 1, "optimize_read_in_order": 0, "network_compression_method": "NONE"}))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := make(chan []row, 4)
	results := make([]*counts, max(1, runtime.GOMAXPROCS(0)))
	var wg sync.WaitGroup
	for i := range results {
		results[i] = newCounts()
		wg.Go(func() {
			for batch := range work {
				for k := range batch {
					results[i].take(g, &batch[k])
				}
			}
		})
	}
	err := read(ctx, s, project, sl, from, to, work)
	close(work)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	out := results[0]
	for _, r := range results[1:] {
		out.add(r)
	}
	return out, nil
}

func read(ctx context.Context, s *queries.Store, project uint32, sl slice, from, to time.Time, work chan<- []row) error {
	// A twin counts where its event counts: weight 0 is left out.
	rows, err := s.Conn().Query(ctx, `SELECT fingerprint, weight, toString(event_id), CAST(platform, 'String'), CAST(type, 'String'), title, payload FROM events
		WHERE project_id = ? AND toDate(ts) = toDate(?) AND fingerprint >= ? AND fingerprint <= ?
		AND ts >= fromUnixTimestamp64Milli(?) AND ts < fromUnixTimestamp64Milli(?) AND weight > 0`,
		project, sl.day, sl.low, sl.high, from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return fmt.Errorf("cannot read stored events: %w", err)
	}
	defer rows.Close()
	batch := make([]row, 0, batchRows)
	send := func() error {
		if len(batch) == 0 {
			return nil
		}
		select {
		case work <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
		batch = make([]row, 0, batchRows)
		return nil
	}
	for rows.Next() {
		batch = append(batch, row{})
		r := &batch[len(batch)-1]
		if err := rows.Scan(&r.fingerprint, &r.weight, &r.id, &r.platform, &r.kind, &r.title, &r.payload); err != nil {
			return fmt.Errorf("cannot read stored events: %w", err)
		}
		if len(batch) == batchRows {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("cannot read stored events: %w", err)
	}
	return send()
}

// take groups one event again.
func (c *counts) take(g *grouping.Grouper, r *row) {
	c.rows++
	if len(r.payload) == 0 {
		c.follow[r.fingerprint] += uint64(r.weight)
		return
	}
	in, err := payload.Stored(r.payload, r.platform, r.kind)
	if err != nil {
		c.broken++
		c.follow[r.fingerprint] += uint64(r.weight)
		return
	}
	got := g.Group(in)
	k := flowKey{r.fingerprint, got.Hashes[0]}
	v := c.cells[k]
	if v == nil {
		v = &cell{Sample: r.id, Title: got.Title}
		c.cells[k] = v
	}
	v.Rows++
	v.Occurrences += uint64(r.weight)
}

// parts are the flows, with rows that have no payload following most of their
// fingerprint.
func (c *counts) parts() []Part {
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
			to = most(m)
		}
		follow[flowKey{f, to}] = n
	}
	var out []Part
	for _, old := range sorted(byOld) {
		for _, x := range sorted(byOld[old]) {
			k := flowKey{old, x}
			v := c.cells[k]
			out = append(out, Part{Old: old, New: x, Rows: v.Rows, Occurrences: v.Occurrences + follow[k], Sample: v.Sample, Title: v.Title})
			delete(follow, k)
		}
	}
	for k, n := range follow {
		out = append(out, Part{Old: k.old, New: k.new, Occurrences: n})
	}
	return out
}

var errStopped = errors.New("stopped; the same command takes it up again")
