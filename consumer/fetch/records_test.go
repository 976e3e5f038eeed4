package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// got is a record as it is compared.
type got struct {
	Offset, Millis int64
	Value          string
	Null           bool
	Headers        string
}

// readSet reads a set from an offset on.
func readSet(set []byte, from int64) (out []got, next int64, err error) {
	r := &Records{left: set, next: from}
	var rec Record
	for {
		if err := r.Next(&rec); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out, r.Offset(), err
		}
		g := got{Offset: rec.Offset, Millis: rec.Millis, Value: string(rec.Value), Null: rec.Value == nil}
		for _, h := range rec.Headers {
			g.Headers += fmt.Sprintf("%s=%s;", h.Key, h.Value)
		}
		out = append(out, g)
	}
}

// readByClient reads a set with the client's decoder.
func readByClient(set []byte) (out []got, err error) {
	var s protocol.RecordSet
	if _, err := s.ReadFrom(bytes.NewReader(append(binary.BigEndian.AppendUint32(nil, uint32(len(set))), set...))); err != nil {
		return nil, err
	}
	if s.Records == nil {
		return nil, nil
	}
	for {
		r, err := s.Records.ReadRecord()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out, err
		}
		v, err := protocol.ReadAll(r.Value)
		if err != nil {
			return out, err
		}
		g := got{Offset: r.Offset, Millis: r.Time.UnixMilli(), Value: string(v), Null: r.Value == nil}
		for _, h := range r.Headers {
			g.Headers += fmt.Sprintf("%s=%s;", h.Key, h.Value)
		}
		out = append(out, g)
	}
}

// written is records as the client writes them, from an offset on.
func written(t testing.TB, version int8, packing kafka.Compression, base int64, records ...protocol.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := (&protocol.RecordSet{Version: version, Attributes: protocol.Attributes(packing), Records: protocol.NewRecordReader(records...)}).WriteTo(&b)
	require.NoError(t, err)
	set := b.Bytes()[4:]
	if version == 2 {
		binary.BigEndian.PutUint64(set, uint64(base))
		return set
	}
	for i, left := 0, set; len(left) > 0; i++ { // A packed message has the offset of the last one in it.
		offset := base + int64(i)
		if packing != 0 {
			offset = base + int64(len(records)) - 1
		}
		binary.BigEndian.PutUint64(left, uint64(offset))
		left = left[entryBytes+binary.BigEndian.Uint32(left[8:]):]
	}
	return set
}

func randomRecords(r *rand.Rand, n int, headers bool) []protocol.Record {
	out := make([]protocol.Record, n)
	for i := range out {
		v := []byte(strings.Repeat(fmt.Sprint("value ", r.IntN(1000), " "), r.IntN(200)))
		for range r.IntN(200) {
			v = append(v, byte(r.UintN(256)))
		}
		if r.IntN(40) == 0 {
			v = make([]byte, r.IntN(150_000))
		}
		out[i] = protocol.Record{Time: time.UnixMilli(1_795_000_000_000 + r.Int64N(10_000) - 5000)}
		if r.IntN(10) > 0 {
			out[i].Value = protocol.NewBytes(v)
		}
		if r.IntN(3) > 0 {
			out[i].Key = protocol.NewBytes([]byte(fmt.Sprint("key", i)))
		}
		for k := range r.IntN(3) {
			if headers {
				out[i].Headers = append(out[i].Headers, protocol.Header{Key: fmt.Sprint("h", k), Value: []byte(fmt.Sprint(r.IntN(1000)))})
			}
		}
	}
	return out
}

// Sets are read as the client's decoder reads them: in both formats that it
// writes, with every packing, from any offset on, and cut off anywhere.
func TestRecordsAgainstClient(t *testing.T) {
	t.Parallel()
	for _, version := range []int8{1, 2} {
		for packing := range kafka.Compression(5) {
			t.Run(fmt.Sprintf("v%d %s", version, packing), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(uint64(version), uint64(packing)))
				for range 6 {
					var set []byte
					base := 1 + r.Int64N(1<<40)
					first := base
					for range 1 + r.IntN(4) {
						records := randomRecords(r, 1+r.IntN(60), version == 2)
						set = append(set, written(t, version, packing, base, records...)...)
						base += int64(len(records)) + r.Int64N(3) // Offsets may be left out.
					}
					want, err := readByClient(set)
					require.NoError(t, err)
					have, next, err := readSet(set, first)
					require.NoError(t, err)
					require.Equal(t, want, have)
					require.Equal(t, want[len(want)-1].Offset+1, next)

					i := r.IntN(len(want))
					have, _, err = readSet(set, want[i].Offset)
					require.NoError(t, err)
					require.Equal(t, want[i:], have)

					cut := set[:len(set)-1-r.IntN(len(set)/2)]
					have, next, err = readSet(cut, first)
					if len(have) == 0 {
						require.Error(t, err)
						continue
					}
					require.NoError(t, err)
					require.Equal(t, want[:len(have)], have)
					require.Equal(t, have[len(have)-1].Offset+1, next)
				}
			})
		}
	}
}

