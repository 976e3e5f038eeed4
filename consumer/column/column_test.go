package column_test

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/consumer/column"
	"errata/schema"
)

func mustNew(t require.TestingT, typ string) column.Column {
	c, err := column.New(typ)
	require.NoError(t, err)
	return c
}

// decode reads what a column encodes with ch-go's own column of the type.
func decode(t require.TestingT, c column.Column) *proto.ColAuto {
	var b proto.Buffer
	if s, ok := c.(proto.StateEncoder); ok {
		s.EncodeState(&b)
	}
	c.EncodeColumn(&b)
	auto := &proto.ColAuto{}
	require.NoError(t, auto.Infer(c.Type()))
	r := proto.NewReader(bytes.NewReader(b.Buf))
	if s, ok := auto.Data.(proto.StateDecoder); ok {
		require.NoError(t, s.DecodeState(r))
	}
	require.NoError(t, auto.DecodeColumn(r, c.Rows()))
	return auto
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"Tuple(String, String)", "Nullable(String)", "LowCardinality(UInt8)", "Array(Decimal(3, 2))", "Map(String, Nothing)", "Enum8('a' = 1)", "DateTime64(x)", ""} {
		_, err := column.New(typ)
		require.ErrorIs(t, err, column.ErrType, typ)
	}
	for typ, wrong := range map[string]func(column.Cell){
		"String":                        func(c column.Cell) { c.Uint(1) },
		"UInt8":                         func(c column.Cell) { c.Text("x") },
		"Array(String)":                 func(c column.Cell) { c.Uints([]uint64{1}) },
		"Map(String, String)":           func(c column.Cell) { c.Elem().Float(1) },
		"LowCardinality(String)":        func(c column.Cell) { c.Tags(nil) },
		"UUID":                          func(c column.Cell) { c.Text("x") },
		"DateTime":                      func(c column.Cell) { c.Int(1) },
		"Float64":                       func(c column.Cell) { c.Uint(1) },
		"Array(LowCardinality(String))": func(c column.Cell) { c.Key().Text("x") },
	} {
		c := mustNew(t, typ)
		require.NoError(t, c.Err())
		wrong(c)
		require.ErrorIs(t, c.Err(), column.ErrType, typ)
	}
}

func TestValuesSaturate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ  string
		set  func(column.Cell)
		want string
	}{
		{"UInt16", func(c column.Cell) { c.Uint(70_000) }, "65535"},
		{"UInt16", func(c column.Cell) { c.Int(-5) }, "0"},
		{"Int16", func(c column.Cell) { c.Int(-70_000) }, "-32768"},
		{"Int64", func(c column.Cell) { c.Int(math.MinInt64) }, "-9223372036854775808"},
		{"UInt64", func(c column.Cell) { c.Uint(math.MaxUint64) }, "18446744073709551615"},
		{"Float32", func(c column.Cell) { c.Float(0.5) }, "0.5"},
		{"Enum8('no' = 0, 'yes' = 1)", func(c column.Cell) { c.Uint(9) }, "no"},
		{"Enum8('no' = 0, 'yes' = 1)", func(c column.Cell) { c.Uint(1) }, "yes"},
		{"DateTime('UTC')", func(c column.Cell) { c.Millis(-1) }, "1970-01-01 00:00:00 +0000 UTC"},
		{"DateTime('UTC')", func(c column.Cell) { c.Micros(math.MaxInt64) }, "2106-02-07 06:28:15 +0000 UTC"},
		{"DateTime64(3, 'UTC')", func(c column.Cell) { c.Millis(math.MaxInt64) }, "10413791999000"},
		{"DateTime64(3, 'UTC')", func(c column.Cell) { c.Micros(-1) }, "1969-12-31 23:59:59.999 +0000 UTC"},
		{"DateTime64(6, 'UTC')", func(c column.Cell) { c.Millis(5) }, "1970-01-01 00:00:00.005 +0000 UTC"},
		{"DateTime64(9, 'UTC')", func(c column.Cell) { c.Micros(5) }, "1970-01-01 00:00:00.000005 +0000 UTC"},
		{"UUID", func(c column.Cell) { c.Bytes([]byte("0123456789abcdef")) }, "30313233-3435-3637-3839-616263646566"},
		{"UUID", func(c column.Cell) { c.Bytes([]byte("short")) }, "00000000-0000-0000-0000-000000000000"},
	} {
		col := mustNew(t, c.typ)
		c.set(col)
		require.NoError(t, col.Err())
		require.Equal(t, 1, col.Rows())
		require.Equal(t, c.want, show(decode(t, col), 0), c.typ)
	}
}

