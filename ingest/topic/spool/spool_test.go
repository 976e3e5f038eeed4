package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, cfg Config) *Spool {
	t.Helper()
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 1 << 30
	}
	s, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func drain(t *testing.T, s *Spool, step int) []string {
	t.Helper()
	var got []string
	for {
		ms, next, err := s.Peek(step)
		require.NoError(t, err)
		if len(ms) == 0 {
			return got
		}
		for _, m := range ms {
			got = append(got, m.Topic+"|"+string(m.Key)+"|"+string(m.Value))
		}
		require.NoError(t, s.Advance(next))
	}
}

func TestOrderOverSegmentsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	var want []string
	s := open(t, Config{Dir: dir, SegmentBytes: 300})
	for i := range 50 {
		m := Message{Topic: "errata.events", Key: []byte(fmt.Sprint("k", i)), Value: bytes.Repeat([]byte{'a' + byte(i%26)}, 37)}
		want = append(want, m.Topic+"|"+string(m.Key)+"|"+string(m.Value))
		require.NoError(t, s.Append([]Message{m}))
		if i == 20 {
			// A reader that got part of the way, then a restart.
			ms, next, err := s.Peek(200)
			require.NoError(t, err)
			require.NoError(t, s.Advance(next))
			want = want[len(ms):]
			require.NoError(t, s.Close())
			s = open(t, Config{Dir: dir, SegmentBytes: 300})
		}
	}
	require.Equal(t, want, drain(t, s, 64))
	require.Zero(t, s.Bytes())
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	require.NoError(t, err)
	require.Len(t, files, 1, "read files are removed")
}

func TestTornTailIsCut(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"half a frame":  func(b []byte) []byte { return append(b, b[:11]...) },
		"zeros":         func(b []byte) []byte { return append(b, make([]byte, 100)...) },
		"flipped bit":   func(b []byte) []byte { c := append([]byte{}, b...); c[len(b)-1] ^= 1; return append(b, c...) },
		"absurd length": func(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Config{Dir: dir})
			require.NoError(t, s.Append([]Message{{Topic: "a", Value: []byte("one")}}))
			require.NoError(t, s.Close())
			files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
			b, err := os.ReadFile(files[0])
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(files[0], damage(b), 0o600))
			s = open(t, Config{Dir: dir})
			require.NoError(t, s.Append([]Message{{Topic: "b", Value: []byte("two")}}))
			require.Equal(t, []string{"a||one", "b||two"}, drain(t, s, 1<<20))
		})
	}
}

func TestCap(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), MaxBytes: 1000})
	big := []Message{{Topic: "t", Value: make([]byte, 600)}}
	require.NoError(t, s.Append(big))
	require.ErrorIs(t, s.Append(big), ErrFull)
	_, next, err := s.Peek(1 << 20)
	require.NoError(t, err)
	require.NoError(t, s.Advance(next))
	require.NoError(t, s.Append(big), "room again once it was read")
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Append(big), ErrClosed)
}

func TestConcurrentCallersLoseNothing(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), SegmentBytes: 4096})
	var wg sync.WaitGroup
	var got []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(got) < 400 {
			ms, next, err := s.Peek(900)
			if err != nil {
				return
			}
			for _, m := range ms {
				got = append(got, string(m.Value))
			}
			if len(ms) > 0 && s.Advance(next) != nil {
				return
			}
		}
	}()
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				if err := s.Append([]Message{{Topic: "t", Value: fmt.Appendf(nil, "%d-%d", w, i)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	<-done
	seen := map[string]bool{}
	for _, g := range got {
		require.False(t, seen[g], g)
		seen[g] = true
	}
	require.Len(t, seen, 400)
	require.Zero(t, s.Bytes())
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(nil, Message{Topic: "t", Key: []byte("k"), Value: []byte("v")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, n, err := decode(b)
		if err == nil && !bytes.Equal(encode(nil, m)[frameHead:], b[frameHead:n]) && n > len(b) {
			t.Fatal("frame beyond its bytes")
		}
	})
}
