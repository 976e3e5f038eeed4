package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"errata/schema"
)

const (
	binary  = "application/x-protobuf"
	textual = "application/json"
)

func points(ms ...*metricspb.Metric) *colmetrics.ExportMetricsServiceRequest {
	return &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: ms}}}}}
}

func gauge(name string) *metricspb.Metric {
	return &metricspb.Metric{Name: name, Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{{TimeUnixNano: 1_790_000_000_000_000_000, Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}}}}}}
}

// grpcConn dials the edge's gRPC port.
func (e *edge) grpcConn() *grpc.ClientConn {
	e.t.Helper()
	c, err := grpc.NewClient(e.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(32<<20)))
	require.NoError(e.t, err)
	e.t.Cleanup(func() { require.NoError(e.t, c.Close()) })
	return c
}

func withKey(ctx context.Context, key string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-errata-key", key)
}

// TestPartialSuccessOfEverySignal sends a good and a bad item, and bad ones
// only, in all three encodings, and looks into the ledger.
func TestPartialSuccessOfEverySignal(t *testing.T) {
	t.Parallel()
	e := start(t)
	c := e.grpcConn()
	bad := traces("0123456789abcdef").ResourceSpans[0]
	bad.ScopeSpans[0].Spans[0].TraceId = make([]byte, 16)
	someSpans := traces("0123456789abcdef")
	someSpans.ResourceSpans = append(someSpans.ResourceSpans, bad)
	for _, tc := range []struct {
		name, path string
		request    proto.Message
		answer     proto.Message // Without a message: that is looked at by itself.
		message    string
		call       func() (proto.Message, error)
	}{
		{"spans, some", "/v1/traces", someSpans, &coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: 1}}, "1 with invalid trace id",
			func() (proto.Message, error) { return coltrace.NewTraceServiceClient(c).Export(t.Context(), someSpans) }},
		{"spans, all", "/v1/traces", &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{bad}}, &coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: 1}}, "1 with invalid trace id",
			func() (proto.Message, error) {
				return coltrace.NewTraceServiceClient(c).Export(t.Context(), &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{bad}})
			}},
		{"points, some", "/v1/metrics", points(gauge("m"), gauge("")), &colmetrics.ExportMetricsServiceResponse{PartialSuccess: &colmetrics.ExportMetricsPartialSuccess{RejectedDataPoints: 1}}, "1 with no metric name",
			func() (proto.Message, error) {
				return colmetrics.NewMetricsServiceClient(c).Export(t.Context(), points(gauge("m"), gauge("")))
			}},
		{"points, all", "/v1/metrics", points(gauge("")), &colmetrics.ExportMetricsServiceResponse{PartialSuccess: &colmetrics.ExportMetricsPartialSuccess{RejectedDataPoints: 1}}, "1 with no metric name",
			func() (proto.Message, error) {
				return colmetrics.NewMetricsServiceClient(c).Export(t.Context(), points(gauge("")))
			}},
		{"logs, none", "/v1/logs", logs(), &collogs.ExportLogsServiceResponse{}, "",
			func() (proto.Message, error) { return collogs.NewLogsServiceClient(c).Export(t.Context(), logs()) }},
		{"nothing", "/v1/traces", &coltrace.ExportTraceServiceRequest{}, &coltrace.ExportTraceServiceResponse{}, "",
			func() (proto.Message, error) {
				return coltrace.NewTraceServiceClient(c).Export(t.Context(), &coltrace.ExportTraceServiceRequest{})
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			check := func(got proto.Message) {
				t.Helper()
				j, err := protojson.Marshal(got)
				require.NoError(t, err)
				require.Equal(t, tc.message != "", strings.Contains(string(j), "errorMessage"), string(j))
				require.Contains(t, string(j), tc.message)
				require.True(t, proto.Equal(tc.answer, withoutMessage(got)), "%s", j)
			}
			pb, err := proto.Marshal(tc.request)
			require.NoError(t, err)
			r := e.do("POST", tc.path, pb, "Content-Type", binary)
			require.Equal(t, 200, r.status)
			require.Equal(t, binary, r.header.Get("Content-Type"))
			got := tc.answer.ProtoReflect().New().Interface()
			require.NoError(t, proto.Unmarshal([]byte(r.body), got))
			check(got)
			r = e.do("POST", tc.path, otlpJSON(t, tc.request), "Content-Type", textual)
			require.Equal(t, 200, r.status)
			require.Equal(t, textual, r.header.Get("Content-Type"))
			got = tc.answer.ProtoReflect().New().Interface()
			require.NoError(t, protojson.Unmarshal([]byte(r.body), got))
			check(got)
			got, err = tc.call()
			require.NoError(t, err)
			check(got)
		})
	}
	accepted, fates := e.ledger()
	require.EqualValues(t, 3*3, accepted[schema.CategorySpan])
	require.EqualValues(t, 3, fates["span row"])
	require.EqualValues(t, 6, fates["span invalid invalid_trace_id"])
	require.EqualValues(t, 6, fates["trace_metric invalid no_metric_name"])
	require.EqualValues(t, 9, accepted[schema.CategoryMetric])
}

