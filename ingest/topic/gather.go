package topic

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// Bounds of what is gathered. While little comes a write goes at once, or a moment
// after the one before; while much comes it waits for those who are on their way, as
// who was just answered comes again. The one before is answered first. The client's
// cost of a write is by the call far more than by the message (docs/adr/047).
const (
	gatherFew      = time.Millisecond      // After the write before.
	gatherMany     = 2 * time.Millisecond  // After its own first message.
	manyMessages   = 10                    // Of one of the last few writes.
	gatherMore     = 5 * time.Millisecond  // After its own first message, while requests keep coming.
	gatherStep     = time.Millisecond      // How often it is looked whether they do.
	gatherLate     = 10 * time.Millisecond // What an answer is waited for at most.
	gatherMessages = 200
	gatherBytes    = 900 << 10
)

// gatherer joins the writes of concurrent requests.
type gatherer struct {
	send func(messages []Message) error // Returns when all are durable or given up.
	done func(size int64, err error)    // Once a write, with its bytes.
	late time.Duration                  // How long a write is waited for.
	away func() bool                    // Nobody waits for a write then.
	runs *sync.WaitGroup

	mu    sync.Mutex
	sent  map[*gathered]struct{} // Not answered yet.
	open  *gathered
	timer *time.Timer
	ready time.Time // When the open write may go.
	last  time.Time // When the one before went.
	many  int       // Messages of the largest of the last few writes.
}

// gathered is a write that still grows.
type gathered struct {
	messages []Message
	bytes    int64
	waiting  []waiting
	first    time.Time   // When the first request came,
	latest   time.Time   // and the last one.
	told     atomic.Bool // What became of them.
}

// waiting is a request's share of a write.
type waiting struct {
	upTo   int // Its last message and one.
	result chan<- error
}

func newGatherer(send func([]Message) error, done func(int64, error), late time.Duration, away func() bool, runs *sync.WaitGroup) *gatherer {
	g := &gatherer{send: send, done: done, late: late, away: away, runs: runs, sent: map[*gathered]struct{}{}}
	g.timer = time.AfterFunc(time.Hour, g.due)
	g.timer.Stop()
	return g
}

// add gives one request's messages to the next write; result gets their error,
// where each failed on its own as kafka.WriteErrors.
func (g *gatherer) add(messages []Message, size int64, result chan<- error) {
	g.runs.Add(1) // Before the lock is left: Close waits for what was added.
	g.mu.Lock()
	rest := gatherLate // It goes then, where its first message is added here.
	now := time.Now()
	if g.open == nil {
		g.open = &gathered{messages: make([]Message, 0, max(8, len(messages))), first: now}
		g.ready = g.last.Add(gatherFew)
		if g.many >= manyMessages && now.Sub(g.last) < gatherLate {
			g.ready = now.Add(gatherMany)
		}
		if len(g.sent) == 0 {
			rest = g.ready.Sub(now)
		}
		if rest > 0 {
			g.timer.Reset(rest)
		}
	}
	w := g.open
	w.messages = append(w.messages, messages...)
	w.bytes += size
	w.latest = now
	w.waiting = append(w.waiting, waiting{len(w.messages), result})
	goes := rest <= 0 || len(w.messages) >= gatherMessages || w.bytes >= gatherBytes
	if goes {
		g.take()
	}
	g.mu.Unlock()
	if goes {
		go g.run(w)
	}
}

// take has the open write go, where there is one. The lock is held.
func (g *gatherer) take() *gathered {
	w := g.open
	if w != nil {
		g.many = max(len(w.messages), g.many*3/4)
		g.open, g.last = nil, time.Now()
		g.sent[w] = struct{}{}
		g.timer.Stop()
	}
	return w
}

// due runs when the open write has waited long enough.
func (g *gatherer) due() {
	g.mu.Lock()
	if g.open != nil && g.open.grows(time.Now()) {
		g.timer.Reset(gatherStep)
		g.mu.Unlock()
		return
	}
	w := g.take()
	g.mu.Unlock()
	if w != nil {
		g.run(w)
	}
}

// grows says whether a write whose time has come is better off with who comes next:
// requests come so fast that a write of twice as many costs each of them little time,
// and spares two of three goroutines that are woken one by one. Where all who send
// wait already, nobody comes, and it goes.
func (w *gathered) grows(now time.Time) bool {
	age := now.Sub(w.first)
	return len(w.waiting) >= manyMessages && time.Duration(len(w.waiting))*gatherMany >= manyMessages*age &&
		now.Sub(w.latest) < gatherStep/2 && age+gatherStep <= gatherMore
}

// answered has what gathered meanwhile go next.
func (g *gatherer) answered(w *gathered) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sent, w)
	if len(g.sent) == 0 && g.open != nil {
		g.timer.Reset(max(0, time.Until(g.ready)))
	}
}

// giveUp has nobody wait for the writes that were sent.
func (g *gatherer) giveUp(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for w := range g.sent {
		w.answer(err)
	}
}

// run sends a write. One timer waits on behalf of all of its requests: one for each
// of them, and a look at the breaker, cost more than the sending.
func (g *gatherer) run(w *gathered) {
	if g.away() { // Who finds out later gives up what was sent.
		w.answer(errAway)
	}
	late := time.AfterFunc(g.late, func() { w.answer(errSilent) })
	err := g.send(w.messages)
	late.Stop()
	g.answered(w)
	g.done(w.bytes, err)
	w.answer(err)
	g.runs.Add(-len(w.waiting))
}

// answer tells each request what became of its messages, once.
func (w *gathered) answer(err error) {
	if w.told.Swap(true) {
		return
	}
	each, _ := errors.AsType[kafka.WriteErrors](err)
	if len(each) != len(w.messages) {
		each = nil
	}
	from := 0
	for _, x := range w.waiting {
		own := err
		if each != nil {
			own = share(each[from:x.upTo])
		}
		x.result <- own
		from = x.upTo
	}
}

// share is what concerns one request of the errors of a write.
func share(each kafka.WriteErrors) error {
	for _, err := range each {
		if err != nil {
			return each
		}
	}
	return nil
}

// write sends messages as they are. A cancelled context would not take a batch
// back, so a write runs to its end.
func (p *Producer) write(messages []Message) error {
	return p.sender.send(context.Background(), messages)
}

// Why a write is not waited for.
var (
	errAway   = errors.New("the broker is away")
	errSilent = errors.New("the broker is silent")
)

// written gives the bytes of a write back to the budget.
func (p *Producer) written(size int64, err error) {
	p.budget.Release(size)
	if err == nil {
		p.lastAck.Store(time.Now().UnixNano())
	}
}
