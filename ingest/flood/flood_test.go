package flood

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"errata/ingest/intake"
	"errata/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Unix(1_790_000_000/60*60, 0)

func project(limit uint32) *intake.Project {
	return &intake.Project{Project: schema.Project{ID: 1}, Settings: &intake.Settings{Flood: intake.Flood{PerMinute: limit}}}
}

func event(n int, trace string, protocol schema.Protocol) *schema.Event {
	id := make([]byte, 16)
	id[14], id[15] = byte(n>>8), byte(n)
	return &schema.Event{EventId: id, Fingerprint: 7, MainHash: 9, TraceId: trace, Protocol: protocol, UserHash: uint64(n%3) + 1, Timestamp: noon.UnixMilli()}
}

const (
	sentry = schema.Protocol_PROTOCOL_SENTRY
	otlp   = schema.Protocol_PROTOCOL_OTLP
)

func TestFirstNWholeThenCounted(t *testing.T) {
	f := New(Config{})
	p := project(10)
	got := map[Verdict]int{}
	for i := range 100 {
		got[f.Judge(p, event(i, "", sentry), noon)]++
	}
	require.Equal(t, map[Verdict]int{Whole: 10, Counted: 90}, got)
	require.Equal(t, Whole, f.Judge(p, event(200, "", sentry), noon.Add(time.Minute)), "a new minute")
	other := event(1, "", sentry)
	other.Fingerprint = 8
	require.Equal(t, Whole, f.Judge(p, other, noon), "another fingerprint")
	p2 := project(10)
	p2.ID = 2
	require.Equal(t, Whole, f.Judge(p2, event(1, "", sentry), noon), "another project")
}

func TestOffMeansOff(t *testing.T) {
	f := New(Config{PerMinute: 1})
	p := project(0)
	p.Settings.Flood.Off = true
	for i := range 50 {
		require.Equal(t, Whole, f.Judge(p, event(i, "", sentry), noon))
	}
}

func TestRepeatedIDsCountOnce(t *testing.T) {
	f := New(Config{})
	p := project(4)
	for i := range 10 {
		f.Judge(p, event(i, "", sentry), noon)
	}
	require.Equal(t, Duplicate, f.Judge(p, event(9, "", sentry), noon), "counted before")
	require.Equal(t, Duplicate, f.Judge(p, event(3, "", sentry), noon), "whole before")
	require.Equal(t, Counted, f.Judge(p, event(11, "", sentry), noon))
	ev := event(12, "", sentry)
	require.Equal(t, Counted, f.Judge(p, ev, noon))
	f.Forget(1, ev, Counted)
	require.Equal(t, Counted, f.Judge(p, ev, noon), "what could not be kept may come again")
}

func TestTwoWitnessesCountOnce(t *testing.T) {
	f := New(Config{})
	p := project(4)
	for i := range 4 {
		require.Equal(t, Whole, f.Judge(p, event(i, "", sentry), noon))
	}
	require.Equal(t, Counted, f.Judge(p, event(10, "t1", sentry), noon))
	require.Equal(t, Twin, f.Judge(p, event(11, "t1", otlp), noon))
	require.Equal(t, Counted, f.Judge(p, event(12, "t1", otlp), noon), "the second occurrence in the trace, seen by OTLP first")
	require.Equal(t, Twin, f.Judge(p, event(13, "t1", sentry), noon))
	require.Equal(t, Twin, f.Judge(p, event(15, "t1", schema.Protocol_PROTOCOL_OTLP_LOGS), noon.Add(time.Minute)),
		"the consumer cannot see its partner, so a twin stays one in the next minute")
	require.Equal(t, Whole, f.Judge(p, event(16, "t2", otlp), noon.Add(time.Minute)))
}

