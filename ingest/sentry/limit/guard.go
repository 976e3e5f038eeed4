package limit

import (
	"bytes"

	"errata/ingest/sentry/envelope"
)

// Guard follows an envelope while it arrives and says, before the rest is read,
// that an item is over the limit of its kind: an event of which a megabyte has
// come is refused whatever follows. It keeps no payload, and what it cannot
// follow it leaves to Envelope.
type Guard struct {
	sum     sizes
	state   guardState
	pending []byte // Of a header that is not complete.
	typ     string // Of the item whose payload comes.
	left    int    // Bytes of a payload with a length that are to come.
	seen    int    // Bytes of a payload without one that came.
}

type guardState uint8

const (
	atEnvelope guardState = iota // The envelope's header, or the newline after it.
	atItem                       // White space or an item's header.
	inLength                     // A payload with a length.
	inLine                       // A payload that ends with its line.
	lost                         // No envelope.
)

// Watch looks at the next part of the body. The error is the one of Envelope
// for the same body.
func (g *Guard) Watch(part []byte) error {
	for len(part) > 0 {
		switch g.state {
		case atEnvelope, atItem:
			g.pending = append(g.pending, part...)
			part = nil
			rest, ok, err := g.header()
			if err != nil {
				return err
			}
			if ok {
				part, g.pending = rest, nil
			}
		case inLength:
			n := min(g.left, len(part))
			g.left -= n
			part = part[n:]
			if g.left == 0 {
				g.state = atItem // The newline is white space before the next header.
			}
		case inLine:
			n := bytes.IndexByte(part, '\n')
			end := n >= 0
			if !end {
				n = len(part)
			}
			g.seen += n
			part = part[n:]
			sum := g.sum
			if err := sum.add(g.typ, g.seen); err != nil {
				return err
			}
			if end {
				g.sum, g.state = sum, atItem
			}
		case lost:
			return nil
		}
	}
	return nil
}

// header reads one header from what is pending; ok is false where more of it is
// to come or there is nothing to follow.
func (g *Guard) header() (rest []byte, ok bool, err error) {
	b := g.pending
	if g.state == atEnvelope {
		_, end, err := envelope.ParseHeader(b)
		switch {
		case err == nil && end < len(b):
			g.state = atItem
			return b[end:], true, nil
		case len(b) > envelope.MaxHeaderBytes:
			g.lose()
		}
		return nil, false, nil
	}
	typ, length, end, more, err := envelope.ItemHeader(b)
	switch {
	case err != nil && more && len(b) <= 2*envelope.MaxHeaderBytes, err == nil && end == len(b):
		return nil, false, nil // The newline after it is to come.
	case err != nil || b[end] != '\n':
		g.lose()
		return nil, false, nil
	}
	g.typ, g.seen, g.left, g.state = typ, 0, length, inLine
	if length >= 0 {
		g.state = inLength
		if length == 0 {
			g.state = atItem
		}
		if err := g.sum.add(typ, length); err != nil {
			return nil, false, err
		}
	}
	return b[end+1:], true, nil
}

func (g *Guard) lose() { g.state, g.pending = lost, nil }
