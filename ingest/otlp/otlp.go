// Package otlp turns OTLP requests into rows. In: an inflated body with its
// content type, and the project it is for. Out: a Batch of spans, logs, metrics
// and of the errors found in them, what was refused of it (Partial), and the
// answers in the request's own encoding. It knows HTTP statuses by number only,
// never reads a connection, and never lets an item vanish: each is a row or has
// a fate.
//
// What makes an issue: span events named exception or *.exception, and log
// records with exception.type or exception.message at severity WARN or higher
// or without a severity. An exception logged at INFO or lower stays a log
// record: by OTel's own conventions that severity says that nothing is wrong.
//
// What is known of handled: exception.escaped true means unhandled. False says
// nothing, because SDKs send the string "False" for unhandled exceptions too.
//
// Release is service.version as sent. Sentry's release is free text and both
// SDKs of one service are usually given the same value; a name@version made
// here would part what belongs together, and "resolved in" would miss one half.
package otlp

import (
	"errors"
	"fmt"
	"strings"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
	"errata/ingest/otlp/astray"
	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/decode"
	"errata/ingest/otlp/identity"
	"errata/ingest/scrub"
	"errata/schema"
)

// MaxBytes bounds an inflated body.
const MaxBytes = decode.MaxBytes

// Signal is one of OTLP's three.
type Signal string

// Values of Signal, as in the paths /v1/traces, /v1/logs and /v1/metrics.
const (
	SignalTraces  Signal = "traces"
	SignalLogs    Signal = "logs"
	SignalMetrics Signal = "metrics"
)

// Partial says what of a request was refused while the rest was taken. Nil
// means that all of it was taken.
type Partial struct {
	Rejected int64  // Spans, log records or data points; 0 where the message only warns.
	Message  string // For the person who runs the exporter.
}

// Adapter is the common form of Traces, Logs and Metrics. Errors are
// *intake.Error.
type Adapter func(req *intake.Request, body []byte, contentType string) (*intake.Batch, *Partial, error)

// Adapt returns the adapter of a signal; nil for an unknown one.
func Adapt(s Signal) Adapter {
	switch s {
	case SignalTraces:
		return Traces
	case SignalLogs:
		return Logs
	case SignalMetrics:
		return Metrics
	}
	return nil
}

// Traces reads an ExportTraceServiceRequest.
func Traces(req *intake.Request, body []byte, contentType string) (*intake.Batch, *Partial, error) {
	var m coltrace.ExportTraceServiceRequest
	memory := decode.Borrow()
	defer memory.Release() // No row points to a message.
	left, err := read(body, contentType, &m, memory, SignalTraces)
	if err != nil {
		return nil, nil, err
	}
	a := newAdapter(req)
	a.left = left
	if len(m.ResourceSpans) == 0 {
		a.astray = unread(body, contentType, SignalTraces)
	}
	a.traces(&m, uint64(len(body)))
	return a.batch, a.partial("spans"), nil
}

// Logs reads an ExportLogsServiceRequest.
func Logs(req *intake.Request, body []byte, contentType string) (*intake.Batch, *Partial, error) {
	var m collogs.ExportLogsServiceRequest
	memory := decode.Borrow()
	defer memory.Release()
	left, err := read(body, contentType, &m, memory, SignalLogs)
	if err != nil {
		return nil, nil, err
	}
	a := newAdapter(req)
	a.left = left
	if len(m.ResourceLogs) == 0 {
		a.astray = unread(body, contentType, SignalLogs)
	}
	a.logs(&m, uint64(len(body)))
	return a.batch, a.partial("log records"), nil
}

// Metrics reads an ExportMetricsServiceRequest.
func Metrics(req *intake.Request, body []byte, contentType string) (*intake.Batch, *Partial, error) {
	var m colmetrics.ExportMetricsServiceRequest
	left, err := read(body, contentType, &m, nil, SignalMetrics)
	if err != nil {
		return nil, nil, err
	}
	a := newAdapter(req)
	a.left = left
	if len(m.ResourceMetrics) == 0 {
		a.astray = unread(body, contentType, SignalMetrics)
	}
	a.metrics(&m, uint64(len(body)))
	return a.batch, a.partial("data points"), nil
}

func read(body []byte, contentType string, m proto.Message, memory *decode.Memory, own Signal) (left int, err error) {
	// Before it is read: what is no log record could be read as one.
	if t, err := decode.ContentType(contentType); err == nil && t == decode.Protobuf {
		if at := astray.Protobuf(body, string(own)); at != "" {
			return 0, &intake.Error{Status: 400, Detail: "cannot read OTLP request", Causes: []string{"these are " + at + ", which are taken at /v1/" + at}, Reason: "another_signal"}
		}
	}
	left, err = decode.Into(body, contentType, m, memory)
	if err == nil {
		return left, nil
	}
	e := &intake.Error{Status: 400, Detail: "cannot read OTLP request", Causes: []string{err.Error()}, Reason: "malformed"}
	switch {
	case errors.Is(err, decode.ErrTooLarge):
		e.Status, e.Reason = 413, "too_large"
	case errors.Is(err, decode.ErrContentType):
		e.Status, e.Reason = 415, "content_type"
	}
	return 0, e
}