func TestGroupsAreExactAndAcknowledgedWhenDurable(t *testing.T) {
	var mu sync.Mutex
	var sent []*schema.Record
	writes := 0
	var joined, wg sync.WaitGroup
	f := New(Config{Send: func(list []Keyed) error {
		joined.Wait() // While the first write lasts, all others come.
		mu.Lock()
		defer mu.Unlock()
		writes++
		for _, k := range list {
			sent = append(sent, k.Record)
		}
		return nil
	}})
	req := &intake.Request{Project: project(1), ReceivedAt: noon}
	joined.Add(500)
	for i := range 500 {
		wg.Go(func() {
			ev := event(i, "", sentry)
			if i%2 == 0 {
				ev.Environment = "staging"
			}
			ticket := f.Join(req, ev, 10)
			joined.Done()
			if err := ticket.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.Close()
	weight := map[string]uint32{}
	receipts := uint64(0)
	users := map[uint64]bool{}
	for _, r := range sent {
		weight[r.Event.Environment] += r.Event.Weight
		receipts += r.Receipts[0].Quantity
		for _, u := range r.Event.UserHashes {
			users[u] = true
		}
	}
	require.Equal(t, map[string]uint32{"staging": 250, "": 250}, weight)
	require.EqualValues(t, 500, receipts)
	require.Len(t, users, 3)
	require.Less(t, len(sent), 50)
	require.LessOrEqual(t, writes, len(sent), "groups share writes")
}

func TestAFailedGroupTellsAllItsMembers(t *testing.T) {
	away := errors.New("away")
	f := New(Config{Send: func([]Keyed) error { return away }})
	req := &intake.Request{Project: project(1), ReceivedAt: noon}
	a, b := f.Join(req, event(1, "", sentry), 1), f.Join(req, event(2, "", sentry), 1)
	require.ErrorIs(t, a.Wait(), away)
	require.ErrorIs(t, b.Wait(), away)
	f.Close()
}

func TestTheDefaultLimitFollowsTheOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		others, each int // Events of one other fingerprint, and how many of those there are.
		flood        int
		seconds      float64 // In which they come.
		whole        int
	}{
		"alone, slow":                {0, 0, 6000, 50, LeastPerMinute},
		"alone, fast":                {0, 0, 20_000, 20, 500},
		"alone, at once":             {0, 0, 20_000, 0, paceBurst},
		"a thousand in ten seconds":  {0, 0, 1000, 10, 1000},
		"a thousand in three":        {0, 0, 1000, 3, 1000},
		"a hundred times the others": {1, 200, 20_000, 20, 500},
		"one of many":                {1000, 20, 1000, 1, 1000},
		"one of six":                 {4000, 5, 4000, 6, 4000},
		"too many of all":            {1000, 3, 2000, 2, 500},
		"beyond all bounds":          {1000, 70, 7000, 1, MostPerMinute},
	} {
		t.Run(name, func(t *testing.T) {
			f := New(Config{})
			p, got, n := project(0), map[Verdict]int{}, 0
			for i := range tc.flood {
				at := noon.Add(time.Duration(float64(i) / float64(tc.flood) * tc.seconds * float64(time.Second)))
				for ; n*tc.flood < (i+1)*tc.others*tc.each; n++ {
					ev := event(n, "", sentry)
					ev.Fingerprint = uint64(100 + n%tc.each)
					f.Judge(p, ev, at)
				}
				got[f.Judge(p, event(i, "", sentry), at)]++
			}
			require.InDelta(t, tc.whole, got[Whole], 5)
			require.Equal(t, tc.flood-got[Whole], got[Counted])
			require.Equal(t, got[Counted] > 0, f.Flooding(p.ID, noon))
			require.False(t, f.Flooding(p.ID, noon.Add(time.Minute)))
		})
	}
}

// TestAFloodBesideAFlood: the counted events of one flood are no reason to take
// another one for an ordinary error of a busy edge.
func TestAFloodBesideAFlood(t *testing.T) {
	f := New(Config{})
	first, second := project(0), project(0)
	second.ID = 2
	for i := range 30_000 {
		f.Judge(first, event(i, "", sentry), noon.Add(time.Duration(i)*100*time.Microsecond))
	}
	whole := 0
	for i := range 6000 {
		if f.Judge(second, event(i, "", otlp), noon.Add(3*time.Second+time.Duration(i)*time.Millisecond)) == Whole {
			whole++
		}
	}
	require.InDelta(t, LeastPerMinute, whole, 5)
}

// TestAnExportersBatchIsNoPaceOfSentry: what OpenTelemetry gathered for seconds comes
// at once, and what Sentry's client sends in that moment is as whole as before.
func TestAnExportersBatchIsNoPaceOfSentry(t *testing.T) {
	f := New(Config{})
	p := project(0)
	for i := range 900 {
		require.Equal(t, Whole, f.Judge(p, event(i, fmt.Sprint("told", i), otlp), noon))
	}
	for i := range 100 {
		require.Equal(t, Whole, f.Judge(p, event(1000+i, fmt.Sprint("new", i), sentry), noon.Add(time.Duration(i)*10*time.Millisecond)))
	}
}

// TestAFloodOverMinutes counts the whole ones of each minute of a flood: fewer in
// those after the first, and as many as before in those after its end.
func TestAFloodOverMinutes(t *testing.T) {
	f := New(Config{})
	p := project(0)
	n := 0
	minute := func(at time.Time, events int, within time.Duration) (whole int) {
		for i := range events {
			n++
			if f.Judge(p, event(n, "", sentry), at.Add(time.Duration(i)*within/time.Duration(events))) == Whole {
				whole++
			}
		}
		return whole
	}
	require.Equal(t, LeastPerMinute, minute(noon, 6000, time.Minute), "100/s")
	require.Equal(t, FloodedPerMinute, minute(noon.Add(time.Minute), 6000, time.Minute))
	require.Equal(t, FloodedPerMinute, minute(noon.Add(2*time.Minute), 1000, time.Minute), "after a minute of more")
	require.Equal(t, 1000, minute(noon.Add(3*time.Minute), 1000, time.Minute), "no flood any more")
	// 5,000 in five seconds, over the turn of a minute.
	require.InDelta(t, 500, minute(noon.Add(5*time.Minute-2*time.Second), 2000, 2*time.Second), 5)
	require.Equal(t, FloodedPerMinute, minute(noon.Add(5*time.Minute), 3000, 3*time.Second))
	require.Zero(t, minute(noon.Add(5*time.Minute+20*time.Second), 100, 3*time.Second), "the rest of the minute")
}

// TestAnExportersBatchIsNoFlood: what an application failed in five seconds comes
// in one request.
func TestAnExportersBatchIsNoFlood(t *testing.T) {
	f := New(Config{})
	p := project(0)
	n := 0
	for batch := range 2 {
		for range 512 {
			n++
			require.Equal(t, Whole, f.Judge(p, event(n, "", otlp), noon.Add(time.Duration(batch)*5*time.Second)))
		}
	}
}

func TestEveryRepeatInAFloodIsKnown(t *testing.T) {
	f := New(Config{})
	p := project(0)
	for i := range 3 * LeastPerMinute {
		require.NotEqual(t, Duplicate, f.Judge(p, event(i, "", sentry), noon))
	}
	for i := range 3 * LeastPerMinute {
		require.Equal(t, Duplicate, f.Judge(p, event(i, "", sentry), noon), "also of those that were whole")
	}
}

func TestRowsOfAFloodShowOneFace(t *testing.T) {
	var sent []*schema.Record
	f := New(Config{Send: func(list []Keyed) error {
		for _, k := range list {
			sent = append(sent, k.Record)
		}
		return nil
	}})
	req := &intake.Request{Project: project(1), ReceivedAt: noon}
	var tickets []Ticket
	for i, h := range []schema.Handled{schema.Handled_HANDLED_YES, schema.Handled_HANDLED_NO} {
		ev := event(i, "", sentry)
		ev.Title, ev.ExceptionValue, ev.Handled = fmt.Sprint("order ", i), fmt.Sprint("order ", i), h
		f.Judge(req.Project, ev, noon)
		tickets = append(tickets, f.Join(req, ev, 1))
	}
	for _, x := range tickets {
		require.NoError(t, x.Wait())
	}
	f.Close()
	require.Len(t, sent, 2, "handled is a dimension of counts")
	require.Equal(t, sent[0].Event.Title, sent[1].Event.Title)
	require.Equal(t, sent[0].Event.ExceptionValue, sent[1].Event.ExceptionValue)
	require.NotEqual(t, sent[0].Event.EventId, sent[1].Event.EventId)
}

func TestMemoryIsGivenBack(t *testing.T) {
	f := New(Config{})
	p := project(2)
	for i := range 3000 {
		ev := event(i, "trace", sentry)
		ev.Fingerprint = uint64(i % 100)
		f.Judge(p, ev, noon)
	}
	require.Positive(t, f.tracked.Load())
	for i := range 100 {
		ev := event(i, "", sentry)
		ev.Fingerprint = uint64(i)
		f.Judge(p, ev, noon.Add(10*time.Minute))
	}
	require.EqualValues(t, 100, f.tracked.Load(), "nothing of an old minute is kept")
}

// TestOneOfManyStaysWholeWhileTheMinuteTurns: requests of two minutes are judged
// side by side, and one of the minute before is not alone in the new one.
func TestOneOfManyStaysWholeWhileTheMinuteTurns(t *testing.T) {
	f := New(Config{})
	p := project(0)
	judge := func(fingerprint uint64, n int, at time.Time) Verdict {
		ev := event(n, "", sentry)
		ev.Fingerprint = fingerprint
		return f.Judge(p, ev, at)
	}
	turn := noon.Add(time.Minute)
	for i := range 3000 { // 50 a second of each of ten errors.
		at := noon.Add(time.Duration(i) * 20 * time.Millisecond)
		for fingerprint := range uint64(10) {
			require.Equal(t, Whole, judge(fingerprint, i, at))
		}
	}
	require.Equal(t, Whole, judge(1, 3000, turn), "the first of the new minute")
	for fingerprint := range uint64(10) {
		require.Equal(t, Whole, judge(fingerprint, 3001, turn.Add(-time.Millisecond)), "a late one of error %d", fingerprint)
	}
}

// TestBothWitnessesOfAWholeOccurrence: a failure told by two SDKs is one of the
// limit, and its second witness is kept where the first one was.
func TestBothWitnessesOfAWholeOccurrence(t *testing.T) {
	f := New(Config{})
	p := project(0)
	for i := range LeastPerMinute + 500 {
		trace, at := fmt.Sprintf("%032x", i+1), noon.Add(time.Duration(i)*10*time.Millisecond)
		first, second := f.Judge(p, event(2*i, trace, sentry), at), f.Judge(p, event(2*i+1, trace, otlp), at)
		if i < LeastPerMinute {
			require.Equal(t, []Verdict{Whole, Whole}, []Verdict{first, second}, "failure %d", i)
		} else {
			require.Equal(t, []Verdict{Counted, Twin}, []Verdict{first, second}, "failure %d", i)
		}
	}
}