// show reads a row of one of ch-go's columns as text.
func show(c *proto.ColAuto, i int) string {
	switch x := c.Data.(type) {
	case *proto.ColUInt16:
		return fmt.Sprint(x.Row(i))
	case *proto.ColInt16:
		return fmt.Sprint(x.Row(i))
	case *proto.ColInt64:
		return fmt.Sprint(x.Row(i))
	case *proto.ColUInt64:
		return fmt.Sprint(x.Row(i))
	case *proto.ColFloat32:
		return fmt.Sprint(x.Row(i))
	case *proto.ColEnum:
		return x.Row(i)
	case *proto.ColDateTime:
		return fmt.Sprint(x.Row(i).UTC())
	case *proto.ColDateTime64:
		if n := int64(x.Data[i]); n > 1<<43 && x.Precision == 3 {
			return fmt.Sprint(n) // Beyond what Go's nanoseconds hold.
		}
		return fmt.Sprint(x.Row(i).UTC())
	case *proto.ColUUID:
		return x.Row(i).String()
	}
	return fmt.Sprintf("%T", c.Data)
}

// Strings come back from a plain column and from a dictionary, over any number
// of packed chunks, whether encoded or written, and in any part of them.
func TestTextComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]string{"String", "LowCardinality(String)"}).Draw(t, "type")
		c := mustNew(t, typ)
		for round := range 2 { // The second one on memory that was used.
			var want []string
			for range rapid.IntRange(0, 40).Draw(t, "rows") {
				s := strings.Repeat(rapid.StringN(0, 20, 60).Draw(t, "text"), rapid.SampledFrom([]int{0, 1, 1, 3, 9000, 40_000}).Draw(t, "times"))
				want = append(want, s)
				c.Text(s)
			}
			require.Equal(t, len(want), c.Rows())
			requireTexts(t, c, want)
			from := rapid.IntRange(0, len(want)).Draw(t, "from")
			to := rapid.IntRange(from, len(want)).Draw(t, "to")
			part := mustNew(t, typ)
			part.Text("before")
			c.CopyTo(part, from, to)
			requireTexts(t, part, append([]string{"before"}, want[from:to]...))
			if round == 0 {
				requireTexts(t, c, want) // Sending again gives the same.
			}
			c.Reset()
			require.Zero(t, c.Rows())
			require.Zero(t, c.Size())
		}
	})
}

func requireTexts(t require.TestingT, c column.Column, want []string) {
	var got []string
	switch d := decode(t, c).Data.(type) {
	case *proto.ColStr:
		for i := range d.Rows() {
			got = append(got, d.Row(i))
		}
	case *proto.ColLowCardinality[string]:
		got = append(got, d.Values...)
	}
	if len(want) == 0 && len(got) == 0 {
		return
	}
	require.Equal(t, want, got)
	var b proto.Buffer
	c.EncodeColumn(&b)
	require.Equal(t, b.Buf, written(t, c), "written as encoded")
}

// written is what a column sends over a connection.
func written(t require.TestingT, c column.Column) []byte {
	ours, theirs := net.Pipe()
	done := make(chan []byte)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(theirs)
		done <- all.Bytes()
	}()
	w := proto.NewWriter(ours, new(proto.Buffer))
	c.WriteColumn(w)
	_, err := w.Flush()
	require.NoError(t, err)
	require.NoError(t, ours.Close())
	return <-done
}

func TestWideDictionary(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 255, 256, 257, 65_535, 65_536, 65_537} {
		c := mustNew(t, "LowCardinality(String)")
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint("word ", i))
			c.Text(want[i])
		}
		require.Equal(t, want, decode(t, c).Data.(*proto.ColLowCardinality[string]).Values, n)
	}
}

func TestListsComeBack(t *testing.T) {
	t.Parallel()
	tags := mustNew(t, "Map(LowCardinality(String), String)")
	tags.Tags([]*schema.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}})
	tags.Tags(nil)
	tags.Tags([]*schema.Tag{{Key: "a", Value: "3"}})
	part := mustNew(t, "Map(LowCardinality(String), String)")
	part.Tags([]*schema.Tag{{Key: "z", Value: "0"}})
	tags.CopyTo(part, 1, 3)
	m := proto.NewMap[string, string](new(proto.ColStr).LowCardinality(), new(proto.ColStr))
	var b proto.Buffer
	part.(proto.StateEncoder).EncodeState(&b)
	part.EncodeColumn(&b)
	r := proto.NewReader(bytes.NewReader(b.Buf))
	require.NoError(t, m.DecodeState(r))
	require.NoError(t, m.DecodeColumn(r, 3))
	require.Equal(t, []map[string]string{{"z": "0"}, {}, {"a": "3"}}, []map[string]string{m.Row(0), m.Row(1), m.Row(2)})

	lists := mustNew(t, "Array(UInt64)")
	lists.Uints([]uint64{1, 2})
	lists.Uints(nil)
	lists.Uints32([]uint32{3})
	require.Equal(t, 3, lists.Rows())
	d := decode(t, lists).Data.(*proto.ColArr[uint64])
	require.Equal(t, []uint64{1, 2}, d.Row(0))
	require.Empty(t, d.Row(1))
	require.Equal(t, []uint64{3}, d.Row(2))
}
