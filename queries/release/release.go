// Package release answers which issues releases brought. In: a run of query
// releases or release_compare, and the numbers of releases that a store knows.
// Out: sums of each release from plain reads, its issues from what is kept of the
// parts of issue_release. What does not fit is asked as one statement.
package release

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// sighting is in which releases a part has seen an issue.
type sighting struct {
	born int64 // Its oldest event in the part, in milliseconds.
	// ids are all releases; the first few are those of its oldest event.
	ids    []uint32
	firsts uint32
}

// Numbers numbers releases by their hashes, so that what is kept of an issue is
// a few bytes a release. Its zero value knows none.
type Numbers struct {
	mu     sync.Mutex
	of     map[uint64]uint32
	hashes []uint64
	full   bool // One got no number: what is kept has it under another's.
}

// maxReleases bounds how many a process knows and how many are compared at once.
const maxReleases = 100_000

// highest is set in every hash, as the packed ones have it.
const highest = 1 << 63

// number numbers releases; from the first one on that is more than are known,
// nothing that is kept is to be used.
func (d *Numbers) number(hash uint64) uint32 {
	hash |= highest
	if id, ok := d.of[hash]; ok {
		return id
	}
	if len(d.hashes) >= maxReleases {
		d.full = true
		return 0
	}
	if d.of == nil {
		d.of = map[uint64]uint32{}
	}
	id := uint32(len(d.hashes)) //nolint:gosec // Bounded.
	d.of[hash], d.hashes = id, append(d.hashes, hash)
	return id
}

// complete tells whether every release that was seen has a number.
func (d *Numbers) complete() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.full
}

// place is where each numbered release stands in a list of hashes; -1 for none.
func (d *Numbers) place(hashes []uint64) []int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]int32, len(d.hashes))
	for id := range out {
		out[id] = -1
	}
	for n, h := range hashes {
		if id, ok := d.of[h|highest]; ok {
			out[id] = int32(n) //nolint:gosec // Bounded.
		}
	}
	return out
}

// sightings are what is known of the issues of a project by release.
type sightings struct {
	rows   *pieces.Rows[sighting] // Nil where the table is to be read as a whole.
	mirror *pieces.Mirror[sighting]
	into   map[uint64]uint64 // Where fingerprints belong that were merged.
}

// run is one run of such a query.
type run struct {
	*asking.Asking
	releases *Numbers
}

// readSightings reads the releases of each issue, by parts of the table.
func (a *run) readSightings(ctx context.Context, into *sightings) (err error) {
	d := a.releases
	weigh := func(s sighting) int { return 2 + len(s.ids)/10 }
	var none int64
	into.rows, into.mirror, err = asking.Keep(ctx, a.Asking, "seen\x00"+a.Bound["project"]+"\x00"+a.Bound["environment"], "seen_parts", "seen", pieces.Source[sighting]{Weigh: weigh}, &none,
		func(r driver.Rows) (part uint64, row pieces.Row[sighting], err error) {
			var firsts, all string
			if err = r.Scan(&part, &row.Issue, &row.Value.born, &firsts, &all); err != nil || part == 0 {
				return part, row, err
			}
			if len(firsts)%8 != 0 || len(all)%8 != 0 {
				return part, row, fmt.Errorf("cannot read %d and %d bytes of releases: they are 8 each", len(firsts), len(all))
			}
			row.Value.ids, row.Value.firsts = make([]uint32, 0, (len(firsts)+len(all))/8), uint32(len(firsts)/8) //nolint:gosec // Bounded.
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, hashes := range []string{firsts, all} {
				for ; hashes != ""; hashes = hashes[8:] {
					row.Value.ids = append(row.Value.ids, d.number(binary.LittleEndian.Uint64([]byte(hashes[:8]))))
				}
			}
			return part, row, nil
		})
	if !d.complete() {
		into.rows = nil
	}
	return err
}

// readMerged reads where fingerprints belong that were merged.
func (a *run) readMerged(ctx context.Context, into *sightings) error {
	into.into = map[uint64]uint64{}
	return a.Rows(ctx, "merged", func(r driver.Rows) error {
		var f, survivor uint64
		err := r.Scan(&f, &survivor)
		into.into[f] = survivor
		return err
	})
}

// each gives, of every issue, what parts and fingerprints have of it.
func (s *sightings) each(do func([]*sighting)) {
	moved := make(map[uint64][]*sighting, 2*len(s.into))
	for f, survivor := range s.into {
		moved[f], moved[survivor] = nil, nil
	}
	at := make([]int, len(s.rows.Of))
	var of []*sighting
	for {
		next, some := uint64(0), false
		for p, rows := range s.rows.Of {
			if at[p] < len(rows) && (!some || rows[at[p]].Issue < next) {
				next, some = rows[at[p]].Issue, true
			}
		}
		if !some {
			break
		}
		of = of[:0]
		for p, rows := range s.rows.Of {
			if at[p] < len(rows) && rows[at[p]].Issue == next {
				of = append(of, &rows[at[p]].Value)
				at[p]++
			}
		}
		if _, ok := moved[next]; ok {
			survivor := next
			if into, ok := s.into[next]; ok {
				survivor = into
			}
			moved[survivor] = append(moved[survivor], of...)
			continue
		}
		do(of)
	}
	for _, of := range moved {
		if len(of) > 0 {
			do(of)
		}
	}
}

