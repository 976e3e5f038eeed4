package export

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"errata/ingest/otlp"
)

func TestResponse(t *testing.T) {
	t.Parallel()
	p := &otlp.Partial{Rejected: 2, Message: "why"}
	tests := map[string]struct {
		signal otlp.Signal
		fresh  proto.Message
		json   string
	}{
		"traces":  {otlp.SignalTraces, &coltrace.ExportTraceServiceResponse{}, `{"partialSuccess":{"rejectedSpans":"2","errorMessage":"why"}}`},
		"logs":    {otlp.SignalLogs, &collogs.ExportLogsServiceResponse{}, `{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"why"}}`},
		"metrics": {otlp.SignalMetrics, &colmetrics.ExportMetricsServiceResponse{}, `{"partialSuccess":{"rejectedDataPoints":"2","errorMessage":"why"}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, ct := Response(tt.signal, "application/json; charset=utf-8", p)
			require.Equal(t, "application/json", ct)
			require.JSONEq(t, tt.json, string(body))
			body, ct = Response(tt.signal, "application/x-protobuf", p)
			require.Equal(t, "application/x-protobuf", ct)
			require.NoError(t, proto.Unmarshal(body, tt.fresh))
			require.True(t, proto.Equal(message(tt.signal, p), tt.fresh))
			body, _ = Response(tt.signal, "application/json", nil)
			require.JSONEq(t, `{}`, string(body))
			body, _ = Response(tt.signal, "application/x-protobuf", nil)
			require.Empty(t, body)
		})
	}
}

func TestErrorBody(t *testing.T) {
	t.Parallel()
	body, ct := ErrorBody("application/x-protobuf", 503, "busy", 2*time.Second)
	require.Equal(t, "application/x-protobuf", ct)
	var st status.Status
	require.NoError(t, proto.Unmarshal(body, &st))
	require.EqualValues(t, codes.Unavailable, st.Code)
	require.Equal(t, "busy", st.Message)
	var retry errdetails.RetryInfo
	require.NoError(t, st.Details[0].UnmarshalTo(&retry))
	require.Equal(t, 2*time.Second, retry.RetryDelay.AsDuration())

	body, ct = ErrorBody("text/plain", 415, "send JSON", 0)
	require.Equal(t, "application/json", ct)
	var got struct {
		Code    int
		Message string
	}
	require.NoError(t, json.Unmarshal(body, &got))
	require.Equal(t, "send JSON", got.Message)
	require.EqualValues(t, codes.InvalidArgument, got.Code)
}

// TestRetryableCodes holds the two protocols together: what HTTP clients retry,
// gRPC clients retry, and nothing else.
func TestRetryableCodes(t *testing.T) {
	t.Parallel()
	retried := map[codes.Code]bool{
		codes.Canceled: true, codes.DeadlineExceeded: true, codes.ResourceExhausted: true, codes.Aborted: true,
		codes.OutOfRange: true, codes.Unavailable: true, codes.DataLoss: true,
	}
	for _, s := range []int{400, 401, 403, 404, 411, 413, 415, 429, 500, 501, 502, 503, 504} {
		want := s == 429 || s == 502 || s == 503 || s == 504
		require.Equal(t, want, retried[Code(s)], "%d", s)
	}
}
