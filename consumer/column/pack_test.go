package column_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/consumer/column"
)

// packOf is a pack in which values lie behind their lengths and something else,
// and the values where they lie.
func packOf(number uint64, values []string) (*column.Pack, [][]byte) {
	var plain []byte
	var ends []int
	for _, v := range values {
		plain = append(plain, "between"...)
		plain = append(binary.AppendUvarint(plain, uint64(len(v))), v...)
		ends = append(ends, len(plain))
	}
	var in [][]byte
	for i, v := range values {
		in = append(in, plain[ends[i]-len(v):ends[i]])
	}
	return &column.Pack{Number: number, Packed: s2.Encode(nil, plain), Plain: plain,
		Unpack: func(to, packed []byte) ([]byte, error) {
			raw, err := s2.Decode(nil, packed)
			return append(to, raw...), err
		}}, in
}

// Values in packs come back among others in any order, as often as they are
// sent, whatever becomes of the memory that they were in.
func TestPacksComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := mustNew(t, "String")
		for range 2 { // The second time on memory that was used.
			var want []string
			for number := range rapid.IntRange(0, 6).Draw(t, "packs") {
				var values []string
				for range rapid.IntRange(1, 20).Draw(t, "values") {
					values = append(values, strings.Repeat(rapid.StringN(0, 20, 60).Draw(t, "text"), rapid.SampledFrom([]int{0, 1, 1, 3, 90, 9000}).Draw(t, "times")))
				}
				p, in := packOf(uint64(number+1), values)
				for i := range values {
					switch rapid.IntRange(0, 4).Draw(t, "how") {
					case 0:
						c.Text(values[i])
					case 1: // A value that lies elsewhere.
						if !c.(column.Keeper).Keep(p, []byte(values[i])) {
							c.Bytes(in[i])
						}
					case 2: // One of which nothing is stored.
						continue
					default:
						if !c.(column.Keeper).Keep(p, in[i]) {
							c.Bytes(in[i])
						}
					}
					want = append(want, values[i])
				}
				clear(p.Plain) // It is used again for the next batch.
				clear(p.Packed)
			}
			require.Equal(t, len(want), c.Rows())
			requireTexts(t, c, want)
			from := rapid.IntRange(0, len(want)).Draw(t, "from")
			to := rapid.IntRange(from, len(want)).Draw(t, "to")
			part := mustNew(t, "String")
			part.Text("before")
			c.CopyTo(part, from, to)
			requireTexts(t, part, append([]string{"before"}, want[from:to]...))
			requireTexts(t, c, want) // Sending again gives the same.
			c.Reset()
			require.Zero(t, c.Rows())
			require.Zero(t, c.Size())
		}
	})
}

// Only what is sent as it lies there is kept, and it is counted.
func TestKeep(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	p, in := packOf(1, []string{"one", long})
	odd := slices.Clone(p.Plain) // A length in more bytes than it needs.
	at := bytes.Index(odd, []byte("one"))
	odd = slices.Concat(odd[:at-1], []byte{0x83, 0}, odd[at:])
	for name, tc := range map[string]struct {
		plain, v []byte
		want     bool
	}{
		"in it":                     {p.Plain, in[0], true},
		"in it, with a long length": {p.Plain, in[1], true},
		"a part of a value":         {p.Plain, in[0][1:], false},
		"a value elsewhere":         {p.Plain, []byte("one"), false},
		"at its start":              {p.Plain, p.Plain[:3], false},
		"behind it":                 {p.Plain[:20], in[1], false},
		"empty":                     {p.Plain, nil, false},
		"nothing was unpacked":      {nil, in[0], false},
		"length in other bytes":     {odd, odd[at+1 : at+4], false},
	} {
		c := mustNew(t, "String")
		q := *p
		q.Plain = tc.plain
		require.Equal(t, tc.want, c.(column.Keeper).Keep(&q, tc.v), name)
		require.Equal(t, tc.want, c.Rows() == 1, name)
		require.Equal(t, tc.want, c.Size() >= len(p.Packed), name)
	}
}
