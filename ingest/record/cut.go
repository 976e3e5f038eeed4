// Package record cuts a batch into the messages of one write. In: rows,
// receipts and fates of one request. Out: records by topic, each under the size
// cap, with its key, and in balance by itself. It never drops a row without a
// fate.
package record

import (
	"bytes"
	"encoding/hex"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/ingest/sentry/tree"
	"errata/ingest/topic"
	"errata/schema"
)

const (
	// chunkBytes is how large a record of many rows grows; well under the cap,
	// because its size is estimated row by row.
	chunkBytes = 768 << 10
	// maxOutcomeDetail bounds the sentence of a fate.
	maxOutcomeDetail = 500
)

// Cut turns a batch into the messages of one write. Receipts ride on the record
// of their rows, so that each record is in balance by itself, whatever becomes
// of the others.
func Cut(b *intake.Batch) ([]topic.Message, error) {
	c := cutter{batch: b, receipts: b.Receipts}
	c.events()
	c.spans()
	c.logs()
	c.sessions()
	return c.finish()
}

type piece struct {
	topic string
	key   []byte
	rec   *schema.Record
}

type cutter struct {
	batch    *intake.Batch
	receipts []*schema.Receipt // What no record carries yet.
	pieces   []piece
	room     [2]piece // Memory of pieces: most batches are one.
}

func (c *cutter) record(topicName string, key []byte) *schema.Record {
	req := c.batch.Request
	r := &schema.Record{
		ProjectId: req.Project.ID, ReceivedAt: req.ReceivedAt.UnixMilli(), RetentionDays: req.Project.RetentionDays,
	}
	if c.pieces == nil {
		c.pieces = c.room[:0]
	}
	c.pieces = append(c.pieces, piece{topicName, key, r})
	return r
}

// traceKey is the trace as 16 bytes, else the event id: both witnesses of one
// error meet in one partition.
func traceKey(trace string, id []byte) []byte {
	if len(trace) == 32 {
		k := make([]byte, 16)
		if _, err := hex.Decode(k, []byte(trace)); err == nil {
			return k
		}
	}
	return id
}

func (c *cutter) events() {
	b := c.batch
	if len(b.Events)+len(b.Attachments)+len(b.Feedback) == 0 {
		return
	}
	taken := make([]bool, len(b.Attachments)+len(b.Feedback))
	for _, ev := range b.Events {
		r := c.record(schema.TopicEvents, traceKey(ev.TraceId, ev.EventId))
		r.Event = ev
		for i, a := range b.Attachments {
			if !taken[i] && string(a.EventId) == string(ev.EventId) {
				taken[i] = true
				r.Attachments = append(r.Attachments, a)
			}
		}
		for i, f := range b.Feedback {
			if at := len(b.Attachments) + i; !taken[at] && (string(f.EventId) == string(ev.EventId) || string(f.FeedbackId) == string(ev.EventId)) {
				taken[at] = true
				r.Feedback = append(r.Feedback, f)
			}
		}
	}
	var rest *schema.Record
	for i, a := range b.Attachments {
		if !taken[i] {
			if rest == nil {
				rest = c.record(schema.TopicEvents, traceKey(a.TraceId, a.EventId))
			}
			rest.Attachments = append(rest.Attachments, a)
		}
	}
	for i, f := range b.Feedback {
		if !taken[len(b.Attachments)+i] {
			if rest == nil {
				rest = c.record(schema.TopicEvents, traceKey(f.TraceId, f.EventId))
			}
			rest.Feedback = append(rest.Feedback, f)
		}
	}
}

func (c *cutter) spans() {
	size := 0
	var r *schema.Record
	for _, sp := range c.batch.Spans {
		n := sp.SizeVT() + 6
		if n > schema.MaxRecordBytes-4096 {
			c.tooLarge(sp.Category(), "span_record")
			continue
		}
		if r == nil || size+n > chunkBytes {
			r, size = c.record(schema.TopicSpans, traceKey(sp.TraceId, nil)), 0
		}
		r.Spans = append(r.Spans, sp)
		size += n
	}
}

func (c *cutter) logs() {
	size := 0
	var r *schema.Record
	for _, l := range c.batch.Logs {
		n := l.SizeVT() + 6
		if n > schema.MaxRecordBytes-4096 {
			c.tooLarge(l.Category(), "log_record")
			continue
		}
		if r == nil || size+n > chunkBytes {
			r, size = c.record(schema.TopicLogs, traceKey(l.TraceId, l.LogId)), 0
		}
		r.Logs = append(r.Logs, l)
		size += n
	}
}

