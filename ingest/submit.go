package ingest

import (
	"context"
	"errors"
	"time"

	"errata/ingest/body"
	"errata/ingest/flood"
	"errata/ingest/intake"
	"errata/ingest/record"
	"errata/ingest/topic"
	"errata/schema"
)

// submit decides over a batch's items and makes it durable. Nil means that
// every item of it is on a topic or in the spool, as a row or as a fate;
// *judge.Limited means the same, and that some of the fates are a quota's.
func (s *Server) submit(ctx context.Context, b *intake.Batch) error {
	if why := s.full(); why != "" {
		return intake.Refuse(503, "the store cannot keep events now", "unavailable", why)
	}
	for _, r := range b.Receipts {
		s.metrics.Came(r.Category, r.Quantity)
	}
	d, err := s.judge.Batch(b, func(read func() error) error { return s.inTurn(b.Request, &body.Body{}, read) })
	if err == nil {
		err = s.write(ctx, b)
	}
	// Even when the rest failed: counted events alias the request.
	if err = errors.Join(err, d.Wait()); err != nil {
		d.Forget()
		return err
	}
	if len(b.Receipts) > 0 {
		s.metrics.Accepted.Set(float64(b.Request.ReceivedAt.UnixMilli()) / 1000)
	}
	for _, o := range b.Outcomes {
		s.metrics.Fates.WithLabelValues(o.Category, o.Outcome, reasonLabel(o)).Add(float64(o.Quantity))
	}
	return d.Refused()
}

// write keeps blobs, then records.
func (s *Server) write(ctx context.Context, b *intake.Batch) error {
	for i := range b.Blobs {
		// Before the record: a row never names a blob that is not there.
		x := &b.Blobs[i]
		if !named(b, x.Key) {
			continue
		}
		if err := s.blobs.Put(ctx, x.Key, x.ContentType, s.bodies.Paced(x.Data)); err != nil {
			s.log.Error("cannot keep a blob", "error", err)
			return intake.Refuse(503, "the store cannot keep attachments now", "unavailable", "the blob store refused a write")
		}
	}
	messages, err := record.Cut(b)
	if err != nil {
		return err
	}
	b.Encoded()
	return s.producer.Write(ctx, messages)
}

// named reports whether a row still names a blob.
func named(b *intake.Batch, key string) bool {
	for _, a := range b.Attachments {
		if a.Key == key {
			return true
		}
	}
	return false
}

// sendGroups makes the records of counted events durable.
func (s *Server) sendGroups(groups []flood.Keyed) error {
	messages := make([]topic.Message, 0, len(groups))
	for _, g := range groups {
		value, err := schema.EncodeRecord(g.Record)
		if err != nil {
			return err
		}
		s.metrics.Counted.Add(float64(g.Record.Event.Weight))
		messages = append(messages, topic.Message{Topic: schema.TopicEvents, Key: g.Key, Value: value})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.producer.Write(ctx, messages)
}

// reasonLabel keeps reasons that clients can make up out of the metrics.
func reasonLabel(o *schema.Outcome) string {
	if o.Outcome == schema.OutcomeDropped || o.Outcome == schema.OutcomeClientReport {
		return ""
	}
	return o.Reason
}
