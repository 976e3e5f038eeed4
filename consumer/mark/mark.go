// Package mark is what a partition commits: where it stands, and what it is about
// to do. In: offsets, sizes of windows, rows that are refused. Out: metadata of a
// commit, which another life of the partition reads, maybe of an older or newer
// build. It speaks with no server.
package mark

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Mark is the metadata committed with an offset o. It makes the pair say: all
// records before o are in the tables; and, where End is set, [o, End) was
// announced and may or may not be there: it must be built again, exactly so.
type Mark struct {
	V   int   `json:"v"`
	End int64 `json:"end,omitempty"`
	// Gap, where set, says that [o, Gap) is lost to the log and is being counted so:
	// whatever the log loses meanwhile is counted after it.
	Gap int64 `json:"gap,omitempty"`
	// Log names this life of the partition. A topic that is made anew counts
	// its offsets from 0 again; without a new name its tokens would repeat, and
	// ClickHouse would drop its blocks as known.
	Log string `json:"log"`
	// Known, where set, is up to where the partition had been stored before its log
	// ended sooner and was read again from its start: what may come again is looked for
	// among all rows before it.
	Known int64 `json:"known,omitempty"`
	// Sizes of the windows that the announced range was decided with.
	DuplicateRecords int64 `json:"dup,omitempty"`
	DuplicateRows    int   `json:"dup_rows,omitempty"`
	TwinRecords      int64 `json:"twin,omitempty"`
	// Rows that ClickHouse refuses; they go to the dead letters instead.
	Refused []RowID `json:"refused,omitempty"`
}

// Position is where a partition stands.
type Position struct {
	Offset int64
	Mark   Mark
}

// At is an offset of the same life of the partition, where nothing is announced.
func (p Position) At(offset int64) Position {
	next := Position{Offset: offset, Mark: Mark{Log: p.Mark.Log}}
	if offset < p.Mark.Known {
		next.Mark.Known = p.Mark.Known
	}
	return next
}

// RowID names a row by its table, its record and its place among the record's
// rows of that table; or, with To, all rows of a table from the record at Offset
// to the one at To.
type RowID struct {
	Table  string `json:"t"`
	Offset int64  `json:"o"`
	Item   int    `json:"i,omitempty"`
	To     *int64 `json:"to,omitempty"`
}

// Refusals are the rows of an announced range that become dead letters.
type Refusals struct {
	rows   map[RowID]bool
	ranges []RowID
}

// Add notes rows.
func (r *Refusals) Add(ids []RowID) {
	for _, id := range ids {
		if id.To != nil {
			r.ranges = append(r.ranges, id)
			continue
		}
		if r.rows == nil {
			r.rows = map[RowID]bool{}
		}
		r.rows[id] = true
	}
}

// Has says whether a row is among them.
func (r *Refusals) Has(id RowID) bool {
	if r.rows[id] {
		return true
	}
	for _, x := range r.ranges {
		if x.Table == id.Table && x.Offset <= id.Offset && id.Offset <= *x.To {
			return true
		}
	}
	return false
}

// Ranges that stand for rows of one table which are too many to be named.
const (
	mostRanges = 6
	rangeRoom  = 1000 // Of maxMark, kept for the ranges of other tables.
)

// rangesOf covers rows of one table, in their order, by few ranges: cut where
// the most records lie between two of them, so that few rows that ClickHouse would
// take are set aside too.
func rangesOf(ids []RowID, most int) []RowID {
	cuts := make([]int, 0, len(ids)) // Places at which another range may begin.
	for i := 1; i < len(ids); i++ {
		if ids[i].Offset > ids[i-1].Offset+1 {
			cuts = append(cuts, i)
		}
	}
	slices.SortStableFunc(cuts, func(a, b int) int {
		return cmp.Compare(ids[b].Offset-ids[b-1].Offset, ids[a].Offset-ids[a-1].Offset)
	})
	cuts = cuts[:min(len(cuts), most-1)]
	slices.Sort(cuts)
	var out []RowID
	for from := 0; len(cuts) > 0 || from < len(ids); {
		end := len(ids)
		if len(cuts) > 0 {
			end, cuts = cuts[0], cuts[1:]
		}
		to := ids[end-1].Offset
		out = append(out, RowID{Table: ids[from].Table, Offset: ids[from].Offset, To: &to})
		from = end
	}
	return out
}

// markVersion is the newest that this build knows. A newer one is not understood:
// the range it announces could not be built the same way. Version 2 has ranges of
// refused rows; all others are written as 1, which older builds take over.
const markVersion = 2

// maxMark bounds the metadata; Apache Kafka refuses more than 4096 bytes.
const maxMark = 4000

// NewLog names a new life of a partition.
func NewLog() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // Never fails, by its contract.
	return hex.EncodeToString(b[:])
}

// Encode is the metadata as committed.
func (m Mark) Encode() string {
	m.V = 1
	if slices.ContainsFunc(m.Refused, func(id RowID) bool { return id.To != nil }) {
		m.V = 2
	}
	b, _ := json.Marshal(m) // Cannot fail: plain fields only.
	return string(b)
}

// Read reads metadata; ok is false where there is none of ours.
func Read(s string) (m Mark, ok bool, err error) {
	if s == "" {
		return Mark{}, false, nil
	}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return Mark{}, false, fmt.Errorf("cannot read the committed metadata %.80q: another program commits in this consumer group: %w", s, err)
	}
	if m.V > markVersion {
		return Mark{}, false, fmt.Errorf("cannot read committed metadata of version %d: this build knows up to %d; run the newer build", m.V, markVersion)
	}
	return m, m.Log != "", nil
}

// SetAside announces the range of pos without rows of one more table. Where they
// are too many to be named, a shorter range is announced as long as nothing of this
// one is written; else ranges of records stand for them, and the rows between
// that ClickHouse would take wait among the dead letters too.
func SetAside(pos Position, ids []RowID, written bool) (Position, bool) {
	named := func(more []RowID, room int) (Position, bool) {
		next := pos
		next.Mark.Refused = append(slices.Clone(pos.Mark.Refused), more...)
		return next, len(next.Mark.Encode()) <= maxMark-room
	}
	if next, ok := named(ids, rangeRoom); ok {
		return next, true
	}
	if !written {
		for n := min(len(ids)-1, maxMark/16); n > 0; n-- { // No name is shorter.
			if ids[n].Offset == ids[n-1].Offset { // A range ends between records.
				continue
			}
			if next, ok := named(ids[:n], rangeRoom); ok {
				next.Mark.End = ids[n].Offset
				return next, true
			}
		}
	}
	if next, ok := named(rangesOf(ids, mostRanges), rangeRoom/2); ok {
		return next, true
	}
	return named(rangesOf(ids, 1), 0)
}