// built makes a batch; change may spoil it before its length and checksum are
// set.
func built(base int64, change func(b *kmsg.RecordBatch), offsets ...int32) []byte {
	b := &kmsg.RecordBatch{FirstOffset: base, Magic: 2, NumRecords: int32(len(offsets)), FirstTimestamp: 1000, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1}
	for _, o := range offsets {
		b.Records = append(b.Records, builtRecord(o, fmt.Sprint("value ", base+int64(o)))...)
		b.LastOffsetDelta = o
	}
	if change != nil {
		change(b)
	}
	return sealed(b.AppendTo(nil))
}

func builtRecord(delta int32, value string) []byte {
	r := kmsg.Record{OffsetDelta: delta, Value: []byte(value)}
	r.Length = int32(len(r.AppendTo(nil)) - 1) // Without the length itself, which has one byte here.
	return r.AppendTo(nil)
}

// sealed sets the length and the checksum of a batch.
func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-entryBytes))
	binary.BigEndian.PutUint32(b[sumAt:], crc32.Checksum(b[checkedAt:], castagnoli))
	return b
}

func join(sets ...[]byte) []byte { return bytes.Join(sets, nil) }

func TestRecords(t *testing.T) {
	t.Parallel()
	packed := func(codec int16, pack func(raw []byte) []byte) func(b *kmsg.RecordBatch) {
		return func(b *kmsg.RecordBatch) { b.Attributes, b.Records = codec, pack(b.Records) }
	}
	framed := func(raw []byte) []byte { // As the Java client does, in two blocks.
		out := append([]byte(nil), 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1)
		for _, p := range [][]byte{raw[:3], raw[3:]} {
			block := snappy.Encode(nil, p)
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(block))), block...)
		}
		return out
	}
	zipped := func(raw []byte) []byte {
		w, err := zstd.NewWriter(nil)
		require.NoError(t, err)
		return w.EncodeAll(raw, nil)
	}
	old := func(base int64, magic byte, codec byte, value []byte) []byte {
		m := []byte{magic, codec}
		if magic == 1 {
			m = binary.BigEndian.AppendUint64(m, 1000)
		}
		m = binary.BigEndian.AppendUint32(m, 0xffffffff)
		m = append(binary.BigEndian.AppendUint32(m, uint32(len(value))), value...)
		out := binary.BigEndian.AppendUint64(nil, uint64(base))
		out = binary.BigEndian.AppendUint32(out, uint32(len(m)+4))
		return append(binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(m)), m...)
	}
	for name, tc := range map[string]struct {
		set  []byte
		from int64
		want []int64 // Offsets; the value of each names it.
		next int64
		err  string
	}{
		"nothing":                           {from: 7, next: 7},
		"one batch":                         {set: built(5, nil, 0, 1, 2), from: 5, want: []int64{5, 6, 7}, next: 8},
		"begins before the offset":          {set: join(built(5, nil, 0, 1, 2), built(8, nil, 0)), from: 7, want: []int64{7, 8}, next: 9},
		"a batch before the offset":         {set: join(built(5, nil, 0, 1), built(7, nil, 0)), from: 7, want: []int64{7}, next: 8},
		"a damaged batch is not passed":     {set: join(built(5, func(b *kmsg.RecordBatch) { b.NumRecords = 9 }, 0, 1), built(7, nil, 0)), from: 7, next: 7, err: "it says that it has 9 records up to its offset 1"},
		"gaps in a batch":                   {set: built(5, nil, 1, 4, 9), from: 5, want: []int64{6, 9, 14}, next: 15},
		"its last records are gone":         {set: built(5, func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 20 }, 0, 1), from: 5, want: []int64{5, 6}, next: 26},
		"all of its records are gone":       {set: join(built(5, func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 3 }), built(9, nil, 0)), from: 5, want: []int64{9}, next: 10},
		"the end of a transaction":          {set: join(built(5, func(b *kmsg.RecordBatch) { b.Attributes = controlBits | 1<<4 }, 0), built(6, nil, 0)), from: 5, want: []int64{6}, next: 7},
		"only the end of a transaction":     {set: built(5, func(b *kmsg.RecordBatch) { b.Attributes = controlBits | 1<<4 }, 0), from: 5, next: 6},
		"a part of the second batch":        {set: join(built(5, nil, 0), built(6, nil, 0)[:40]), from: 5, want: []int64{5}, next: 6},
		"a few bytes of the second batch":   {set: join(built(5, nil, 0), built(6, nil, 0)[:7]), from: 5, want: []int64{5}, next: 6},
		"a part of the only batch":          {set: built(5, nil, 0, 1, 2)[:70], from: 5, next: 5, err: "the broker sent the first 70 bytes of it only; set the topic's max.message.bytes lower"},
		"bytes that are none":               {set: built(5, nil, 0)[:9], from: 5, next: 5, err: "the first 9 bytes"},
		"snappy, one block":                 {set: built(5, packed(2, func(raw []byte) []byte { return snappy.Encode(nil, raw) }), 0, 1), from: 5, want: []int64{5, 6}, next: 7},
		"snappy, frames":                    {set: built(5, packed(2, framed), 0, 1), from: 5, want: []int64{5, 6}, next: 7},
		"snappy, half a frame":              {set: built(5, packed(2, func(raw []byte) []byte { f := framed(raw); return f[:len(f)-1] }), 0, 1), from: 5, next: 5, err: "cannot unpack snappy: unexpected EOF"},
		"snappy says too large":             {set: built(5, packed(2, func([]byte) []byte { return binary.AppendUvarint(nil, 1<<31) }), 0), from: 5, next: 5, err: "more than 134217728 bytes"},
		"zstd":                              {set: built(5, packed(4, zipped), 0, 1), from: 5, want: []int64{5, 6}, next: 7},
		"packing that is none":              {set: built(5, packed(4, func(raw []byte) []byte { return raw }), 0), from: 5, next: 5, err: "cannot unpack zstd"},
		"packing that is not known":         {set: built(5, packed(6, func(raw []byte) []byte { return raw }), 0), from: 5, next: 5, err: "packing 6 is not known"},
		"format that is not known":          {set: built(5, func(b *kmsg.RecordBatch) { b.Magic = 3 }, 0), from: 5, next: 5, err: "format 3 is not known"},
		"checksum":                          {set: func() []byte { b := built(5, nil, 0); b[len(b)-1]++; return b }(), from: 5, next: 5, err: "as it says: it is damaged"},
		"damage after a good batch":         {set: join(built(5, nil, 0), func() []byte { b := built(6, nil, 0); b[len(b)-1]++; return b }()), from: 5, want: []int64{5}, next: 6, err: "cannot read the batch at offset 6: its checksum"},
		"bytes after the last record":       {set: built(5, func(b *kmsg.RecordBatch) { b.Records = append(b.Records, 1, 2) }, 0), from: 5, next: 5, err: "there are 2 bytes after its last record"},
		"fewer records than it says":        {set: built(5, func(b *kmsg.RecordBatch) { b.NumRecords, b.LastOffsetDelta = 3, 2 }, 0, 1), from: 5, want: []int64{5, 6}, next: 7, err: "the record after offset 6 does not fill its 0 bytes"},
		"more records than it says":         {set: built(5, func(b *kmsg.RecordBatch) { b.NumRecords = 1 }, 0, 1), from: 5, next: 5, err: "bytes after its last record"},
		"offsets that go back":              {set: built(5, func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 9 }, 3, 1), from: 5, want: []int64{8}, next: 9, err: "the record after offset 8 is said to be at 6"},
		"an offset beyond the batch":        {set: built(5, func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 1 }, 0, 2), from: 5, want: []int64{5}, next: 6, err: "is said to be at 7, the batch ends before 7"},
		"a record longer than the batch":    {set: built(5, func(b *kmsg.RecordBatch) { b.Records[0] += 8 }, 0), from: 5, next: 5, err: "does not fill its"},
		"a record with bytes of its own":    {set: built(5, func(b *kmsg.RecordBatch) { b.Records = append(b.Records, 0); b.Records[0] += 2 }, 0), from: 5, next: 5, err: "does not fill its"},
		"a batch that is shorter than one":  {set: sealed(built(5, nil, 0)[:50]), from: 5, next: 5, err: "its head alone has 61"},
		"a length that is none":             {set: binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, 5), 0xffffffff), from: 5, next: 5, err: "it says that it has -1 bytes"},
		"messages of both formats before":   {set: join(old(5, 0, 0, []byte("value 5")), old(6, 1, 0, []byte("value 6")), built(7, nil, 0)), from: 5, want: []int64{5, 6, 7}, next: 8},
		"messages before the offset":        {set: join(old(5, 0, 0, []byte("value 5")), old(6, 1, 0, []byte("value 6"))), from: 6, want: []int64{6}, next: 7},
		"a packed message of the first":     {set: old(9, 0, 2, snappy.Encode(nil, join(old(7, 0, 0, []byte("value 7")), old(9, 0, 0, []byte("value 9"))))), from: 5, want: []int64{7, 9}, next: 10},
		"a packed message of the second":    {set: old(9, 1, 2, snappy.Encode(nil, join(old(0, 1, 0, []byte("value 7")), old(2, 1, 0, []byte("value 9"))))), from: 5, want: []int64{7, 9}, next: 10},
		"a packed message in a packed one":  {set: old(9, 1, 2, snappy.Encode(nil, old(0, 1, 2, nil))), from: 5, next: 5, err: "holds another one that is packed"},
		"a packed message of half a one":    {set: old(9, 1, 2, snappy.Encode(nil, old(0, 1, 0, []byte("x"))[:20])), from: 5, next: 5, err: "are no message"},
		"checksum of a message":             {set: func() []byte { b := old(5, 1, 0, []byte("x")); b[len(b)-1]++; return b }(), from: 5, next: 5, err: "the checksum of a message"},
		"a message with bytes of its own":   {set: old(5, 1, 0, []byte("x")), from: 6, next: 6},
		"a batch in a message of the first": {set: old(9, 1, 2, snappy.Encode(nil, built(5, nil, 0))), from: 5, next: 5, err: "are no message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have, next, err := readSet(tc.set, tc.from)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
			var offsets []int64
			for _, g := range have {
				offsets = append(offsets, g.Offset)
				require.Equal(t, fmt.Sprint("value ", g.Offset), g.Value)
			}
			require.Equal(t, tc.want, offsets)
			require.Equal(t, tc.next, next)
		})
	}
}

