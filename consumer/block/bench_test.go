package block

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/consumer/sink"
	"errata/consumer/table"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
	"errata/schema/tables"
)

// benchTypes are the column types of a real server.
func benchTypes(b testing.TB) table.Types {
	b.Helper()
	server := clickhousetest.Shared(b)
	password := server.Password("errata")
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Addr()}, Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: password}})
	require.NoError(b, err)
	defer conn.Close()
	require.NoError(b, tables.Migrate(context.Background(), conn, tables.Options{Database: "bench", Password: password}))
	s, err := sink.New(sink.Options{Addrs: []string{server.Addr()}, Database: "bench", Password: password})
	require.NoError(b, err)
	defer s.Close()
	types, err := s.Types(context.Background())
	require.NoError(b, err)
	return types
}

// benchRecords are encoded records of the size and shape of the standard
// event: seven frames, thirteen tags, a payload of 4.7 KB.
func benchRecords(n int) [][]byte { return benchRecordsFrom(1, n) }

func benchRecordsFrom(seed uint64, n int) [][]byte {
	r := rand.New(rand.NewPCG(seed, 2))
	payload := []byte(`{"message":"` + strings.Repeat("breadcrumb and context ", 204) + `"}`)
	var out [][]byte
	for i := range n {
		e := &schema.Event{EventId: make([]byte, 16), Timestamp: 1795432528179 + int64(i), Fingerprint: r.Uint64N(100), Hashes: []uint64{1, 2}, MainHash: r.Uint64N(100), GroupingVersion: "1",
			GroupingReason: "exception stack", DecidingComponent: "exception stack", Protocol: 1, Type: "error", Level: 4, Platform: "python", SdkName: "sentry.python.fastapi", SdkVersion: "2.75.0",
			Service: "shop", Environment: "production", Release: "shop@1.0." + fmt.Sprint(r.IntN(5)), ServerName: "web-" + fmt.Sprint(r.IntN(8)), Transaction: "/checkout/{cart}",
			Title: fmt.Sprintf("CheckoutError: tax service said no to %d", r.IntN(1000)), Culprit: "shop.checkout in pay", ExceptionType: "CheckoutError", ExceptionValue: fmt.Sprintf("tax service said no to %d", r.IntN(1000)),
			Handled: 2, Mechanism: "starlette", UserId: fmt.Sprint(r.IntN(10000)), UserHash: r.Uint64(), UserIp: "10.0.0.7", HttpMethod: "POST", HttpStatus: 500, Url: "https://shop.example.com/checkout/17",
			TraceId: fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()), SpanId: fmt.Sprintf("%016x", r.Uint64()), Payload: payload, PayloadBytes: 5300}
		for k := range e.EventId {
			e.EventId[k] = byte(r.Uint32())
		}
		for k := range 7 {
			e.FramesFunction, e.FramesFile = append(e.FramesFunction, fmt.Sprint("function_", k)), append(e.FramesFile, fmt.Sprintf("shop/module_%d.py", k))
			e.FramesLine, e.FramesInApp = append(e.FramesLine, uint32(10*k)), append(e.FramesInApp, k > 3)
		}
		for k := range 13 {
			e.Tags = append(e.Tags, &schema.Tag{Key: fmt.Sprint("tag_", k), Value: fmt.Sprint("value_", r.IntN(20))})
		}
		v, err := schema.EncodeRecord(&schema.Record{ProjectId: 1, ReceivedAt: e.Timestamp, RetentionDays: 90, Event: e, Receipts: []*schema.Receipt{{Category: "error", Quantity: 1, Bytes: 5300}}})
		if err != nil {
			panic(err)
		}
		out = append(out, v)
	}
	return out
}

func benchWindows() *Windows {
	return NewWindows(schema.TopicEvents, 200_000, 200_000, 100_000)
}

// BenchmarkBlock is what a record costs from bytes to columns, decisions about
// duplicates and twins included.
func BenchmarkBlock(b *testing.B) {
	blk, err := New(benchTypes(b))
	require.NoError(b, err)
	records := benchRecords(20_000)
	w := benchWindows()
	at := time.Now()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if blk.Records == 10_000 {
			blk.Reset(int64(i))
		}
		blk.Add(w, 0, Message{Offset: int64(i), At: at, Value: records[i%len(records)]})
	}
}
