package flood

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestTimeDoesNotGoBack(t *testing.T) {
	t.Parallel()
	f := New(Config{})
	p := project(2)
	next := noon.Add(time.Minute)
	for i := range 10 {
		f.Judge(p, event(i, fmt.Sprint("t", i), sentry), next)
	}
	late := next.Add(-time.Millisecond)
	require.Equal(t, Counted, f.Judge(p, event(20, "t20", sentry), late), "a request of the minute before, judged after the turn")
	require.True(t, f.Flooding(p.ID, next))
	require.Equal(t, Twin, f.Judge(p, event(21, "t9", otlp), next), "what was known still is")
	require.Equal(t, Duplicate, f.Judge(p, event(9, "t9", sentry), next))
	require.Equal(t, Twin, f.Judge(p, event(22, "t20", otlp), next))
}

func TestWhatFailedIsForgottenAlone(t *testing.T) {
	t.Parallel()
	f := New(Config{})
	p := project(1)
	f.Judge(p, event(0, "", sentry), noon)
	require.Equal(t, Counted, f.Judge(p, event(1, "t1", otlp), noon))
	twin := event(2, "t1", sentry)
	require.Equal(t, Twin, f.Judge(p, twin, noon))
	f.Forget(p.ID, twin, Twin)
	require.Equal(t, Twin, f.Judge(p, twin, noon), "its partner is counted")
	again := event(1, "t1", otlp)
	require.Equal(t, Duplicate, f.Judge(p, again, noon))
	f.Forget(p.ID, again, Duplicate)
	require.Equal(t, Duplicate, f.Judge(p, again, noon), "the first one is counted still")

	first := event(3, "t2", otlp)
	require.Equal(t, Counted, f.Judge(p, first, noon))
	require.Equal(t, Twin, f.Judge(p, event(4, "t2", sentry), noon))
	f.Forget(p.ID, first, Counted)
	require.Equal(t, Counted, f.Judge(p, first, noon), "nobody else counted it")

	q := project(1)
	q.ID = 2
	whole := event(5, "t3", sentry)
	require.Equal(t, Whole, f.Judge(q, whole, noon))
	f.Forget(q.ID, whole, Whole)
	require.Equal(t, Counted, f.Judge(q, event(6, "", sentry), noon))
	require.Equal(t, Whole, f.Judge(q, whole, noon), "it may be on the topic: only its id tells")
}

func TestPartnersOfWhatWasNotRemembered(t *testing.T) {
	t.Parallel()
	f := New(Config{})
	p := project(4 * rememberAll)
	n := 0
	next := func(trace string, protocol schema.Protocol, at time.Time) *schema.Event {
		n++
		ev := event(n, trace, protocol)
		ev.Timestamp = at.UnixMilli()
		return ev
	}
	require.Equal(t, Whole, f.Judge(p, next("early", sentry, noon), noon))
	for range 4 * rememberAll {
		f.Judge(p, next("", sentry, noon.Add(2*time.Second)), noon.Add(2*time.Second))
	}
	at := noon.Add(5 * time.Second)
	require.Equal(t, Counted, f.Judge(p, next("new", sentry, at), at))
	require.Equal(t, Whole, f.Judge(p, next("early", otlp, noon), at), "the exporter told it five seconds later")
	require.Equal(t, Twin, f.Judge(p, next("new", otlp, at), at))
}

// TestExactlyOnce has both protocols tell of failures at once, again and over
// the turn of minutes, with requests that fail, and counts as the consumer does.
func TestExactlyOnce(t *testing.T) {
	t.Parallel()
	for _, limit := range []uint32{1, 50, 3000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			const failures, callers = 6000, 8
			f := New(Config{})
			p := project(limit)
			type telling struct {
				failure int
				ev      *schema.Event
			}
			var all []telling
			for i := range failures {
				for j, protocol := range []schema.Protocol{sentry, otlp} {
					ev := event(0, fmt.Sprintf("trace%d", i), protocol)
					id := 2*i + j
					ev.EventId[13], ev.EventId[14], ev.EventId[15] = byte(id>>16), byte(id>>8), byte(id)
					all = append(all, telling{i, ev})
				}
			}
			// Near each other, in any order, and turning twice.
			rng := rand.New(rand.NewPCG(uint64(limit), 7))
			for i := range all {
				j := min(i+rng.IntN(40), len(all)-1)
				all[i], all[j] = all[j], all[i]
			}
			var mu sync.Mutex
			whole, counted := map[int]bool{}, map[int]int{}
			tell := func(rng *rand.Rand, i int) {
				x := all[i]
				at := noon.Add(30*time.Second + time.Duration(i)*60*time.Second/time.Duration(len(all)))
				x.ev.Timestamp = at.UnixMilli()
				for tries := 0; ; tries++ {
					v := f.Judge(p, x.ev, at)
					if tries == 0 && rng.IntN(10) == 0 {
						f.Forget(p.ID, x.ev, v) // The answer is 503, and it is sent again.
						continue
					}
					mu.Lock()
					switch v {
					case Whole:
						whole[x.failure] = true
					case Counted:
						counted[x.failure]++
					}
					mu.Unlock()
					if tries > 1 || rng.IntN(10) > 0 {
						return
					}
				}
			}
			rngs := make([]*rand.Rand, callers)
			for c := range rngs {
				rngs[c] = rand.New(rand.NewPCG(uint64(c), uint64(limit)))
			}
			for from := 0; from < len(all); from += 100 { // No caller is more than half a second ahead.
				var wg sync.WaitGroup
				for c := range callers {
					wg.Go(func() {
						for i := from + c; i < min(from+100, len(all)); i += callers {
							tell(rngs[c], i)
						}
					})
				}
				wg.Wait()
			}
			sum := len(whole)
			for failure, n := range counted {
				sum += n
				require.Equal(t, 1, n, "failure %d", failure)
				require.False(t, whole[failure], "failure %d is whole and counted", failure)
			}
			require.Equal(t, failures, sum)
			require.NotEmpty(t, counted)
		})
	}
}
