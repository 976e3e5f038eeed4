package export

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
	"errata/ingest/otlp"
	"errata/ingest/otlp/decode"
	"errata/schema"
)

// edge stands in for the edge: it knows one key and keeps what it is given.
type edge struct {
	t       testing.TB
	submit  error
	panics  bool
	refused int
	mu      sync.Mutex
	batches []*intake.Batch
	client  string
}

func (e *edge) Authorize(_ context.Context, _ otlp.Signal, header func(string) string, client string) (*intake.Request, error) {
	if header("x-sentry-auth") != "Sentry sentry_key=k" {
		return nil, &intake.Error{Status: 401, Detail: "missing authorization information"}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.client = client
	p, err := intake.NewProject(schema.Project{ID: 1, Slug: "shop", RetentionDays: 90})
	require.NoError(e.t, err)
	return &intake.Request{Project: p, ReceivedAt: time.Now()}, nil
}

func (e *edge) Take(_ context.Context, req *intake.Request, adapt otlp.Adapter, body []byte) (*otlp.Partial, error) {
	b, partial, err := adapt(req, body, decode.Protobuf)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.panics {
		panic("unforeseen")
	}
	e.batches = append(e.batches, b)
	return partial, e.submit
}

func (e *edge) Refuse(*intake.Request, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused++
}

func (e *edge) RetryAfter(err error) time.Duration {
	var x *intake.Error
	if errors.As(err, &x) && x.Status < 500 && x.Status != 429 {
		return 0
	}
	return 3 * time.Second
}

// dial starts a server for e and returns a connection to it.
func dial(t *testing.T, e *edge) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := NewServer(e)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		s.Stop()
		require.NoError(t, <-done)
	})
	return c
}

func authorized(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, "x-sentry-auth", "Sentry sentry_key=k")
}

func TestGRPC(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t, goleak.IgnoreCurrent()) })
	e := &edge{t: t}
	c := dial(t, e)
	ctx := authorized(t)
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}, {grpc.UseCompressor("zstd")}, {grpc.UseCompressor("zstd")}, {grpc.UseCompressor("snappy")}, {grpc.UseCompressor("snappy")}} {
		e.batches = nil
		traces, err := coltrace.NewTraceServiceClient(c).Export(ctx, tracesOf("v", span()), opts...)
		require.NoError(t, err)
		require.Nil(t, traces.PartialSuccess)
		bad := span()
		bad.TraceId = nil
		traces, err = coltrace.NewTraceServiceClient(c).Export(ctx, tracesOf("v", span(), bad), opts...)
		require.NoError(t, err)
		require.EqualValues(t, 1, traces.PartialSuccess.RejectedSpans)
		require.Contains(t, traces.PartialSuccess.ErrorMessage, "invalid trace id")
		_, err = collogs.NewLogsServiceClient(c).Export(ctx, &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{Body: text("x")}}}}}}}, opts...)
		require.NoError(t, err)
		_, err = colmetrics.NewMetricsServiceClient(c).Export(ctx, &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: []*metricspb.Metric{{
			Name: "m", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{{Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}}}}},
		}}}}}}}, opts...)
		require.NoError(t, err)
		require.Len(t, e.batches, 4)
		require.Len(t, e.batches[0].Spans, 1)
		require.Len(t, e.batches[2].Logs, 1)
		require.Len(t, e.batches[3].Metrics, 1)
	}
	host, _, err := net.SplitHostPort(e.client)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
}

func TestGRPCCapture(t *testing.T) {
	body := captured(t, "otel-grpc", "001.body")
	var m coltrace.ExportTraceServiceRequest
	require.NoError(t, proto.Unmarshal(body, &m))
	e := &edge{t: t}
	_, err := coltrace.NewTraceServiceClient(dial(t, e)).Export(authorized(t), &m)
	require.NoError(t, err)
	require.Len(t, e.batches[0].Events, 1)
	require.Equal(t, "ZeroDivisionError: division by zero", e.batches[0].Events[0].Title)
}

func TestGRPCSurvivesAPanic(t *testing.T) {
	e := &edge{t: t, panics: true}
	c := coltrace.NewTraceServiceClient(dial(t, e))
	_, err := c.Export(authorized(t), tracesOf("v", span()))
	require.Equal(t, codes.Internal, status.Code(err))
	e.panics = false
	_, err = c.Export(authorized(t), tracesOf("v", span()))
	require.NoError(t, err)
}

func TestGRPCRefusals(t *testing.T) {
	good := tracesOf("v", span())
	big := tracesOf(string(make([]byte, otlp.MaxBytes)), span())
	tests := map[string]struct {
		submit    error
		anonymous bool
		body      *coltrace.ExportTraceServiceRequest
		compress  string
		code      codes.Code
		text      string
		retry     time.Duration
	}{
		"no key":             {anonymous: true, body: good, code: codes.Unauthenticated, text: "missing authorization information"},
		"too large":          {body: big, code: codes.ResourceExhausted, text: "larger than max"},
		"bomb":               {body: big, compress: gzip.Name, code: codes.ResourceExhausted, text: "larger than max"},
		"snappy bomb":        {body: big, compress: "snappy", code: codes.ResourceExhausted, text: "larger than max"},
		"zstd bomb":          {body: big, compress: "zstd", code: codes.ResourceExhausted, text: "larger than max"},
		"queue full":         {submit: &intake.Error{Status: 503, Detail: "no durable place left"}, body: good, code: codes.Unavailable, text: "no durable place left", retry: 3 * time.Second},
		"over quota":         {submit: &intake.Error{Status: 429, Detail: "over quota"}, body: good, code: codes.ResourceExhausted, text: "over quota", retry: 3 * time.Second},
		"unforeseen":         {submit: errors.New("broker away"), body: good, code: codes.Unavailable, text: "broker away", retry: 3 * time.Second},
		"deadline at submit": {submit: context.DeadlineExceeded, body: good, code: codes.DeadlineExceeded, text: "deadline"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := &edge{t: t, submit: tt.submit}
			ctx := authorized(t)
			if tt.anonymous {
				ctx = metadata.NewOutgoingContext(ctx, metadata.MD{})
			}
			var opts []grpc.CallOption
			if tt.compress != "" {
				opts = append(opts, grpc.UseCompressor(tt.compress))
			}
			_, err := coltrace.NewTraceServiceClient(dial(t, e)).Export(ctx, tt.body, opts...)
			st := status.Convert(err)
			require.Equal(t, tt.code, st.Code(), "%v", err)
			require.Contains(t, st.Message(), tt.text)
			var retry time.Duration
			for _, d := range st.Details() {
				if r, ok := d.(*errdetails.RetryInfo); ok {
					retry = r.RetryDelay.AsDuration()
				}
			}
			require.Equal(t, tt.retry, retry)
			if tt.anonymous {
				require.Empty(t, e.batches)
			}
			if tt.text == "larger than max" {
				require.Eventually(t, func() bool {
					e.mu.Lock()
					defer e.mu.Unlock()
					return e.refused == 1
				}, 10*time.Second, time.Millisecond, "counted after it was answered")
			} else {
				require.Zero(t, e.refused)
			}
		})
	}
}
