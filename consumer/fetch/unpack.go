package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	kafka "github.com/segmentio/kafka-go"
)

// mostUnpacked bounds what a batch unpacks to. Ours have a megabyte; what others
// write to a topic packs a hundred times at most, unless it is made to do harm.
const mostUnpacked = 128 << 20

var errLarge = fmt.Errorf("unpacked it has more than %d bytes, which are the limit; whoever writes to the topic must write smaller batches", mostUnpacked)

// unpack adds what is packed to to, at most limit bytes.
func unpack(to []byte, codec int, packed []byte, limit int) ([]byte, error) {
	var err error
	switch kafka.Compression(codec) {
	case kafka.Snappy:
		to, err = unpackSnappy(to, packed, limit)
	case kafka.Lz4:
		r := lz4Readers.Get().(*lz4.Reader)
		r.Reset(bytes.NewReader(packed))
		to, err = readAll(to, r, limit)
		lz4Readers.Put(r)
	case kafka.Gzip:
		r := gzipReaders.Get().(*gzip.Reader)
		if err = r.Reset(bytes.NewReader(packed)); err == nil {
			to, err = readAll(to, r, limit)
		}
		gzipReaders.Put(r)
	case kafka.Zstd:
		r := zstdReaders.Get().(*zstd.Decoder)
		if err = r.Reset(bytes.NewReader(packed)); err == nil {
			to, err = readAll(to, r, limit)
		}
		zstdReaders.Put(r)
	default:
		return nil, fmt.Errorf("packing %d is not known", codec)
	}
	if err != nil && !errors.Is(err, errLarge) {
		return nil, fmt.Errorf("cannot unpack %s: %w", kafka.Compression(codec), err)
	}
	return to, err
}

// unpackers are unpack for each packing, made once: packs keep them.
var unpackers = func() (all [codecBits + 1]func(to, packed []byte) ([]byte, error)) {
	for codec := range all {
		all[codec] = func(to, packed []byte) ([]byte, error) { return unpack(to, codec, packed, mostUnpacked) }
	}
	return all
}()

var (
	lz4Readers  = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstdReaders = sync.Pool{New: func() any {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(mostWindow))
		if err != nil {
			panic(err) // Only our own constants are in it.
		}
		return r
	}}
)

// mostWindow is how far back zstd may look: its strongest levels need no more.
const mostWindow = 128 << 20

// readAll reads r to its end.
func readAll(to []byte, r io.Reader, limit int) ([]byte, error) {
	for {
		if len(to) == cap(to) {
			to = slices.Grow(to, max(64<<10, min(len(to), 4<<20)))
		}
		n, err := r.Read(to[len(to):cap(to)])
		to = to[:len(to)+n]
		switch {
		case len(to) > limit:
			return nil, errLarge
		case err == io.EOF:
			return to, nil
		case err != nil:
			return nil, err
		}
	}
}

// snappyMagic begins the frames of Kafka's Java client; two numbers of versions
// follow, then blocks with their lengths. Other clients write one bare block.
var snappyMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const snappyHead = 8 + 4 + 4

func unpackSnappy(to, packed []byte, limit int) ([]byte, error) {
	if len(packed) < snappyHead || !bytes.HasPrefix(packed, snappyMagic) {
		return unpackBlock(to, packed, limit)
	}
	var err error
	for left := packed[snappyHead:]; len(left) > 0; {
		if len(left) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := binary.BigEndian.Uint32(left)
		if left = left[4:]; int64(n) > int64(len(left)) {
			return nil, io.ErrUnexpectedEOF
		}
		if to, err = unpackBlock(to, left[:n], limit); err != nil {
			return nil, err
		}
		left = left[n:]
	}
	return to, nil
}

func unpackBlock(to, block []byte, limit int) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	at := len(to)
	if n > limit-at {
		return nil, errLarge
	}
	to = slices.Grow(to, n)
	if _, err = s2.Decode(to[at:at+n], block); err != nil {
		return nil, err
	}
	return to[:at+n], nil
}
