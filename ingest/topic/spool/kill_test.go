package spool

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestChild appends until it is killed and prints what was acknowledged. It
// runs only as the child of TestKilledAtRandom.
func TestChild(t *testing.T) {
	dir := os.Getenv("ERRATA_TEST_SPOOL")
	if dir == "" {
		t.Skip("runs as a child only")
	}
	from, err := strconv.Atoi(os.Getenv("ERRATA_TEST_FROM"))
	require.NoError(t, err)
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 30, SegmentBytes: 20_000})
	require.NoError(t, err)
	for i := from; ; i++ {
		if err := s.Append([]Message{{Topic: "t", Value: fmt.Appendf(make([]byte, 0, 700), "%0600d", i)}}); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("ack %d\n", i)
	}
}

func TestKilledAtRandom(t *testing.T) {
	dir := t.TempDir()
	next := 0
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
		cmd.Env = append(os.Environ(), "ERRATA_TEST_SPOOL="+dir, "ERRATA_TEST_FROM="+strconv.Itoa(next))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		// Some time after its first acknowledgement: a busy machine takes its time to start it.
		killed := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		first := true
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var n int
			if _, err := fmt.Sscanf(lines.Text(), "ack %d", &n); err == nil {
				if first {
					first = false
					killed.Reset(time.Duration(10+37*round) * time.Millisecond)
				}
				require.Equal(t, next, n)
				next++
			}
		}
		_ = cmd.Wait()
		killed.Stop()
	}
	require.Positive(t, next)
	s := open(t, Config{Dir: dir, SegmentBytes: 20_000})
	seen, last := map[int]bool{}, -1
	for _, m := range drain(t, s, 5000) {
		n, err := strconv.Atoi(m[len("t||"):])
		require.NoError(t, err)
		if !seen[n] {
			require.Greater(t, n, last, "in order")
			last = n
		}
		seen[n] = true
	}
	for n := range next {
		require.True(t, seen[n], "acknowledged message %d is missing", n)
	}
}
