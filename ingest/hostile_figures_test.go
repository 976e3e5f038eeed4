package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"errata/schema"
)

// roleEnv makes this test binary one of the processes of TestHostileBodies.
const roleEnv = "ERRATA_HOSTILE_ROLE"

// attack is one kind of hostile traffic.
type attack struct {
	name, path string
	body       func() []byte
	header     []string
	times      int
	answers    []int
}

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

func zipped(s string) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

func attacks() []attack {
	attributes := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"key":"k","value":{"stringValue":"v"}},`, n), ",")
	}
	spans := func(n int) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x","attributes":[` + attributes(n) + `]}]}]}]}`
	}
	million := func() string { return "{}\n{\"type\":\"event\"}\n{\"tags\":" + wide(1_000_000) + "}\n" }
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	bomb := func(n int64) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.Copy(w, io.LimitReader(zeros{'a'}, n))
		_ = w.Close()
		return b.Bytes()
	}
	zip, js := []string{"Content-Encoding", "gzip"}, []string{"Content-Type", "application/json"}
	return []attack{
		{"none", "/api/1/envelope/", func() []byte { return sent(hexID(1), "x") }, nil, 20, []int{200}},
		// Gzip members may follow each other: ten times the same gives 10 GB.
		{"10 GB inflated", "/api/1/envelope/", func() []byte { return bytes.Repeat(bomb(1<<30), 10) }, zip, 5, []int{413}},
		{"100 MB inflated", "/api/1/envelope/", func() []byte { return bomb(100 << 20) }, zip, 20, []int{413}},
		{"a million tags", "/api/1/envelope/", func() []byte { return []byte(million()) }, nil, 20, []int{413, 503}},
		{"a million tags, gzip", "/api/1/envelope/", func() []byte { return zipped(million()) }, zip, 20, []int{413, 503}},
		{"a million tags, gzip, store", "/api/1/store/", func() []byte { return zipped(`{"tags":` + wide(1_000_000) + "}") }, zip, 20, []int{413, 503}},
		{"a million tags beside an item", "/api/1/envelope/", func() []byte {
			return []byte("{}\n{\"type\":\"attachment\",\"length\":3,\"filename\":\"x\"}\nabc\n{\"type\":\"event\"}\n{\"tags\":" + wide(1_000_000) + "}")
		}, nil, 20, []int{413, 503}},
		{"70,000 tags in 1 MB", "/api/1/envelope/", func() []byte { return []byte("{}\n{\"type\":\"event\"}\n{\"tags\":" + wide(70_000) + "}\n") }, nil, 20, []int{200, 400, 503}},
		{"OTLP, 280,000 attributes", "/v1/traces", func() []byte { return []byte(spans(280_000)) }, js, 20, []int{200, 413, 400, 503}},
		{"OTLP, 280,000 attributes, gzip", "/v1/traces", func() []byte { return zipped(spans(280_000)) }, append(zip, js...), 20, []int{200, 413, 400, 503}},
		{"10,000 deep", "/api/1/envelope/", func() []byte { return []byte("{}\n{\"type\":\"event\"}\n{\"extra\":" + deep + "}") }, nil, 50, []int{400}},
		{"10,000 deep OTLP", "/v1/traces", func() []byte { return []byte(deep) }, js, 50, []int{400}},
		{"log batch of 10 MB", "/api/1/envelope/", func() []byte {
			return []byte("{}\n{\"type\":\"log\",\"content_type\":\"application/vnd.sentry.items.log+json\",\"item_count\":100000}\n{\"items\":[" + strings.TrimSuffix(strings.Repeat(`{"timestamp":1,"level":"info","body":"x","attributes":{"a":{"value":1,"type":"integer"}}},`, 100_000), ",") + "]}")
		}, nil, 10, []int{200, 413, 503}},
		{"attachments of 199 MiB", "/api/1/envelope/", func() []byte {
			return []byte("{}\n{\"type\":\"attachment\",\"length\":208666624,\"filename\":\"x\"}\n" + strings.Repeat("0123456789abcdef", 199<<16))
		}, nil, 10, []int{200, 503}},
		{"attachments of 199 MiB, gzip", "/api/1/envelope/", func() []byte {
			return zipped("{}\n{\"type\":\"attachment\",\"length\":208666624,\"filename\":\"x\"}\n" + strings.Repeat("0123456789abcdef", 199<<16))
		}, zip, 10, []int{200, 413, 503}},
		{"files of 100 MiB, gzip", "/api/1/envelope/", func() []byte {
			files := make([]byte, 100<<20)
			_, _ = rand.Read(files)
			return zipped("{}\n{\"type\":\"attachment\",\"length\":104857600,\"filename\":\"x\"}\n" + string(files))
		}, zip, 10, []int{200, 503}},
		{"slow connections", "", nil, nil, 1000, []int{0}},
	}
}

