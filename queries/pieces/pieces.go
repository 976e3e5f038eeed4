// Package pieces keeps what was read of a table's parts. In: a list of the
// parts that a table has now, and how rows of some of them are read. Out: these
// rows, of every part, of which only those are read that are not known yet.
//
// A part of a MergeTree table never changes: inserts make new ones, merges and
// mutations put another one in the place of some, under another name. So what
// was read of a part holds as long as the part is listed, and the list is asked
// with every question: no answer is older than its question.
package pieces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Part is one part of a table.
type Part struct {
	ID          uint64 // Hash of its name and its server.
	Name        string
	First, Last int64 // The oldest and the newest moment in it, in milliseconds.
	Rows        uint64
}

// List is the parts that a table has on a server.
type List struct {
	Server uint64
	Parts  []Part
}

// Row is what was read of an issue at a moment.
type Row[R any] struct {
	Issue uint64
	At    int64 // Start of its slot, in milliseconds.
	Value R
}

// Source says how a table is asked. Moments are multiples of Slot.
type Source[R any] struct {
	First, Last int64 // The slots that are asked for.
	Slot        int64 // How long one is; 0 where the table has none.
	Chunk       uint64
	// Later is how many rows of parts that are not known a question waits for at
	// most; 0 for all. Where there are more it gets ErrWhole at once, and they are read
	// after it.
	Later uint64
	// Weigh says of what holds more than a few numbers how many rows it is worth.
	Weigh func(R) int
	// Join puts together what was read of a part a few slots at a time; nil where
	// rows stay as they are. It gives them by issue.
	Join func([]Row[R]) ([]Row[R], error)
	List func(context.Context) (List, error)
	// Read reads the slots first to last of these parts and says which server
	// answered. It may begin anew: it calls again first then.
	Read func(ctx context.Context, names []string, first, last int64, again func(), each func(part uint64, r Row[R])) (server uint64, err error)
}

// ErrWhole is returned where the table is to be read as a whole: it changes
// faster than it is read, or has more rows than are kept.
var (
	ErrWhole  = errors.New("the table is to be read as a whole")
	errMoving = fmt.Errorf("%w: parts change while they are read", ErrWhole)
	errLater  = fmt.Errorf("%w: what is not known of it is read later", ErrWhole)
	errLarge  = fmt.Errorf("%w: it has too many rows", ErrWhole)
)

// Rows are the rows of all parts, each part's by issue. Sign tells one set of
// parts from another one.
type Rows[R any] struct {
	Of          [][]Row[R]
	Sign        uint64
	Server      uint64
	First, Last int64
}

type piece[R any] struct {
	first, last int64 // What was read of it.
	rows        []Row[R]
	weight      int
}

// covers tells whether all slots of a part that are asked for were read.
func (p piece[R]) covers(of Part, first, last int64) bool {
	first, last = max(first, of.First), min(last, of.Last)
	return first > last || p.first <= first && last <= p.last
}

// Mirror is what is known of one table for one filter.
type Mirror[R any] struct {
	gate   chan struct{} // One reads at a time: who waits finds what it read.
	pieces map[uint64]piece[R]
	aside
}

// aside keeps what else was made or read of a set of parts, until there is another.
type aside struct {
	mu    sync.Mutex
	sign  uint64
	parts int
	of    map[any]any
}

// maxAside bounds how much that is.
const maxAside = 20_000

// Recall gives what was kept of these parts.
func (m *Mirror[R]) Recall(of *Rows[R], key any) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sign != of.Sign || m.parts != len(of.Of) {
		return nil, false
	}
	x, ok := m.of[key]
	return x, ok
}

// Remember keeps what was made of these parts, or read after they were listed:
// whoever finds the same parts listed later knows that they were there meanwhile.
func (m *Mirror[R]) Remember(of *Rows[R], key, value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil || m.sign != of.Sign || m.parts != len(of.Of) || len(m.of) >= maxAside {
		m.sign, m.parts, m.of = of.Sign, len(of.Of), map[any]any{}
	}
	m.of[key] = value
}

func (m *Mirror[R]) size() (n int) {
	for _, p := range m.pieces {
		n += p.weight
	}
	return n
}

// worth is how many rows of what is kept a row counts for.
func (s Source[R]) worth(r Row[R]) int {
	if s.Weigh == nil {
		return 1
	}
	return s.Weigh(r.Value)
}

// tries is how often a table is listed anew that changed while it was read.
const tries = 4

