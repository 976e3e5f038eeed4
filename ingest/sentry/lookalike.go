package sentry

import (
	"bytes"
	"sync"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/ingest/scrub"
	"errata/schema"
)

// A flood is mostly events that differ in nothing but id, time, trace and user. A
// twin, elsewhere, is another witness of one failure; these are failures apart.
// lookalikes remembers what was read of the last ones, by the bytes that say it.
var lookalikes = &lookalikeBook{}

const (
	lookalikePlaces = 256
	lookalikeBytes  = 16 << 10 // Larger ones are read each time.
)

// lookalike is an event as another one like it reads.
type lookalike struct {
	project *intake.Project // Settings that change make another one.
	rest    []byte
	event   *schema.Event
	held    scrub.Counts
}

// lookalikeBook has a place for each hash; a second event of a place takes it.
type lookalikeBook struct {
	mu         sync.Mutex
	lookalikes [lookalikePlaces]*lookalike
	asked      [lookalikePlaces]uint64 // Hashes that were not found last.
	hits       int                     // For tests.
}

// find returns the lookalike of an event of a project; nil where none is known.
func (b *lookalikeBook) find(p *intake.Project, rest []byte) *lookalike {
	h := xxhash.Sum64(rest)
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.lookalikes[h%lookalikePlaces]; t != nil && t.project == p && bytes.Equal(t.rest, rest) {
		b.hits++
		return t
	}
	return nil
}

// keep remembers an event from its second time on: those that never come again
// cost nothing.
func (b *lookalikeBook) keep(p *intake.Project, rest []byte, ev *schema.Event, held scrub.Counts) {
	if len(rest) > lookalikeBytes {
		return
	}
	h := xxhash.Sum64(rest)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked[h%lookalikePlaces] != h {
		b.asked[h%lookalikePlaces] = h
		return
	}
	b.lookalikes[h%lookalikePlaces] = &lookalike{p, bytes.Clone(rest), ev, held}
}
