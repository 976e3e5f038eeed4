package pieces_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/queries/pieces"
)

// cell is a slot as a text gives it.
func cell(slot, n int) string {
	return string(binary.LittleEndian.AppendUint64(nil, 1<<63|uint64(slot)<<40|uint64(n))) //nolint:gosec // Small.
}

func crowd(n int) string {
	return string(binary.LittleEndian.AppendUint32(nil, 1<<31|uint32(n))) //nolint:gosec // Small.
}

// Strips say of any range of slots what going through all of them says, in
// whichever order and in how many pieces they came.
func TestStripsAddUp(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		type key struct {
			issue   uint64
			project uint32
		}
		type at struct {
			slot, n, users int
		}
		users := r.IntN(2) == 0
		want := map[key][]at{}
		var rows []pieces.Row[pieces.Strip]
		for range r.IntN(12) {
			k := key{uint64(r.IntN(3)), uint32(r.IntN(2))} //nolint:gosec // Small.
			cells, crowds := "", ""
			for range r.IntN(6) {
				a := at{slot: r.IntN(20), n: r.IntN(4)}
				if users { // A slot comes once then.
					if slices.ContainsFunc(want[k], func(b at) bool { return b.slot == a.slot }) {
						continue
					}
					a.users = r.IntN(3)
					crowds += crowd(a.users)
				}
				cells += cell(a.slot, a.n)
				want[k] = append(want[k], a)
			}
			s, err := pieces.Unpack(k.project, cells, crowds)
			require.NoError(t, err)
			rows = append(rows, pieces.Row[pieces.Strip]{Issue: k.issue, Value: s})
		}
		rows, err := pieces.JoinStrips(rows)
		require.NoError(t, err)
		require.True(t, slices.IsSortedFunc(rows, func(x, y pieces.Row[pieces.Strip]) int { return int(x.Issue) - int(y.Issue) })) //nolint:gosec // Small.
		seen := map[key]bool{}
		for _, row := range rows {
			k := key{row.Issue, row.Value.Project}
			require.False(t, seen[k], "one strip of an issue of a project")
			seen[k] = true
			first, last := int64(r.IntN(25)-2), int64(r.IntN(25)-2)
			if r.IntN(3) == 0 {
				first, last = 0, 20
			}
			var sum pieces.Sum
			slots, each := map[int]int{}, map[int]int{}
			for _, a := range want[k] {
				if int64(a.slot) >= first && int64(a.slot) <= last {
					slots[a.slot] += a.n
					sum.Count += uint64(a.n)     //nolint:gosec // Small.
					sum.Users += uint64(a.users) //nolint:gosec // Small.
					if a.users > 0 {
						sum.Crowds++
					}
				}
			}
			sum.Slots = len(slots)
			require.Equal(t, sum, row.Value.Sum(first, last), "%d to %d of %v", first, last, want[k])
			row.Value.Each(first, last, func(slot int64, n uint64) { each[int(slot)] += int(n) }) //nolint:gosec // Small.
			require.Equal(t, slots, each)
		}
		for k, all := range want {
			require.True(t, seen[k] || len(all) == 0)
		}
	}
}

// What does not fit is no strip: the table is read as a whole then.
func TestStripRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cells, users string
		whole        bool
	}{
		"half a slot":     {cells: cell(3, 4)[:5]},
		"users of others": {cells: cell(3, 4), users: crowd(1) + crowd(2)},
		"too many events": {cells: cell(3, 1<<40-1), whole: true},
		"both together":   {cells: cell(3, 1<<39) + cell(3, 1<<39), whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pieces.Unpack(1, c.cells, c.users)
			require.Error(t, err)
			if c.whole {
				require.ErrorIs(t, err, pieces.ErrWhole)
			}
		})
	}
	most, err := pieces.Unpack(1, cell(3, 1<<40-2), "")
	require.NoError(t, err)
	require.Equal(t, uint64(1<<40-2), most.Total)
}
