package inflate

import (
	"bytes"
	stdflate "compress/flate"
	stdgzip "compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
)

func pack(t testing.TB, encoding string, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch encoding {
	case "gzip":
		w = stdgzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw deflate":
		w, err = stdflate.NewWriter(&b, 6)
	case "br":
		w = brotli.NewWriterLevel(&b, 4)
	case "zstd":
		w, err = zstd.NewWriter(&b, zstd.WithWindowSize(1<<20))
	case "snappy":
		w = s2.NewWriter(&b, s2.WriterSnappyCompat())
	case "snappy block":
		all, err := io.ReadAll(r)
		require.NoError(t, err)
		return s2.EncodeSnappy(nil, all)
	case "lz4":
		w = lz4.NewWriter(&b)
	}
	require.NoError(t, err)
	_, err = io.Copy(w, r)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func header(name string) string {
	switch name {
	case "raw deflate":
		return "deflate"
	case "snappy block":
		return "snappy"
	}
	return name
}

var encodings = []string{"gzip", "deflate", "raw deflate", "br", "zstd", "snappy", "snappy block", "lz4"}

// noise is text that shrinks about as JSON does.
func noise(n int) []byte {
	b := make([]byte, 0, n+64)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, `{"k%d":"%x"},`, i%97, uint32(i)*2654435761)
	}
	return b[:n]
}

func TestRoundTrips(t *testing.T) {
	d := New(64<<20, 64<<20, nil)
	for _, size := range []int{0, 1, 1000, firstBytes, firstBytes + 1, 300_000, smallBytes, smallBytes + 1, 9 << 20} {
		want := noise(size)
		for _, e := range encodings {
			t.Run(fmt.Sprint(e, " ", size), func(t *testing.T) {
				raw := pack(t, e, bytes.NewReader(want))
				for range 2 { // The second one uses pooled readers.
					b, err := d.Decode(t.Context(), raw, header(e), 10<<20, nil)
					require.NoError(t, err)
					require.True(t, bytes.Equal(want, b.Bytes))
					b.Release()
				}
			})
		}
	}
	require.True(t, d.small.TryAcquire(64<<20), "all memory was given back")
	require.True(t, d.large.TryAcquire(64<<20), "all memory was given back")
}

func TestLimits(t *testing.T) {
	d := New(16<<20, 16<<20, nil)
	for _, e := range encodings {
		raw := pack(t, e, bytes.NewReader(noise(2000)))
		_, err := d.Decode(t.Context(), raw, header(e), 1999, nil)
		require.ErrorIs(t, err, ErrTooLarge, e)
		b, err := d.Decode(t.Context(), raw, header(e), 2000, nil)
		require.NoError(t, err, e)
		b.Release()
		big := pack(t, e, bytes.NewReader(noise(6<<20)))
		_, err = d.Decode(t.Context(), big, header(e), 5<<20, nil)
		require.ErrorIs(t, err, ErrTooLarge, e)
	}
	_, err := d.Decode(t.Context(), make([]byte, 11), "", 10, nil)
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = d.Decode(t.Context(), []byte("x"), "lzma", 10, nil)
	require.ErrorIs(t, err, ErrEncoding)
}

func TestClaimedSizeOfABlock(t *testing.T) {
	d := New(8<<20, 64<<20, nil)
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"more than it can hold": {[]byte("\xff\xff\xff\x07\x00a"), nil},
		"beyond the limit":      {s2.EncodeSnappy(nil, make([]byte, 41<<20)), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := d.Decode(t.Context(), c.raw, "snappy", 40<<20, nil)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
		})
	}
	require.True(t, d.small.TryAcquire(8<<20), "all memory was given back")
	require.True(t, d.heavy.TryAcquire(1), "every turn was given back")
}

func TestOtherNames(t *testing.T) {
	d := New(1<<20, 1<<20, nil)
	for name, as := range map[string]string{"x-gzip": "gzip", "zlib": "deflate", "x-snappy-framed": "snappy", " GZIP ": "gzip"} {
		b, err := d.Decode(t.Context(), pack(t, as, bytes.NewReader(noise(500))), name, 1000, nil)
		require.NoError(t, err, name)
		require.Equal(t, noise(500), b.Bytes, name)
		b.Release()
	}
}

