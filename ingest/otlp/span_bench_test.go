package otlp

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/otlp/decode"
)

// oneFailure is a request of one server span with its exception, as the Python
// FastAPI instrumentation records it. No two have the same ids, users, times
// and messages; those of one issue have the same stack.
func oneFailure(tb testing.TB, i int) []byte {
	tb.Helper()
	now := uint64(time.Now().UnixNano())
	k := i % 100
	kind := []string{"ValueError", "KeyError", "TimeoutError", "LookupError"}[k%4]
	message := fmt.Sprintf("order %d: refund not available for %d.%02d EUR", 100000+i*7919%900000, i%900, i%100)
	stack := "Traceback (most recent call last):\n"
	for _, f := range [][3]string{
		{"/srv/venv/lib/python3.13/site-packages/starlette/middleware/errors.py", "__call__", "await self.app(scope, receive, _send)"},
		{"/srv/venv/lib/python3.13/site-packages/fastapi/routing.py", "run_endpoint_function", "return await dependant.call(**values)"},
		{"/srv/app/shop/main.py", "handle_checkout", "result = await checkout.run(request, order_id)"},
		{"/srv/app/shop/services/checkout.py", "run", "return await self._attempt(order_id, retries=3)"},
		{"/srv/app/shop/services/checkout.py", fmt.Sprintf("_attempt_%d", k%97), "rows = await self.repository.load(order_id)"},
		{"/srv/app/shop/storage/repository.py", fmt.Sprintf("load_checkout_%d", k), fmt.Sprintf("row = await cursor.fetch(QUERY_%d, order_id)", k)},
		{"/srv/app/shop/storage/cursor.py", fmt.Sprintf("fetch_%d", k%13), "raise " + kind + "(message)"},
	} {
		stack += fmt.Sprintf("  File \"%s\", line %d, in %s\n    %s\n", f[0], 40+len(f[1]), f[1], f[2])
	}
	id := func(n int) []byte {
		b := make([]byte, n)
		for j := range b {
			b[j] = byte((i + 1) * (j*2 + 7919) >> (j % 5))
		}
		b[0] |= 1
		return b
	}
	s := &tracepb.Span{
		TraceId: id(16), SpanId: id(8), Name: "POST /checkout/{order_id}", Kind: tracepb.Span_SPAN_KIND_SERVER, StartTimeUnixNano: now - 2e8, EndTimeUnixNano: now,
		Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: kind + ": " + message},
		Attributes: attrs("http.request.method", "POST", "url.scheme", "https", "server.address", "shop.example.com", "http.route", "/checkout/{order_id}", "url.path", fmt.Sprint("/checkout/", 100000+i),
			"client.address", fmt.Sprintf("203.0.113.%d", 1+i%250), "user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
			"enduser.id", fmt.Sprint(i%10000), "region", "eu-west-Leeds", "http.response.status_code", "500"),
		Events: []*tracepb.Span_Event{{Name: "exception", TimeUnixNano: now - 1e5, Attributes: attrs("exception.type", "shop.errors."+kind, "exception.message", message,
			"exception.stacktrace", stack+"shop.errors."+kind+": "+message+"\n", "exception.escaped", "False")}},
	}
	m := tracesOf(attrs("service.name", "shop", "service.version", fmt.Sprintf("2.%d.%d", i%4, i%5), "deployment.environment.name", "production", "host.name", fmt.Sprintf("web-%02d", i%24),
		"telemetry.sdk.language", "python", "telemetry.sdk.name", "opentelemetry", "telemetry.sdk.version", "1.45.2"), s)
	b, err := proto.Marshal(m)
	require.NoError(tb, err)
	return b
}

// BenchmarkFailures is one span with an exception a request, as processes that
// do not batch send it.
func BenchmarkFailures(b *testing.B) {
	bodies := make([][]byte, 2000)
	for i := range bodies {
		bodies[i] = oneFailure(b, i)
	}
	req := request(b)
	b.ReportAllocs()
	before, n := cpuTime(), 0
	for b.Loop() {
		batch, _, err := Traces(req, bodies[n%len(bodies)], decode.Protobuf)
		if err != nil || len(batch.Events) != 1 {
			b.Fatal(err, len(batch.Events))
		}
		batch.Encoded() // As the edge does.
		n++
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(n), "cpu-ns/op")
}

func cpuTime() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}
