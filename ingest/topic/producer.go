package topic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"golang.org/x/sync/semaphore"

	"errata/ingest/topic/spool"
)

// Config says where the broker is and how much may wait for it.
type Config struct {
	Brokers []string
	Prefix  string // Before each topic's name.

	SpoolDir   string // Empty: no spool, 503 while the broker is away.
	SpoolBytes int64

	// Dial connects to a broker; nil means over TCP. An embedded broker gives
	// its own; records for it are packed with snappy, others with lz4, for which
	// no broker needs native code.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	TLS  *tls.Config    // Nil for plain connections.
	SASL sasl.Mechanism // Nil: nobody logs in.

	InFlightBytes int64         // Sent and not yet acknowledged; 0 means 64 MiB.
	AckTimeout    time.Duration // How long a silent broker may keep a request; 0 means 1 s.
	Logger        *slog.Logger
	Metrics       *Metrics // Nil: not counted.
}

// Producer is the one way from the edge to Kafka.
type Producer struct {
	cfg     Config
	log     *slog.Logger
	metrics *Metrics
	kafka   *kafka.Client
	raw     *kafka.Transport
	sender  *sender
	gather  *gatherer
	spool   *spool.Spool
	budget  *semaphore.Weighted
	breaker breaker
	lastAck atomic.Int64 // Unix nanoseconds.
	probing atomic.Bool

	writes sync.WaitGroup // Each request's write that has not ended.
	cancel context.CancelFunc
	loops  sync.WaitGroup
	closed atomic.Bool
}

// New opens the spool and starts the loop that empties it. It does not need a
// broker to be there.
func New(cfg Config) (*Producer, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("cannot start producer: no Kafka broker is named")
	}
	if cfg.InFlightBytes <= 0 {
		cfg.InFlightBytes = 64 << 20
	}
	if cfg.AckTimeout <= 0 {
		cfg.AckTimeout = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	p := &Producer{cfg: cfg, log: cfg.Logger, metrics: cfg.Metrics, budget: semaphore.NewWeighted(cfg.InFlightBytes)}
	if cfg.SpoolDir != "" {
		var err error
		if p.spool, err = spool.Open(spool.Config{Dir: cfg.SpoolDir, MaxBytes: cfg.SpoolBytes}); err != nil {
			return nil, err
		}
	}
	packing, embedded := kafka.Snappy, cfg.Dial != nil && len(cfg.Brokers) == 1 && cfg.TLS == nil && cfg.SASL == nil
	if cfg.Dial == nil {
		packing = kafka.Lz4
		cfg.Dial = (&net.Dialer{Timeout: 2 * time.Second}).DialContext
	}
	p.raw = &kafka.Transport{
		ClientID: "errata-ingest", TLS: cfg.TLS, SASL: cfg.SASL,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := cfg.Dial(ctx, network, addr)
			if err != nil && ctx.Err() == nil {
				p.suspect(err)
			}
			return c, err
		},
	}
	p.kafka = &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: p.raw, Timeout: 2 * time.Second}
	p.sender = &sender{client: &kafka.Client{Addr: p.kafka.Addr, Transport: p.raw, Timeout: tryFor}, prefix: cfg.Prefix, packing: packing}
	if embedded {
		p.sender.link = &link{dial: p.raw.Dial, addr: cfg.Brokers[0]}
	}
	p.gather = newGatherer(p.write, p.written, cfg.AckTimeout, p.breaker.open, &p.writes)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.loops.Add(1)
	go p.recover(ctx)
	return p, nil
}

