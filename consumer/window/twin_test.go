package window_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/consumer/window"
	"errata/schema"
)

const (
	sentry = schema.Protocol_PROTOCOL_SENTRY
	otlp   = schema.Protocol_PROTOCOL_OTLP
	logs   = schema.Protocol_PROTOCOL_OTLP_LOGS
)

// seenEvent is what a test says of an event.
type seenEvent struct {
	kind   schema.Protocol
	trace  string
	hash   uint64
	typ    string
	value  string
	frames []string // Oldest call first.
	pid    string
	server string
	millis int64
	span   string
	outer  string
}

func eventID(n int64) (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

func traceName(n int) string { return fmt.Sprintf("%032x", n+1) }

func (e seenEvent) witness(offset int64) *window.Witness {
	w := &window.Witness{Offset: offset, Project: 1, EventID: eventID(offset), Fingerprint: e.hash, MainHash: e.hash, Kind: e.kind, Millis: e.millis}
	c := window.Columns{Trace: e.trace, Span: e.span, OuterSpan: e.outer, Type: e.typ, Value: e.value, Server: e.server, PID: e.pid}
	for _, f := range e.frames {
		c.Functions, c.Files, c.Lines, c.InApp = append(c.Functions, f), append(c.Files, "app/"+f+".py"), append(c.Lines, 7), append(c.InApp, true)
	}
	w.Fill(&c)
	return w
}

// judge runs events through a window as the consumer does and returns what
// each was found to be: -1 for one that counts, else the offset of the event
// that counts for it.
func judge(t *window.Twins, events []seenEvent, from int) (twinOf []int64, stored []*window.Witness) {
	for i, e := range events[from:] {
		w := e.witness(int64(from + i))
		t.Advance(w.Offset)
		primary, fingerprint, twin := t.Judge(w)
		of := int64(-1)
		if twin {
			w.TwinOf, w.Fingerprint = primary, fingerprint
			of = int64(binary.BigEndian.Uint64(primary[8:])) - 1
		}
		t.Add(w)
		stored = append(stored, w)
		twinOf = append(twinOf, of)
	}
	return twinOf, stored
}

func TestTwins(t *testing.T) {
	t.Parallel()
	trace, other := traceName(1), traceName(2)
	full := []string{"serve", "route", "main", "pay", "charge"}
	boom := func(kind schema.Protocol, hash uint64, frames []string) seenEvent {
		return seenEvent{kind: kind, trace: trace, hash: hash, typ: "LookupError", value: "no orders", frames: frames}
	}
	at := func(e seenEvent, trace string) seenEvent { e.trace = trace; return e }
	saying := func(e seenEvent, value string) seenEvent { e.value = value; return e }
	on := func(span, outer string) seenEvent {
		e := boom(otlp, 1, full)
		e.span, e.outer = span, outer
		return e
	}
	// What the outer span records of `raise ShopError from e`: its chain holds e,
	// but its main exception is another.
	raised := func(kind schema.Protocol) seenEvent {
		e := boom(kind, 9, full[:3])
		e.typ, e.value = "ShopError", "cannot pay"
		return e
	}
	reload := func(pid, server string, millis int64) seenEvent {
		return seenEvent{kind: sentry, hash: 3, typ: "OSError", value: "port in use", pid: pid, server: server, millis: millis}
	}
	for name, c := range map[string]struct {
		events []seenEvent
		want   []int64
	}{
		"both protocols, Sentry first":           {[]seenEvent{boom(sentry, 1, full), boom(otlp, 1, full)}, []int64{-1, 0}},
		"both protocols, OTLP first":             {[]seenEvent{boom(otlp, 1, full), boom(sentry, 1, full)}, []int64{-1, 0}},
		"logs/dup: span event and log record":    {[]seenEvent{boom(otlp, 1, full), boom(logs, 1, full)}, []int64{-1, 0}},
		"all three":                              {[]seenEvent{boom(logs, 1, full), boom(otlp, 1, full), boom(sentry, 1, full)}, []int64{-1, 0, 0}},
		"another trace":                          {[]seenEvent{boom(sentry, 1, full), at(boom(otlp, 1, full), other)}, []int64{-1, -1}},
		"no trace":                               {[]seenEvent{at(boom(sentry, 1, full), ""), at(boom(otlp, 1, full), "")}, []int64{-1, -1}},
		"a trace id that is not one":             {[]seenEvent{at(boom(sentry, 1, full), "zz"), at(boom(otlp, 1, full), "zz")}, []int64{-1, -1}},
		"another exception":                      {[]seenEvent{boom(sentry, 1, full), saying(boom(otlp, 2, full), "else")}, []int64{-1, -1}},
		"the same hash, another value":           {[]seenEvent{boom(sentry, 1, full), saying(boom(otlp, 1, full), "no orders for 3")}, []int64{-1, 0}},
		"five times, one protocol":               {[]seenEvent{boom(sentry, 1, full), boom(sentry, 1, full), boom(sentry, 1, full), boom(sentry, 1, full), boom(sentry, 1, full)}, []int64{-1, -1, -1, -1, -1}},
		"twice, both protocols, by protocol":     {[]seenEvent{boom(sentry, 1, full), boom(sentry, 1, full), boom(otlp, 1, full), boom(otlp, 1, full)}, []int64{-1, -1, 0, 1}},
		"three by one, one by the other":         {[]seenEvent{boom(otlp, 1, full), boom(sentry, 1, full), boom(sentry, 1, full), boom(sentry, 1, full)}, []int64{-1, 0, -1, -1}},
		"three nested spans":                     {[]seenEvent{boom(otlp, 1, full[3:]), boom(otlp, 2, full[2:]), boom(otlp, 3, full)}, []int64{-1, 0, 0}},
		"three nested spans, outermost first":    {[]seenEvent{boom(otlp, 3, full), boom(otlp, 2, full[2:]), boom(otlp, 1, full[3:])}, []int64{-1, 0, 0}},
		"three nested spans and Sentry":          {[]seenEvent{boom(otlp, 1, full[3:]), boom(otlp, 2, full[2:]), boom(otlp, 3, full), boom(sentry, 3, full)}, []int64{-1, 0, 0, 0}},
		"Sentry and three nested spans":          {[]seenEvent{boom(sentry, 3, full), boom(otlp, 1, full[3:]), boom(otlp, 2, full[2:]), boom(otlp, 3, full)}, []int64{-1, 0, 0, 0}},
		"two spans, twice":                       {[]seenEvent{boom(otlp, 1, full[3:]), boom(otlp, 3, full), boom(otlp, 1, full[3:]), boom(otlp, 3, full)}, []int64{-1, 0, -1, 2}},
		"two spans, twice, interleaved":          {[]seenEvent{boom(otlp, 1, full[3:]), boom(otlp, 1, full[3:]), boom(otlp, 3, full), boom(otlp, 3, full)}, []int64{-1, -1, 0, 1}},
		"nested spans in one function":           {[]seenEvent{on("c", "b"), on("b", "a"), on("a", "")}, []int64{-1, 0, 0}},
		"the same, outermost first":              {[]seenEvent{on("a", ""), on("b", "a"), on("c", "b")}, []int64{-1, 0, 0}},
		"attempts under one span":                {[]seenEvent{on("c1", "a"), on("c2", "a"), on("c3", "a"), on("a", "")}, []int64{-1, -1, -1, 0}},
		"raised from another, over nested spans": {[]seenEvent{boom(otlp, 1, full[3:]), raised(otlp), raised(sentry)}, []int64{-1, -1, 1}},
		"three attempts, then another":           {[]seenEvent{on("c1", "a"), on("c2", "a"), on("c3", "a"), raised(otlp), raised(sentry)}, []int64{-1, -1, -1, -1, 3}},
		"another way to the same line":           {[]seenEvent{boom(otlp, 1, []string{"a", "charge"}), boom(otlp, 2, []string{"x", "b", "charge"})}, []int64{-1, -1}},
		"messages without an exception":          {[]seenEvent{{kind: sentry, trace: trace, hash: 0}, {kind: logs, trace: trace, hash: 0}}, []int64{-1, -1}},
		"reload: two processes":                  {[]seenEvent{reload("1", "h", 0), reload("2", "h", 900)}, []int64{-1, 0}},
		"reload: the same process":               {[]seenEvent{reload("1", "h", 0), reload("1", "h", 900)}, []int64{-1, -1}},
		"reload: too far apart":                  {[]seenEvent{reload("1", "h", 0), reload("2", "h", 2001)}, []int64{-1, -1}},
		"reload: another server":                 {[]seenEvent{reload("1", "h", 0), reload("2", "g", 0)}, []int64{-1, -1}},
		"reload: no pid was set":                 {[]seenEvent{reload("", "h", 0), reload("", "h", 0)}, []int64{-1, -1}},
		"reload: an event pairs once":            {[]seenEvent{reload("1", "h", 0), reload("2", "h", 1), reload("3", "h", 2), reload("4", "h", 3)}, []int64{-1, 0, -1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, stored := judge(window.NewTwins(1000), c.events, 0)
			require.Equal(t, c.want, got)
			for i, w := range stored {
				if got[i] >= 0 {
					require.Equal(t, stored[got[i]].Fingerprint, w.Fingerprint, "a twin is in the issue of the event that counts")
				}
			}
			off, _ := judge(window.NewTwins(0), c.events, 0)
			for _, of := range off {
				require.EqualValues(t, -1, of, "off means off")
			}
		})
	}
}

// A drawn stream of witnesses over few traces, hashes and kinds.
func drawEvents(t *rapid.T, nested bool) []seenEvent {
	full := []string{"serve", "main", "pay", "charge"}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) seenEvent {
		e := seenEvent{kind: rapid.SampledFrom([]schema.Protocol{sentry, otlp, logs}).Draw(t, "kind"), trace: traceName(rapid.IntRange(0, 2).Draw(t, "trace")),
			hash: uint64(rapid.IntRange(1, 3).Draw(t, "hash")), typ: "E"}
		e.value = fmt.Sprint(e.hash)
		e.frames = append([]string{fmt.Sprint("f", e.hash)}, full...)
		if nested {
			e.frames = full[rapid.IntRange(0, 3).Draw(t, "depth"):]
			e.value = "v"
			e.span, e.outer = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "span"), rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "outer")
		}
		if rapid.IntRange(0, 9).Draw(t, "reload") == 0 {
			e.trace, e.pid, e.kind, e.millis = "", rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "pid"), sentry, int64(rapid.IntRange(0, 3000).Draw(t, "millis"))
		}
		return e
	}), 1, 120).Draw(t, "events")
}

