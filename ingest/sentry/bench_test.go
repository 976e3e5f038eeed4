package sentry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fastjson"

	"errata/ingest/sentry/tree"
)

func benchEnvelope(t testing.TB) []byte {
	t.Helper()
	ev, err := os.ReadFile("testdata/python_event_5k.json")
	require.NoError(t, err)
	ev = bytes.TrimSpace(ev)
	h := `{"event_id":"6310350dc1b1408eacfd94635fe13ce4","sent_at":"2026-11-23T11:29:59.188811Z","trace":{"trace_id":"37d032d6a2af447a9b281144cf1468d6","environment":"production","release":"shop@1.4.2","public_key":"7a1c3b5e9d2f4a6b8c0d1e2f3a4b5c6d","transaction":"/crash","sample_rate":"0.0","sampled":"false"}}`
	return fmt.Appendf(nil, "%s\n{\"type\":\"event\",\"content_type\":\"application/json\",\"length\":%d}\n%s\n", h, len(ev), ev)
}

// cpu reports the process's own CPU time, which other load on the machine moves
// less than the clock.
func cpu(b *testing.B, f func()) {
	b.ReportAllocs()
	before := rusage()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(rusage()-before)/float64(b.N), "cpu-ns/op")
}

func rusage() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}

// BenchmarkEnvelope is the hot path: one Python event of 5 KB.
func BenchmarkEnvelope(b *testing.B) {
	body := benchEnvelope(b)
	req := testRequest(b)
	b.SetBytes(int64(len(body)))
	cpu(b, func() {
		batch, _, err := Envelope(req, body)
		if err != nil {
			b.Fatal(err)
		}
		batch.Encoded() // As the edge does.
	})
}

// variedEnvelopes are envelopes of one shape that differ as events of many issues
// do: no two have the same ids, users, times, variables and lines of source.
func variedEnvelopes(b *testing.B, n int) [][]byte {
	b.Helper()
	one := benchEnvelope(b)
	_, event, _ := bytes.Cut(one, []byte("\n"))
	_, event, _ = bytes.Cut(event, []byte("\n"))
	out := make([][]byte, n)
	for i := range out {
		h := fmt.Sprintf("%08x", uint32(i)*2654435761)
		ev := strings.NewReplacer("6310350d", h, "37d032d6", h, "9b4a1c14", h, "7f51c16de350", "7f51"+h, `"crash"`, `"crash_`+strconv.Itoa(i%500)+`"`, "division by zero", "division by zero in order "+strconv.Itoa(i),
			"total / 0", "total / "+strconv.Itoa(i%500), ":38970", ":"+strconv.Itoa(30000+i), "item=5", "item="+strconv.Itoa(i), "11:12:37.1", fmt.Sprintf("11:12:%02d.%d", i%60, i%10), "app-1", "app-"+strconv.Itoa(i%24)).Replace(string(bytes.TrimSpace(event)))
		out[i] = fmt.Appendf(nil, "{\"event_id\":\"%sc1b1408eacfd94635fe13ce4\",\"sent_at\":\"2026-11-23T11:29:59.188811Z\"}\n{\"type\":\"event\",\"content_type\":\"application/json\",\"length\":%d}\n%s\n", h, len(ev), ev)
	}
	return out
}

// BenchmarkEnvelopes is nearer to a store under load: envelopes that differ, on
// all cores, and between two of them as much memory is touched as the way to the
// topic and back touches.
func BenchmarkEnvelopes(b *testing.B) {
	bodies := variedEnvelopes(b, 1000)
	req := testRequest(b)
	var next atomic.Uint32
	b.ReportAllocs()
	before := rusage()
	b.RunParallel(func(pb *testing.PB) {
		others := make([]byte, 8<<20)
		at := 0
		for pb.Next() {
			batch, _, err := Envelope(req, bodies[next.Add(1)%uint32(len(bodies))])
			if err != nil {
				b.Error(err)
				return
			}
			batch.Encoded()
			for range 1024 { // Lines of 64 bytes, each next to none before.
				others[at]++
				at = (at + 4096 + 64) % len(others)
			}
		}
	})
	b.ReportMetric(float64(rusage()-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkParse is the JSON library's part of it.
func BenchmarkParse(b *testing.B) {
	body, err := os.ReadFile("testdata/python_event_5k.json")
	require.NoError(b, err)
	b.Run("tree", func(b *testing.B) {
		cpu(b, func() {
			d, err := tree.Parse(body)
			if err != nil {
				b.Fatal(err)
			}
			d.Release()
		})
	})
	b.Run("tree and write", func(b *testing.B) {
		var out []byte
		cpu(b, func() {
			d, err := tree.Parse(body)
			if err != nil {
				b.Fatal(err)
			}
			out = tree.Append(out[:0], d.Root)
			d.Release()
		})
	})
	b.Run("fastjson and its own writer", func(b *testing.B) {
		var p fastjson.Parser
		var out []byte
		cpu(b, func() {
			v, err := p.ParseBytes(body)
			if err != nil {
				b.Fatal(err)
			}
			out = v.MarshalTo(out[:0])
		})
	})
	b.Run("encoding/json into any and back", func(b *testing.B) {
		cpu(b, func() {
			var v any
			if err := json.Unmarshal(body, &v); err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		})
	})
}
