package pieces

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Strip is how often something was in each slot of a part, of an issue of a
// project. It takes 8 bytes a slot where a Row of each takes 40.
type Strip struct {
	Project uint32 // 0 where only one is asked for.
	Total   uint64 // Of all slots.
	// cells are in order of their slots: the slot's number from 1970 on in the
	// high bits, how often below.
	cells []uint64
	users []uint32 // A number beside each, where it is asked for.
}

// What a cell has room for: hours until the year 2927, and a count that no slot
// reaches; the text that reads them gives the last one for all from there on.
const (
	cellBits  = 40
	cellCount = 1<<cellBits - 1
)

// Unpack reads cells as a text gives them, each slot once or more often, and
// the numbers beside them: eight and four bytes each, little end first, the
// highest bit set, since the server leaves out zeros at the end.
func Unpack(project uint32, cells, users string) (Strip, error) {
	n := len(cells) / 8
	if len(cells)%8 != 0 || users != "" && len(users) != 4*n {
		return Strip{}, fmt.Errorf("cannot read %d bytes of slots with %d of users: they are 8 and 4 each", len(cells), len(users))
	}
	s := Strip{Project: project, cells: make([]uint64, n)}
	for i := range s.cells {
		s.cells[i] = binary.LittleEndian.Uint64([]byte(cells[8*i:8*i+8])) &^ (1 << 63)
		if s.cells[i]&cellCount == cellCount {
			return Strip{}, fmt.Errorf("%w: more than %d events in a slot", ErrWhole, cellCount)
		}
	}
	if users != "" {
		s.users = make([]uint32, n)
		for i := range s.users {
			s.users[i] = binary.LittleEndian.Uint32([]byte(users[4*i:4*i+4])) &^ (1 << 31)
		}
	}
	return s, s.settle()
}

// settle puts the slots in order, each once, and counts them.
func (s *Strip) settle() error {
	if !slices.IsSorted(s.cells) {
		if s.users == nil {
			slices.Sort(s.cells)
		} else {
			order := make([]int, len(s.cells))
			for i := range order {
				order[i] = i
			}
			slices.SortFunc(order, func(x, y int) int { return cmp.Compare(s.cells[x], s.cells[y]) })
			cells, users := make([]uint64, len(order)), make([]uint32, len(order))
			for i, from := range order {
				cells[i], users[i] = s.cells[from], s.users[from]
			}
			s.cells, s.users = cells, users
		}
	}
	out := 0
	s.Total = 0
	for i, c := range s.cells {
		s.Total += c & cellCount
		if out > 0 && s.cells[out-1]>>cellBits == c>>cellBits {
			if s.cells[out-1]&cellCount+c&cellCount >= cellCount {
				return fmt.Errorf("%w: more than %d events in a slot", ErrWhole, cellCount)
			}
			s.cells[out-1] += c & cellCount
			if s.users != nil { // More than both together it cannot be.
				s.users[out-1] = uint32(min(uint64(s.users[out-1])+uint64(s.users[i]), math.MaxUint32))
			}
			continue
		}
		s.cells[out] = c
		if s.users != nil {
			s.users[out] = s.users[i]
		}
		out++
	}
	// Most texts give a cell for each environment and release.
	s.cells = slices.Clone(s.cells[:out])
	if s.users != nil {
		s.users = slices.Clone(s.users[:out])
	}
	return nil
}

// Sum is what a strip has in a range of slots.
type Sum struct {
	Slots  int // How many of them it has.
	Count  uint64
	Users  uint64 // At most so many.
	Crowds int    // Slots with users.
}

// Sum adds up the slots first to last.
func (s *Strip) Sum(first, last int64) (out Sum) {
	cells, at := s.between(first, last)
	if len(cells) == len(s.cells) && s.users == nil {
		return Sum{Slots: len(cells), Count: s.Total}
	}
	out.Slots = len(cells)
	for _, c := range cells {
		out.Count += c & cellCount
	}
	if s.users != nil {
		for _, n := range s.users[at : at+len(cells)] {
			if n > 0 {
				out.Users += uint64(n)
				out.Crowds++
			}
		}
	}
	return out
}

// Each gives the slots first to last.
func (s *Strip) Each(first, last int64, do func(slot int64, n uint64)) {
	cells, _ := s.between(first, last)
	for _, c := range cells {
		do(int64(c>>cellBits), c&cellCount) //nolint:gosec // 24 bits.
	}
}

// EachBeside gives the slots first to last with the numbers beside them.
func (s *Strip) EachBeside(first, last int64, do func(slot int64, n, beside uint64)) {
	cells, at := s.between(first, last)
	for i, c := range cells {
		beside := uint64(0)
		if s.users != nil {
			beside = uint64(s.users[at+i])
		}
		do(int64(c>>cellBits), c&cellCount, beside) //nolint:gosec // 24 bits.
	}
}

func (s *Strip) between(first, last int64) (cells []uint64, at int) {
	low, high := uint64(max(first, 0))<<cellBits, uint64(max(last+1, 0))<<cellBits //nolint:gosec // Not negative.
	n := len(s.cells)
	if n == 0 || s.cells[0] >= low && s.cells[n-1] < high {
		return s.cells, 0
	}
	at, _ = slices.BinarySearch(s.cells, low)
	end, _ := slices.BinarySearch(s.cells, high)
	return s.cells[at:max(at, end)], at
}

// Weigh is how many rows a strip counts for.
func (s Strip) Weigh() int {
	return 2 + (8*len(s.cells)+4*len(s.users))/40
}

// JoinStrips makes one strip of all that a part has of an issue: it is read some
// slots at a time.
func JoinStrips(rows []Row[Strip]) ([]Row[Strip], error) {
	slices.SortStableFunc(rows, func(x, y Row[Strip]) int {
		return cmp.Or(cmp.Compare(x.Issue, y.Issue), cmp.Compare(x.Value.Project, y.Value.Project))
	})
	out := rows[:0]
	for at := 0; at < len(rows); {
		r := rows[at]
		next := at + 1
		for next < len(rows) && rows[next].Issue == r.Issue && rows[next].Value.Project == r.Value.Project {
			next++
		}
		if next > at+1 {
			var all Strip
			for _, o := range rows[at:next] {
				all.cells, all.users = append(all.cells, o.Value.cells...), append(all.users, o.Value.users...)
			}
			all.Project = r.Value.Project
			if err := all.settle(); err != nil {
				return nil, err
			}
			r.Value = all
		}
		out = append(out, r)
		at = next
	}
	clear(rows[len(out):])
	return out, nil
}
