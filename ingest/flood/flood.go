// Package flood keeps a flood of one error from filling the store while its
// count stays exact. In: events on their way to the topic. Out: for each the
// verdict whole, counted, twin or duplicate. The first N of a fingerprint and
// minute go whole; the rest join a group that becomes one count-only record
// with weight and user hashes. Groups are open for a few hundredths of a second
// and their members are acknowledged only when the records are durable: the way
// a database commits many transactions with one fsync. It never guesses a count.
package flood

import (
	"sync"
	"sync/atomic"
	"time"

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

// Where neither edge nor project says how many events of one fingerprint and
// minute are kept whole, it is as long as they are no more than a quarter of
// what is whole of all other errors of the edge in that minute, up to MostPerMinute.
// What another flood has counted makes nobody's flood ordinary.
// An error that is one of many is no flood however busy the edge is, and one
// that is nearly all of the traffic is a flood however quiet it is: LeastPerMinute
// of those are whole, or FloodedPerMinute while the fingerprint comes faster than
// its pace allows, and in the minutes after one that brought over LeastPerMinute.
const (
	LeastPerMinute   = 1200
	MostPerMinute    = 6000
	FloodedPerMinute = 100
	othersShare      = 4
)

// The pace of a fingerprint: so many events at once, and so many a second. What
// exporters of OTLP gather for some seconds comes at once and is no faster.
const (
	paceBurst     = 400
	paceOTLPBurst = 1000
	pacePerSecond = 200
)

// rememberAll is the limit up to which ids are remembered from the first event
// of a minute on, so that the repeat of any of them is known; beyond it from
// half of the limit on.
const rememberAll = LeastPerMinute

// apart is how far the times may differ that two protocols give one failure.
const apart = time.Second

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
	PerMinute uint32 // Kept whole of a fingerprint; 0: as many as others allow.
	// Send makes records durable, all or none.
	Send func([]Keyed) error
}

// Keyed is a record and the key of its message.
type Keyed struct {
	Record *schema.Record
	Key    []byte
}

// Flood is safe for concurrent use.
type Flood struct {
	cfg     Config
	shards  [shards]shard
	tracked atomic.Int64 // Entries in all generations.
	traffic traffic
	wet     sync.Map // Project id -> *wet.

	mu     sync.Mutex
	groups map[groupKey]*group // Those that are open.
	first  [8]byte             // Of the ids of groups; the rest is their number.
	made   uint64
	open   sync.WaitGroup
}

// traffic counts the errors that the edge kept whole in this minute.
type traffic struct{ now atomic.Pointer[tally] }

type tally struct {
	minute int64
	whole  atomic.Uint64
}

