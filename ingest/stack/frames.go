package stack

import (
	"slices"
	"strings"

	"errata/schema"
)

// frameList collects the frames of one exception in the order of the text and
// keeps the first and the last halves of schema.MaxFrames.
type frameList struct {
	kept []schema.Frame
	next int // Where the ring of the second half is written next, once full.
}

const halfFrames = schema.MaxFrames / 2

// add appends f, over the oldest of the second half where the list is full.
func (l *frameList) add(f schema.Frame) {
	if len(l.kept) < schema.MaxFrames {
		if l.kept == nil {
			l.kept = make([]schema.Frame, 0, 8)
		}
		l.kept = append(l.kept, f)
		return
	}
	l.kept[halfFrames+l.next] = f
	l.next = (l.next + 1) % (schema.MaxFrames - halfFrames)
}

// last is the frame added last, or nil.
func (l *frameList) last() *schema.Frame {
	if len(l.kept) == 0 {
		return nil
	}
	if len(l.kept) < schema.MaxFrames {
		return &l.kept[len(l.kept)-1]
	}
	size := schema.MaxFrames - halfFrames
	return &l.kept[halfFrames+(l.next+size-1)%size]
}

// oldestFirst returns the frames of a text that prints the oldest call first.
func (l *frameList) oldestFirst() []schema.Frame {
	if l.next > 0 {
		ring := l.kept[halfFrames:]
		slices.Reverse(ring[:l.next])
		slices.Reverse(ring[l.next:])
		slices.Reverse(ring)
		l.next = 0
	}
	return l.kept
}

// newestFirst returns the frames of a text that prints the newest call first,
// turned round.
func (l *frameList) newestFirst() []schema.Frame {
	out := l.oldestFirst()
	slices.Reverse(out)
	return out
}

// capped keeps the main exception, which is the last, and those nearest to it.
func capped(list []schema.Exception) []schema.Exception {
	if len(list) > schema.MaxExceptions {
		list = list[len(list)-schema.MaxExceptions:]
	}
	return list
}

// cursor walks a text line by line without copying it.
type cursor struct {
	text string
	pos  int
}

// peek is the line at the cursor without its end, and where the next one
// starts. At the end of the text next is -1.
func (c *cursor) peek() (line string, next int) {
	return lineAt(c.text, c.pos)
}

// lineAt is the line of text that starts at pos, and where the next one starts.
// At the end of the text next is -1.
func lineAt(text string, pos int) (line string, next int) {
	if pos >= len(text) {
		return "", -1
	}
	if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
		line, next = text[pos:pos+i], pos+i+1
	} else {
		line, next = text[pos:], len(text)
	}
	return strings.TrimSuffix(line, "\r"), next
}

// number reads an unsigned decimal that is all of s and not absurdly long.
func number(s string) (uint32, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := uint32(0)
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint32(s[i]-'0')
	}
	return n, true
}

// leadingNumber reads the digits that s begins with and returns the rest.
func leadingNumber(s string) (n uint32, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, ok = number(s[:i])
	return n, s[i:], ok
}
