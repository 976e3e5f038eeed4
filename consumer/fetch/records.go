package fetch

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Record is one record of a partition. Its bytes are valid until the next one is
// read.
type Record struct {
	Offset  int64
	Millis  int64  // Unix time.
	Value   []byte // Nil where there is none.
	Headers []Header
}

// Header is a name and a value beside those of the record.
type Header struct{ Key, Value []byte }

// Records are those of one fetch, in order. A batch is unpacked when its first
// record is asked for.
type Records struct {
	body  *[]byte // The answer; nil once its memory went back.
	plain *[]byte // What batches are unpacked to; nil before the first.
	left  []byte  // Batches not begun.
	next  int64   // The offset asked for, or after the last record.
	seen  bool    // Whether there was a whole batch.
	batch batch
}

// batch is the one at hand.
type batch struct {
	open   cursor // Its records not read yet.
	more   int    // How many these are.
	base   int64  // Offset of its first record.
	end    int64  // Offset after its last one; 0 for no batch.
	prior  int64  // Offset of the record before.
	millis int64  // What the times of its records are told from.
	old    bool   // Messages as they were before batches.
	shift  int64  // What is added to the offsets of such messages.
	pack   Pack
}

// Pack is a batch as it came.
type Pack struct {
	Number  uint64 // No two have the same in a process.
	Records int
	Packed  []byte
	Plain   []byte // What it was unpacked to: the records' bytes lie in it.
	// Unpack adds what Packed unpacks to to the first; it does so at any time.
	Unpack func(to, packed []byte) ([]byte, error)
}

var packs atomic.Uint64

// Pack is that of the record read last; nil for one that came as it is. It is
// valid until the next record is read.
func (r *Records) Pack() *Pack {
	if r.batch.pack.Number == 0 {
		return nil
	}
	return &r.batch.pack
}

// Next reads the next record from the offset on that was asked for: a set begins
// with a whole batch of the log. It returns io.EOF after the last one.
func (r *Records) Next(rec *Record) error {
	for {
		for r.batch.more == 0 {
			if err := r.begin(); err != nil {
				r.Close()
				return err
			}
		}
		var err error
		if r.batch.old {
			err = r.batch.message(rec)
		} else {
			err = r.batch.record(rec)
		}
		if err != nil {
			r.Close()
			return err
		}
		if rec.Offset >= r.next {
			r.next = rec.Offset + 1
			return nil
		}
	}
}

// Offset is where to go on: after the last record read and, at the end, after
// batches that hold no records any more, or none that are ours.
func (r *Records) Offset() int64 { return r.next }

// Close gives the memory back; records that were read are gone.
func (r *Records) Close() {
	memory.give(r.body)
	memory.give(r.plain)
	*r = Records{next: r.next, seen: true}
}

// begin goes to the next batch. What is left at the end may be a part of one.
func (r *Records) begin() error {
	r.next = max(r.next, r.batch.end)
	r.batch = batch{}
	entry, base, err := cut(r.left)
	if err != nil {
		return err
	}
	if entry == nil {
		if len(r.left) > 0 && !r.seen {
			return fmt.Errorf("cannot read the batch at offset %d: the broker sent the first %d bytes of it only; set the topic's max.message.bytes lower", base, len(r.left))
		}
		return io.EOF
	}
	r.left, r.seen = r.left[len(entry):], true
	switch magic := entry[magicAt]; magic {
	case 0, 1:
		return r.beginMessage(base, entry)
	case 2:
		return r.beginBatch(base, entry)
	default:
		return corrupt(base, "format %d is not known", magic)
	}
}

// unpack returns what a batch or a message holds packed. Its memory is used
// again for the next one.
func (r *Records) unpack(base int64, codec int, packed []byte) ([]byte, error) {
	if r.plain == nil {
		r.plain = memory.take()
	}
	out, err := unpack((*r.plain)[:0], codec, packed, mostUnpacked)
	if err != nil {
		return nil, corrupt(base, "%s", err)
	}
	*r.plain = out
	return out, nil
}

// errCorrupt is of batches that are not as a broker keeps them.
var errCorrupt = errors.New("it is damaged; if it stays so, look at the broker's disk, at the network, and at who else writes to the topic")

func corrupt(base int64, format string, args ...any) error {
	return fmt.Errorf("cannot read the batch at offset %d: %s: %w", base, fmt.Sprintf(format, args...), errCorrupt)
}
