package gather

import (
	"sync"
	"time"
)

// Pace sums the rows a second of a topic's partitions. What a block costs the
// server depends on how many come together, so partitions of a busy topic
// gather as long as one partition with all of it would.
type Pace struct {
	mu sync.Mutex
	by map[string]float64
}

// Change adds to the pace of a topic: what a partition's own grew or fell by.
func (p *Pace) Change(topic string, by float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil {
		p.by = map[string]float64{}
	}
	p.by[topic] += by
}

// Of is the pace of a topic.
func (p *Pace) Of(topic string) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[topic]
}

// Range is how old a block gets at least and at most.
type Range struct{ Least, Most time.Duration }

// Age is how old a block gets before it is cut: young while little comes, so
// that people see an event at once; old under load, where large blocks cost
// the server less than half.
func (r Range) Age(rate float64) time.Duration {
	const idle, half, busy = 500, 3500, 7000 // Rows a second.
	middle := max(r.Least, r.Most/3)         // Storing takes half a second more: two in all.
	between := func(a, b time.Duration, share float64) time.Duration {
		return a + time.Duration(share*float64(b-a))
	}
	switch {
	case rate <= idle:
		return r.Least
	case rate <= half:
		return between(r.Least, middle, (rate-idle)/(half-idle))
	case rate <= busy:
		return between(middle, r.Most, (rate-half)/(busy-half))
	}
	return r.Most
}

// Current is the pace that the next cut goes by: that of the topic, where this
// partition's block comes about as fast as its blocks before. Where it comes
// slower the block's own pace counts, with a tenth for a moment in which others
// had the cores: after a backlog, or when less comes than a minute ago, the next
// block does not wait as long as those before. The first second says little, so
// then only less than half is less.
func Current(topic, own float64, rows int, gathered time.Duration) float64 {
	now := float64(rows) / max(gathered, 100*time.Millisecond).Seconds()
	if gathered >= time.Second {
		now *= 1.1
	} else if now >= own/2 {
		return topic
	}
	return max(0, topic-own+min(own, now))
}
