package inflate

import (
	"bufio"
	"compress/zlib"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"errata/ingest/mapping"
)

// Known reports whether a Content-Encoding can be read; empty, identity and
// UTF-8 mean no encoding (sentry-ruby and old Android clients send them).
func Known(encoding string) bool {
	_, ok := normal(encoding)
	return ok
}

// Plain reports whether a Content-Encoding means none.
func Plain(encoding string) bool {
	e, _ := normal(encoding)
	return e == ""
}

// normal returns the name of an encoding. Of a list, all but one must mean
// nothing: proxies write gzip, identity.
func normal(encoding string) (string, bool) {
	first, rest, list := strings.Cut(encoding, ",")
	if list {
		a, known := normal(first)
		b, all := normal(rest)
		switch {
		case !known || !all || a != "" && b != "":
			return encoding, false
		case a == "":
			return b, true
		}
		return a, true
	}
	switch e := strings.ToLower(strings.TrimSpace(encoding)); e {
	case "", "identity", "utf-8", "utf8":
		return "", true
	case "gzip", "x-gzip":
		return "gzip", true
	case "snappy", "x-snappy-framed":
		return "snappy", true
	case "zlib":
		return "deflate", true
	case "deflate", "br", "zstd", "lz4":
		return e, true
	default:
		return e, false
	}
}

// reader returns a pooled decoder over raw.
func (d *Decoder) reader(raw []byte, encoding string) (io.Reader, func(), error) {
	src := mapping.NewReader(raw)
	switch encoding {
	case "gzip":
		z, _ := d.gzips.Get().(*gzip.Reader)
		if z == nil {
			z = new(gzip.Reader)
		}
		if err := z.Reset(src); err != nil {
			return nil, nil, err
		}
		return z, func() { d.gzips.Put(z) }, nil
	case "deflate":
		// The name means zlib, and some clients send the bare stream.
		if len(raw) >= 2 && raw[0]&0x0f == 8 && (uint(raw[0])<<8|uint(raw[1]))%31 == 0 {
			z, _ := d.zlibs.Get().(io.ReadCloser)
			var err error
			if z == nil {
				z, err = zlib.NewReader(src)
			} else {
				err = z.(zlib.Resetter).Reset(src, nil)
			}
			if err != nil {
				return nil, nil, err
			}
			return z, func() { d.zlibs.Put(z) }, nil
		}
		f, _ := d.flates.Get().(io.ReadCloser)
		if f == nil {
			f = flate.NewReader(bufio.NewReader(src))
		} else if err := f.(flate.Resetter).Reset(src, nil); err != nil {
			return nil, nil, err
		}
		return f, func() { d.flates.Put(f) }, nil
	case "br":
		b, _ := d.brotlis.Get().(*brotli.Reader)
		if b == nil {
			b = brotli.NewReader(src)
		} else if err := b.Reset(src); err != nil {
			return nil, nil, err
		}
		return b, func() { d.brotlis.Put(b) }, nil
	case "snappy":
		z, _ := d.snappys.Get().(*s2.Reader)
		if z == nil {
			z = s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10)) // No frame of snappy has more.
		}
		z.Reset(src)
		return z, func() { d.snappys.Put(z) }, nil
	case "lz4":
		z, _ := d.lz4s.Get().(*lz4.Reader)
		if z == nil {
			z = lz4.NewReader(src)
		} else {
			z.Reset(src)
		}
		return z, func() { d.lz4s.Put(z) }, nil
	default:
		z, _ := d.zstds.Get().(*zstd.Decoder)
		if z == nil {
			var err error
			// One goroutine, and a window that no sender may widen.
			if z, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20)); err != nil {
				return nil, nil, err
			}
		} else if err := z.Reset(src); err != nil {
			return nil, nil, err
		}
		return z, func() { d.zstds.Put(z) }, nil
	}
}