// unread is what to say of a request in JSON that holds nothing of this signal.
func unread(body []byte, contentType string, own Signal) string {
	if t, err := decode.ContentType(contentType); err != nil || t != decode.JSON {
		return ""
	}
	at := astray.JSON(body, string(own))
	if at == "" {
		return ""
	}
	field := map[string]string{astray.Traces: "resourceSpans", astray.Logs: "resourceLogs", astray.Metrics: "resourceMetrics"}[at]
	return "nothing was read: " + field + " are taken at /v1/" + at
}

// adapter holds what one request needs while it is read.
type adapter struct {
	req        *intake.Request
	batch      *intake.Batch
	rejected   uint64
	refusals   []*schema.Outcome // One a reason, also among the batch's outcomes.
	empty      uint64            // Metric points without a value.
	untold     uint64            // Exceptions over maxErrors.
	badIDs     uint64            // Of the wrong length, on items that are kept.
	left       int               // Fields of JSON that are of another type.
	astray     string            // What to say where the request is another signal's.
	ids        identity.Book
	scratch    []byte
	attributes attribute.Reader
	frames     int // Read so far.
	payloads   int // Bytes written so far.
}

func newAdapter(req *intake.Request) *adapter {
	return &adapter{req: req, batch: &intake.Batch{Request: req}, ids: identity.Book{Project: req.Project.ID}, attributes: attribute.Reader{Scrubber: req.Project.Scrubber, Redacted: scrub.Counts{}}}
}

// reject counts an item that cannot be kept and says so to the client: it was
// accepted, and its fate is invalid.
func (a *adapter) reject(category, reason string, protocol schema.Protocol) {
	a.rejected++
	for _, o := range a.refusals {
		if o.Detail == reason {
			o.Quantity++
			return
		}
	}
	o := &schema.Outcome{
		Category: category, Outcome: schema.OutcomeInvalid, Reason: strings.ReplaceAll(reason, " ", "_"),
		Quantity: 1, Protocol: protocol, Detail: reason,
	}
	a.refusals = append(a.refusals, o)
	a.batch.Fate(o)
}

func (a *adapter) partial(items string) *Partial {
	var texts []string
	if a.rejected > 0 {
		parts := make([]string, len(a.refusals))
		for i, o := range a.refusals {
			parts[i] = fmt.Sprintf("%d with %s", o.Quantity, o.Detail)
		}
		texts = append(texts, fmt.Sprintf("%d %s refused: %s", a.rejected, items, strings.Join(parts, ", ")))
	}
	// Beside no refusal the rest is OTLP's form of a warning: nothing is
	// rejected, and something is said.
	if a.untold > 0 {
		texts = append(texts, fmt.Sprintf("%d exceptions over the limit of %d a request made no error: send smaller batches", a.untold, maxErrors))
	}
	if a.badIDs > 0 {
		texts = append(texts, fmt.Sprintf("%d ids of the wrong length were left out: a trace id has 16 bytes, a span id 8", a.badIDs))
	}
	if a.left > 0 {
		texts = append(texts, fmt.Sprintf("%d fields of another type than OTLP gives them were left out", a.left))
	}
	if a.astray != "" {
		texts = append(texts, a.astray)
	}
	if len(texts) == 0 {
		return nil
	}
	return &Partial{Rejected: int64(a.rejected), Message: strings.Join(texts, "; ")}
}

// maxErrors bounds the errors of one request; a Collector's batch of nothing
// but errors has 8192.
const maxErrors = 10_000

// tooManyErrors counts an exception that makes no event any more. Its span or
// log record is kept.
func (a *adapter) tooManyErrors(n uint64, protocol schema.Protocol) {
	a.untold += n
	a.batch.Accept(schema.CategoryError, n, 0)
	a.batch.Fate(&schema.Outcome{
		Category: schema.CategoryError, Outcome: schema.OutcomeTooLarge, Reason: "too_many_errors", Quantity: n,
		Protocol: protocol, Detail: fmt.Sprintf("a request makes at most %d errors", maxErrors),
	})
}

// optional reads an id that an item may go without. One of zeros says that
// there is none; one of another length is a mistake that the client hears of.
func (a *adapter) optional(b []byte, n int) string {
	if len(b) != 0 && len(b) != n {
		a.badIDs++
	}
	s, _ := identity.Text(b, n)
	return s
}
