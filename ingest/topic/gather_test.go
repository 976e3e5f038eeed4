package topic

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

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
		}, func(size int64, _ error) { mu.Lock(); freed += size; mu.Unlock() }, func(sent <-chan error) error { return <-sent }, &runs)
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

// TestTroubleIsToldAtOnce gives up a write that hangs: each of its requests hears
// why, and the write is waited for all the same before the gatherer ends.
func TestTroubleIsToldAtOnce(t *testing.T) {
	t.Parallel()
	var runs sync.WaitGroup
	hang, freed := make(chan struct{}), make(chan int64, 1)
	g := newGatherer(func([]Message) error { <-hang; return nil },
		func(size int64, _ error) { freed <- size },
		func(<-chan error) error { return errSilent }, &runs)
	results := make([]chan error, 3)
	for i := range results {
		results[i] = make(chan error, 1)
		g.add(make([]Message, gatherMessages/len(results)+1), 10, results[i])
	}
	for _, r := range results {
		require.ErrorIs(t, <-r, errSilent)
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
	require.EqualValues(t, 30, <-freed)
}
