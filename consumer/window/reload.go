package window

// The pair of a reload: `uvicorn --reload` runs an old and a new process side
// by side for a moment, and both may report one failure. Nothing in the
// protocol tells this from two failures in two workers, so the rule applies
// only to events that carry a tag pid, which people set for this purpose:
// the same project, fingerprint, words, server and transaction, another pid,
// within two seconds, and each event pairs once.

// reloadMillis bounds how far apart the two reports may have happened.
const reloadMillis = 2000

type pairKey struct {
	project     uint32
	fingerprint uint64
	words       uint64
	place       uint64
}

// pairing is an event that counts and may have one counterpart.
type pairing struct {
	primary [16]byte
	offset  int64
	millis  int64
	pid     uint64
	taken   bool
}

func (t *Twins) reloaded(w *Witness) *pairing {
	if w.pid == 0 {
		return nil
	}
	for _, p := range t.pairs[w.pair] {
		if !p.taken && p.pid != w.pid && max(p.millis-w.Millis, w.Millis-p.millis) <= reloadMillis {
			return p
		}
	}
	return nil
}

func (t *Twins) addPair(w *Witness) {
	if w.pid == 0 {
		return
	}
	if w.TwinOf == ([16]byte{}) {
		t.pairs[w.pair] = append(t.pairs[w.pair], &pairing{primary: w.EventID, offset: w.Offset, millis: w.Millis, pid: w.pid})
		return
	}
	for _, p := range t.pairs[w.pair] {
		if p.primary == w.TwinOf && p.pid != w.pid {
			p.taken = true
			return
		}
	}
}

func (t *Twins) forgetPair(w *Witness) {
	if w.pid == 0 || w.TwinOf != ([16]byte{}) {
		return
	}
	all := t.pairs[w.pair]
	if len(all) == 1 {
		delete(t.pairs, w.pair)
		return
	}
	all[0] = nil
	t.pairs[w.pair] = all[1:]
}
