package plan

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	part := func(old, x, n uint64) Part { return Part{Old: old, New: x, Rows: n, Occurrences: n} }
	none := func(f uint64) uint64 { return f }
	cases := map[string]struct {
		parts    []Part
		survivor func(uint64) uint64
		merges   map[uint64]uint64
		moves    int
		splits   int
		reported int
	}{
		"nothing":              {[]Part{part(1, 1, 5)}, none, map[uint64]uint64{}, 0, 0, 0},
		"renamed":              {[]Part{part(1, 7, 5)}, none, map[uint64]uint64{7: 1}, 0, 0, 0},
		"two join under a new": {[]Part{part(1, 7, 5), part(2, 7, 9)}, none, map[uint64]uint64{1: 2, 7: 2}, 0, 0, 1},
		"one joins another":    {[]Part{part(1, 2, 5), part(2, 2, 3)}, none, map[uint64]uint64{2: 1}, 0, 0, 1},
		"one falls apart":      {[]Part{part(1, 7, 5), part(1, 8, 3)}, none, map[uint64]uint64{7: 1}, 1, 1, 0},
		"a part joins another": {[]Part{part(1, 1, 5), part(1, 2, 3), part(2, 2, 9)}, none, map[uint64]uint64{}, 1, 1, 0},
		"merged by hand, stays": {[]Part{part(1, 7, 5), part(2, 8, 9)}, func(f uint64) uint64 {
			if f == 2 {
				return 1
			}
			return f
		}, map[uint64]uint64{7: 1, 8: 1}, 0, 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(c.parts, c.survivor)
			require.Equal(t, c.merges, d.Merges)
			require.Len(t, d.Moves, c.moves)
			require.Len(t, d.Splits, c.splits)
			require.Len(t, d.Report, c.reported)
		})
	}
}
