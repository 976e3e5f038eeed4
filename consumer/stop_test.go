package consumer_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/consumer"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// A clean stop does not wait for a ClickHouse that hangs, whatever the consumer has
// asked of it, for as long as an answer may take: the group gets its partitions back.
func TestStopWhileClickHouseHangs(t *testing.T) {
	t.Parallel()
	server := clickhousetest.StartIn(t, t.TempDir())
	var stores []*store
	var stops []func()
	for _, compress := range []bool{true, false} {
		s := newStoreOn(t, server, 1, map[bool]string{true: "packed", false: "plain"}[compress])
		cfg := s.config()
		cfg.ClickHouse.Compress, cfg.ClickHouse.Timeout, cfg.MonitorEvery = &compress, time.Hour, 50*time.Millisecond
		c, err := consumer.New(cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		s.send(schema.TopicEvents, "a", anEvent(1))
		s.eventually(1, "SELECT count() FROM events")
		stores = append(stores, s)
		stops = append(stops, func() {
			cancel()
			select {
			case err := <-done:
				require.NoError(t, err)
			case <-time.After(2 * time.Minute):
				require.Fail(t, "the consumer does not stop", "compressed: %t", compress)
			}
		})
	}
	require.NoError(t, syscall.Kill(server.PID(), syscall.SIGSTOP))
	defer func() { require.NoError(t, syscall.Kill(server.PID(), syscall.SIGCONT)) }()
	for _, s := range stores {
		s.send(schema.TopicEvents, "a", anEvent(2), anEvent(3))
	}
	time.Sleep(time.Second) // So that they are asked to store it; one that was not stops as well.
	for _, stop := range stops {
		stop()
	}
}
