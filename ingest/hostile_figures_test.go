package ingest

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wide is a JSON object of n members.
func wide(n int) string {
	b := make([]byte, 1, 16*n)
	b[0] = '{'
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `"k`...), int64(i), 10)
		b = append(b, `":"v"`...)
	}
	return string(append(b, '}'))
}

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = io.WriteString(w, s)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// TestHostileBodies sends what costs most to read, many at once and in all
// forms. Each has its answer, others have theirs meanwhile, and how long they
// waited is told: RESULTS.md has the figures of a calm machine.
func TestHostileBodies(t *testing.T) {
	if underRace {
		t.Skip("sends hundreds of megabytes")
	}
	fewer := 5 // ERRATA_HOSTILE=1 sends as many as RESULTS.md has figures of.
	if os.Getenv("ERRATA_HOSTILE") != "" {
		fewer = 1
	}
	e := start(t)
	attributes := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"key":"k","value":{"stringValue":"v"}},`, n), ",")
	}
	spans := func(n int) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x","attributes":[` + attributes(n) + `]}]}]}]}`
	}
	tags := wide(1_000_000)
	million := "{}\n{\"type\":\"event\"}\n{\"tags\":" + tags + "}\n"
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	for _, c := range []struct {
		name, path string
		body       []byte
		header     []string
		times      int
		answers    []int
	}{
		{"none", "/api/1/envelope/", sent(hexID(1), "x"), nil, 20, []int{200}},
		{"a million tags", "/api/1/envelope/", []byte(million), nil, 20, []int{413, 503}},
		{"a million tags, gzip", "/api/1/envelope/", zipped(t, million), []string{"Content-Encoding", "gzip"}, 20, []int{413, 503}},
		{"a million tags, gzip, store", "/api/1/store/", zipped(t, `{"tags":`+tags+"}"), []string{"Content-Encoding", "gzip"}, 20, []int{413, 503}},
		{"a million tags beside an item", "/api/1/envelope/", append([]byte("{}\n{\"type\":\"attachment\",\"length\":3,\"filename\":\"x\"}\nabc\n{\"type\":\"event\"}\n{\"tags\":"), tags+"}"...), nil, 20, []int{413, 503}},
		{"80,000 tags in 1 MB", "/api/1/envelope/", []byte("{}\n{\"type\":\"event\"}\n{\"tags\":" + wide(70_000) + "}\n"), nil, 20, []int{200, 400, 503}},
		{"OTLP, 280,000 attributes", "/v1/traces", []byte(spans(280_000)), []string{"Content-Type", "application/json"}, 20, []int{200, 413, 400, 503}},
		{"OTLP, 280,000 attributes, gzip", "/v1/traces", zipped(t, spans(280_000)), []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, 20, []int{200, 413, 400, 503}},
		{"10,000 deep", "/api/1/envelope/", []byte("{}\n{\"type\":\"event\"}\n{\"extra\":" + deep + "}"), nil, 50, []int{400}},
		{"10,000 deep OTLP", "/v1/traces", []byte(deep), []string{"Content-Type", "application/json"}, 50, []int{400}},
		{"log batch of 10 MB", "/api/1/envelope/", []byte("{}\n{\"type\":\"log\",\"content_type\":\"application/vnd.sentry.items.log+json\",\"item_count\":100000}\n{\"items\":[" + strings.TrimSuffix(strings.Repeat(`{"timestamp":1,"level":"info","body":"x","attributes":{"a":{"value":1,"type":"integer"}}},`, 100_000), ",") + "]}"), nil, 10, []int{200, 413, 503}},
	} {
		c.times /= fewer
		runtime.GC()
		var mu sync.Mutex
		got := map[int]int{}
		begin := time.Now()
		waits := e.waitsWhile(func() {
			var wg sync.WaitGroup
			for range c.times {
				wg.Go(func() {
					r := e.do("POST", c.path, c.body, append([]string{"X-Sentry-Auth", auth}, c.header...)...)
					mu.Lock()
					defer mu.Unlock()
					got[r.status]++
				})
			}
			wg.Wait()
		})
		for status := range got {
			require.Contains(t, c.answers, status, c.name)
		}
		t.Logf("%-34s %5.1f MB x %d in %4d ms, answers %v; others: %d requests, p50 %v, max %v; memory %d MiB", c.name, float64(len(c.body))/1e6, c.times,
			time.Since(begin).Milliseconds(), got, len(waits), waits[len(waits)/2].Round(100*time.Microsecond), waits[len(waits)-1].Round(100*time.Microsecond), rssMiB(t))
	}
}
