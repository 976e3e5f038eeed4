package topic_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"errata/deploy/local/broker"
	"errata/ingest/topic"
)

// BenchmarkEmbedded writes records of 5 KB from 64 callers to the embedded broker at
// a rate, each event a write of its own as the edge does it. CPU time is that of the
// process: producer, broker and what wakes them.
func BenchmarkEmbedded(b *testing.B) {
	for _, rate := range []int{1000, 3500, 7000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			br, err := broker.Start(b.Context(), broker.Config{Dir: b.TempDir(), Topics: []string{"events"}, Group: "store", MaxBytes: 4 << 30})
			if err != nil {
				b.Fatal(err)
			}
			defer br.Stop()
			p, err := topic.New(topic.Config{Brokers: []string{br.Addr()}, Dial: br.Dial})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = p.Close(context.Background()) }()
			value := bytes.Repeat([]byte(`{"filename":"app/orders.py","function":"place","lineno":42,"in_app":true},`), 70)
			const callers = 64
			var next atomic.Int64
			var all sync.WaitGroup
			before := cpu()
			begin := time.Now()
			b.ResetTimer()
			for range callers {
				all.Go(func() {
					own := bytes.Clone(value)
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(rate))))
						binary.BigEndian.PutUint64(own[100:], uint64(i))
						if err := p.Write(context.Background(), []topic.Message{{Topic: "events", Key: own[100:108], Value: own}}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "CPU-us/op")
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
