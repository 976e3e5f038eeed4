package sentry

import (
	"bytes"
	"sync"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/ingest/scrub"
	"errata/schema"
)

// A flood is mostly events that differ in nothing but id, time, trace and user.
// twins remembers what was read of the last ones, by the bytes that say it.
var twins = &twinBook{}

const (
	twinPlaces = 256
	twinBytes  = 16 << 10 // Larger ones are read each time.
)

// twin is an event as another one like it reads.
type twin struct {
	project *intake.Project // Settings that change make another one.
	rest    []byte
	event   *schema.Event
	held    scrub.Counts
}

// twinBook has a place for each hash; a second event of a place takes it.
type twinBook struct {
	mu    sync.Mutex
	twins [twinPlaces]*twin
	asked [twinPlaces]uint64 // Hashes that were not found last.
	hits  int                // For tests.
}

// find returns the twin of an event of a project; nil where none is known.
func (b *twinBook) find(p *intake.Project, rest []byte) *twin {
	h := xxhash.Sum64(rest)
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.twins[h%twinPlaces]; t != nil && t.project == p && bytes.Equal(t.rest, rest) {
		b.hits++
		return t
	}
	return nil
}

// keep remembers an event from its second time on: those that never come again
// cost nothing.
func (b *twinBook) keep(p *intake.Project, rest []byte, ev *schema.Event, held scrub.Counts) {
	if len(rest) > twinBytes {
		return
	}
	h := xxhash.Sum64(rest)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked[h%twinPlaces] != h {
		b.asked[h%twinPlaces] = h
		return
	}
	b.twins[h%twinPlaces] = &twin{p, bytes.Clone(rest), ev, held}
}