// key tells one outcome from another: of what, under which merges, of which
// releases in which order.
func (s *sightings) key(what string, of ...uint64) string {
	out := []byte(what)
	var merged []uint64
	for f, survivor := range s.into {
		merged = append(merged, f^bits.RotateLeft64(survivor, 7)*0x9e3779b97f4a7c15, survivor)
	}
	slices.Sort(merged)
	for _, n := range append(of, merged...) {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	return string(out)
}

// issueCounts are issues by release, in the order of a list of releases.
type issueCounts struct{ all, fresh, returned []uint64 }

// count counts the issues seen in each of these releases, and those whose oldest
// event was in it.
func (a *run) count(s *sightings, hashes []uint64) issueCounts {
	key := s.key("count", hashes...)
	if x, ok := s.mirror.Recall(s.rows, key); ok {
		counts, _ := x.(issueCounts)
		return counts
	}
	out := issueCounts{all: make([]uint64, len(hashes)), fresh: make([]uint64, len(hashes))}
	place := a.releases.place(hashes)
	// Which issue a release was counted for last.
	counted, first := make([]uint32, len(hashes)), make([]uint32, len(hashes))
	n := uint32(0)
	s.each(func(of []*sighting) {
		n++
		born := of[0].born
		for _, s := range of {
			born = min(born, s.born)
		}
		for _, s := range of {
			for i, id := range s.ids {
				p := place[id]
				if p < 0 {
					continue
				}
				if i < int(s.firsts) && s.born == born && first[p] != n {
					first[p] = n
					out.fresh[p]++
				}
				if counted[p] != n {
					counted[p] = n
					out.all[p]++
				}
			}
		}
	})
	s.mirror.Remember(s.rows, key, out)
	return out
}

// compare counts, of releases in the order that they came, the issues that none
// before had, and those that one before had, but neither base nor one after it.
func (a *run) compare(s *sightings, hashes, base []uint64) issueCounts {
	key := s.key("compare", append(slices.Clone(hashes), base...)...)
	if x, ok := s.mirror.Recall(s.rows, key); ok {
		counts, _ := x.(issueCounts)
		return counts
	}
	out := issueCounts{fresh: make([]uint64, len(hashes)), returned: make([]uint64, len(hashes))}
	place := a.releases.place(hashes)
	in := make([]uint64, len(hashes)/64+1) // A bit for each release that an issue is in.
	s.each(func(of []*sighting) {
		clear(in)
		for _, s := range of {
			for _, id := range s.ids {
				if p := place[id]; p >= 0 {
					in[p/64] |= 1 << (p % 64)
				}
			}
		}
		last := -1
		for w, word := range in {
			for ; word != 0; word &= word - 1 {
				p := w*64 + bits.TrailingZeros64(word)
				switch {
				case last < 0:
					out.fresh[p]++
				case uint64(last+1) < base[p]: //nolint:gosec // Ranks count from one.
					out.returned[p]++
				}
				last = p
			}
		}
	})
	s.mirror.Remember(s.rows, key, out)
	return out
}

// withSightings reads step known, whose last columns are numbers that are not shown,
// and what is known of issues, at once.
func (a *run) withSightings(ctx context.Context) (r *asking.Result, s *sightings, err error) {
	s = &sightings{}
	at := slices.IndexFunc(a.Query.Steps, asking.StepNamed("known"))
	err = asking.AtOnce(ctx, func(ctx context.Context) error { return a.readSightings(ctx, s) },
		func(ctx context.Context) error { return a.readMerged(ctx, s) },
		func(ctx context.Context) (err error) { r, err = a.Result(ctx, a.Query.Steps[at]); return err })
	return r, s, err
}

// List is query releases: plain sums of each release and session, and the issues
// of each from what is kept of issue_release.
func List(ctx context.Context, of *asking.Asking, known *Numbers) (*asking.Result, error) {
	a := &run{of, known}
	r, s, err := a.withSightings(ctx)
	if err != nil {
		return nil, err
	}
	if s.rows == nil {
		return a.Result(ctx, a.Query.Steps[len(a.Query.Steps)-1])
	}
	counts := a.count(s, numbersOf(r.Column("hash")))
	for n, row := range r.Rows {
		row[5], row[6] = counts.all[n], counts.fresh[n]
	}
	return a.shown(r), nil
}

// Compare is query release_compare, from the same.
func Compare(ctx context.Context, of *asking.Asking, known *Numbers) (*asking.Result, error) {
	a := &run{of, known}
	r, s, err := a.withSightings(ctx)
	if err != nil {
		return nil, err
	}
	if s.rows == nil || len(r.Rows) >= maxReleases {
		return a.Result(ctx, a.Query.Steps[len(a.Query.Steps)-1])
	}
	counts := a.compare(s, numbersOf(r.Column("hash")), numbersOf(r.Column("base")))
	for n, row := range r.Rows {
		row[5], row[6] = counts.fresh[n], counts.returned[n]
	}
	limit, _ := strconv.Atoi(a.Bound["limit"])
	slices.Reverse(r.Rows)
	r.Rows = r.Rows[:min(limit, 200, len(r.Rows))]
	return a.shown(r), nil
}

// shown is a result with the columns that the query declares.
func (a *run) shown(r *asking.Result) *asking.Result {
	names := make([]string, 0, len(a.Query.Columns))
	for _, c := range a.Query.Columns {
		names = append(names, c.Name)
	}
	return r.Pick(names...)
}

// numbersOf is a column of numbers.
func numbersOf(column []any) []uint64 {
	out := make([]uint64, len(column))
	for n, v := range column {
		out[n], _ = v.(uint64)
	}
	return out
}
