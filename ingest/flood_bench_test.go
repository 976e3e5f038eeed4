package ingest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// BenchmarkFlood compares a whole event with one that is only counted; both are
// of 5 KB, made anew, and go through all of the edge but socket and broker. A counted one
// waits for its group, so that many are on their way at once.
func BenchmarkFlood(b *testing.B) {
	for _, counted := range []bool{false, true} {
		b.Run(fmt.Sprint("counted=", counted), func(b *testing.B) {
			e := start(b, func(c *Config) {
				c.FloodPerMinute = -1
				if counted {
					c.FloodPerMinute = 1
				}
			})
			require.NoError(b, e.producer.Close(context.Background()))
			e.producer = discard{}
			h := e.app.Handler()
			var next atomic.Int64
			template := pythonEvent(strings.Repeat("f", 32))
			b.SetParallelism(256)
			b.ReportAllocs()
			b.ResetTimer()
			cpu := cpuTime()
			b.RunParallel(func(pb *testing.PB) {
				var ctx fasthttp.RequestCtx
				var req fasthttp.Request
				req.Header.SetMethod("POST")
				req.SetRequestURI("/api/1/envelope/")
				req.Header.SetHost("127.0.0.1")
				req.Header.Set("X-Sentry-Auth", auth)
				body := make([]byte, len(template))
				for pb.Next() {
					// The id is the trace's as well.
					copy(body, bytes.ReplaceAll(template, []byte(strings.Repeat("f", 32)), []byte(hexID(int(next.Add(1))))))
					ctx.Init(&req, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, nil)
					ctx.Request.SetBodyRaw(body)
					h(&ctx)
					if ctx.Response.StatusCode() != 200 {
						b.Error(ctx.Response.StatusCode(), string(ctx.Response.Body()))
						return
					}
				}
			})
			b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime is the process's own, which other load on the machine moves less than
// the clock.
func cpuTime() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}
