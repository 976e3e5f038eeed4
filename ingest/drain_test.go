package ingest

import (
	"context"
	"encoding/base64"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/ingest/topic"
)

// held is a producer whose broker takes its time.
type held struct {
	producer
	writing chan struct{}
	release chan struct{}
}

func (h *held) Write(ctx context.Context, m []topic.Message) error {
	h.writing <- struct{}{}
	select {
	case <-h.release:
		return h.producer.Write(ctx, m)
	case <-ctx.Done():
		return &topic.ErrUnavailable{Reason: "the request was given up", RetryAfter: time.Second, Cause: ctx.Err()}
	}
}

// TestStopAnswersWhatItHasBegun: a client whose record is on its way is told so,
// and does not send it again to the next server.
func TestStopAnswersWhatItHasBegun(t *testing.T) {
	e := start(t)
	h := &held{producer: e.producer, writing: make(chan struct{}), release: make(chan struct{})}
	e.producer = h
	answers := make(chan int)
	requests := []struct {
		method, path string
		body         []byte
	}{
		{"POST", "/api/1/envelope/", sent(hexID(1), "x")},
		{"POST", "/v1/logs", []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}`)},
		{"GET", "/api/1/store/?sentry_data=" + base64.URLEncoding.EncodeToString([]byte(`{"message":"x"}`)), nil},
	}
	for _, r := range requests {
		go func() {
			answers <- e.do(r.method, r.path, r.body, "X-Sentry-Auth", auth, "Content-Type", "application/json").status
		}()
		<-h.writing
	}
	stopped := make(chan error)
	go func() { stopped <- e.Stop(t.Context()) }()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", e.Addr())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "the stop has begun")
	time.Sleep(20 * time.Millisecond) // The server tells its requests right after it closed the port.
	close(h.release)
	for range requests {
		require.Equal(t, 200, <-answers)
	}
	require.NoError(t, <-stopped)
}
