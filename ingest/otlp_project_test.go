package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"errata/schema"
)

// TestOTLPProjects asks each way to name a project, over HTTP and gRPC.
func TestOTLPProjects(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.ServiceProjects = map[string]uint32{"mail": 2} })
	for _, tc := range []struct {
		name, path string
		header     []string
		project    uint32 // 0: refused.
		status     int
	}{
		{"default", "/v1/traces", nil, 1, 200},
		{"rule, camel case", "/v1/traces", []string{"body", `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"mail"}}]},"scopeSpans":[{"spans":[%s]}]}]}`}, 2, 200},
		{"rule, snake case", "/v1/traces", []string{"body", `{"resource_spans":[{"resource":{"attributes":[{"key":"service.name","value":{"string_value":"mail"}}]},"scope_spans":[{"spans":[%s]}]}]}`}, 2, 200},
		{"rule, other type of value", "/v1/traces", []string{"body", `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"intValue":3}}]},"scopeSpans":[{"spans":[%s]}]}]}`}, 1, 200},
		{"sentry header before bearer", "/v1/traces", []string{"X-Sentry-Auth", "Sentry sentry_key=" + otherKey, "Authorization", "Bearer " + testKey}, 2, 200},
		{"bearer before errata key", "/v1/traces", []string{"Authorization", "Bearer " + otherKey, "X-Errata-Key", testKey}, 2, 200},
		{"errata key before query", "/v1/traces?sentry_key=" + testKey, []string{"X-Errata-Key", otherKey}, 2, 200},
		{"another's bearer is passed over", "/v1/traces", []string{"Authorization", "Bearer ey.not.ours", "X-Errata-Key", otherKey}, 2, 200},
		{"path and key", "/api/2/integration/otlp/v1/traces", []string{"X-Errata-Key", otherKey}, 2, 200},
		{"path of another project", "/api/1/integration/otlp/v1/traces", []string{"X-Errata-Key", otherKey}, 0, 403},
		{"path that is no number", "/api/shop/integration/otlp/v1/traces", []string{"X-Errata-Key", otherKey}, 0, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := e.spans()
			body := `{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}]}`
			h := tc.header
			if len(h) > 0 && h[0] == "body" {
				body, h = h[1], nil
			}
			body = fmt.Sprintf(body, `{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"n","startTimeUnixNano":"1790000000000000000"}`)
			r := e.do("POST", tc.path, []byte(body), append(h, "Content-Type", textual)...)
			require.Equal(t, tc.status, r.status, r.body)
			if tc.project != 0 {
				before[tc.project]++
			}
			require.Equal(t, before, e.spans())
		})
	}
	t.Run("wrong type with rules", func(t *testing.T) {
		require.Equal(t, 415, e.do("POST", "/v1/traces", []byte("{}"), "Content-Type", "text/plain").status)
	})
	c := coltrace.NewTraceServiceClient(e.grpcConn())
	for name, tc := range map[string]struct {
		md      metadata.MD
		project uint32
		code    codes.Code
	}{
		"default":     {nil, 1, codes.OK},
		"sentry":      {metadata.Pairs("x-sentry-auth", "Sentry sentry_key="+otherKey, "authorization", "Bearer "+testKey), 2, codes.OK},
		"bearer":      {metadata.Pairs("authorization", "Bearer "+otherKey), 2, codes.OK},
		"errata key":  {metadata.Pairs("x-errata-key", strings.ToUpper(otherKey)), 2, codes.OK},
		"forwarded":   {metadata.Pairs("x-forwarded-for", "203.0.113.7"), 0, codes.Unauthenticated},
		"unknown key": {metadata.Pairs("x-errata-key", strings.Repeat("e", 32)), 0, codes.PermissionDenied},
		"no key":      {metadata.Pairs("x-errata-key", "secret"), 0, codes.InvalidArgument},
	} {
		t.Run("gRPC, "+name, func(t *testing.T) {
			before := e.spans()
			_, err := c.Export(metadata.NewOutgoingContext(t.Context(), tc.md), traces("0123456789abcdef"))
			require.Equal(t, tc.code, status.Code(err))
			if tc.project != 0 {
				before[tc.project]++
			}
			require.Equal(t, before, e.spans())
		})
	}
}

// spans counts the rows of spans by project.
func (e *edge) spans() map[uint32]int {
	out := map[uint32]int{}
	for _, r := range e.records(schema.TopicSpans) {
		out[r.ProjectId] += len(r.Spans)
	}
	return out
}

// TestOriginsHoldWithoutAKey sends what a page of any origin could make a
// browser on this machine send.
func TestOriginsHoldWithoutAKey(t *testing.T) {
	t.Parallel()
	e := start(t, withSettings(`{"allowed_origins":["https://shop.example"]}`, ""), func(c *Config) { c.ServiceProjects = map[string]uint32{"shop": 1} })
	for origin, want := range map[string]int{"https://shop.example": 200, "https://evil.example": 403} {
		r := e.do("POST", "/v1/traces", []byte("{}"), "Content-Type", textual, "Origin", origin)
		require.Equal(t, want, r.status, "%s: %s", origin, r.body)
	}
	require.Equal(t, 200, e.do("POST", "/v1/traces", []byte("{}"), "Content-Type", textual).status)
}

// TestRulesHoldWithoutADefault has no project marked as OTLP default.
func TestRulesHoldWithoutADefault(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) {
		l := twoProjects()
		l.Projects[0].OTLPDefault = false
		c.Projects, c.ServiceProjects = l, map[string]uint32{"mail": 2}
	})
	c := coltrace.NewTraceServiceClient(e.grpcConn())
	for _, tc := range []struct {
		services []string
		status   int
		code     codes.Code
		taken    int
	}{
		{[]string{"mail"}, 200, codes.OK, 1},
		{[]string{"mail", "shop"}, 401, codes.Unauthenticated, 0},
		{[]string{"shop"}, 401, codes.Unauthenticated, 0},
		{nil, 200, codes.OK, 0},
	} {
		m := &coltrace.ExportTraceServiceRequest{}
		for _, name := range tc.services {
			r := traces("0123456789abcdef").ResourceSpans[0]
			r.Resource = &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: name}}}}}
			m.ResourceSpans = append(m.ResourceSpans, r)
		}
		body, err := proto.Marshal(m)
		require.NoError(t, err)
		before := e.spans()[2]
		require.Equal(t, tc.status, e.do("POST", "/v1/traces", body, "Content-Type", binary).status, tc.services)
		_, err = c.Export(t.Context(), m)
		require.Equal(t, tc.code, status.Code(err), tc.services)
		require.Equal(t, before+2*tc.taken, e.spans()[2])
	}
	require.Equal(t, 415, e.do("POST", "/v1/traces", []byte("{}"), "Content-Type", "text/plain").status)
	require.Equal(t, 401, e.do("POST", "/v1/traces", []byte("{}"), "Content-Type", textual, "X-Forwarded-For", "203.0.113.7").status)
}
