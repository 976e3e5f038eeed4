package topic

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestEachRequestGetsItsOwnErrors is the law of gathering: what is sent is what
// was added, once, and a request hears of the messages that are its own.
func TestEachRequestGetsItsOwnErrors(t *testing.T) {
	t.Parallel()
	bad := errors.New("refused")
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 90), 1, 40).Draw(t, "messages of each request")
		whole := rapid.Bool().Draw(t, "the whole write fails")
		var runs sync.WaitGroup
		var mu sync.Mutex
		sent, freed := map[string]int{}, int64(0)
		g := newGatherer(func(messages []Message) error {
			mu.Lock()
			defer mu.Unlock()
			each, failed := make(kafka.WriteErrors, len(messages)), false
			for i, m := range messages {
				sent[string(m.Key)]++
				if strings.HasSuffix(string(m.Key), "7") {
					each[i], failed = bad, true
				}
			}
			switch {
			case whole:
				return bad
			case failed:
				return each
			}
			return nil
		}, func(size int64, _ error) { mu.Lock(); freed += size; mu.Unlock() }, time.Hour, never, &runs)
		results := make([]chan error, len(sizes))
		var adding sync.WaitGroup
		total := int64(0)
		for r, n := range sizes {
			results[r] = make(chan error, 1)
			total += int64(n) * 1000
			adding.Go(func() {
				messages := make([]Message, n)
				for i := range messages {
					messages[i].Key = fmt.Appendf(nil, "%d-%d", r, i)
				}
				g.add(messages, int64(n)*1000, results[r])
			})
		}
		adding.Wait()
		for r, n := range sizes {
			err := <-results[r]
			each, _ := errors.AsType[kafka.WriteErrors](err)
			switch {
			case whole:
				require.ErrorIs(t, err, bad)
			case n < 8:
				require.NoError(t, err)
			default:
				require.Len(t, each, n)
				for i, err := range each {
					require.Equal(t, strings.HasSuffix(fmt.Sprint(i), "7"), err != nil)
				}
			}
			for i := range n {
				mu.Lock()
				require.Equal(t, 1, sent[fmt.Sprintf("%d-%d", r, i)])
				mu.Unlock()
			}
		}
		runs.Wait()
		require.Equal(t, total, freed)
	})
}

func never() bool { return false }

// TestTroubleIsToldAtOnce gives up writes that hang: each of their requests hears
// why, and the writes are waited for all the same before the gatherer ends.
func TestTroubleIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late time.Duration
		away func() bool
		gone bool // The broker goes while they hang.
		want error
	}{
		"a silent broker":           {time.Millisecond, never, false, errSilent},
		"one that goes":             {time.Hour, never, true, errAway},
		"one that is known as away": {time.Hour, func() bool { return true }, false, errAway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var runs sync.WaitGroup
			hang, began, freed := make(chan struct{}), make(chan struct{}, 3), make(chan int64, 3)
			g := newGatherer(func([]Message) error { began <- struct{}{}; <-hang; return nil },
				func(size int64, _ error) { freed <- size }, c.late, c.away, &runs)
			results := make([]chan error, 3)
			for i := range results {
				results[i] = make(chan error, 1)
				g.add(make([]Message, gatherMessages/len(results)+1), 10, results[i])
			}
			<-began
			for _, r := range results {
				for told := false; !told; {
					if c.gone {
						g.giveUp(errAway)
					}
					select {
					case err := <-r:
						require.ErrorIs(t, err, c.want)
						told = true
					case <-time.After(time.Millisecond): // Its write may not have gone yet.
					}
				}
			}
			ended := make(chan struct{})
			go func() { runs.Wait(); close(ended) }()
			select {
			case <-ended:
				t.Fatal("the write still hangs")
			case size := <-freed:
				t.Fatal("bytes were given back before the write ended: ", size)
			default:
			}
			close(hang)
			<-ended
			close(freed)
			total := int64(0)
			for size := range freed {
				total += size
			}
			require.EqualValues(t, 30, total)
		})
	}
}

