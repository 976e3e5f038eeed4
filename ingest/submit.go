package ingest

import (
	"context"

	"errata/ingest/intake"
	"errata/schema"
)

// submit decides over a batch's items and makes it durable. Nil means that
// every item of it is on a topic or in the spool, as a row or as a fate.
func (s *Server) submit(ctx context.Context, b *intake.Batch) error {
	if s.cfg.Full != nil && s.cfg.Full() {
		return refuse(503, "the store cannot keep events now", "unavailable", "the broker is full of records that are not stored yet")
	}
	for _, r := range b.Receipts {
		s.metrics.items.WithLabelValues(r.Category).Add(float64(r.Quantity))
	}
	for i := range b.Blobs {
		// Before the record: a row never names a blob that is not there.
		x := &b.Blobs[i]
		if err := s.blobs.Put(ctx, x.Key, x.ContentType, x.Data); err != nil {
			s.log.Error("cannot keep a blob", "error", err)
			return refuse(503, "the store cannot keep attachments now", "unavailable", "the blob store refused a write")
		}
	}
	messages, err := cut(b)
	if err != nil {
		return err
	}
	if err := s.producer.Write(ctx, messages); err != nil {
		return err
	}
	for _, o := range b.Outcomes {
		s.metrics.fates.WithLabelValues(o.Category, o.Outcome, reasonLabel(o)).Add(float64(o.Quantity))
	}
	return nil
}

// reasonLabel keeps reasons that clients can make up out of the metrics.
func reasonLabel(o *schema.Outcome) string {
	if o.Outcome == schema.OutcomeDropped || o.Outcome == schema.OutcomeClientReport {
		return ""
	}
	return o.Reason
}
