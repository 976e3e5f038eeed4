// Package flood keeps a flood of one error from filling the store while its
// count stays exact. In: events on their way to the topic. Out: for each the
// verdict whole, counted, twin or duplicate. The first N of a fingerprint and
// minute go whole; the rest join a group that becomes one count-only record
// with weight and user hashes. A group is open for a few hundredths of a second
// and its members are acknowledged only when its record is durable: the way a
// database commits many transactions with one fsync. It never guesses a count.
package flood

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/schema"
)

// Verdict is what becomes of one event.
type Verdict uint8

// Values of Verdict.
const (
	Whole     Verdict = iota // Goes its way with payload.
	Counted                  // Joins a group.
	Twin                     // Another witness of an occurrence that was counted.
	Duplicate                // The same event id again.
)

// DefaultPerMinute holds where neither edge nor project says how many events of
// one fingerprint are kept whole: a hundred a second.
const DefaultPerMinute = 6000

const (
	groupOpen    = 40 * time.Millisecond
	shards       = 32
	maxTracked   = 400_000 // Ids and traces of all fingerprints, about 40 MB.
	maxStates    = 4096    // Of one shard.
	maxUsers     = 10_000  // Hashes of one group.
	maxPerMinute = 1 << 30
)

// Config says how a group's record is made durable.
type Config struct {
	PerMinute uint32 // 0 means DefaultPerMinute.
	Send      func(r *schema.Record, key []byte) error
}

// Flood is safe for concurrent use.
type Flood struct {
	cfg     Config
	shards  [shards]shard
	tracked atomic.Int64 // Entries in all generations.

	mu     sync.Mutex
	groups map[groupKey]*group
	open   sync.WaitGroup
}

type stateKey struct {
	project     uint32
	fingerprint uint64
}

type shard struct {
	sync.Mutex
	states map[stateKey]*state
	swept  int64
}

type traceKey struct {
	trace string
	main  uint64
}

// witness counts the events of one failure by protocol: as many occurrences as
// the protocol that saw most.
type witness struct {
	seen    [4]uint16
	counted bool // One of them has no row of its own.
}

type generation struct {
	ids    map[[16]byte]struct{}
	traces map[traceKey]witness
}

type state struct {
	minute   int64
	count    uint32
	now, old generation
}

// New returns a Flood; its groups are flushed by their own timers.
func New(cfg Config) *Flood {
	if cfg.PerMinute == 0 {
		cfg.PerMinute = DefaultPerMinute
	}
	f := &Flood{cfg: cfg, groups: map[groupKey]*group{}}
	for i := range f.shards {
		f.shards[i].states = map[stateKey]*state{}
	}
	return f
}

func (f *Flood) limit(p *intake.Project) uint32 {
	if s := p.Settings; s != nil {
		if s.Flood.Off {
			return maxPerMinute
		}
		if s.Flood.PerMinute > 0 {
			return s.Flood.PerMinute
		}
	}
	return f.cfg.PerMinute
}

// Judge decides over one event, received at now.
func (f *Flood) Judge(p *intake.Project, ev *schema.Event, now time.Time) Verdict {
	limit := f.limit(p)
	if limit >= maxPerMinute {
		return Whole
	}
	key := stateKey{p.ID, ev.Fingerprint}
	sh := &f.shards[(ev.Fingerprint^uint64(p.ID))%shards]
	minute := now.Unix() / 60
	sh.Lock()
	defer sh.Unlock()
	st := f.state(sh, key, minute)
	if st == nil {
		return Whole // More fingerprints at once than can be told apart.
	}
	if st.minute != minute {
		f.drop(&st.old)
		st.old, st.now = st.now, generation{}
		if st.minute != minute-1 {
			f.drop(&st.old)
		}
		st.minute, st.count = minute, 0
	}
	flooded := st.count >= limit
	if !flooded && st.count < limit/2 && len(st.old.traces) == 0 {
		st.count++
		return Whole
	}
	var id [16]byte
	copy(id[:], ev.EventId)
	if flooded && (has(st.now.ids, id) || has(st.old.ids, id)) {
		return Duplicate
	}
	if st.now.ids == nil {
		st.now = generation{ids: map[[16]byte]struct{}{}, traces: map[traceKey]witness{}}
	}
	if f.tracked.Load() < maxTracked && !has(st.now.ids, id) {
		f.tracked.Add(1)
		st.now.ids[id] = struct{}{}
	}
	if ev.TraceId != "" && f.witnessed(st, ev, flooded) {
		return Twin
	}
	st.count++
	if flooded {
		return Counted
	}
	return Whole
}

func has(m map[[16]byte]struct{}, id [16]byte) bool {
	_, ok := m[id]
	return ok
}

// drop forgets a generation.
func (f *Flood) drop(g *generation) {
	f.tracked.Add(-int64(len(g.ids) + len(g.traces)))
	*g = generation{}
}

// witnessed notes a witness and reports whether its occurrence was counted
// already, by an event that the consumer cannot see.
func (f *Flood) witnessed(s *state, ev *schema.Event, flooded bool) bool {
	k := traceKey{ev.TraceId, ev.MainHash}
	w, now := s.now.traces[k]
	known := now
	if !now {
		w, known = s.old.traces[k]
	}
	if !known && f.tracked.Load() >= maxTracked {
		return false
	}
	before := max(w.seen[0], w.seen[1], w.seen[2], w.seen[3])
	w.seen[ev.Protocol&3]++
	again := w.seen[ev.Protocol&3] <= before
	twin := again && (flooded || w.counted)
	w.counted = w.counted || flooded && !again
	if !now {
		k.trace = strings.Clone(k.trace)
		f.tracked.Add(1)
	}
	s.now.traces[k] = w
	return twin
}