func TestListsOfEncodings(t *testing.T) {
	d := New(1<<20, 1<<20, nil)
	raw := pack(t, "gzip", bytes.NewReader([]byte("body")))
	for _, e := range []string{"gzip", "X-GZIP", "gzip, identity", "identity,gzip", " identity , gzip , identity"} {
		b, err := d.Decode(t.Context(), raw, e, 10, nil)
		require.NoError(t, err, e)
		require.Equal(t, "body", string(b.Bytes), e)
		b.Release()
	}
	for _, e := range []string{"gzip, gzip", "gzip, nothing", "gzip;q=1", strings.Repeat("gzip,", 1000)} {
		require.False(t, Known(e), e)
	}
}

func TestNamesThatMeanNoEncoding(t *testing.T) {
	d := New(1<<20, 1<<20, nil)
	for _, e := range []string{"", "identity", "UTF-8", " utf8 "} {
		b, err := d.Decode(t.Context(), []byte("body"), e, 10, nil)
		require.NoError(t, err)
		require.Equal(t, "body", string(b.Bytes))
		b.Release()
	}
}

func TestDamagedBodies(t *testing.T) {
	d := New(1<<20, 1<<20, nil)
	for _, e := range encodings {
		raw := pack(t, e, bytes.NewReader(noise(50_000)))
		_, err := d.Decode(t.Context(), raw[:len(raw)/2], header(e), 1<<20, nil)
		require.Error(t, err, e)
		_, err = d.Decode(t.Context(), []byte("this is no archive at all"), header(e), 1<<20, nil)
		require.Error(t, err, e)
		b, err := d.Decode(t.Context(), raw, header(e), 1<<20, nil)
		require.NoError(t, err, "a damaged body leaves the pooled reader usable: %s", e)
		b.Release()
	}
	require.True(t, d.small.TryAcquire(1<<20), "all memory was given back")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestBombsCostNoMemory(t *testing.T) {
	d := New(32<<20, 200<<20, nil)
	for _, e := range []string{"gzip", "br", "zstd", "snappy", "lz4"} {
		raw := pack(t, e, io.LimitReader(zeros{}, 256<<20))
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				_, err := d.Decode(t.Context(), raw, e, 200<<20, nil)
				if err == nil {
					t.Errorf("%s: a bomb was inflated", e)
				}
			})
		}
		wg.Wait()
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20), e)
	}
}

// One target an encoding: the fuzzer's time would go to the name of the encoding
// otherwise.

func FuzzGzip(f *testing.F)    { fuzz(f, "gzip") }
func FuzzDeflate(f *testing.F) { fuzz(f, "deflate") }
func FuzzBrotli(f *testing.F)  { fuzz(f, "br") }
func FuzzZstd(f *testing.F)    { fuzz(f, "zstd") }
func FuzzSnappy(f *testing.F)  { fuzz(f, "snappy") }
func FuzzLz4(f *testing.F)     { fuzz(f, "lz4") }

func fuzz(f *testing.F, encoding string) {
	const limit = 1 << 20
	for _, n := range []int{0, 1, 500, 70_000} {
		f.Add(pack(f, encoding, bytes.NewReader(noise(n))))
	}
	f.Add(pack(f, encoding, bytes.NewReader(make([]byte, limit+1))))
	if encoding == "deflate" {
		f.Add(pack(f, "raw deflate", bytes.NewReader(noise(500))))
	}
	if encoding == "snappy" {
		f.Add(pack(f, "snappy block", bytes.NewReader(noise(500))))
		f.Add([]byte("\xff\xff\xff\xff\x07\x00\x61")) // A claim of 2 GiB.
	}
	d := New(8*limit, 8*limit, nil)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := d.Decode(t.Context(), raw, encoding, limit, nil)
		if err != nil {
			return
		}
		if len(b.Bytes) > limit {
			t.Fatal("beyond the limit")
		}
		b.Release()
	})
}

func BenchmarkGzip5KB(b *testing.B) {
	d := New(64<<20, 64<<20, nil)
	raw := pack(b, "gzip", bytes.NewReader(noise(5000)))
	b.ReportAllocs()
	for b.Loop() {
		body, err := d.Decode(b.Context(), raw, "gzip", 1<<20, nil)
		if err != nil {
			b.Fatal(err)
		}
		body.Release()
	}
}
