package mark

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSetAside(t *testing.T) {
	t.Parallel()
	rows := func(table string, offsets ...int64) (ids []RowID) {
		for _, o := range offsets {
			ids = append(ids, RowID{Table: table, Offset: o})
		}
		return ids
	}
	far := make([]int64, 300) // Two crowds with a gap between.
	for i := range far {
		far[i] = 1_000_000 + int64(i)
		if i >= 150 {
			far[i] += 5000
		}
	}
	one := make([]RowID, 300)
	for i := range one {
		one[i] = RowID{Table: "spans", Offset: 7, Item: i}
	}
	pos := Position{Offset: 7, Mark: Mark{Log: "0123456789ab", End: 2_000_000}}
	for name, c := range map[string]struct {
		ids     []RowID
		written bool
		end     int64 // 0: shorter.
		ranges  int
	}{
		"few are named":                       {rows("events", 7, 8, 9), true, 2_000_000, 0},
		"many, nothing is written: shorter":   {rows("events", far...), false, 0, 0},
		"many, some is written: ranges":       {rows("attachments", far...), true, 2_000_000, 2},
		"many of the first record: one range": {one, false, 2_000_000, 1},
	} {
		next, ok := SetAside(pos, c.ids, c.written)
		require.True(t, ok, name)
		require.LessOrEqual(t, len(next.Mark.Encode()), maxMark, name)
		read, _, err := Read(next.Mark.Encode())
		require.NoError(t, err, name)
		require.Equal(t, c.ranges > 0, read.V == 2, "%s: an older build must not take it for what it knows", name)
		var r Refusals
		r.Add(read.Refused)
		require.Len(t, r.ranges, c.ranges, name)
		if c.end > 0 {
			require.Equal(t, c.end, read.End, name)
		} else {
			require.Less(t, read.End, far[len(far)-1], name)
		}
		for _, id := range c.ids {
			require.Equal(t, id.Offset < read.End, r.Has(id), "%s: %v", name, id)
		}
		if c.ranges == 2 {
			require.False(t, r.Has(RowID{Table: "attachments", Offset: 1_002_000}), "between the crowds")
		}
	}
}