// Get gives the rows of all parts, and says how many it holds.
func (m *Mirror[R]) Get(ctx context.Context, s Source[R], most int) (out Rows[R], held int, err error) {
	list, err := s.List(ctx)
	if err != nil {
		return out, 0, err
	}
	select {
	case m.gate <- struct{}{}:
		defer func() { <-m.gate }()
	case <-ctx.Done():
		return out, 0, ctx.Err()
	}
	for range tries {
		missing := m.missing(list, s)
		if len(missing) == 0 {
			return m.collect(list, s), m.size(), nil
		}
		if s.Later > 0 && s.rows(missing) > s.Later {
			return out, m.size(), errLater
		}
		read, err := s.load(ctx, m, list.Server, missing, most)
		if errors.Is(err, errLarge) {
			clear(m.pieces)
		}
		if err != nil {
			return out, m.size(), err
		}
		now, err := s.List(ctx)
		if err != nil {
			return out, m.size(), err
		}
		// What is still there was there while it was read.
		whole := read != nil && now.Server == list.Server
		there := map[uint64]bool{}
		for _, p := range now.Parts {
			there[p.ID] = true
		}
		for _, p := range missing {
			if read != nil && now.Server == list.Server && there[p.ID] {
				m.pieces[p.ID] = read[p.ID]
			} else {
				whole = false
			}
		}
		for _, p := range list.Parts {
			there[p.ID] = true
		}
		for id := range m.pieces {
			if !there[id] {
				delete(m.pieces, id)
			}
		}
		if m.size() > most {
			clear(m.pieces)
			return out, 0, errLarge
		}
		if whole {
			return m.collect(list, s), m.size(), nil
		}
		list = now
	}
	return out, m.size(), errMoving
}

func (m *Mirror[R]) missing(list List, s Source[R]) (out []Part) {
	for _, p := range list.Parts {
		known, ok := m.pieces[p.ID]
		if (!ok && !(piece[R]{first: 1, last: 0}).covers(p, s.First, s.Last)) || (ok && !known.covers(p, s.First, s.Last)) {
			out = append(out, p)
		}
	}
	return out
}

// rows is about how many rows of these parts lie in the slots that are asked for.
func (s Source[R]) rows(of []Part) (n uint64) {
	for _, p := range of {
		share := float64(min(s.Last, p.Last)-max(s.First, p.First)+1) / float64(p.Last-p.First+1)
		n += uint64(float64(p.Rows) * max(share, 0))
	}
	return n
}

// collect gives what the mirror has of these parts.
func (m *Mirror[R]) collect(list List, s Source[R]) Rows[R] {
	out := Rows[R]{Server: list.Server, First: s.First, Last: s.Last}
	for _, p := range list.Parts {
		if known, ok := m.pieces[p.ID]; ok {
			out.Of = append(out.Of, known.rows)
			out.Sign += p.ID // They are hashes.
		}
	}
	return out
}

// load reads parts, slots that are known of them already once more; nil where
// another server answered than the one that listed them.
func (s Source[R]) load(ctx context.Context, m *Mirror[R], server uint64, parts []Part, most int) (_ map[uint64]piece[R], err error) {
	first, last, rows := s.Last, s.First, uint64(0)
	out := make(map[uint64]piece[R], len(parts))
	names := make([]string, 0, len(parts))
	for _, p := range parts {
		from, to := s.First, s.Last
		if known, ok := m.pieces[p.ID]; ok {
			from, to = min(from, known.first), max(to, known.last)
		}
		out[p.ID] = piece[R]{first: from, last: to}
		first, last = min(first, max(from, p.First)), max(last, min(to, p.Last))
		rows += p.Rows
		names = append(names, p.Name)
	}
	width := last - first + 1
	if s.Slot > 0 && s.Chunk > 0 {
		first -= ((first % s.Slot) + s.Slot) % s.Slot
		slots := (last-first)/s.Slot + 1
		chunks := min(int64(min(rows/s.Chunk, 1000))+1, slots, 32) //nolint:gosec // Small.
		width = (slots + chunks - 1) / chunks * s.Slot
	}
	count := 0
	for from := first; from <= last; from += width {
		var got []struct {
			part uint64
			row  Row[R]
		}
		weight := 0
		answered, err := s.Read(ctx, names, from, min(from+width-1, last), func() { got, weight = got[:0], 0 }, func(part uint64, r Row[R]) {
			if count+weight <= most {
				weight += s.worth(r)
				got = append(got, struct {
					part uint64
					row  Row[R]
				}{part, r})
			}
		})
		if err != nil {
			return nil, err
		}
		if answered != server {
			return nil, nil
		}
		if count += weight; count > most {
			return nil, errLarge
		}
		for _, g := range got {
			p, ok := out[g.part]
			if !ok {
				return nil, nil
			}
			p.rows = append(p.rows, g.row)
			p.weight += s.worth(g.row)
			out[g.part] = p
		}
	}
	for id, p := range out {
		if s.Join != nil {
			if p.rows, err = s.Join(p.rows); err != nil {
				return nil, err
			}
			p.weight = 0
			for _, r := range p.rows {
				p.weight += s.worth(r)
			}
		} else {
			slices.SortFunc(p.rows, func(x, y Row[R]) int { return cmp.Compare(x.Issue, y.Issue) })
		}
		out[id] = piece[R]{p.first, p.last, slices.Clip(p.rows), p.weight}
	}
	return out, nil
}
