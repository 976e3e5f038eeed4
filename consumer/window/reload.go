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

// pairSeen is what the window keeps of an event that may be one of a pair.
type pairSeen struct {
	key  pairKey
	pid  uint64
	head bool // It counts itself, so a pairing waits for its counterpart.
}

// pairing is an event that counts and may have one counterpart.
type pairing struct {
	primary [16]byte
	millis  int64
	pid     uint64
	taken   bool
}

func (t *Twins) reloaded(w *Witness) *pairing {
	if !w.paired {
		return nil
	}
	for _, p := range t.pairs[w.pair.key] {
		if !p.taken && p.pid != w.pair.pid && max(p.millis-w.Millis, w.Millis-p.millis) <= reloadMillis {
			return p
		}
	}
	return nil
}

func (t *Twins) addPair(w *Witness) {
	key := w.pair.key
	if w.TwinOf == ([16]byte{}) {
		w.pair.head = true
		t.pairs[key] = append(t.pairs[key], &pairing{primary: w.EventID, millis: w.Millis, pid: w.pair.pid})
		return
	}
	for _, p := range t.pairs[key] {
		if p.primary == w.TwinOf && p.pid != w.pair.pid {
			p.taken = true
			return
		}
	}
}

func (t *Twins) forgetPair(w *pairSeen) {
	if !w.head {
		return
	}
	all := t.pairs[w.key]
	if len(all) == 1 {
		delete(t.pairs, w.key)
		return
	}
	all[0] = nil
	t.pairs[w.key] = all[1:]
}