// Write sends the messages of one request and waits until they are durable.
func (p *Producer) Write(ctx context.Context, messages []Message) error {
	if len(messages) == 0 {
		return nil
	}
	if p.closed.Load() {
		return &ErrUnavailable{Reason: "shutting down", RetryAfter: time.Second, Cause: errClosed}
	}
	if p.breaker.open() {
		return p.keep(messages, errAway.Error())
	}
	size := int64(0)
	for i := range messages {
		size += int64(len(messages[i].Value)+len(messages[i].Key)) + 64
	}
	size = min(size, p.cfg.InFlightBytes)
	if !p.budget.TryAcquire(size) {
		p.metrics.Busy.Inc()
		return &ErrUnavailable{Reason: "too many bytes wait for the broker", RetryAfter: time.Second}
	}
	result, _ := results.Get().(chan error)
	start := time.Now()
	p.gather.add(messages, size, result)
	var err error
	if stop := ctx.Done(); stop == nil {
		err = <-result
	} else {
		select {
		case err = <-result:
		case <-stop:
			return &ErrUnavailable{Reason: "the request was given up", RetryAfter: time.Second, Cause: ctx.Err()}
		}
	}
	results.Put(result) // Nobody sends on it any more.
	switch {
	case err == nil:
		p.metrics.Acked.Add(float64(len(messages)))
		p.metrics.AckSeconds.Observe(time.Since(start).Seconds())
		takeBack(messages)
		return nil
	case errors.Is(err, errAway):
		return p.keep(messages, errAway.Error())
	case errors.Is(err, errSilent):
		if time.Since(time.Unix(0, p.lastAck.Load())) > p.cfg.AckTimeout {
			p.trip(errSilent)
		}
		return p.keep(messages, errSilent.Error())
	}
	failed, cause := split(messages, err)
	if temporary(cause) {
		p.trip(cause)
	}
	return p.keep(failed, "the broker refused a write", cause)
}

// results are the channels on which requests hear of their messages.
var results = sync.Pool{New: func() any { return make(chan error, 1) }}

// split returns the messages that were not acknowledged and the first cause.
func split(messages []Message, err error) ([]Message, error) {
	var each kafka.WriteErrors
	if !errors.As(err, &each) || len(each) != len(messages) {
		return messages, err
	}
	var failed []Message
	var cause error
	for i, e := range each {
		if e != nil {
			failed = append(failed, messages[i])
			if cause == nil {
				cause = e
			}
		}
	}
	return failed, cause
}

// temporary reports whether the same message may succeed later.
func temporary(err error) bool {
	if k, ok := errors.AsType[kafka.Error](err); ok {
		return k.Temporary() || k == kafka.UnknownTopicOrPartition || k == kafka.TopicAuthorizationFailed
	}
	var big kafka.MessageTooLargeError
	return !errors.As(err, &big)
}

// keep puts messages into the spool.
func (p *Producer) keep(messages []Message, reason string, cause ...error) error {
	e := &ErrUnavailable{Reason: reason, RetryAfter: 5 * time.Second}
	if len(cause) > 0 {
		e.Cause = cause[0]
		if !temporary(e.Cause) {
			return e
		}
	}
	if p.spool == nil {
		p.metrics.Refused.Inc()
		return e
	}
	out := make([]spool.Message, len(messages))
	for i, m := range messages {
		out[i] = spool.Message{Topic: m.Topic, Key: m.Key, Value: m.Value}
	}
	if err := p.spool.Append(out); err != nil {
		p.metrics.Refused.Inc()
		if errors.Is(err, spool.ErrFull) {
			e.Reason, e.RetryAfter = reason+" and the spool is full", 15*time.Second
		}
		e.Cause = err
		return e
	}
	p.metrics.Spooled.Add(float64(len(messages)))
	p.metrics.SpoolBytes.Set(float64(p.spool.Bytes()))
	return nil
}

// SpoolBytes returns how much waits on disk.
func (p *Producer) SpoolBytes() int64 {
	if p.spool == nil {
		return 0
	}
	return p.spool.Bytes()
}

// Ready says why the edge should get no requests now; nil means it should.
func (p *Producer) Ready() error {
	if !p.breaker.open() {
		return nil
	}
	if p.spool == nil {
		return errors.New("the broker is away and there is no spool")
	}
	if n := p.spool.Bytes(); n > p.cfg.SpoolBytes*8/10 {
		return fmt.Errorf("the broker is away and the spool holds %d of %d bytes", n, p.cfg.SpoolBytes)
	}
	return nil
}

// Close waits for what is in flight until ctx ends, then closes writer and
// spool. What was not acknowledged by then was never promised.
func (p *Producer) Close(ctx context.Context) error {
	if p.closed.Swap(true) {
		return nil
	}
	p.cancel()
	done := make(chan struct{})
	go func() {
		p.writes.Wait()
		p.loops.Wait()
		close(done)
	}()
	var err error
	if p.breaker.open() {
		// The writes that are still retrying were spooled already.
		p.raw.CloseIdleConnections()
	} else {
		select {
		case <-done:
		case <-ctx.Done():
			err = fmt.Errorf("cannot flush producer: %w", ctx.Err())
		}
	}
	<-done
	p.sender.close()
	p.raw.CloseIdleConnections()
	if p.spool != nil {
		if serr := p.spool.Close(); serr != nil && err == nil {
			err = serr
		}
	}
	return err
}
