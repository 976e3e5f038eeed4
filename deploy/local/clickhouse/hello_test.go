package clickhouse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func packet(texts ...string) []byte {
	text := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b := text([]byte{0}, "client")
	b = append(b, 26, 7, 0xf0, 0xa8, 3)
	for _, s := range texts {
		b = text(b, s)
	}
	return b
}

func TestReadHello(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw  []byte
		want hello
		err  bool
	}{
		"complete":           {raw: packet("errata", "reader", "secret"), want: hello{database: "errata", user: "reader", password: "secret"}},
		"empty texts":        {raw: packet("", "", ""), want: hello{}},
		"more than a hello":  {raw: append(packet("d", "u", "p"), 1, 2, 3), want: hello{database: "d", user: "u", password: "p"}},
		"another packet":     {raw: []byte{1, 0}, err: true},
		"cut off":            {raw: packet("errata", "reader"), err: true},
		"a text of 4 GiB":    {raw: append([]byte{0}, binary.AppendUvarint(nil, 4<<30)...), err: true},
		"nothing":            {err: true},
		"a number too large": {raw: bytes.Repeat([]byte{0xff}, 12), err: true},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := readHello(bufio.NewReader(bytes.NewReader(tc.raw)))
			if tc.err {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.raw, h.raw, "passed on as it came")
			h.raw = nil
			require.Equal(t, tc.want, h)
		})
	}
}

func FuzzHello(f *testing.F) {
	f.Add(packet("errata", "reader", "secret"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := readHello(bufio.NewReaderSize(bytes.NewReader(raw), 1<<10))
		if err == nil && len(h.database)+len(h.user)+len(h.password) > len(raw) {
			t.Fatalf("%d bytes became %+v", len(raw), h)
		}
	})
}
