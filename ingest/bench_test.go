package ingest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"errata/ingest/topic"
)

// discard acknowledges at once: what remains is the edge's own work.
type discard struct{}

func (discard) Write(context.Context, []topic.Message) error { return nil }
func (discard) Close(context.Context) error                  { return nil }
func (discard) Ready() error                                 { return nil }
func (discard) SpoolBytes() int64                            { return 0 }

// pythonEvent is a Python error of about 5 KB with seven frames.
func pythonEvent(eventID string) []byte {
	frame := func(i int) string {
		return fmt.Sprintf(`{"filename":"shop/views/order_%d.py","abs_path":"/srv/app/shop/views/order_%d.py","function":"place_order_%d","module":"shop.views.order_%d","lineno":%d,"in_app":true,"pre_context":["def place(order):","    total = 0","    for line in order.lines:","        check(line)","        stock(line)"],"context_line":"        total += line.price / line.quantity","post_context":["    return total","","","def cancel(order):","    order.state = 'cancelled'"],"vars":{"order":"<Order 17 of customer 99>","total":"0","line":"<Line 3>"}}`, i, i, i, i, 40+i)
	}
	var frames []string
	for i := range 7 {
		frames = append(frames, frame(i))
	}
	event := `{"event_id":"` + eventID + `","timestamp":"2026-11-23T15:00:00.000000Z","level":"error","platform":"python","release":"shop@1.2.3","environment":"production","server_name":"web-1","transaction":"/orders/{id}","sdk":{"name":"sentry.python.fastapi","version":"2.75.0"},"exception":{"values":[{"type":"ZeroDivisionError","value":"division by zero","module":null,"mechanism":{"type":"starlette","handled":false},"stacktrace":{"frames":[` + strings.Join(frames, ",") + `]}}]},"contexts":{"trace":{"trace_id":"` + eventID + `","span_id":"1234567812345678"},"runtime":{"name":"CPython","version":"3.11.7"}},"request":{"url":"http://shop.example/orders/17","method":"POST","headers":{"host":"shop.example","accept":"*/*","user-agent":"curl/8"}},"tags":{"region":"eu","tier":"gold"},"breadcrumbs":{"values":[{"type":"log","category":"shop","level":"info","message":"placing order","timestamp":"2026-11-23T15:00:00Z"}]},"modules":{"fastapi":"0.165.0","starlette":"1.10.0"}}`
	return fmt.Appendf(nil, "{\"event_id\":%q,\"sent_at\":\"2026-11-23T15:00:00Z\"}\n{\"type\":\"event\",\"length\":%d}\n%s\n", eventID, len(event), event)
}

func benchEdge(b *testing.B, gz, broker bool, handler func(e *edge) fasthttp.RequestHandler) {
	e := start(b, func(c *Config) { c.FloodPerMinute = -1 })
	if broker {
		b.SetParallelism(32)
	} else {
		require.NoError(b, e.producer.Close(context.Background()))
		e.producer = discard{}
	}
	body := pythonEvent(hexID(1))
	encoding := ""
	b.SetBytes(int64(len(body)))
	if gz {
		body, encoding = packed(b, "gzip", body), "gzip"
	}
	h := handler(e)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var ctx fasthttp.RequestCtx
		var req fasthttp.Request
		req.Header.SetMethod("POST")
		req.SetRequestURI("/api/1/envelope/")
		req.Header.SetHost("127.0.0.1")
		req.Header.Set("X-Sentry-Auth", auth)
		req.Header.Set("Content-Encoding", encoding)
		for pb.Next() {
			ctx.Init(&req, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, nil)
			ctx.Request.SetBodyRaw(body)
			h(&ctx)
			if ctx.Response.StatusCode() != 200 {
				b.Error(ctx.Response.StatusCode(), string(ctx.Response.Body()))
				return
			}
		}
	})
}

// BenchmarkEnvelope is the whole of an accepted event but socket and broker.
func BenchmarkEnvelope(b *testing.B) {
	for _, gz := range []bool{false, true} {
		b.Run(fmt.Sprint("gzip=", gz), func(b *testing.B) {
			benchEdge(b, gz, false, func(e *edge) fasthttp.RequestHandler { return e.app.Handler() })
		})
	}
}

// BenchmarkEnvelopeToBroker adds the producer and an in-process broker.
func BenchmarkEnvelopeToBroker(b *testing.B) {
	benchEdge(b, false, true, func(e *edge) fasthttp.RequestHandler { return e.app.Handler() })
}