// The counting rule: within a trace and main hash, occurrences are the larger
// of the counts of the kinds of witnesses, in whatever order they come.
func TestOccurrencesAreTheLargerOfTheCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, false)
		got, _ := judge(window.NewTwins(1000), events, 0)
		type group struct {
			trace string
			hash  uint64
		}
		counts, kinds := map[group]int{}, map[group]map[schema.Protocol]int{}
		for i, e := range events {
			if e.trace == "" {
				continue
			}
			g := group{e.trace, e.hash}
			if kinds[g] == nil {
				kinds[g] = map[schema.Protocol]int{}
			}
			kinds[g][e.kind]++
			if got[i] < 0 {
				counts[g]++
			}
		}
		for g, k := range kinds {
			if want := max(k[sentry], k[otlp], k[logs]); counts[g] != want {
				t.Fatalf("trace %s hash %d: %d occurrences of witnesses %v, want %d", g.trace, g.hash, counts[g], k, want)
			}
		}
	})
}

// A window that is rebuilt from the stored rows before any record decides all
// further records as the one that saw them all.
func TestRebuiltWindowDecidesTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, rapid.Bool().Draw(t, "nested"))
		size := int64(rapid.IntRange(1, 40).Draw(t, "window"))
		whole, stored := judge(window.NewTwins(size), events, 0)
		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		again := window.NewTwins(size)
		for _, w := range stored[max(0, cut-int(size)):cut] {
			fresh := events[w.Offset].witness(w.Offset)
			// As read from the table: the fingerprint is the stored one.
			c := *fresh
			c.TwinOf, c.Fingerprint = w.TwinOf, w.Fingerprint
			again.Add(&c)
		}
		rest, _ := judge(again, events, cut)
		for i, of := range rest {
			if whole[cut+i] != of {
				t.Fatalf("event %d: twin of %d, after a restart at %d twin of %d", cut+i, whole[cut+i], cut, of)
			}
		}
	})
}
