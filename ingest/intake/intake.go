// Package intake holds what one request brought for one project. Protocol
// adapters fill a Batch; the edge cuts it into records and sends them. Past
// this package the words envelope and resourceSpans do not exist.
package intake

import (
	"sync"
	"time"

	"errata/ingest/filter"
	"errata/ingest/scrub"
	"errata/schema"
	"errata/schema/grouping"
)

// Project is a tenant with its settings read and ready to use.
type Project struct {
	schema.Project
	Settings *Settings // Never nil in a project made by NewProject.
	Grouper  *grouping.Grouper
	Scrubber *scrub.Scrubber
	Filter   *filter.Filter // Nil lets everything through.
}

// Request is what is known before the body is read. Strings are copies, safe
// to keep after the handler.
type Request struct {
	Project *Project
	Key     string // Public key used; empty where the request had none.
	// KeySettings are those of Key; nil where there is none.
	KeySettings *KeySettings
	ReceivedAt  time.Time
	ClientIP    string // Forwarded-for aware; empty where unknown.
	UserAgent   string
	Origin      string
	Client      string // sentry_client, for example sentry.python/2.75.0.
	Query       func(name string) string
	// Outlines says that most events of the project are only counted now: the
	// adapter may read what counts first and the rest of an event when it is asked.
	Outlines bool
}

// Blob is bytes that go to the blob store before the request is acknowledged.
type Blob struct {
	Key         string
	ContentType string
	Data        []byte
}

// Outline is an event of a batch of which only what groups and counts was read.
type Outline struct {
	Event *schema.Event
	// Whole reads all of it, as long as the body is there; nil where that cannot be
	// read.
	Whole func() *schema.Event
	// Counted says that it stays as it is.
	Counted func()
}

// Batch is what one request brought. Every item that was taken in is counted by
// Accept once; it then is a row here or has a fate in Outcomes, never both.
type Batch struct {
	Request     *Request
	Events      []*schema.Event
	Outlines    []Outline // Of those of Events that are one.
	Attachments []*schema.Attachment
	Feedback    []*schema.Feedback
	Spans       []*schema.Span
	Logs        []*schema.Log
	Sessions    []*schema.Session
	CheckIns    []*schema.CheckIn
	Metrics     []*schema.Metric
	Monitors    []*schema.Monitor
	Receipts    []*schema.Receipt
	Outcomes    []*schema.Outcome
	Blobs       []Blob
	lent        *[]byte
	first       struct { // Memory of what nearly every batch has one of.
		event    [1]*schema.Event
		receipts [1]*schema.Receipt
		receipt  schema.Receipt
	}
}

// AddEvent adds a row.
func (b *Batch) AddEvent(ev *schema.Event) {
	if b.Events == nil {
		b.Events = b.first.event[:0]
	}
	b.Events = append(b.Events, ev)
}

// payloads is memory of payloads that were encoded: a third of what the edge
// allocates for an event.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// mostLent keeps the memory of rare large payloads out of the pool.
const mostLent = 64 << 10

// Lend returns memory for the payload of one of the batch's events, once; nil
// from then on. It is the batch's until Encoded.
func (b *Batch) Lend() *[]byte {
	if b.lent != nil {
		return nil
	}
	b.lent = payloads.Get().(*[]byte)
	return b.lent
}

// Encoded says that nobody reads the batch's payloads any more.
func (b *Batch) Encoded() {
	if b.lent == nil {
		return
	}
	for _, ev := range b.Events {
		ev.Payload = nil
	}
	if cap(*b.lent) <= mostLent {
		payloads.Put(b.lent)
	}
	b.lent = nil
}

// Accept counts n items of a category, with their size in bytes as received.
func (b *Batch) Accept(category string, n, bytes uint64) {
	for _, r := range b.Receipts {
		if r.Category == category {
			r.Quantity += n
			r.Bytes += bytes
			return
		}
	}
	if b.Receipts == nil {
		b.first.receipt.Category, b.first.receipt.Quantity, b.first.receipt.Bytes = category, n, bytes
		b.Receipts = append(b.first.receipts[:0], &b.first.receipt)
		return
	}
	b.Receipts = append(b.Receipts, &schema.Receipt{Category: category, Quantity: n, Bytes: bytes})
}

// Fate records what became of accepted items that are not rows of the batch.
func (b *Batch) Fate(o *schema.Outcome) { b.Outcomes = append(b.Outcomes, o) }

// Error is a refusal of a whole request, with the status and sentence for the
// client. Source of the form: relay-server utils/api.rs.
type Error struct {
	Status int
	Detail string
	Causes []string
	Reason string // Outcome reason for the ledger.
}

// Refuse returns a refusal.
func Refuse(status int, detail, reason string, causes ...string) *Error {
	return &Error{Status: status, Detail: detail, Causes: causes, Reason: reason}
}

// Error returns the detail and the first cause.
func (e *Error) Error() string {
	if len(e.Causes) > 0 {
		return e.Detail + ": " + e.Causes[0]
	}
	return e.Detail
}
