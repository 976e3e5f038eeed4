// Package item reads what envelopes carry beside events: spans, logs, metrics,
// sessions, check-ins, reports, attachments. In: one item's payload. Out: rows
// of the batch, or a fate for each item that is none. It refuses no request: an
// item that cannot be read is accepted and counted as invalid.
package item

import (
	"errors"
	"net"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/ingest/node"
	"errata/ingest/scrub"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// Batch is the state of one request while its items are read.
type Batch struct {
	*intake.Batch
	Header *envelope.Header // Nil where there is no envelope.
	Drift  int64            // Microseconds to add to all times.
	key    uint64
	counts scrub.Counts
}

// New starts the batch of a request.
func New(req *intake.Request, h *envelope.Header) *Batch {
	both := &struct {
		own  Batch
		rows intake.Batch
	}{}
	b := &both.own
	b.Batch, b.Header, both.rows.Request = &both.rows, h, req
	if req.Key != "" {
		b.key = xxhash.Sum64String(req.Key)
	}
	return b
}

// End records what became of n accepted items that are no rows. Fates of one
// kind are one outcome with the first one's detail, so that a container of a
// million bad items costs no more than one.
func (b *Batch) End(category, outcome, reason, detail string, n, bytes uint64, id []byte) {
	if id == nil {
		for _, o := range b.Outcomes {
			if o.Category == category && o.Outcome == outcome && o.Reason == reason && len(o.EventId) == 0 && !o.Client {
				o.Quantity += n
				o.Bytes += bytes
				return
			}
		}
	}
	b.Fate(&schema.Outcome{
		Category: category, Outcome: outcome, Reason: reason, Detail: detail, Quantity: n, Bytes: bytes, EventId: id,
		Protocol: schema.Protocol_PROTOCOL_SENTRY, KeyHash: b.key,
	})
}

// Drop accepts n items of a kind that is not kept.
func (b *Batch) Drop(category, reason string, n, bytes uint64) {
	b.Accept(category, n, bytes)
	b.End(category, schema.OutcomeDropped, reason, "", n, bytes, nil)
}

// Invalid accepts one item that cannot be read.
func (b *Batch) Invalid(category, reason string, err error, bytes uint64, id []byte) {
	b.Accept(category, 1, bytes)
	detail := ""
	if err != nil {
		detail = b.scrubText(err.Error()) // It may quote what was sent.
	}
	b.End(category, schema.OutcomeInvalid, reason, detail, 1, bytes, id)
}

func (b *Batch) received() int64 { return b.Request.ReceivedAt.UnixMicro() }

// scrubText takes secrets out of free text.
func (b *Batch) scrubText(s string) string {
	if sc := b.Request.Project.Scrubber; sc != nil {
		return sc.Text(s, b.redactions())
	}
	return s
}

func (b *Batch) redactions() scrub.Counts {
	if b.counts == nil {
		b.counts = scrub.Counts{}
	}
	return b.counts
}

// parse reads a payload that must be an object.
func parse(payload []byte) (*tree.Doc, error) {
	doc, err := tree.Parse(payload)
	if err != nil {
		return nil, err
	}
	if doc.Root.Type() != node.TypeObject {
		doc.Release()
		return nil, errors.New("expected a JSON object")
	}
	return doc, nil
}

// attributes reads {"key": {"value": v, "type": t}}, scrubbed, within bounds.
// Plain values are read as well. Strings are copies.
func (b *Batch) attributes(v *node.Value) []*schema.Tag {
	o := v.GetObject()
	if o == nil || o.Len() == 0 {
		return nil
	}
	n := min(o.Len(), schema.MaxAttributes)
	rows, out := make([]schema.Tag, n), make([]*schema.Tag, 0, n)
	sc := b.Request.Project.Scrubber
	o.Visit(func(k []byte, c *node.Value) {
		if len(out) == n || len(k) == 0 {
			return
		}
		val := c
		if c.Type() == node.TypeObject {
			if val = c.Get("value"); val == nil {
				return
			}
		}
		text := tree.Lenient(val)
		if text == "" && val.Type() != node.TypeString {
			return
		}
		key := tree.Clean(tree.Cut(tree.Str(k), schema.MaxTagKey))
		if sc != nil {
			text = sc.Attribute(key, text, b.redactions())
		}
		text, _ = tree.CutChars(text, schema.MaxAttributeValue)
		t := &rows[len(out)]
		t.Key, t.Value = key, tree.Clean(text)
		out = append(out, t)
	})
	return out
}

// find returns the first attribute that is there.
func find(tags []*schema.Tag, keys ...string) string {
	for _, k := range keys {
		for _, t := range tags {
			if t.Key == k {
				return t.Value
			}
		}
	}
	return ""
}

// userHash counts the user that attributes name.
func userHash(tags []*schema.Tag) uint64 {
	ip := find(tags, "user.ip_address", "client.address")
	if net.ParseIP(ip) == nil {
		ip = ""
	}
	return schema.UserHash(find(tags, "user.id"), find(tags, "user.name", "user.username"), find(tags, "user.email"), ip)
}

// release returns a valid release, the envelope's trace as the fallback.
func (b *Batch) release(s string) string {
	if s == "" && b.Header != nil {
		s = b.Header.Trace.Release
	}
	if !event.ValidRelease(s) {
		return ""
	}
	return b.scrubText(tree.Clean(s))
}

// environment returns a valid environment, likewise.
func (b *Batch) environment(s string) string {
	if s == "" && b.Header != nil {
		s = b.Header.Trace.Environment
	}
	if !event.ValidEnvironment(s) {
		return ""
	}
	return b.scrubText(tree.Clean(s))
}

// idBytes returns the 16 bytes of an id in hex, nil where it is none.
func idBytes(s string) []byte {
	id, ok := event.ParseID(s)
	if !ok {
		return nil
	}
	return id[:]
}