// sessions cuts what goes to errata.sessions: sessions by session, check-ins by
// monitor, metrics by name, so that updates of one thing stay in order.
func (c *cutter) sessions() {
	b := c.batch
	size := 0
	var r *schema.Record
	for _, x := range b.Sessions {
		// One session a record, as the partition is chosen by it: its next update meets it there.
		other := r != nil && len(x.SessionId) > 0 && !bytes.Equal(x.SessionId, r.Sessions[0].SessionId)
		if n := x.SizeVT() + 6; r == nil || other || size+n > chunkBytes {
			r, size = c.record(schema.TopicSessions, nameKey(x.SessionId, x.Release)), n
		} else {
			size += n
		}
		r.Sessions = append(r.Sessions, x)
	}
	checkIns := map[string]*schema.Record{}
	at := func(monitor string) *schema.Record {
		r := checkIns[monitor]
		if r == nil {
			r = c.record(schema.TopicSessions, nameKey(nil, monitor))
			checkIns[monitor] = r
		}
		return r
	}
	for _, m := range b.Monitors {
		r := at(m.Slug)
		r.Monitors = append(r.Monitors, m)
	}
	for _, x := range b.CheckIns {
		r := at(x.Monitor)
		r.CheckIns = append(r.CheckIns, x)
	}
	r, size = nil, 0
	for _, m := range b.Metrics {
		n := m.SizeVT() + 6
		if n > schema.MaxRecordBytes-4096 {
			c.tooLarge(m.Category(), "metric_record")
			continue
		}
		if r == nil || size+n > chunkBytes {
			r, size = c.record(schema.TopicSessions, nameKey(nil, m.Name)), 0
		}
		r.Metrics = append(r.Metrics, m)
		size += n
	}
}

func nameKey(id []byte, name string) []byte {
	if len(id) > 0 {
		return id
	}
	h := xxhash.Sum64String(name)
	return []byte{byte(h >> 56), byte(h >> 48), byte(h >> 40), byte(h >> 32), byte(h >> 24), byte(h >> 16), byte(h >> 8), byte(h)}
}

func (c *cutter) tooLarge(category, reason string) {
	c.batch.Fate(&schema.Outcome{
		Category: category, Outcome: schema.OutcomeTooLarge, Reason: reason, Quantity: 1,
		Detail: "one row is over the size of a record",
	})
}

// take moves n items of a category from the batch's receipts.
func (c *cutter) take(r *schema.Record, category string, n uint64) {
	if category == "" || n == 0 {
		return
	}
	for _, have := range c.receipts {
		if have.Category != category || have.Quantity == 0 {
			continue
		}
		n = min(n, have.Quantity)
		bytes := have.Bytes / have.Quantity * n
		if n == have.Quantity {
			bytes = have.Bytes
		}
		have.Quantity -= n
		have.Bytes -= bytes
		for _, mine := range r.Receipts {
			if mine.Category == category {
				mine.Quantity += n
				mine.Bytes += bytes
				return
			}
		}
		r.Receipts = append(r.Receipts, &schema.Receipt{Category: category, Quantity: n, Bytes: bytes})
		return
	}
}

// assign gives a record the receipts of its rows.
func (c *cutter) assign(r *schema.Record) {
	if r.Event != nil {
		c.take(r, r.Event.Category(), 1)
	}
	for _, x := range r.Attachments {
		c.take(r, x.Category(), 1)
	}
	for _, x := range r.Feedback {
		c.take(r, x.Category(), 1)
	}
	for _, x := range r.Spans {
		c.take(r, x.Category(), 1)
	}
	c.take(r, schema.CategoryLog, uint64(len(r.Logs)))
	c.take(r, schema.CategorySession, uint64(len(r.Sessions)))
	c.take(r, schema.CategoryMonitor, uint64(len(r.CheckIns)))
	c.take(r, schema.CategoryMetric, uint64(len(r.Metrics)))
}

// finish spreads receipts and fates and encodes.
func (c *cutter) finish() ([]topic.Message, error) {
	if len(c.pieces) == 1 {
		c.pieces[0].rec.Receipts, c.receipts = c.receipts, nil
	}
	for _, p := range c.pieces {
		if len(c.receipts) > 0 {
			c.assign(p.rec)
		}
	}
	var left []*schema.Receipt
	for _, r := range c.receipts {
		if r.Quantity > 0 {
			left = append(left, r)
		}
	}
	if len(left) > 0 || len(c.batch.Outcomes) > 0 {
		if len(c.pieces) == 0 {
			c.record(schema.TopicOutcomes, nil)
		}
		first := c.pieces[0].rec
		first.Receipts = append(first.Receipts, left...)
		for _, o := range c.batch.Outcomes {
			o.Detail = tree.Cut(o.Detail, maxOutcomeDetail)
		}
		first.Outcomes = c.batch.Outcomes
	}
	messages := make([]topic.Message, 0, len(c.pieces))
	for _, p := range c.pieces {
		memory := topic.Lend()
		b, err := schema.AppendRecord((*memory)[:0], p.rec)
		if err != nil {
			return nil, err
		}
		if len(b) > schema.MaxRecordBytes && p.rec.Event != nil {
			trim(p.rec.Event, len(b)-schema.MaxRecordBytes)
			if b, err = schema.AppendRecord(b[:0], p.rec); err != nil {
				return nil, err
			}
		}
		*memory = b
		messages = append(messages, topic.Message{Topic: p.topic, Key: p.key, Value: b, Lent: memory})
	}
	return messages, nil
}
