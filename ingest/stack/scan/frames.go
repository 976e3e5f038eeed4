package scan

import (
	"slices"

	"errata/schema"
)

// Frames collects the frames of one exception in the order of the text and
// keeps the first and the last halves of schema.MaxFrames.
type Frames struct {
	kept []schema.Frame
	next int // Where the ring of the second half is written next, once full.
}

const halfFrames = schema.MaxFrames / 2

// Add appends f, over the oldest of the second half where the list is full.
func (l *Frames) Add(f schema.Frame) {
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

// Grow makes room for n frames.
func (l *Frames) Grow(n int) {
	l.kept = slices.Grow(l.kept, min(n, schema.MaxFrames))
}

// Empty says whether no frame was added.
func (l *Frames) Empty() bool { return len(l.kept) == 0 }

// Last is the frame added last, or nil.
func (l *Frames) Last() *schema.Frame {
	if len(l.kept) == 0 {
		return nil
	}
	if len(l.kept) < schema.MaxFrames {
		return &l.kept[len(l.kept)-1]
	}
	size := schema.MaxFrames - halfFrames
	return &l.kept[halfFrames+(l.next+size-1)%size]
}

// OldestFirst returns the frames of a text that prints the oldest call first.
func (l *Frames) OldestFirst() []schema.Frame {
	if l.next > 0 {
		ring := l.kept[halfFrames:]
		slices.Reverse(ring[:l.next])
		slices.Reverse(ring[l.next:])
		slices.Reverse(ring)
		l.next = 0
	}
	return l.kept
}

// NewestFirst returns the frames of a text that prints the newest call first,
// turned round.
func (l *Frames) NewestFirst() []schema.Frame {
	out := l.OldestFirst()
	slices.Reverse(out)
	return out
}

// Capped keeps the main exception, which is the last, and those nearest to it.
func Capped(list []schema.Exception) []schema.Exception {
	if len(list) > schema.MaxExceptions {
		list = list[len(list)-schema.MaxExceptions:]
	}
	return list
}

// Chained is the exceptions of a text that has the main one first and behind each
// its cause, as Sentry wants them: oldest first, linked by their mechanisms.
func Chained(out []schema.Exception, h Hint) []schema.Exception {
	h.Settle(&out[0])
	if len(out) > 1 {
		for i := range out {
			out[i].Mechanism.ID, out[i].Mechanism.ParentID = i, i-1
			if i > 0 {
				out[i].Mechanism.Type, out[i].Mechanism.Source = "chained", "cause"
			}
		}
	}
	slices.Reverse(out)
	return Capped(out)
}
