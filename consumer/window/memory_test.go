package window_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/consumer/window"
)

// Of a trace without end only the newest occurrences are compared, in a window
// that forgets as in one that does not.
func TestNewestOccurrencesOfATrace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		window int64
		hash   uint64
		twin   int64
	}{
		"the newest":                           {5000, 3000, 2999},
		"the oldest of 1024":                   {5000, 3000 - 1023, 3000 - 1024},
		"one more":                             {5000, 3000 - 1024, -1},
		"the oldest of a window of 500":        {500, 3000 - 499, 3000 - 500},
		"one more, which is forgotten":         {500, 3000 - 500, -1},
		"the oldest of 1024 in one of 1500":    {1500, 3000 - 1023, 3000 - 1024},
		"one more, which is not forgotten yet": {1500, 3000 - 1024, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var events []seenEvent
			for i := range uint64(3000) {
				events = append(events, seenEvent{kind: sentry, trace: traceName(1), hash: 1 + i})
			}
			got, _ := judge(window.NewTwins(c.window), append(events, seenEvent{kind: otlp, trace: traceName(1), hash: c.hash}), 0)
			require.Equal(t, c.twin, got[3000])
		})
	}
}

// fill gives a full window of witnesses, each in a trace of its own, and a
// function that adds the next one.
func fill(size int) (w *window.Twins, next func()) {
	w = window.NewTwins(int64(size))
	columns := make([]window.Columns, 64)
	for i := range columns {
		columns[i] = window.Columns{Trace: traceName(i), Type: "E", Value: "v", Functions: []string{"main", "pay"}, Files: []string{"main.py", "pay.py"},
			Lines: []uint32{3, 4}, InApp: []bool{true, true}}
	}
	offset := int64(0)
	x := &window.Witness{Project: 1, MainHash: 7, Kind: sentry}
	next = func() {
		x.Offset, x.EventID, x.TwinOf = offset, eventID(offset), [16]byte{}
		x.Fill(&columns[offset%64])
		w.Advance(offset)
		w.Judge(x)
		w.Add(x)
		offset++
	}
	for range 2 * size {
		next()
	}
	return w, next
}

// What a window keeps is kept in memory that it has: a consumer that works on
// for days leaves no garbage behind it.
func TestFullWindowAllocatesNothing(t *testing.T) { //nolint:paralleltest // Counts allocations.
	w, next := fill(500)
	require.Zero(t, testing.AllocsPerRun(2000, next))
	require.Equal(t, 501, w.Len())
}

// BenchmarkTwins is what an event costs that is no twin, in a full window.
func BenchmarkTwins(b *testing.B) {
	_, next := fill(100_000)
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}
