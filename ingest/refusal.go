package ingest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"errata/ingest/intake"
	"errata/ingest/judge"
	"errata/ingest/topic"
	"errata/schema"
)

// Requests that are refused as a whole were never accepted, but their projects
// want to know of them. Nobody knows what was in them: each counts as one item
// of category default whose fate is the refusal.
const (
	refusalsEvery = time.Second // So long a kill -9 takes with it.
	maxRefusals   = 4096        // Kinds at once.
	refusalPrefix = "request_"
)

// projectLocal holds the *intake.Project of a request whose key is known.
const projectLocal = "project"

type refusal struct {
	project         uint32
	outcome, reason string
	protocol        schema.Protocol
}

// refusals sums refused requests until they are on the topic.
type refusals struct {
	mu   sync.Mutex
	sums map[refusal]uint64
}

func (r *refusals) add(key refusal, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sums == nil {
		r.sums = map[refusal]uint64{}
	}
	if _, known := r.sums[key]; known || len(r.sums) < maxRefusals {
		r.sums[key] += n
	}
}

func (r *refusals) take() map[refusal]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	sums := r.sums
	r.sums = nil
	return sums
}

// refused counts a request that was answered with err. Those that the client
// sends again (5xx) and those of which the items are counted already do not
// count here.
func (s *Server) refused(p *intake.Project, protocol schema.Protocol, err error) {
	e, _ := errorAnswer(err)
	if p == nil || e.Status >= http.StatusInternalServerError {
		return
	}
	key := refusal{p.ID, schema.OutcomeInvalid, refusalPrefix + e.Reason, protocol}
	var l *judge.Limited
	switch {
	case errors.As(err, &l):
		if l.Counted {
			return
		}
		key.outcome, key.reason = schema.OutcomeRateLimited, l.Reason
	case e.Status == http.StatusRequestEntityTooLarge:
		key.outcome = schema.OutcomeTooLarge
	}
	s.refusals.add(key, 1)
}

// projectOf is the project of a request, nil where its key is not known.
func projectOf(c *fiber.Ctx) *intake.Project {
	p, _ := c.Locals(projectLocal).(*intake.Project)
	return p
}

// tellRefusals writes what was summed; what cannot be written stays for later.
func (s *Server) tellRefusals(ctx context.Context) {
	sums := s.refusals.take()
	if len(sums) == 0 {
		return
	}
	now := time.Now().UnixMilli()
	records := map[uint32]*schema.Record{}
	for _, k := range slices.SortedFunc(maps.Keys(sums), func(a, b refusal) int {
		return cmp.Or(cmp.Compare(a.project, b.project), cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.reason, b.reason), cmp.Compare(a.protocol, b.protocol))
	}) {
		r := records[k.project]
		if r == nil {
			r = &schema.Record{ProjectId: k.project, ReceivedAt: now, Receipts: []*schema.Receipt{{Category: schema.CategoryUnknown}}}
			records[k.project] = r
		}
		r.Receipts[0].Quantity += sums[k]
		r.Outcomes = append(r.Outcomes, &schema.Outcome{Category: schema.CategoryUnknown, Outcome: k.outcome, Reason: k.reason, Quantity: sums[k],
			Protocol: k.protocol, Detail: "requests refused as a whole"})
	}
	messages := make([]topic.Message, 0, len(records))
	for _, r := range records {
		value, err := schema.EncodeRecord(r)
		if err != nil {
			s.log.Error("cannot count refused requests", "error", err)
			return
		}
		messages = append(messages, topic.Message{Topic: schema.TopicOutcomes, Value: value})
	}
	if err := s.producer.Write(ctx, messages); err != nil {
		for k, n := range sums {
			s.refusals.add(k, n)
		}
	}
}

// countRefusals tells the refusals until the edge stops, and the last ones then.
func (s *Server) countRefusals() {
	tick := time.NewTicker(refusalsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.tellRefusals(context.Background())
		case <-s.quiet:
			return
		}
	}
}
