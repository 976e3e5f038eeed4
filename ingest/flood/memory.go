package flood

import (
	"strings"

	"errata/schema"
)

// What a fingerprint is remembered by: the ids and failures of this minute and the
// one before it.

type traceKey struct {
	trace string
	main  uint64
}

// witness counts the events of one failure by protocol: as many occurrences as
// the protocol that saw most.
type witness struct {
	seen    [4]uint16
	kept    uint16 // Occurrences that are a row or counted.
	counted bool   // One of them has no row of its own.
}

type generation struct {
	ids    map[[16]byte]fate
	traces map[traceKey]witness
}

// fate is what became of an id.
type fate uint8

const (
	isWhole  fate = iota // A row, known by its id when it comes again.
	isUnsure             // A whole event that failed: it may be on the topic or not.
	hasNoRow             // Counted or a twin: the consumer never saw its id.
)

// known reports whether an id came before, and what became of it.
func (s *state) known(id [16]byte) (was fate, known bool) {
	if was, known = s.now.ids[id]; !known {
		was, known = s.old.ids[id]
	}
	return was, known
}

// told reports whether an event of the same failure came before.
func (s *state) told(ev *schema.Event) bool {
	k := traceKey{ev.TraceId, ev.MainHash}
	_, now := s.now.traces[k]
	_, old := s.old.traces[k]
	return now || old
}

// drop forgets a generation.
func (f *Flood) drop(g *generation) {
	f.tracked.Add(-int64(len(g.ids) + len(g.traces)))
	*g = generation{}
}

// witnessed notes a witness. It reports whether another protocol brought the
// occurrence already, and then whether as an event that the consumer can see.
func (f *Flood) witnessed(s *state, ev *schema.Event, flooded bool) (again, whole bool) {
	k := traceKey{ev.TraceId, ev.MainHash}
	w, now := s.now.traces[k]
	known := now
	if !now {
		w, known = s.old.traces[k]
	}
	if !known && f.tracked.Load() >= maxTracked {
		return false, false
	}
	w.seen[ev.Protocol&3]++
	if again = w.seen[ev.Protocol&3] <= w.kept; !again {
		w.kept++
	}
	whole = !w.counted
	w.counted = w.counted || flooded && !again
	if !now {
		k.trace = strings.Clone(k.trace)
		f.tracked.Add(1)
	}
	s.now.traces[k] = w
	return again, whole
}

// Forget takes back a verdict: the event could not be made durable, and its
// client will send it again. What others said of the same failure stays.
func (f *Flood) Forget(project uint32, ev *schema.Event, v Verdict) {
	if v == Duplicate {
		return // The id is that of an event that was kept.
	}
	key := stateKey{project, ev.Fingerprint}
	sh := f.shard(key)
	sh.Lock()
	defer sh.Unlock()
	st := sh.states[key]
	if st == nil {
		return
	}
	var id [16]byte
	copy(id[:], ev.EventId)
	k := traceKey{ev.TraceId, ev.MainHash}
	for _, g := range [...]*generation{&st.now, &st.old} {
		if _, known := g.ids[id]; known {
			if v == Whole {
				// An error does not say that it is not there: it may come again only as
				// what the consumer knows by its id.
				g.ids[id] = isUnsure
				return
			}
			delete(g.ids, id)
			f.tracked.Add(-1)
		}
		w, known := g.traces[k]
		if !known || ev.TraceId == "" {
			continue
		}
		w.seen[ev.Protocol&3] -= min(1, w.seen[ev.Protocol&3])
		if v == Counted {
			w.kept -= min(1, w.kept)
		}
		if w.seen == ([4]uint16{}) {
			delete(g.traces, k)
			f.tracked.Add(-1)
			continue
		}
		g.traces[k] = w
	}
}
