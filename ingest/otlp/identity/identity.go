// Package identity names what OTLP sends. In: what makes an item itself, or the bytes
// of a trace or span id. Out: ids that are the same for a request that is sent
// again, and texts of ids. It knows no message and keeps nothing beyond a request.
package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"unsafe"

	"errata/schema"
)

// Book gives the items of one request their ids.
type Book struct {
	Project uint32

	first struct { // Id given first, and how often.
		id    [16]byte
		times int
	}
	ids map[[16]byte]int // Further ids given so far, to tell equal items apart.
}

// Of derives 16 bytes from what makes an item itself, so that a request
// that is sent again gives the same ids and its items are known as duplicates.
// Items of one request that are equal in all parts are told apart by their
// order.
func (b *Book) Of(parts ...string) []byte {
	h := sha256.New()
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(b.Project))
	h.Write(n[:])
	for _, p := range parts {
		// Lengths keep ("ab","c") and ("a","bc") apart.
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(unsafe.Slice(unsafe.StringData(p), len(p))) // A whole stack need not be copied to be read.
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	id := [16]byte(sum[:16])
	if seen := b.again(id); seen > 0 {
		binary.LittleEndian.PutUint64(n[:], uint64(seen))
		again := sha256.Sum256(append(sum[:], n[:]...))
		id = [16]byte(again[:16])
	}
	id[6] = id[6]&0x0f | 0x80 // A UUID of version 8: made by rules of one's own.
	id[8] = id[8]&0x3f | 0x80
	return id[:]
}

// again counts an id and returns how often it came before. Most requests have one.
func (b *Book) again(id [16]byte) int {
	if b.first.times == 0 || b.first.id == id {
		b.first.id = id
		b.first.times++
		return b.first.times - 1
	}
	if b.ids == nil {
		b.ids = map[[16]byte]int{}
	}
	b.ids[id]++
	return b.ids[id] - 1
}

// Undated is a part of the identity of what names no time: that two requests
// say the same is then no sign that one of them was sent again.
func Undated(times ...uint64) string {
	for _, t := range times {
		if t != 0 {
			return ""
		}
	}
	return rand.Text()
}

// Digest sums attributes up, so that they count in an id.
func Digest(ts []*schema.Tag) string {
	h := sha256.New()
	var n [8]byte
	for _, t := range ts {
		for _, p := range [...]string{t.Key, t.Value} {
			binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
			h.Write(n[:])
			_, _ = io.WriteString(h, p)
		}
	}
	return string(h.Sum(n[:0]))
}

// TraceID returns 32 lower hex digits; ok is false where the id is not one.
func TraceID(b []byte) (string, bool) { return Text(b, 16) }

// SpanID returns 16 lower hex digits.
func SpanID(b []byte) (string, bool) { return Text(b, 8) }

// Text returns an id of n bytes as lower hex digits; ok is false where it is none,
// or all zeros.
func Text(b []byte, n int) (string, bool) {
	if len(b) != n {
		return "", false
	}
	for _, c := range b {
		if c != 0 {
			return hex.EncodeToString(b), true
		}
	}
	return "", false
}

// Unhex fills dst from digits that Text made.
func Unhex(dst []byte, s string) { _, _ = hex.Decode(dst, []byte(s)) }
