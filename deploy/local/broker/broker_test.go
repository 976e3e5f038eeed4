package broker_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/broker"
	"errata/deploy/local/folder"
)

func start(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	cfg.LockWait = 30 * time.Second
	b, err := broker.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(b.Stop)
	return b
}

func config(dir string) broker.Config {
	return broker.Config{
		Dir: dir, Topics: []string{"events"}, DeadTopics: []string{"dead"}, Group: "store",
		TrimEvery: 20 * time.Millisecond, SyncEvery: 20 * time.Millisecond,
	}
}

func commit(t *testing.T, addr string, offset int64) { announce(t, addr, offset, "") }

func announce(t *testing.T, addr string, offset int64, metadata string) {
	t.Helper()
	resp, err := clientOf(t, addr).OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
		GroupID: "store", GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{"events": {{Partition: 0, Offset: offset, Metadata: metadata}}},
	})
	require.NoError(t, err)
	require.NoError(t, resp.Topics["events"][0].Error)
}

func ends(t *testing.T, addr string) (first, last int64) {
	t.Helper()
	resp, err := clientOf(t, addr).ListOffsets(t.Context(), &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{"events": {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}},
	})
	require.NoError(t, err)
	o := resp.Topics["events"][0]
	return o.FirstOffset, o.LastOffset
}

func write(t *testing.T, addr string, n int, value func(i int) []byte) {
	t.Helper()
	w := writerOf(t, addr, "events")
	for i := range n {
		require.NoError(t, w.WriteMessages(t.Context(), kafka.Message{Value: value(i)}))
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, config(dir))
	write(t, b.Addr(), 10, func(i int) []byte { return fmt.Appendf(nil, "v%d", i) })
	commit(t, b.Addr(), 4)

	_, err := broker.Start(t.Context(), config(dir))
	require.ErrorIs(t, err, folder.ErrInUse)
	b.Stop()

	b = start(t, config(dir))
	values, next := fetchAll(t, clientOf(t, b.Addr()), "events", 0, 4)
	require.Len(t, values, 6)
	require.EqualValues(t, 10, next)
}

// TestFullAndTrim fills the log beyond its cap: nothing unread goes, Full says
// stop, commits make room, and offsets go on where they were after a crash.
func TestFullAndTrim(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.MaxBytes = 8 << 20
	b := start(t, cfg)
	write(t, b.Addr(), 40, func(int) []byte { return noise(256 << 10) })
	require.Eventually(t, func() bool { return b.Full() != "" }, 30*time.Second, 10*time.Millisecond)
	first, last := ends(t, b.Addr())
	require.EqualValues(t, 0, first, "unread records stay")
	require.EqualValues(t, 40, last)
	require.Greater(t, b.Bytes(), int64(8<<20))

	commit(t, b.Addr(), 40)
	require.Eventually(t, func() bool { return b.Full() == "" }, 30*time.Second, 10*time.Millisecond)
	require.Less(t, b.Bytes(), int64(6<<20))
	first, last = ends(t, b.Addr())
	require.Positive(t, first)
	require.EqualValues(t, 40, last)

	// A copy of the folder is what a kill -9 leaves: no snapshot of a clean stop.
	crashed := cfg
	crashed.Dir = copyDir(t, cfg.Dir)
	second := start(t, crashed)
	_, last = ends(t, second.Addr())
	require.EqualValues(t, 40, last, "offsets are never given out twice")
}

// TestCommitBeyondEnd removes the log but not the commits, as a power cut may.
func TestCommitBeyondEnd(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	b := start(t, cfg)
	write(t, b.Addr(), 30, func(i int) []byte { return []byte{byte(i)} })
	commit(t, b.Addr(), 30)
	b.Stop()
	require.NoError(t, os.RemoveAll(filepath.Join(cfg.Dir, "partitions")))

	b = start(t, cfg)
	_, last := ends(t, b.Addr())
	require.EqualValues(t, 30, last)
	write(t, b.Addr(), 1, func(int) []byte { return []byte("next") })
	values, next := fetchAll(t, clientOf(t, b.Addr()), "events", 0, 30)
	require.Equal(t, []string{"next"}, values)
	require.EqualValues(t, 31, next)
}

