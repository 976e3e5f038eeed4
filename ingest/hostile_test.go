package ingest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

type zeros struct{ b byte }

func (z zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = z.b
	}
	return len(p), nil
}

// rssMiB is the memory of this process; 0 where it cannot be told.
func rssMiB(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n >> 10
		}
	}
	return 0
}

// othersWhile tells how long another client waits at most while f runs.
func (e *edge) othersWhile(f func()) time.Duration {
	waits := e.waitsWhile(f)
	return waits[len(waits)-1]
}

// waitsWhile returns how long the requests of another client take while f runs,
// the shortest first.
func (e *edge) waitsWhile(f func()) []time.Duration {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	var waits []time.Duration
	for i := 0; ; i++ {
		begin := time.Now()
		r := e.do("POST", "/api/2/envelope/", sent(hexID(i), "other"), "X-Sentry-Auth", "Sentry sentry_key="+otherKey)
		if r.status != 200 {
			e.t.Errorf("another client got %d %s", r.status, r.body)
		}
		waits = append(waits, time.Since(begin))
		select {
		case <-done:
			slices.Sort(waits)
			return waits
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestBombs(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("inflates gigabytes")
	}
	e := start(t)
	pack := func(n int64, head string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, head)
		_, err := io.Copy(w, io.LimitReader(zeros{'a'}, n))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	// Gzip members may follow each other: ten times the same gives 10 GB.
	one := pack(1<<30, "")
	ten := bytes.Repeat(one, 10)
	hundred := pack(100<<20, "{}\n{\"type\":\"event\"}\n")
	runtime.GC()
	before := rssMiB(t)
	peak := 0
	for name, body := range map[string][]byte{"10 GB": ten, "1 GB": one, "100 MB": hundred} {
		worst := e.othersWhile(func() {
			r := e.do("POST", "/api/1/envelope/", body, "X-Sentry-Auth", auth, "Content-Encoding", "gzip")
			require.Equal(t, 413, r.status, name+" "+r.body)
			require.Contains(t, r.body, `"detail":"payload too large"`)
			peak = max(peak, rssMiB(t))
		})
		require.Less(t, worst, 3*time.Second, name) // On an idle machine 30 ms; tests share theirs.
		t.Logf("%s: others waited at most %v, memory %d MiB over %d MiB", name, worst, rssMiB(t), before)
	}
	require.Less(t, peak-before, 200)
}

func TestDeepAndWideJSON(t *testing.T) {
	e := start(t)
	deep := `{"extra":` + strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat(`}`, 10_000) + `}`
	var tags bytes.Buffer
	tags.WriteString(`{"message":"x","tags":{`)
	for i := 0; tags.Len() < 1000<<10; i++ {
		if i > 0 {
			tags.WriteByte(',')
		}
		fmt.Fprintf(&tags, `"k%d":"v"`, i)
	}
	tags.WriteString(`}}`)
	for name, body := range map[string]string{"deep": deep, "wide": tags.String(), "deep lists": strings.Repeat("[", 100_000)} {
		r := e.do("POST", "/api/1/store/", []byte(body), "X-Sentry-Auth", auth)
		require.Contains(t, []int{200, 400}, r.status, name+" "+r.body)
		r = e.do("POST", "/api/1/envelope/", append([]byte("{}\n{\"type\":\"event\"}\n"), body...), "X-Sentry-Auth", auth)
		require.Contains(t, []int{200, 400}, r.status, name+" "+r.body)
		r = e.do("POST", "/v1/traces", []byte(body), "Content-Type", "application/json")
		require.Contains(t, []int{200, 400}, r.status, name+" "+r.body)
	}
	require.Equal(t, 200, e.do("POST", "/api/1/envelope/", sent(hexID(1), "x"), "X-Sentry-Auth", auth).status)
}

func TestSlowClientsAndClaimedLengths(t *testing.T) {
	e := start(t, func(c *Config) { c.ReadTimeout = 1500 * time.Millisecond })
	runtime.GC()
	before := rssMiB(t)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for i := range 400 {
		c, err := net.Dial("tcp", e.Addr())
		require.NoError(t, err)
		conns = append(conns, c)
		switch i % 3 {
		case 0: // Never ends its headers.
			_, err = io.WriteString(c, "POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nX-A: ")
		case 1: // Claims 60 MB and sends a byte.
			_, err = io.WriteString(c, "POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nX-Sentry-Auth: "+auth+"\r\nContent-Length: 60000000\r\n\r\n{")
		case 2: // Claims a chunk of 60 MB.
			_, err = io.WriteString(c, "POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nX-Sentry-Auth: "+auth+"\r\nTransfer-Encoding: chunked\r\n\r\n3938700\r\n{")
		}
		require.NoError(t, err)
	}
	worst := e.othersWhile(func() { time.Sleep(400 * time.Millisecond) })
	require.Less(t, worst, 2*time.Second)
	if now := rssMiB(t); now > 0 {
		require.Less(t, now-before, 120, "claimed lengths cost no memory")
	}
	for i, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		b, err := io.ReadAll(c)
		require.NoError(t, err, "connection %d is closed by the edge", i)
		if i%3 != 0 {
			require.Contains(t, string(b), "408", string(b))
		}
	}
	require.Equal(t, 200, e.do("POST", "/api/1/envelope/", sent(hexID(1), "x"), "X-Sentry-Auth", auth).status)
}

func TestManyLargeBodiesAtOnceAreBounded(t *testing.T) {
	e := start(t, func(c *Config) { c.MaxRequestBytes, c.MaxEnvelopeBytes = 4<<20, 4<<20 })
	body := append([]byte("{}\n{\"type\":\"attachment\",\"length\":3000000,\"filename\":\"x\"}\n"), bytes.Repeat([]byte("x"), 3_000_000)...)
	codes := make(chan int, 12)
	for range cap(codes) {
		go func() {
			code := 0
			defer func() { codes <- code }() // Also when do ends this goroutine.
			code = e.do("POST", "/api/1/envelope/", body, "X-Sentry-Auth", auth).status
		}()
	}
	ok := 0
	for range cap(codes) {
		switch c := <-codes; c {
		case 200:
			ok++
		case 503:
		default:
			t.Errorf("status %d", c)
		}
	}
	require.Positive(t, ok)
	require.Equal(t, 413, e.do("POST", "/api/1/envelope/", bytes.Repeat([]byte("x"), 5<<20), "X-Sentry-Auth", auth).status)
	require.True(t, e.bodies.Idle(), "all memory was given back")
	require.NotEmpty(t, e.records(schema.TopicEvents))
}
