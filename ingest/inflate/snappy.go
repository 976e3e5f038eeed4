package inflate

import (
	"bytes"
	"context"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// framed is how a stream of snappy frames begins. Collectors of OpenTelemetry
// have sent both that and a single block under the name of snappy.
var framed = []byte("\xff\x06\x00\x00sNaPpY")

// snappyBlock reports whether a body is one block of snappy, which cannot be
// read a part at a time.
func snappyBlock(raw []byte, encoding string) bool {
	return encoding == "snappy" && !bytes.HasPrefix(raw, framed)
}

// readBlock inflates a block of snappy. The size that it claims is believed only
// as far as the limit, and where the bytes can hold it: none holds more than
// maxSnappy times its own.
func (d *Decoder) readBlock(ctx context.Context, raw []byte, limit int64, watch Watch) (b *Body, err error) {
	const maxSnappy = 64
	claimed, err := s2.DecodedLen(raw)
	size := int64(claimed)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read snappy: %w", err)
	case size > int64(len(raw))*maxSnappy:
		return nil, fmt.Errorf("cannot read snappy: %d bytes cannot hold the %d that they claim", len(raw), size)
	case size > min(limit, d.largeMax):
		return nil, ErrTooLarge
	}
	b = &Body{d: d, held: size, from: d.small}
	if size > smallBytes {
		b.from = d.large
	}
	if size > HeavyBytes {
		if b.leave, err = d.turn(ctx); err != nil {
			return nil, err
		}
	}
	if !b.from.TryAcquire(size) {
		b.held = 0
		b.Release()
		return nil, ErrBusy
	}
	if b.Bytes, err = s2.Decode(nil, raw); err != nil {
		b.Release()
		return nil, fmt.Errorf("cannot read snappy: %w", err)
	}
	for part := b.Bytes; len(part) > 0; part = part[min(len(part), firstBytes):] {
		if err := watch(part[:min(len(part), firstBytes)]); err != nil {
			b.Release()
			return nil, err
		}
	}
	return b, nil
}