// A power cut takes the newest records but leaves the announcement of a block that
// they were in: what comes later must not get their offsets, or it is taken for what
// was announced, which ClickHouse may have.
func TestAnnouncedBeyondEnd(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	b := start(t, cfg)
	write(t, b.Addr(), 30, func(i int) []byte { return []byte{byte(i)} })
	announce(t, b.Addr(), 10, `{"v":1,"log":"a","end":40}`)
	b.Stop()

	for range 2 {
		b = start(t, cfg)
		_, last := ends(t, b.Addr())
		require.EqualValues(t, 40, last)
		b.Stop()
	}
	b = start(t, cfg)
	write(t, b.Addr(), 1, func(int) []byte { return []byte("next") })
	values, next := fetchAll(t, clientOf(t, b.Addr()), "events", 0, 28)
	require.Equal(t, []string{"\x1c", "\x1d", "next"}, values, "nothing is there that nobody wrote")
	require.EqualValues(t, 41, next)
}

func TestTornTail(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(raw []byte) []byte{
		"half a batch":        func(raw []byte) []byte { return append(raw, raw[:40]...) },
		"a flipped bit":       func(raw []byte) []byte { raw = bytes.Clone(raw); raw[len(raw)-1] ^= 1; return raw },
		"zeros":               func(raw []byte) []byte { return append(raw, make([]byte, 4096)...) },
		"noise":               func(raw []byte) []byte { return append(raw, noise(100)...) },
		"a few bytes missing": func(raw []byte) []byte { return raw[:len(raw)-3] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t.TempDir())
			b := start(t, cfg)
			write(t, b.Addr(), 10, func(i int) []byte { return fmt.Appendf(nil, "v%d", i) })
			dir := copyDir(t, cfg.Dir)
			file := filepath.Join(dir, "partitions", "events-0", "0.dat")
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, damage(raw), 0o600))

			cfg.Dir = dir
			b = start(t, cfg)
			values, next := fetchAll(t, clientOf(t, b.Addr()), "events", 0, 0)
			require.GreaterOrEqual(t, len(values), 9, "at most the damaged record is lost")
			write(t, b.Addr(), 1, func(int) []byte { return []byte("after") })
			values, _ = fetchAll(t, clientOf(t, b.Addr()), "events", 0, next)
			require.Equal(t, []string{"after"}, values)
		})
	}
}

func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// TestKilled lets a second process write through its own broker, kills it with
// SIGKILL and expects every acknowledged record to be there.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("ERRATA_TEST_BROKER"); dir != "" {
		b := start(t, config(dir))
		w := writerOf(t, b.Addr(), "events")
		for i := 0; ; i++ {
			batch := make([]kafka.Message, 50)
			for j := range batch {
				batch[j].Value = fmt.Appendf(nil, "%06d", i*len(batch)+j)
			}
			require.NoError(t, w.WriteMessages(t.Context(), batch...))
			fmt.Printf("acked=%d\n", (i+1)*len(batch))
		}
	}
	t.Parallel()
	for round := range 3 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
		cmd.Env = append(os.Environ(), "ERRATA_TEST_BROKER="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		acked := 0
		kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // Where nothing is acknowledged.
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if text, found := strings.CutPrefix(lines.Text(), "acked="); found {
				if acked == 0 {
					kill.Reset(time.Duration(100+round*300) * time.Millisecond)
				}
				_, err := fmt.Sscan(text, &acked)
				require.NoError(t, err)
			}
		}
		kill.Stop()
		_ = cmd.Wait()
		require.Positive(t, acked, "the writer must have got somewhere before it was killed")

		b := start(t, config(dir))
		values, _ := fetchAll(t, clientOf(t, b.Addr()), "events", 0, 0)
		require.GreaterOrEqual(t, len(values), acked)
		for i := range acked {
			require.Equal(t, fmt.Sprintf("%06d", i), values[i])
		}
		b.Stop()
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, config(t.TempDir()))
	for name, tc := range map[string]struct {
		change func(*broker.Config)
		want   string
	}{
		"a port in use":         {func(c *broker.Config) { c.Addr = b.Addr() }, "address already in use"},
		"beyond loopback":       {func(c *broker.Config) { c.Addr = "0.0.0.0:9092" }, "run Apache Kafka for more"},
		"no port":               {func(c *broker.Config) { c.Addr = "127.0.0.1" }, "missing port"},
		"no group":              {func(c *broker.Config) { c.Group = "" }, "must be set"},
		"a folder that is none": {func(c *broker.Config) { c.Dir = "/dev/null/x" }, "cannot make the folder"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			tc.change(&cfg)
			_, err := broker.Start(t.Context(), cfg)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
