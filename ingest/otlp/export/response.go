package export

import (
	"net/http"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"errata/ingest/otlp"
	"errata/ingest/otlp/decode"
)

// Response returns the body and content type of a 200 for a signal, in the
// encoding of the request. p is nil where everything was taken. It answers a
// protobuf request without loss with an empty body: an empty message.
func Response(s otlp.Signal, contentType string, p *otlp.Partial) ([]byte, string) {
	return encode(contentType, message(s, p))
}

func message(s otlp.Signal, p *otlp.Partial) proto.Message {
	switch s {
	case otlp.SignalLogs:
		m := &collogs.ExportLogsServiceResponse{}
		if p != nil {
			m.PartialSuccess = &collogs.ExportLogsPartialSuccess{RejectedLogRecords: p.Rejected, ErrorMessage: p.Message}
		}
		return m
	case otlp.SignalMetrics:
		m := &colmetrics.ExportMetricsServiceResponse{}
		if p != nil {
			m.PartialSuccess = &colmetrics.ExportMetricsPartialSuccess{RejectedDataPoints: p.Rejected, ErrorMessage: p.Message}
		}
		return m
	}
	m := &coltrace.ExportTraceServiceResponse{}
	if p != nil {
		m.PartialSuccess = &coltrace.ExportTracePartialSuccess{RejectedSpans: p.Rejected, ErrorMessage: p.Message}
	}
	return m
}

// ErrorBody returns the body and content type of a refusal: google.rpc.Status,
// as OTLP/HTTP asks for every 4xx and 5xx. retryAfter over 0 goes into the
// details; the caller sends the Retry-After header as well. Requests with a
// content type that OTLP does not know are answered in JSON.
func ErrorBody(contentType string, httpStatus int, text string, retryAfter time.Duration) ([]byte, string) {
	return encode(contentType, rpcStatus(httpStatus, text, retryAfter))
}

func rpcStatus(httpStatus int, text string, retryAfter time.Duration) *status.Status {
	st := &status.Status{Code: int32(Code(httpStatus)), Message: text}
	if retryAfter > 0 {
		if d, err := anypb.New(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)}); err == nil {
			st.Details = append(st.Details, d)
		}
	}
	return st
}

// Code maps the status of a refusal to gRPC's. Only 429, 502, 503 and 504 may
// become codes that exporters retry: a request that is too large stays too
// large, so 413 is InvalidArgument and not ResourceExhausted.
func Code(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusOK:
		return codes.OK
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusMethodNotAllowed:
		return codes.Unimplemented
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	case http.StatusInternalServerError:
		return codes.Internal
	}
	return codes.InvalidArgument
}

func encode(contentType string, m proto.Message) ([]byte, string) {
	if t, _ := decode.ContentType(contentType); t == decode.Protobuf {
		if b, err := proto.Marshal(m); err == nil {
			return b, decode.Protobuf
		}
	}
	b, err := protojson.Marshal(m)
	if err != nil {
		b = []byte("{}")
	}
	return b, decode.JSON
}