// state returns the state of a fingerprint, new where there is none. Those of
// past minutes are dropped once a minute.
func (f *Flood) state(sh *shard, key stateKey, minute int64) *state {
	if sh.swept != minute {
		sh.swept = minute
		for k, s := range sh.states {
			if s.minute < minute-1 {
				f.drop(&s.now)
				f.drop(&s.old)
				delete(sh.states, k)
			}
		}
	}
	st := sh.states[key]
	if st == nil && len(sh.states) < maxStates {
		st = &state{minute: minute}
		sh.states[key] = st
	}
	return st
}

// Forget takes back that an event was seen: it could not be made durable, and
// its client will send it again.
func (f *Flood) Forget(project uint32, ev *schema.Event) {
	sh := &f.shards[(ev.Fingerprint^uint64(project))%shards]
	sh.Lock()
	defer sh.Unlock()
	st := sh.states[stateKey{project, ev.Fingerprint}]
	if st == nil {
		return
	}
	var id [16]byte
	copy(id[:], ev.EventId)
	k := traceKey{ev.TraceId, ev.MainHash}
	for _, g := range [...]*generation{&st.now, &st.old} {
		before := len(g.ids) + len(g.traces)
		delete(g.ids, id)
		delete(g.traces, k)
		f.tracked.Add(int64(len(g.ids) + len(g.traces) - before))
	}
}

// groupKey holds all columns by which counts are asked for, so that they stay
// exact in each of them.
type groupKey struct {
	project     uint32
	fingerprint uint64
	columns     uint64
	minute      int64
	protocol    schema.Protocol
	level       schema.Level
}

type group struct {
	rec   *schema.Record
	bytes uint64
	users map[uint64]struct{}
	done  chan struct{}
	err   error
}

// Ticket is an event's place in a group.
type Ticket struct{ g *group }

// Wait returns when the group's record is durable, or why it is not.
func (t Ticket) Wait() error {
	<-t.g.done
	return t.g.err
}

// Join adds a counted event to the open group of its kind. bytes is its size as
// received. The caller keeps the event until Wait returns.
func (f *Flood) Join(req *intake.Request, ev *schema.Event, bytes uint64) Ticket {
	h := xxhash.New()
	for _, s := range [...]string{ev.Environment, ev.Release, ev.Service, ev.Type, ev.Platform, ev.Transaction} {
		_, _ = h.WriteString(s)
		_, _ = h.Write([]byte{0})
	}
	key := groupKey{req.Project.ID, ev.Fingerprint, h.Sum64(), ev.Timestamp / 60_000, ev.Protocol, ev.Level}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.groups[key]
	if g == nil {
		g = newGroup(req, ev)
		f.groups[key] = g
		f.open.Add(1)
		time.AfterFunc(groupOpen, func() { f.flush(key, g) })
	}
	e := g.rec.Event
	e.Weight++
	g.bytes += bytes
	if ev.UserHash != 0 && len(g.users) < maxUsers {
		g.users[ev.UserHash] = struct{}{}
	}
	return Ticket{g}
}

// newGroup makes a record with the columns of its first event, without what is
// one event's own.
func newGroup(req *intake.Request, ev *schema.Event) *group {
	var id [16]byte
	_, _ = rand.Read(id[:]) // Never fails.
	return &group{
		users: map[uint64]struct{}{}, done: make(chan struct{}),
		rec: &schema.Record{
			ProjectId: req.Project.ID, ReceivedAt: req.ReceivedAt.UnixMilli(), RetentionDays: req.Project.RetentionDays,
			Event: &schema.Event{
				EventId: id[:], Timestamp: ev.Timestamp, Fingerprint: ev.Fingerprint, Hashes: ev.Hashes, MainHash: ev.MainHash,
				GroupingVersion: ev.GroupingVersion, GroupingReason: ev.GroupingReason, DecidingComponent: ev.DecidingComponent,
				Protocol: ev.Protocol, Type: ev.Type, Level: ev.Level, Platform: ev.Platform, SdkName: ev.SdkName, SdkVersion: ev.SdkVersion,
				Service: ev.Service, Environment: ev.Environment, Release: ev.Release, Transaction: ev.Transaction, Title: ev.Title, Culprit: ev.Culprit,
				ExceptionType: ev.ExceptionType, ExceptionValue: ev.ExceptionValue, Handled: ev.Handled, Mechanism: ev.Mechanism, EventName: ev.EventName,
			},
		},
	}
}

func (f *Flood) flush(key groupKey, g *group) {
	defer f.open.Done()
	f.mu.Lock()
	if f.groups[key] == g {
		delete(f.groups, key)
	}
	f.mu.Unlock()
	// Nobody joins any more.
	e := g.rec.Event
	for u := range g.users {
		e.UserHashes = append(e.UserHashes, u)
	}
	g.rec.Receipts = []*schema.Receipt{{Category: e.Category(), Quantity: uint64(e.Weight), Bytes: g.bytes}}
	if e.Weight == 1 {
		// The consumer reads weight 1 as a whole event; it is one, only without
		// its payload.
		e.Payload = []byte(`{"_errata":{"flood":true}}`)
		if len(e.UserHashes) > 0 {
			e.UserHash = e.UserHashes[0]
		}
	}
	g.err = f.cfg.Send(g.rec, binary.BigEndian.AppendUint64(nil, e.Fingerprint))
	close(g.done)
}

// Close waits for the groups that are still open.
func (f *Flood) Close() { f.open.Wait() }