// TestWhenWritesGo says how long requests gather, on a clock of the test's own.
func TestWhenWritesGo(t *testing.T) {
	t.Parallel()
	const micro, milli = time.Microsecond, time.Millisecond
	type write struct {
		at       time.Duration
		messages int
	}
	// One message each so often, from a moment until another.
	steady := func(from, every, until time.Duration) (all []write) {
		for ; from < until; from += every {
			all = append(all, write{from, 1})
		}
		return all
	}
	for name, c := range map[string]struct {
		takes time.Duration // Until a write is answered.
		added []write
		sent  []write
	}{
		"alone, at once": {
			takes: 100 * micro,
			added: []write{{0, 1}},
			sent:  []write{{0, 1}},
		},
		"each alone, each at once": {
			takes: 100 * micro,
			added: []write{{0, 1}, {3 * milli, 1}, {5 * milli, 9}, {8 * milli, 1}},
			sent:  []write{{0, 1}, {3 * milli, 1}, {5 * milli, 9}, {8 * milli, 1}},
		},
		"soon after another, together": {
			takes: 100 * micro,
			added: []write{{0, 1}, {200 * micro, 1}, {700 * micro, 3}, {1100 * micro, 1}},
			sent:  []write{{0, 1}, {milli, 4}, {2 * milli, 1}},
		},
		"after many, those who come again": {
			takes: 100 * micro,
			added: []write{{0, 10}, {200 * micro, 1}, {1500 * micro, 1}, {2500 * micro, 1}},
			sent:  []write{{0, 10}, {2200 * micro, 2}, {3200 * micro, 1}},
		},
		"after many and slow": {
			takes: 5 * milli,
			added: []write{{0, 10}, {4 * milli, 1}, {5500 * micro, 1}},
			sent:  []write{{0, 10}, {6 * milli, 2}},
		},
		"while requests keep coming, five milliseconds": {
			takes: 100 * micro,
			added: append([]write{{0, 10}}, steady(200*micro, 150*micro, 7*milli)...),
			sent:  []write{{0, 10}, {5200 * micro, 34}, {8300 * micro, 12}},
		},
		"until no more come": {
			takes: 100 * micro,
			added: append([]write{{0, 10}}, steady(200*micro, 100*micro, 1600*micro)...),
			sent:  []write{{0, 10}, {2200 * micro, 14}},
		},
		"half as fast, two milliseconds": {
			takes: 100 * micro,
			added: append([]write{{0, 10}}, steady(200*micro, 300*micro, 2100*micro)...),
			sent:  []write{{0, 10}, {2200 * micro, 7}},
		},
		"long after many, at once": {
			takes: 100 * micro,
			added: []write{{0, 20}, {12 * milli, 1}},
			sent:  []write{{0, 20}, {12 * milli, 1}},
		},
		"while one is not answered, together": {
			takes: 5 * milli,
			added: []write{{0, 1}, {milli, 1}, {2 * milli, 1}, {4 * milli, 1}},
			sent:  []write{{0, 1}, {5 * milli, 3}},
		},
		"a broker that is slow holds up ten milliseconds at most": {
			takes: 30 * milli,
			added: []write{{0, 1}, {milli, 1}, {4 * milli, 1}, {12 * milli, 1}},
			sent:  []write{{0, 1}, {11 * milli, 2}, {22 * milli, 1}},
		},
		"what is large at once": {
			takes: 5 * milli,
			added: []write{{0, 1}, {milli, 50}, {2 * milli, gatherMessages - 50}, {3 * milli, 1}},
			sent:  []write{{0, 1}, {2 * milli, gatherMessages}, {7 * milli, 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var runs sync.WaitGroup
				var mu sync.Mutex
				var sent []write
				start := time.Now()
				g := newGatherer(func(messages []Message) error {
					mu.Lock()
					sent = append(sent, write{time.Since(start), len(messages)})
					mu.Unlock()
					time.Sleep(c.takes)
					return nil
				}, func(int64, error) {}, time.Hour, never, &runs)
				for _, w := range c.added {
					time.Sleep(w.at - time.Since(start))
					g.add(make([]Message, w.messages), 10, make(chan error, 1))
				}
				runs.Wait()
				require.Equal(t, c.sent, sent)
			})
		})
	}
}
