package clients

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/getsentry/sentry-go"
	sentryhttp "github.com/getsentry/sentry-go/http"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type stockError struct{ item string }

func (e *stockError) Error() string { return "out of stock: " + e.item }

func unmade() map[string]int { return nil }

func load(item string) error {
	return fmt.Errorf("load %s: %w", item, &stockError{item})
}

// TestSentryGo runs sentry-go in this process: an error with its cause, a
// message, an error of joined ones, a recovered panic, a handler that panics and
// a transaction.
func TestSentryGo(t *testing.T) {
	p := newProject(t, "sentry-go")
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn: p.dsn, Release: "stock@3.1.0", Environment: "staging", EnableTracing: true, TracesSampleRate: 1, AttachStacktrace: true,
	})
	require.NoError(t, err)
	hub := sentry.NewHub(client, sentry.NewScope())
	hub.ConfigureScope(func(scope *sentry.Scope) {
		scope.SetTag("warehouse", "north")
		scope.SetUser(sentry.User{ID: "u-1"})
	})
	hub.AddBreadcrumb(&sentry.Breadcrumb{Category: "stock", Message: "looked up A-1"}, nil)
	hub.CaptureException(load("A-1"))
	hub.CaptureMessage("restock needed")
	hub.CaptureException(errors.Join(errors.New("first"), errors.New("second")))
	func() {
		defer func() { hub.Recover(recover()) }()
		unmade()["A-1"]++
	}()

	handler := sentryhttp.New(sentryhttp.Options{}).HandleFunc(func(http.ResponseWriter, *http.Request) { panic("handler panicked") })
	req := httptest.NewRequestWithContext(sentry.SetHubOnContext(t.Context(), hub.Clone()), http.MethodGet, "http://shop.example.com/stock/7", http.NoBody)
	handler.ServeHTTP(httptest.NewRecorder(), req)

	span := sentry.StartTransaction(sentry.SetHubOnContext(t.Context(), hub), "restock", sentry.WithOpName("task"))
	child := span.StartChild("db.query", sentry.WithDescription("UPDATE stock SET qty = qty + 1"))
	child.SetData("rows", 3)
	child.Finish()
	span.Finish()
	require.True(t, client.Flush(wait))

	all := p.expect(t,
		want{title: "*fmt.wrapError: load A-1: out of stock: A-1", events: 1, users: 1, level: "error", platform: "go", release: "stock@3.1.0", environment: "staging",
			tags: map[string]string{"warehouse": "north"}, frame: "golang_test.go TestSentryGo",
			exceptions: []string{"*clients.stockError: out of stock: A-1", "*fmt.wrapError: load A-1: out of stock: A-1"}},
		want{title: "restock needed", events: 1, users: 1, level: "info"},
		want{title: "*errors.joinError: first", events: 1, users: 1},
		want{title: "runtime.plainError: assignment to entry in nil map", events: 1, users: 1, level: "fatal"},
		want{title: "handler panicked", events: 1, users: 1, level: "fatal", traced: "GET /stock/7"},
	)
	panicked := all["handler panicked"].events[0]
	require.Equal(t, []any{"GET", "http://shop.example.com/stock/7"}, []any{panicked["http_method"], panicked["url"]})
	rows := store.sql(t, "SELECT op, segment_name, attributes['rows'] AS rows FROM errata.spans WHERE project_id = %s AND name LIKE 'UPDATE stock%%'", p.id)
	require.Equal(t, []row{{"op": "db.query", "segment_name": "restock", "rows": "3"}}, rows)
}

// TestOTelGo runs the OpenTelemetry SDK of Go in this process with each of its
// exporters: one failure that passes two spans is one event of one issue.
func TestOTelGo(t *testing.T) {
	for _, c := range []struct {
		name     string
		exporter func(ctx context.Context, key string) (sdk.SpanExporter, error)
	}{
		{"http", func(ctx context.Context, key string) (sdk.SpanExporter, error) {
			return otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(store.OTLPHTTP), otlptracehttp.WithInsecure(),
				otlptracehttp.WithHeaders(map[string]string{"x-errata-key": key}), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		}},
		{"grpc", func(ctx context.Context, key string) (sdk.SpanExporter, error) {
			return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(store.OTLPGRPC), otlptracegrpc.WithInsecure(),
				otlptracegrpc.WithHeaders(map[string]string{"x-errata-key": key}), otlptracegrpc.WithCompressor("gzip"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t, "otel-go-"+c.name)
			exporter, err := c.exporter(t.Context(), p.key)
			require.NoError(t, err)
			provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.NewSchemaless(
				attribute.String("service.name", "stock"), attribute.String("service.version", "3.1.0"),
				attribute.String("deployment.environment.name", "staging"), attribute.String("telemetry.sdk.language", "go"),
			)))
			id := failing(t.Context(), provider.Tracer("clients"))
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			require.NoError(t, provider.Shutdown(ctx))

			all := p.expect(t, want{title: "*clients.stockError: out of stock: A-1", events: 1, level: "error", platform: "go", environment: "staging", release: "3.1.0",
				protocols: []string{"otlp"}, traced: "reserve"})
			for _, f := range all {
				require.Equal(t, id, f.events[0]["trace_id"])
				require.Equal(t, "stock", f.events[0]["service"])
			}
			rows := store.sql(t, `SELECT c.kind AS kind, c.status AS status, c.status_message AS message, c.attributes['item'] AS item, p.name AS parent
				FROM errata.spans AS c INNER JOIN errata.spans AS p ON p.span_id = c.parent_span_id AND p.trace_id = c.trace_id
				WHERE c.project_id = %s AND c.name = 'reserve'`, p.id)
			require.Equal(t, []row{{"kind": "client", "status": "error", "message": "out of stock: A-1", "item": "A-1", "parent": "POST /orders"}}, rows)
		})
	}
}

// failing records one error on both spans that it passes and returns the trace.
func failing(ctx context.Context, tracer trace.Tracer) (traceID string) {
	ctx, outer := tracer.Start(ctx, "POST /orders", trace.WithSpanKind(trace.SpanKindServer))
	_, inner := tracer.Start(ctx, "reserve", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("item", "A-1")))
	err := &stockError{"A-1"}
	for _, span := range []trace.Span{inner, outer} {
		span.RecordError(err, trace.WithStackTrace(true), trace.WithTimestamp(time.Now()))
		span.SetStatus(codes.Error, err.Error())
		span.End()
	}
	return outer.SpanContext().TraceID().String()
}
