package otlp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"unsafe"

	"errata/schema"
)

// identify derives 16 bytes from what makes an item itself, so that a request
// that is sent again gives the same ids and its items are known as duplicates.
// Items of one request that are equal in all parts are told apart by their
// order.
func (a *adapter) identify(parts ...string) []byte {
	h := sha256.New()
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(a.req.Project.ID))
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
	if seen := a.again(id); seen > 0 {
		binary.LittleEndian.PutUint64(n[:], uint64(seen))
		again := sha256.Sum256(append(sum[:], n[:]...))
		id = [16]byte(again[:16])
	}
	id[6] = id[6]&0x0f | 0x80 // A UUID of version 8: made by rules of one's own.
	id[8] = id[8]&0x3f | 0x80
	return id[:]
}

// again counts an id and returns how often it came before. Most requests have one.
func (a *adapter) again(id [16]byte) int {
	if a.first.times == 0 || a.first.id == id {
		a.first.id = id
		a.first.times++
		return a.first.times - 1
	}
	if a.ids == nil {
		a.ids = map[[16]byte]int{}
	}
	a.ids[id]++
	return a.ids[id] - 1
}

// undated is a part of the identity of what names no time: that two requests
// say the same is then no sign that one of them was sent again.
func undated(times ...uint64) string {
	for _, t := range times {
		if t != 0 {
			return ""
		}
	}
	return rand.Text()
}

// digest sums attributes up, so that they count in an id.
func digest(ts []*schema.Tag) string {
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

// traceID returns 32 lower hex digits; ok is false where the id is not one.
func traceID(b []byte) (string, bool) { return idText(b, 16) }

// spanID returns 16 lower hex digits.
func spanID(b []byte) (string, bool) { return idText(b, 8) }

// optional reads an id that an item may go without. One of zeros says that
// there is none; one of another length is a mistake that the client hears of.
func (a *adapter) optional(b []byte, n int) string {
	if len(b) != 0 && len(b) != n {
		a.badIDs++
	}
	s, _ := idText(b, n)
	return s
}

func idText(b []byte, n int) (string, bool) {
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

// unhex fills dst from lower hex digits that idText made.
func unhex(dst []byte, s string) { _, _ = hex.Decode(dst, []byte(s)) }