// in returns the tally of a minute. A request that came before the minute turned
// may be judged after one that came later: time does not go back, so it is one of
// the new minute. It would be a flood beside the few others of that minute if what
// its own fingerprint brought in the one before still counted.
func (t *traffic) in(minute int64) *tally {
	for {
		x := t.now.Load()
		if x != nil && x.minute >= minute {
			return x
		}
		if n := (&tally{minute: minute}); t.now.CompareAndSwap(x, n) {
			return n
		}
	}
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

type state struct {
	minute   int64
	since    int64   // Time in ms from which on events are remembered; 0: none was passed over.
	count    uint32  // Occurrences.
	whole    uint32  // Events, as traffic has them.
	pace     [2]pace // Of what Sentry told, and of what OTLP told.
	fast     bool    // The pace was exceeded in this minute.
	ongoing  bool    // The minute before brought more than LeastPerMinute.
	late     uint32  // Kept whole because an event that was passed over may be their partner.
	face     *face   // Of the groups of this minute.
	now, old generation
}

// New returns a Flood; its groups are flushed by a timer of their own.
func New(cfg Config) *Flood {
	f := &Flood{cfg: cfg, groups: map[groupKey]*group{}}
	randomize(&f.first)
	for i := range f.shards {
		f.shards[i].states = map[stateKey]*state{}
	}
	return f
}

// pace is how far a fingerprint is ahead of what it may bring. Each protocol has
// its own: what an exporter gathered makes no event of Sentry come too fast.
type pace struct {
	ahead float64 // Events.
	at    int64   // Unix milliseconds.
}

// full reports whether one more event than the burst comes too fast.
func (p *pace) full(now time.Time, burst float64) bool {
	if ms := now.UnixMilli(); ms > p.at {
		p.ahead = max(0, p.ahead-float64(ms-p.at)*pacePerSecond/1000)
		p.at = ms
	}
	return p.ahead >= burst
}

// paceOf returns the pace of a protocol and its burst.
func (s *state) paceOf(protocol schema.Protocol) (p *pace, burst float64) {
	if protocol == schema.Protocol_PROTOCOL_SENTRY {
		return &s.pace[0], paceBurst
	}
	return &s.pace[1], paceOTLPBurst
}

// limit returns how many events are kept whole in a minute, of a fingerprint
// that has own of all that are whole; flooding says that it came too fast in this
// minute, or too much of it in the one before.
func (f *Flood) limit(p *intake.Project, own uint32, all uint64, flooding bool) uint32 {
	if s := p.Settings; s != nil {
		if s.Flood.Off {
			return maxPerMinute
		}
		if s.Flood.PerMinute > 0 {
			return s.Flood.PerMinute
		}
	}
	if f.cfg.PerMinute > 0 {
		return f.cfg.PerMinute
	}
	least := uint64(LeastPerMinute)
	if flooding {
		least = FloodedPerMinute
	}
	others := all - min(all, uint64(own))
	return uint32(min(max(others/othersShare, least), MostPerMinute))
}

// wet is what is known of a project that floods: the last minute in which it
// did, and how many of its events since then were counted and how many whole.
// Events that pass while the minute turns may be missed.
type wet struct {
	minute, counted, whole atomic.Int64
}

func (f *Flood) wetness(project uint32) *wet {
	if at, ok := f.wet.Load(project); ok {
		w, _ := at.(*wet)
		return w
	}
	return nil
}

// Flooding reports whether a project had an event counted without its body in
// the minute of now.
func (f *Flood) Flooding(project uint32, now time.Time) bool {
	w := f.wetness(project)
	return w != nil && w.minute.Load() == now.Unix()/60
}

// Mostly reports whether a project floods and most of what it sends now is
// counted without its body.
func (f *Flood) Mostly(project uint32, now time.Time) bool {
	w := f.wetness(project)
	return w != nil && w.minute.Load() == now.Unix()/60 && w.counted.Load() > w.whole.Load()
}

func (f *Flood) wets(project uint32, minute int64) {
	w := f.wetness(project)
	if w == nil {
		at, _ := f.wet.LoadOrStore(project, &wet{})
		w, _ = at.(*wet)
	}
	if old := w.minute.Load(); old < minute && w.minute.CompareAndSwap(old, minute) {
		w.counted.Store(0)
		w.whole.Store(0)
	}
	w.counted.Add(1)
}

// Judge decides over one event, received at now.
func (f *Flood) Judge(p *intake.Project, ev *schema.Event, now time.Time) Verdict {
	all := f.traffic.in(now.Unix() / 60)
	key := stateKey{p.ID, ev.Fingerprint}
	sh := f.shard(key)
	sh.Lock()
	defer sh.Unlock()
	st := f.state(sh, key, all.minute)
	v := Whole // Where there are more fingerprints at once than can be told apart.
	if st != nil {
		v = f.judge(st, p, ev, now, all)
	}
	if v == Whole {
		all.whole.Add(1)
		if st != nil {
			st.whole++
		}
		if w := f.wetness(p.ID); w != nil {
			w.whole.Add(1)
		}
	}
	return v
}

// judge decides over one event of a fingerprint; all is what is whole of all
// fingerprints in this minute.
func (f *Flood) judge(st *state, p *intake.Project, ev *schema.Event, now time.Time, all *tally) Verdict {
	// Who took the tally before the minute turned may have waited for the lock since:
	// time does not go back here either, or all that is known would be forgotten.
	minute := max(all.minute, st.minute)
	if st.minute != minute {
		f.drop(&st.old)
		st.old, st.now = st.now, generation{}
		st.ongoing = st.minute == minute-1 && st.count > LeastPerMinute
		if st.minute != minute-1 {
			f.drop(&st.old)
		}
		st.minute, st.count, st.whole, st.late, st.face, st.fast = minute, 0, 0, 0, nil, false
	}
	pace, burst := st.paceOf(ev.Protocol)
	full := pace.full(now, burst)
	limit := f.limit(p, st.whole, all.whole.Load(), full || st.fast || st.ongoing)
	flooded := st.count >= limit
	if !flooded && limit > rememberAll && st.count < limit/2 && len(st.old.traces) == 0 {
		st.take(pace, full)
		st.since = max(st.since, now.Add(apart).UnixMilli())
		return Whole
	}
	var id [16]byte
	copy(id[:], ev.EventId)
	if was, known := st.known(id); known {
		if was == hasNoRow || flooded && was == isWhole {
			return Duplicate
		}
		st.count++
		return Whole // The consumer knows it by its id; it is no further witness.
	}
	if flooded && ev.TraceId != "" && ev.Timestamp < st.since && st.late < limit && !st.told(ev) {
		st.late++
		return Whole // Its partner may be one of those that nobody remembers.
	}
	if st.now.ids == nil {
		st.now = generation{ids: map[[16]byte]fate{}, traces: map[traceKey]witness{}}
	}
	note := func(x fate) {
		if f.tracked.Load() < maxTracked {
			f.tracked.Add(1)
			st.now.ids[id] = x
		}
	}
	if ev.TraceId != "" {
		switch again, whole := f.witnessed(st, ev, flooded); {
		case again && whole:
			note(isWhole)
			return Whole // Both witnesses of an occurrence are kept, and it is one of the limit.
		case again:
			note(hasNoRow)
			return Twin
		}
	}
	st.take(pace, full)
	if flooded {
		note(hasNoRow)
		f.wets(p.ID, minute)
		return Counted
	}
	note(isWhole)
	return Whole
}

// take counts an occurrence. One that is too fast is not further ahead for that:
// when a flood ends its error is an ordinary one again within seconds.
func (s *state) take(p *pace, full bool) {
	s.count++
	if full {
		s.fast = true
		return
	}
	p.ahead++
}

func (f *Flood) shard(k stateKey) *shard { return &f.shards[(k.fingerprint^uint64(k.project))%shards] }

// state returns the state of a fingerprint, new where there is none. Those of
// past minutes are dropped once a minute.
func (f *Flood) state(sh *shard, key stateKey, minute int64) *state {
	if sh.swept < minute {
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
