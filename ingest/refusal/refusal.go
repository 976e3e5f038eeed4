// Package refusal counts requests that are refused as a whole. They were never
// accepted, but their projects want to know of them. In: kinds of refusals. Out:
// records of outcomes, once a second, which stay for later where they cannot be
// written. It never sees a request.
package refusal

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"errata/ingest/topic"
	"errata/schema"
)

const (
	every    = time.Second // So long a kill -9 takes with it.
	maxKinds = 4096        // At once.
)

// Kind is what is counted together. Nobody knows what was in the requests: each
// counts as one item of category default whose fate is the refusal.
type Kind struct {
	Project         uint32
	Outcome, Reason string
	Protocol        schema.Protocol
}

// Write makes records durable.
type Write func(context.Context, []topic.Message) error

// Sums sums refused requests until they are on the topic.
type Sums struct {
	mu   sync.Mutex
	sums map[Kind]uint64
}

// Add counts n requests.
func (r *Sums) Add(key Kind, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sums == nil {
		r.sums = map[Kind]uint64{}
	}
	if _, known := r.sums[key]; known || len(r.sums) < maxKinds {
		r.sums[key] += n
	}
}

func (r *Sums) take() map[Kind]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	sums := r.sums
	r.sums = nil
	return sums
}

// Tell writes what was summed; what cannot be written stays for later.
func (r *Sums) Tell(ctx context.Context, write Write, log *slog.Logger) {
	sums := r.take()
	if len(sums) == 0 {
		return
	}
	now := time.Now().UnixMilli()
	records := map[uint32]*schema.Record{}
	for _, k := range slices.SortedFunc(maps.Keys(sums), func(a, b Kind) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Protocol, b.Protocol))
	}) {
		x := records[k.Project]
		if x == nil {
			x = &schema.Record{ProjectId: k.Project, ReceivedAt: now, Receipts: []*schema.Receipt{{Category: schema.CategoryUnknown}}}
			records[k.Project] = x
		}
		x.Receipts[0].Quantity += sums[k]
		x.Outcomes = append(x.Outcomes, &schema.Outcome{Category: schema.CategoryUnknown, Outcome: k.Outcome, Reason: k.Reason, Quantity: sums[k],
			Protocol: k.Protocol, Detail: "requests refused as a whole"})
	}
	messages := make([]topic.Message, 0, len(records))
	for _, x := range records {
		value, err := schema.EncodeRecord(x)
		if err != nil {
			log.Error("cannot count refused requests", "error", err)
			return
		}
		messages = append(messages, topic.Message{Topic: schema.TopicOutcomes, Value: value})
	}
	if err := write(ctx, messages); err != nil {
		for k, n := range sums {
			r.Add(k, n)
		}
	}
}

// Run tells them until quiet is closed. Who closes it tells the last ones.
func (r *Sums) Run(quiet <-chan struct{}, write Write, log *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.Tell(context.Background(), write, log)
		case <-quiet:
			return
		}
	}
}
