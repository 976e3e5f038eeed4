// Package limit says how large an envelope and its items may be, also while they
// arrive. In: kinds and sizes of items, or bytes as they come. Out: a refusal of what
// is over its limit. It reads no payload.
package limit

import (
	"fmt"
	"net/http"

	"errata/ingest/intake"
	"errata/ingest/sentry/envelope"
)

// Sizes in bytes, after decompression. Source: Relay's defaults.
const (
	MaxEventBytes      = 1 << 20 // Event-like items of an envelope, summed.
	MaxAttachmentBytes = 200 << 20
	MaxContainerBytes  = 12 << 20
	MaxProfileBytes    = 50 << 20
	MaxReplayBytes     = 10 << 20
	MaxCheckInBytes    = 100 << 10
	MaxReportBytes     = 4 << 10 // Client reports, summed.
	MaxMetricBytes     = 1 << 20
	MaxSessionItems    = 100
)

// Check refuses an envelope of which any part is over its limit.
func Check(items []envelope.Item) error {
	var sum sizes
	for i := range items {
		if err := sum.add(items[i].Type, len(items[i].Payload)); err != nil {
			return err
		}
	}
	return nil
}

// sizes sums what limits hold for the items of one envelope together.
type sizes struct{ events, attachments, reports, sessions int }

// add counts one item of n bytes.
func (s *sizes) add(t string, n int) *intake.Error {
	switch t {
	case "event", "transaction", "feedback", "security", "raw_security", "nel", "replay_event", "form_data":
		if s.events += n; s.events > MaxEventBytes {
			return TooLarge("event", MaxEventBytes)
		}
	case "attachment", "user_report", "unreal_report":
		if s.attachments += n; s.attachments > MaxAttachmentBytes {
			return TooLarge("attachment", MaxAttachmentBytes)
		}
	case "span", "log", "trace_metric", "otel_log", "otel_span":
		if n > MaxContainerBytes {
			return TooLarge(t, MaxContainerBytes)
		}
	case "profile", "profile_chunk", "profile_chunk_ui":
		if n > MaxProfileBytes {
			return TooLarge(t, MaxProfileBytes)
		}
	case "replay_recording", "replay_video":
		if n > MaxReplayBytes {
			return TooLarge(t, MaxReplayBytes)
		}
	case "check_in":
		if n > MaxCheckInBytes {
			return TooLarge(t, MaxCheckInBytes)
		}
	case "client_report":
		if s.reports += n; s.reports > MaxReportBytes {
			return TooLarge(t, MaxReportBytes)
		}
	case "session", "sessions":
		if s.sessions++; s.sessions > MaxSessionItems {
			return TooMany("session", MaxSessionItems)
		}
	case "statsd", "metric_buckets", "metric_meta":
		if n > MaxMetricBytes {
			return TooLarge(t, MaxMetricBytes)
		}
	}
	return nil
}

// TooLarge is the refusal of what is over limit bytes.
func TooLarge(what string, limit int) *intake.Error {
	return &intake.Error{
		Status: http.StatusRequestEntityTooLarge, Detail: "payload too large", Reason: "too_large:" + what,
		Causes: []string{fmt.Sprintf("%s is over %d bytes; send less in one envelope", what, limit)},
	}
}

// TooMany is the refusal of more than limit items.
func TooMany(what string, limit int) *intake.Error {
	return &intake.Error{
		Status: http.StatusRequestEntityTooLarge, Detail: "payload too large", Reason: "too_large:" + what,
		Causes: []string{fmt.Sprintf("more than %d %s items; send less in one envelope", limit, what)},
	}
}
