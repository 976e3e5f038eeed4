package topic

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// breaker is open while the broker is known to be away.
type breaker struct{ isOpen atomic.Bool }

func (b *breaker) reset() { b.isOpen.Store(false) }

func (b *breaker) open() bool { return b.isOpen.Load() }

func (b *breaker) trip() bool { return !b.isOpen.Swap(true) }

func (p *Producer) trip(cause error) {
	if p.breaker.trip() {
		p.gather.giveUp(errAway)
		p.metrics.BrokerUp.Set(0)
		p.log.Warn("the broker is away, records go to the spool", "error", cause, "spool", p.spool != nil)
	}
}

// suspect runs after a failed dial: when no broker takes a connection, waiting
// requests learn it now instead of after the writer's retries. With several
// brokers the death of one changes nothing.
func (p *Producer) suspect(cause error) {
	if p.closed.Load() || !p.probing.CompareAndSwap(false, true) {
		return
	}
	p.loops.Go(func() {
		defer p.probing.Store(false)
		if !p.reachable() {
			p.trip(cause)
		}
	})
}

// reachable reports whether any broker takes a TCP connection within 250 ms.
func (p *Producer) reachable() bool {
	ok := make(chan bool, len(p.cfg.Brokers))
	for _, b := range p.cfg.Brokers {
		go func() {
			c, err := net.DialTimeout("tcp", b, 250*time.Millisecond)
			if err == nil {
				_ = c.Close()
			}
			ok <- err == nil
		}()
	}
	up := false
	for range p.cfg.Brokers {
		up = <-ok || up
	}
	return up
}

const (
	probeEvery  = 250 * time.Millisecond
	replayBytes = 1 << 20
)

// recover closes the breaker when the broker answers again and sends what the
// spool holds, oldest first.
func (p *Producer) recover(ctx context.Context) {
	defer p.loops.Done()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.breaker.open() {
			if !p.answers(ctx) {
				continue
			}
			// Half open: the oldest spooled messages are the trial, where
			// there are any.
			if p.SpoolBytes() > 0 && !p.replay(ctx) {
				continue
			}
			p.breaker.reset()
			p.metrics.BrokerUp.Set(1)
			p.log.Info("the broker is back", "spool_bytes", p.SpoolBytes())
		}
		for p.SpoolBytes() > 0 && ctx.Err() == nil {
			if !p.replay(ctx) {
				break
			}
		}
	}
}

func (p *Producer) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if !p.reachable() {
		return false
	}
	r, err := p.kafka.Metadata(ctx, &kafka.MetadataRequest{})
	return err == nil && len(r.Brokers) > 0
}

// replay sends one batch of the spool and forgets it.
func (p *Producer) replay(ctx context.Context) bool {
	messages, next, err := p.spool.Peek(replayBytes)
	if err != nil {
		p.log.Error("cannot read the spool", "error", err)
		if ctx.Err() == nil {
			// What cannot be read must not hold up what follows; it is counted.
			p.metrics.SpoolLost.Inc()
			_ = p.spool.Advance(next)
		}
		return false
	}
	if len(messages) == 0 {
		return true
	}
	plain := make([]Message, len(messages))
	for i, m := range messages {
		plain[i] = Message{Topic: m.Topic, Key: m.Key, Value: m.Value}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := p.sender.send(ctx, plain); err != nil {
		if _, cause := split(plain, err); ctx.Err() != nil || temporary(cause) {
			p.trip(err)
			return false
		}
		// The broker will never take one of them: retrying would hold up all
		// that follow. The rest of the batch was taken.
		p.metrics.SpoolLost.Inc()
		p.log.Error("a spooled record was refused for good", "error", err)
	}
	if err := p.spool.Advance(next); err != nil {
		p.log.Error("cannot advance the spool", "error", err)
		return false
	}
	p.metrics.Replayed.Add(float64(len(messages)))
	p.metrics.SpoolBytes.Set(float64(p.spool.Bytes()))
	return true
}
