package flood

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/schema"
)

func randomize(b *[8]byte) { _, _ = rand.Read(b[:]) } // Never fails.

// groupKey holds all columns by which counts are asked for, so that they stay
// exact in each of them.
type groupKey struct {
	project     uint32
	fingerprint uint64
	columns     uint64
	minute      int64
	protocol    schema.Protocol
	level       schema.Level
	handled     schema.Handled
}

// group is a record in the making.
type group struct {
	rec   *schema.Record
	bytes uint64
	users map[uint64]struct{}
	batch *batch
}

// batch is the groups that are sent in one write.
type batch struct {
	done chan struct{}
	err  error
}

// Ticket is an event's place in a group.
type Ticket struct{ b *batch }

// Wait returns when the group's record is durable, or why it is not.
func (t Ticket) Wait() error {
	<-t.b.done
	return t.b.err
}

// face is what the rows of one fingerprint and minute show of its events. That
// all of them show the same makes them all but vanish on disk.
type face struct {
	title, value, reason string
}

// face returns that of a fingerprint's minute; ev gives it where it has none.
func (f *Flood) face(project uint32, ev *schema.Event) *face {
	key := stateKey{project, ev.Fingerprint}
	sh := f.shard(key)
	sh.Lock()
	defer sh.Unlock()
	st := sh.states[key]
	if st != nil && st.face != nil {
		return st.face
	}
	x := &face{strings.Clone(ev.Title), strings.Clone(ev.ExceptionValue), strings.Clone(ev.GroupingReason)}
	if st != nil {
		st.face = x
	}
	return x
}

// Join adds a counted event to the open group of its kind. bytes is its size as
// received. The caller keeps the event until Wait returns.
func (f *Flood) Join(req *intake.Request, ev *schema.Event, bytes uint64) Ticket {
	h := xxhash.New()
	for _, s := range [...]string{ev.Environment, ev.Release, ev.Service, ev.Type, ev.Platform, ev.Transaction} {
		_, _ = h.WriteString(s)
		_, _ = h.Write([]byte{0})
	}
	key := groupKey{req.Project.ID, ev.Fingerprint, h.Sum64(), ev.Timestamp / 60_000, ev.Protocol, ev.Level, ev.Handled}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.groups[key]
	if g == nil {
		g = &group{rec: f.record(req, ev), users: map[uint64]struct{}{}}
		for _, other := range f.groups {
			g.batch = other.batch
			break
		}
		if g.batch == nil {
			g.batch = &batch{done: make(chan struct{})}
			f.open.Add(1)
			time.AfterFunc(groupOpen, f.flush)
		}
		f.groups[key] = g
	}
	e := g.rec.Event
	e.Weight++
	g.bytes += bytes
	if ev.UserHash != 0 && len(g.users) < maxUsers {
		g.users[ev.UserHash] = struct{}{}
	}
	return Ticket{g.batch}
}

// record makes a record with the columns of its first event, without what is
// one event's own.
func (f *Flood) record(req *intake.Request, ev *schema.Event) *schema.Record {
	f.made++
	id := binary.BigEndian.AppendUint64(append(make([]byte, 0, 16), f.first[:]...), f.made)
	x := f.face(req.Project.ID, ev)
	return &schema.Record{
		ProjectId: req.Project.ID, ReceivedAt: req.ReceivedAt.UnixMilli(), RetentionDays: req.Project.RetentionDays,
		Event: &schema.Event{
			EventId: id, Timestamp: ev.Timestamp, Fingerprint: ev.Fingerprint, Hashes: ev.Hashes, MainHash: ev.MainHash,
			GroupingVersion: ev.GroupingVersion, GroupingReason: x.reason, DecidingComponent: ev.DecidingComponent,
			Protocol: ev.Protocol, Type: ev.Type, Level: ev.Level, Platform: ev.Platform, SdkName: ev.SdkName, SdkVersion: ev.SdkVersion,
			Service: ev.Service, Environment: ev.Environment, Release: ev.Release, Transaction: ev.Transaction, Title: x.title, Culprit: ev.Culprit,
			ExceptionType: ev.ExceptionType, ExceptionValue: x.value, Handled: ev.Handled, Mechanism: ev.Mechanism, EventName: ev.EventName,
		},
	}
}

// flush sends all open groups in one write.
func (f *Flood) flush() {
	defer f.open.Done()
	f.mu.Lock()
	groups := f.groups
	f.groups = make(map[groupKey]*group, len(groups))
	f.mu.Unlock()
	// Nobody joins them any more.
	var b *batch
	out := make([]Keyed, 0, len(groups))
	for _, g := range groups {
		b = g.batch
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
				e.UserHash, e.UserHashes = e.UserHashes[0], nil
			}
		}
		out = append(out, Keyed{g.rec, binary.BigEndian.AppendUint64(nil, e.Fingerprint)})
	}
	b.err = f.cfg.Send(out)
	close(b.done)
}

// Close waits for the groups that are still open.
func (f *Flood) Close() { f.open.Wait() }