// Every packing unpacks to what was packed, at most to the limit, and says so
// where it is cut off.
func TestUnpack(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte("what is in a batch "), 10_000)
	for codec := 1; codec <= 4; codec++ {
		t.Run(kafka.Compression(codec).String(), func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			w := kafka.Compression(codec).Codec().NewWriter(&b)
			_, err := w.Write(raw)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			for range 2 { // Readers are used again, after an error too.
				out, err := unpack([]byte("before "), codec, b.Bytes(), len(raw)+7)
				require.NoError(t, err)
				require.Equal(t, "before "+string(raw), string(out))
				_, err = unpack(nil, codec, b.Bytes(), len(raw)-1)
				require.ErrorIs(t, err, errLarge)
				_, err = unpack(nil, codec, b.Bytes()[:b.Len()-1], len(raw))
				require.Error(t, err)
			}
		})
	}
}

// FuzzRecords: no input panics; what is read is what the client's decoder reads,
// and offsets ascend from the one that was asked for.
func FuzzRecords(f *testing.F) {
	f.Add(built(5, nil, 0, 1, 2), int64(6))
	f.Add(join(built(5, nil, 0, 3), built(9, func(b *kmsg.RecordBatch) { b.Attributes = controlBits }, 0), built(10, nil, 0)), int64(0))
	for packing := range kafka.Compression(5) {
		r := rand.New(rand.NewPCG(1, uint64(packing)))
		for _, version := range []int8{1, 2} {
			f.Add(written(f, version, packing, 5, protocol.Record{Value: protocol.NewBytes([]byte("value")), Key: protocol.NewBytes([]byte("key"))}), int64(5))
			f.Add(written(f, version, packing, 5, randomRecords(r, 3, version == 2)...), int64(5))
		}
	}
	f.Fuzz(func(t *testing.T, set []byte, from int64) {
		from = max(from, 0)
		set = bytes.Clone(set)
		differs := false     // Whether the client reads it in another way.
		for left := set; ; { // Checksums are set right, or nothing behind them is ever reached.
			entry, _, err := cut(left)
			if entry == nil || err != nil {
				break
			}
			switch {
			case entry[magicAt] == 2 && len(entry) >= headBytes:
				sealed(entry)
				c := cursor{b: entry[checkedAt:]}
				attributes := c.int16()
				c.skip(34)
				if attributes&controlBits != 0 || attributes&codecBits != 0 && c.int32() == 0 {
					differs = true // It reads what nobody wants of it.
				}
			case entry[magicAt] < 2 && len(entry) > magicAt+1:
				binary.BigEndian.PutUint32(entry[entryBytes:], crc32.ChecksumIEEE(entry[entryBytes+4:]))
				differs = differs || entry[magicAt+1]&codecBits != 0 // It counts messages to know their offsets, which is wrong where some are gone.
			}
			left = left[len(entry):]
		}
		have, next, err := readSet(set, from)
		last := from - 1
		for _, g := range have {
			require.Greater(t, g.Offset, last)
			last = g.Offset
		}
		require.GreaterOrEqual(t, next, last+1)
		all, _, allErr := readSet(set, 0)
		if err != nil || allErr != nil || differs {
			return
		}
		want, err := readByClient(set)
		require.NoError(t, err)
		require.Equal(t, want, all)
	})
}
