package window_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/consumer/window"
)

func key(n int) window.Key { return window.Key{Project: 1, A: uint64(n), B: 1} }

func TestSeen(t *testing.T) {
	t.Parallel()
	s := window.NewSeen(10, 100)
	s.Advance(5)
	require.False(t, s.Has(key(1)))
	s.Add(5, key(1))
	require.True(t, s.Has(key(1)), "within one record too")
	s.Advance(15)
	require.True(t, s.Has(key(1)), "ten records back is in the window")
	s.Advance(16)
	require.False(t, s.Has(key(1)), "eleven records back is not")
	require.Zero(t, s.Len())

	off := window.NewSeen(0, 100)
	off.Advance(1)
	off.Add(1, key(1))
	require.False(t, off.Has(key(1)), "0 records are off")
}

// model is the definition: the rows of records [x-records, x) and of these the
// newest whole records that together have at least rows rows.
type stored struct {
	offset int64
	key    window.Key
	beside bool // Noted beside the row before it.
}

func model(all []stored, x, records int64, rows int) map[window.Key]bool {
	in, n := map[window.Key]bool{}, 0
	for i, a := range slices.Backward(all) {
		if a.offset < x-records || n >= rows && a.offset != all[i+1].offset {
			break
		}
		in[a.key] = true
		if !a.beside {
			n++
		}
	}
	return in
}

func TestSeenIsAFunctionOfTheStoredRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records, rows := int64(rapid.IntRange(1, 90).Draw(t, "records")), rapid.IntRange(1, 150).Draw(t, "rows")
		s := window.NewSeen(records, rows)
		var all []stored
		offset := int64(0)
		keys := rapid.SampledFrom([]int{40, 400}).Draw(t, "keys")
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			offset += int64(rapid.IntRange(1, 4).Draw(t, "gap"))
			s.Advance(offset)
			want := model(all, offset, records, rows)
			for k := range 1003 {
				if k >= keys && k < 1000 {
					continue
				}
				if s.Has(key(k)) != want[key(k)] {
					t.Fatalf("record %d: key %d in the window: %t, want %t", offset, k, s.Has(key(k)), want[key(k)])
				}
			}
			for range rapid.IntRange(0, 12).Draw(t, "rows") {
				k := key(rapid.IntRange(0, keys-1).Draw(t, "key"))
				if !s.Has(k) {
					s.Add(offset, k)
					all = append(all, stored{offset, k, false})
					if rapid.Bool().Draw(t, "beside") { // Of few, so that many rows say the same.
						note := key(1000 + int(k.A)%3)
						s.Note(offset, note)
						all = append(all, stored{offset, note, true})
					}
				}
			}
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	_, ok := window.IDKey(1, []byte("short"))
	require.False(t, ok)
	_, ok = window.IDKey(1, make([]byte, 16))
	require.False(t, ok, "the zero id is no id")
	a, _ := window.IDKey(1, []byte("0123456789abcdef"))
	b, _ := window.IDKey(2, []byte("0123456789abcdef"))
	require.NotEqual(t, a, b, "ids belong to a project")
	require.NotEqual(t, window.SpanKey(1, "t", "s"), window.SpanKey(1, "s", "t"))
	one, two := window.Update{Session: a, Seq: 1, Millis: 5}, window.Update{Session: a, Seq: 2, Millis: 5}
	require.NotEqual(t, one.Key(), two.Key())
}