// play runs this process in its role and reports whether it has one.
func play() bool {
	switch os.Getenv(roleEnv) {
	case "broker":
		beBroker()
	case "edge":
		beEdge()
	case "attacker":
		beAttacker()
	default:
		return false
	}
	return true
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beBroker tells its address and ends with its input.
func beBroker() {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, schema.Topics...))
	must(err)
	defer c.Close()
	fmt.Println(c.ListenAddrs()[0])
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// beEdge is `errata ingest` with a list of projects of its own. It tells its
// address and ends with its input.
func beEdge() {
	debug.SetMemoryLimit(220 << 20)
	debug.SetGCPercent(300)
	runtime.GOMAXPROCS(min(2, runtime.GOMAXPROCS(0))) // Each two cores more read one more large body at once.
	if name := os.Getenv("ERRATA_HOSTILE_TRACE"); name != "" {
		f, err := os.Create(name)
		must(err)
		must(trace.Start(f))
		defer trace.Stop()
	}
	s, err := New(Config{HTTP: "127.0.0.1:0", Kafka: []string{os.Args[1]}, Projects: twoProjects(), Data: os.Args[2]})
	must(err)
	must(s.Start(context.Background()))
	for !s.directory.Loaded() {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(s.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	must(s.Stop(context.Background()))
}

// beAttacker prepares an attack, says so, and starts it with the first line of
// its input. It tells the answers.
func beAttacker() {
	addr := os.Args[1]
	number, _ := strconv.Atoi(os.Args[2])
	times, _ := strconv.Atoi(os.Args[3])
	a := attacks()[number]
	var body []byte
	if a.body != nil {
		body = a.body()
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}, Timeout: 5 * time.Minute} // 199 MiB on a slow machine.
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[int]int{}
	for range times {
		wg.Go(func() {
			status := 0
			if body == nil {
				slow(addr)
			} else {
				req, err := http.NewRequest(http.MethodPost, "http://"+addr+a.path, bytes.NewReader(body))
				must(err)
				req.Header.Set("X-Sentry-Auth", auth)
				for i := 0; i < len(a.header); i += 2 {
					req.Header.Set(a.header[i], a.header[i+1])
				}
				resp, err := client.Do(req)
				must(err)
				status = resp.StatusCode
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	wg.Wait()
	must(json.NewEncoder(os.Stdout).Encode(got))
}

// slow opens a connection and sends a byte each tenth of a second for three.
func slow(addr string) {
	c, err := net.Dial("tcp", addr)
	must(err)
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nX-Sentry-Auth: "+auth+"\r\nX-A: ")
	for range 30 {
		if _, err := c.Write([]byte("a")); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// role starts this binary in a role, at the lowest priority where it attacks:
// attackers are other machines.
func role(t *testing.T, name string, args ...string) (*exec.Cmd, io.WriteCloser, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	if name == "attacker" {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, 19)
	}
	return cmd, in, bufio.NewReader(out)
}

// TestHostileBodies sends what costs most to read, many at once and in all
// forms. Edge, attacker and another client are processes of their own, the
// attacker at the lowest priority. Each attack has its answers, others have
// theirs meanwhile, and how long they waited and how much memory the edge took
// at most is told: RESULTS.md has the figures of a calm machine.
func TestHostileBodies(t *testing.T) {
	if underRace {
		t.Skip("sends hundreds of megabytes")
	}
	fewer := 5 // ERRATA_HOSTILE=1 sends as many as RESULTS.md has figures of.
	if os.Getenv("ERRATA_HOSTILE") != "" {
		fewer = 1
	}
	serve := func(name string, args ...string) (pid int, addr string) {
		cmd, stop, out := role(t, name, args...)
		t.Cleanup(func() { _ = stop.Close(); require.NoError(t, cmd.Wait()) })
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		return cmd.Process.Pid, strings.TrimSpace(line)
	}
	_, brokerAddr := serve("broker")
	pid, addr := serve("edge", brokerAddr, t.TempDir())
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr, Timeout: time.Minute}
	other := func(i int) time.Duration {
		// Many errors: the counted events of a flood wait for their group.
		body := bytes.Replace(sent(hexID(i), "other"), []byte(`"main"`), fmt.Appendf(nil, `"%c%c%c%c"`, "abcdefghij"[i/1000%10], "abcdefghij"[i/100%10], "abcdefghij"[i/10%10], "abcdefghij"[i%10]), 1)
		begin := time.Now()
		req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/api/2/envelope/", bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("X-Sentry-Auth", "Sentry sentry_key="+otherKey)
		resp, err := client.Do(req)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		require.Equal(t, 200, resp.StatusCode)
		return time.Since(begin)
	}
	for i := range 20 {
		other(i)
	}
	for number, a := range attacks() {
		if only := os.Getenv("ERRATA_HOSTILE_ONLY"); only != "" && !strings.Contains(a.name, only) {
			continue
		}
		times := max(a.times/fewer, 1)
		cmd, in, out := role(t, "attacker", addr, strconv.Itoa(number), strconv.Itoa(times))
		_, err := out.ReadString('\n')
		require.NoError(t, err, a.name)
		begin := time.Now()
		_, err = io.WriteString(in, "\n")
		require.NoError(t, err)
		done := make(chan map[int]int, 1)
		go func() {
			got := map[int]int{}
			_ = json.NewDecoder(out).Decode(&got)
			done <- got
		}()
		var waits []time.Duration
		var got map[int]int
		for i := 0; got == nil; i++ {
			waits = append(waits, other(100_000*(number+1)+i))
			select {
			case got = <-done:
			case <-time.After(5 * time.Millisecond):
			}
		}
		require.NoError(t, cmd.Wait(), a.name)
		for status := range got {
			require.Contains(t, a.answers, status, a.name)
		}
		slices.Sort(waits)
		peak := peakMiB(t, pid)
		require.Less(t, peak, 286, "%s: 300 MB", a.name)
		t.Logf("%-34s x %4d in %5d ms, answers %v; others: %4d requests, p50 %v, p99 %v, max %v; memory so far %d MiB", a.name, times, time.Since(begin).Milliseconds(), got,
			len(waits), waits[len(waits)/2].Round(100*time.Microsecond), waits[len(waits)*99/100].Round(100*time.Microsecond), waits[len(waits)-1].Round(100*time.Microsecond), peak)
	}
}

// peakMiB is the most memory that a process had; 0 where it cannot be told.
func peakMiB(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n >> 10
		}
	}
	return 0
}