// TestPointsSentAgainKeepTheirIds sends one request by every way: the consumer
// stores points of one id once.
func TestPointsSentAgainKeepTheirIds(t *testing.T) {
	t.Parallel()
	e := start(t)
	m := points(gauge("m"), gauge("m"), gauge("n"))
	pb, err := proto.Marshal(m)
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, 200, e.do("POST", "/v1/metrics", pb, "Content-Type", binary).status)
		require.Equal(t, 200, e.do("POST", "/v1/metrics", otlpJSON(t, m), "Content-Type", textual).status)
		_, err = colmetrics.NewMetricsServiceClient(e.grpcConn()).Export(t.Context(), m)
		require.NoError(t, err)
	}
	ids := map[uint64]int{}
	for _, r := range e.records(schema.TopicSessions) {
		for _, x := range r.Metrics {
			ids[x.MetricId]++
		}
	}
	require.Len(t, ids, 3, "two equal points of one request are two")
	for _, n := range ids {
		require.Equal(t, 6, n)
	}
}

// otlpJSON writes a message as OTLP/JSON: that of protobuf, which the edge
// reads with ids in base64 too.
func otlpJSON(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := protojson.Marshal(m)
	require.NoError(t, err)
	return b
}

func withoutMessage(m proto.Message) proto.Message {
	m = proto.CloneOf(m)
	switch x := m.(type) {
	case *coltrace.ExportTraceServiceResponse:
		if x.PartialSuccess != nil {
			x.PartialSuccess.ErrorMessage = ""
		}
	case *colmetrics.ExportMetricsServiceResponse:
		if x.PartialSuccess != nil {
			x.PartialSuccess.ErrorMessage = ""
		}
	}
	return m
}

