package quota

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Unix(1_790_000_000/60*60, 0) // A whole minute.

func TestTake(t *testing.T) {
	l := New()
	project := []Config{{Categories: []string{"error"}, Limit: 10, WindowSeconds: 60}, {Limit: 15, WindowSeconds: 60, PerKey: true, Reason: "all"}}
	ask := func(category string, n uint64, at time.Duration) (uint64, *Reached) {
		return l.Take(project, nil, Ask{Project: 1, Key: "k", Category: category, N: n, Now: noon.Add(at)})
	}
	n, lim := ask("error", 8, 0)
	require.EqualValues(t, 8, n)
	require.Nil(t, lim)
	n, lim = ask("error", 8, time.Second)
	require.EqualValues(t, 2, n)
	require.Equal(t, "project", lim.Scope)
	require.Equal(t, 59*time.Second, lim.RetryAfter(noon.Add(time.Second)))
	n, lim = ask("span", 8, 0)
	require.EqualValues(t, 5, n, "ten errors count in the limit over all")
	require.Equal(t, "key", lim.Scope)
	n, _ = ask("error", 1, 0)
	require.Zero(t, n)
	n, lim = ask("error", 1, time.Minute)
	require.EqualValues(t, 1, n, "a new window")
	require.Nil(t, lim)
}

func TestWhatALaterLimitRefusesIsGivenBack(t *testing.T) {
	l := New()
	quotas := []Config{{Limit: 100, WindowSeconds: 60}, {Limit: 1, WindowSeconds: 1, Categories: []string{"error"}}}
	for range 200 {
		l.Take(quotas, nil, Ask{Project: 1, Category: "error", N: 1, Now: noon})
	}
	n, _ := l.Take(quotas, nil, Ask{Project: 1, Category: "span", N: 99, Now: noon})
	require.EqualValues(t, 99, n)
}

func TestPerFingerprintAndPerProject(t *testing.T) {
	l := New()
	quotas := []Config{{Limit: 1, WindowSeconds: 60, PerFingerprint: true}}
	take := func(project uint32, fp uint64) uint64 {
		n, _ := l.Take(quotas, nil, Ask{Project: project, Category: "error", Fingerprint: fp, N: 1, Now: noon})
		return n
	}
	require.EqualValues(t, 1, take(1, 7))
	require.EqualValues(t, 0, take(1, 7))
	require.EqualValues(t, 1, take(1, 8))
	require.EqualValues(t, 1, take(2, 7), "nothing crosses projects")
}

func TestConcurrentTakersGetExactlyTheLimit(t *testing.T) {
	l := New()
	quotas := []Config{{Limit: 500, WindowSeconds: 86400}}
	var sum atomic.Uint64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				n, _ := l.Take(quotas, quotas, Ask{Project: 1, Key: "k", Category: "error", N: 1, Now: noon})
				sum.Add(n)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 500, sum.Load())
}

func TestHeader(t *testing.T) {
	a := Config{Categories: []string{"error", "transaction"}, WindowSeconds: 60}
	b := Config{WindowSeconds: 60, Reason: "burst"}
	c := Config{WindowSeconds: 600, PerFingerprint: true}
	h, wait := Header([]Reached{
		{Quota: &a, Scope: "project", Until: noon.Add(1500 * time.Millisecond)}, {Quota: &b, Scope: "key", Until: noon.Add(time.Minute)}, {Quota: &c, Scope: "project", Until: noon.Add(10 * time.Minute)},
	}, noon)
	require.Equal(t, "2:error;transaction:project:quota, 60::key:burst", h)
	require.Equal(t, time.Minute, wait)
	h, wait = Header([]Reached{{Quota: &c, Scope: "project", Until: noon.Add(time.Minute)}}, noon)
	require.Empty(t, h)
	require.Zero(t, wait, "what is not told is not waited for")
	p := Config{Categories: []string{"profile"}, WindowSeconds: 60}
	h, _ = Header([]Reached{{Quota: &p, Scope: "project", Until: noon.Add(time.Minute)}}, noon)
	require.Equal(t, "60:profile;profile_chunk;profile_chunk_ui:project:quota", h)
}

func TestExhausted(t *testing.T) {
	l := New()
	quotas := []Config{{Limit: 2, WindowSeconds: 60}, {Categories: []string{"error"}, Limit: 0, WindowSeconds: 60}}
	require.Nil(t, l.Exhausted(quotas, nil, 1, "k", noon))
	l.Take(quotas, nil, Ask{Project: 1, Category: "span", N: 2, Now: noon})
	r := l.Exhausted(quotas, nil, 1, "k", noon)
	require.NotNil(t, r)
	require.Same(t, &quotas[0], r.Quota)
	require.Nil(t, l.Exhausted(quotas, nil, 1, "k", noon.Add(time.Minute)))
	require.NotNil(t, l.Exhausted(nil, []Config{{WindowSeconds: 1}}, 1, "k", noon))
}

func TestMemoryIsBounded(t *testing.T) {
	l := New()
	quotas := []Config{{Limit: 1, WindowSeconds: 60, PerFingerprint: true}}
	for fp := range uint64(shards*maxShard + 50_000) {
		l.Take(quotas, nil, Ask{Project: 1, Category: "error", Fingerprint: fp + 1, N: 1, Now: noon})
	}
	total := 0
	for i := range l.shards {
		total += len(l.shards[i].counts)
		require.LessOrEqual(t, len(l.shards[i].counts), maxShard)
	}
	n, _ := l.Take(quotas, nil, Ask{Project: 1, Category: "error", Fingerprint: 1 << 60, N: 1, Now: noon.Add(time.Hour)})
	require.EqualValues(t, 1, n)
	require.Positive(t, total)
}

func TestCheck(t *testing.T) {
	known := func(c string) bool { return c == "error" }
	require.NoError(t, Check([]Config{{Categories: []string{"error"}, WindowSeconds: 60}}, known))
	for _, q := range []Config{{}, {WindowSeconds: 90000}, {WindowSeconds: 1, Reason: "a:b"}, {WindowSeconds: 1, Categories: []string{"errors"}}} {
		require.Error(t, Check([]Config{q}, known))
	}
}