// TestOTLPRefusals sends what is refused as a whole and reads the answer in the
// encoding of the request.
func TestOTLPRefusals(t *testing.T) {
	t.Parallel()
	e := start(t)
	good, err := proto.Marshal(traces("0123456789abcdef"))
	require.NoError(t, err)
	tooLarge := bytes.Repeat([]byte{0}, maxOTLPBytes+1)
	for _, tc := range []struct {
		name, kind, encoding string
		body                 []byte
		header               []string
		status               int
		code                 codes.Code
		answer, text         string // Content type, and part of the message.
	}{
		{"charset", "application/json; charset=utf-8", "", []byte(`{}`), nil, 200, 0, textual, ""},
		{"upper case", "Application/X-Protobuf", "", good, nil, 200, 0, binary, ""},
		{"empty protobuf", binary, "", nil, nil, 200, 0, binary, ""},
		{"empty JSON", textual, "", nil, nil, 400, codes.InvalidArgument, textual, "cannot read OTLP request"},
		{"empty list", textual, "", []byte(`{"resourceSpans":[]}`), nil, 200, 0, textual, ""},
		{"null list", textual, "", []byte(`{"resourceSpans":null}`), nil, 200, 0, textual, ""},
		{"text", "text/plain", "", good, nil, 415, codes.InvalidArgument, textual, "application/x-protobuf"},
		{"no type", "", "", good, nil, 415, codes.InvalidArgument, textual, "application/x-protobuf"},
		{"broken protobuf", binary, "", []byte("hello"), nil, 400, codes.InvalidArgument, binary, "protobuf"},
		{"broken JSON", textual, "", []byte(`{"resourceSpans":[`), nil, 400, codes.InvalidArgument, textual, "JSON"},
		{"gzip", binary, "gzip", packed(t, "gzip", good), nil, 200, 0, binary, ""},
		{"zstd", binary, "zstd", packed(t, "zstd", good), nil, 200, 0, binary, ""},
		{"deflate", binary, "deflate", packed(t, "deflate", good), nil, 200, 0, binary, ""},
		{"identity", binary, "identity", good, nil, 200, 0, binary, ""},
		{"gzip that is none", binary, "gzip", good, nil, 400, codes.InvalidArgument, binary, "decode"},
		{"cut gzip", binary, "gzip", packed(t, "gzip", good)[:20], nil, 400, codes.InvalidArgument, binary, "decode"},
		{"unknown encoding", binary, "lzma", good, nil, 415, codes.InvalidArgument, binary, "gzip"},
		{"too large", binary, "", tooLarge, nil, 413, codes.InvalidArgument, binary, "12582912"},
		{"too large, inflated", textual, "gzip", packed(t, "gzip", tooLarge), nil, 413, codes.InvalidArgument, textual, "12582912"},
		{"too large, zstd", textual, "zstd", packed(t, "zstd", tooLarge), nil, 413, codes.InvalidArgument, textual, "12582912"},
		{"no key", binary, "", good, []string{"X-Forwarded-For", "203.0.113.7"}, 401, codes.Unauthenticated, binary, "x-errata-key"},
		{"unknown key", textual, "", []byte("{}"), []string{"X-Errata-Key", strings.Repeat("e", 32)}, 403, codes.PermissionDenied, textual, "no such project or key"},
		{"a key that is none", textual, "", []byte("{}"), []string{"X-Errata-Key", "secret"}, 400, codes.InvalidArgument, textual, "32 hex digits"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := append(tc.header, "Content-Type", tc.kind)
			if tc.encoding != "" {
				h = append(h, "Content-Encoding", tc.encoding)
			}
			r := e.do("POST", "/v1/traces", tc.body, h...)
			require.Equal(t, tc.status, r.status, r.body)
			require.Equal(t, tc.answer, r.header.Get("Content-Type"))
			require.Empty(t, r.header.Get("Retry-After"), "no use in sending it again")
			if tc.status == 200 {
				return
			}
			var st rpcstatus.Status
			if tc.answer == binary {
				require.NoError(t, proto.Unmarshal([]byte(r.body), &st))
			} else {
				require.NoError(t, protojson.Unmarshal([]byte(r.body), &st))
			}
			require.EqualValues(t, tc.code, st.Code)
			require.Contains(t, st.Message, tc.text)
			require.Empty(t, st.Details)
		})
	}
}

// TestOTLPAddresses asks what is no address of OTLP, in its own words.
func TestOTLPAddresses(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, tc := range []struct {
		method, path string
		status       int
		code         codes.Code
	}{
		{"GET", "/v1/traces", 405, codes.Unimplemented},
		{"PUT", "/api/1/integration/otlp/v1/logs", 405, codes.Unimplemented},
		{"POST", "/v1/profiles", 404, codes.NotFound},
		{"POST", "/api/1/integration/otlp/v1/metrics/x", 404, codes.NotFound},
	} {
		r := e.do(tc.method, tc.path, []byte{}, "Content-Type", binary)
		require.Equal(t, tc.status, r.status, tc.path)
		require.Equal(t, binary, r.header.Get("Content-Type"), tc.path)
		var st rpcstatus.Status
		require.NoError(t, proto.Unmarshal([]byte(r.body), &st))
		require.EqualValues(t, tc.code, st.Code)
		require.NotEmpty(t, st.Message)
	}
	require.Contains(t, e.do("POST", "/api/1/nothing/", nil).body, `"detail"`, "Sentry's words elsewhere")
}

// retryInfo is what a status says of when to come back.
func retryInfo(st *status.Status) time.Duration {
	for _, d := range st.Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok {
			return r.RetryDelay.AsDuration()
		}
	}
	return 0
}

// TestRefusedCallsAreCounted sends over gRPC what is refused as a whole.
func TestRefusedCallsAreCounted(t *testing.T) {
	t.Parallel()
	e := start(t, withSettings(`{"quotas":[{"categories":["span"],"limit":1,"window_seconds":86400,"reason":"day"}]}`, ""))
	c := coltrace.NewTraceServiceClient(e.grpcConn())
	large := traces("0123456789abcdef")
	large.ResourceSpans[0].ScopeSpans[0].Spans[0].Name = strings.Repeat("a", maxOTLPBytes)
	_, err := c.Export(withKey(t.Context(), testKey), large)
	st := status.Convert(err)
	require.Equal(t, codes.ResourceExhausted, st.Code())
	require.Contains(t, st.Message(), "12582912")
	require.Zero(t, retryInfo(st), "it stays too large")
	_, err = c.Export(withKey(t.Context(), testKey), large, grpc.UseCompressor(gzip.Name))
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	_, err = c.Export(withKey(t.Context(), strings.Repeat("e", 32)), large)
	require.Equal(t, codes.ResourceExhausted, status.Code(err), "a stranger's, which is in nobody's ledger")
	_, err = c.Export(withKey(t.Context(), testKey), traces("0123456789abcdef"))
	require.NoError(t, err)
	_, err = c.Export(withKey(t.Context(), testKey), traces("0123456789abcdef"))
	st = status.Convert(err)
	require.Equal(t, codes.ResourceExhausted, st.Code())
	require.Positive(t, retryInfo(st), "another day it fits")
	var accepted, fates map[string]uint64
	require.Eventually(t, func() bool {
		accepted, fates = e.ledger()
		return accepted[schema.CategoryUnknown] == 2
	}, 10*time.Second, 50*time.Millisecond, "%v", fates)
	balanced(t, accepted, fates)
	require.EqualValues(t, 2, fates["default too_large request_too_large"])
	require.EqualValues(t, 1, fates["span rate_limited day"])
}

// TestOTLPIsToldToComeBack takes the broker away.
func TestOTLPIsToldToComeBack(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.SpoolBytes = -1 })
	e.cluster.Close()
	_, err := coltrace.NewTraceServiceClient(e.grpcConn()).Export(t.Context(), traces("0123456789abcdef"))
	st := status.Convert(err)
	require.Equal(t, codes.Unavailable, st.Code())
	require.Positive(t, retryInfo(st))
	body, err := proto.Marshal(traces("0123456789abcdef"))
	require.NoError(t, err)
	r := e.do("POST", "/v1/traces", body, "Content-Type", binary)
	require.Equal(t, 503, r.status)
	var got rpcstatus.Status
	require.NoError(t, proto.Unmarshal([]byte(r.body), &got))
	require.EqualValues(t, codes.Unavailable, got.Code)
	require.Positive(t, retryInfo(status.FromProto(&got)))
	r = e.do("POST", "/v1/traces", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"}]}]}]}`), "Content-Type", textual)
	require.Equal(t, 503, r.status)
	require.True(t, json.Valid([]byte(r.body)))
	require.Contains(t, r.body, "google.rpc.RetryInfo")
	require.NotEmpty(t, r.header.Get("Retry-After"))
}
