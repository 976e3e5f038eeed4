package bench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func text(k, v string) *common.KeyValue {
	return &common.KeyValue{Key: k, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func number(k string, v int64) *common.KeyValue {
	return &common.KeyValue{Key: k, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}}
}

// otlpSpans gives one server span an occurrence, each with its exception, as
// the Python FastAPI instrumentation records it.
func otlpSpans(set []*template, batch []occurrence, r *rand.Rand) *coltrace.ExportTraceServiceRequest {
	spans := make([]*trace.Span, len(batch))
	for i := range batch {
		o := &batch[i]
		k := r.IntN(len(set))
		m, order, kind := modules[k%len(modules)], 100000+r.IntN(900000), failTypes[k%len(failTypes)]
		message := fmt.Sprintf("order %d: %s not available for %d.%02d EUR", order, words[r.IntN(len(words))], r.IntN(900), r.IntN(100))
		at := uint64(o.at.UnixNano())
		spans[i] = &trace.Span{
			TraceId: append([]byte(nil), o.trace[:]...), SpanId: append([]byte(nil), o.span[:]...), Name: "POST /" + m + "/{order_id}",
			Kind: trace.Span_SPAN_KIND_SERVER, StartTimeUnixNano: at - uint64(r.IntN(2000))*1e6, EndTimeUnixNano: at,
			Status: &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: kind + ": " + message},
			Attributes: []*common.KeyValue{
				text("http.request.method", "POST"), text("url.scheme", "https"), text("server.address", "shop.example.com"), text("http.route", "/"+m+"/{order_id}"),
				text("url.path", fmt.Sprintf("/%s/%d", m, order)), text("client.address", fmt.Sprintf("203.0.113.%d", 1+r.IntN(250))), number("http.response.status_code", 500),
				text("user_agent.original", agents[r.IntN(len(agents))]), text("enduser.id", strconv.Itoa(int(o.user))), text("region", "eu-west-"+cities[r.IntN(len(cities))]),
			},
			Events: []*trace.Span_Event{{Name: "exception", TimeUnixNano: at - 1e5, Attributes: []*common.KeyValue{
				text("exception.type", "shop.errors."+kind), text("exception.message", message),
				text("exception.stacktrace", string(set[k].append(nil, o, r))+message+"\n"), text("exception.escaped", "False"),
			}}},
		}
	}
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{
			text("service.name", "shop"), text("service.version", fmt.Sprintf("2.%d.%d", r.IntN(4), r.IntN(5))), text("deployment.environment.name", environ[r.IntN(len(environ))]),
			text("host.name", fmt.Sprintf("web-%02d", r.IntN(24))), text("telemetry.sdk.language", "python"), text("telemetry.sdk.name", "opentelemetry"), text("telemetry.sdk.version", "1.45.2"),
		}},
		ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "opentelemetry.instrumentation.fastapi", Version: "0.66b2"}, Spans: spans}},
	}}}
}

// otlpBody gives a request's body in either encoding of OTLP/HTTP.
func otlpBody(req *coltrace.ExportTraceServiceRequest, asJSON bool) []byte {
	if !asJSON {
		b, err := proto.Marshal(req)
		if err != nil {
			panic(err) // Only our own values are in it.
		}
		return b
	}
	type kv = map[string]any
	attributes := func(in []*common.KeyValue) []kv {
		out := make([]kv, len(in))
		for i, a := range in {
			switch v := a.Value.Value.(type) {
			case *common.AnyValue_IntValue:
				out[i] = kv{"key": a.Key, "value": kv{"intValue": strconv.FormatInt(v.IntValue, 10)}}
			case *common.AnyValue_StringValue:
				out[i] = kv{"key": a.Key, "value": kv{"stringValue": v.StringValue}}
			}
		}
		return out
	}
	nano := func(t uint64) string { return strconv.FormatUint(t, 10) }
	rs := req.ResourceSpans[0]
	var spans []kv
	for _, s := range rs.ScopeSpans[0].Spans {
		e := s.Events[0]
		spans = append(spans, kv{
			"traceId": string(appendHex(nil, s.TraceId)), "spanId": string(appendHex(nil, s.SpanId)), "name": s.Name, "kind": int(s.Kind),
			"startTimeUnixNano": nano(s.StartTimeUnixNano), "endTimeUnixNano": nano(s.EndTimeUnixNano), "attributes": attributes(s.Attributes),
			"status": kv{"code": int(s.Status.Code), "message": s.Status.Message},
			"events": []kv{{"name": e.Name, "timeUnixNano": nano(e.TimeUnixNano), "attributes": attributes(e.Attributes)}},
		})
	}
	b, err := json.Marshal(kv{"resourceSpans": []kv{{"resource": kv{"attributes": attributes(rs.Resource.Attributes)},
		"scopeSpans": []kv{{"scope": kv{"name": rs.ScopeSpans[0].Scope.Name, "version": rs.ScopeSpans[0].Scope.Version}, "spans": spans}}}}})
	if err != nil {
		panic(err)
	}
	return b
}

// newOccurrence draws ids, user and time.
func newOccurrence(r *rand.Rand, users int, now time.Time) occurrence {
	var o occurrence
	o.at, o.user = now.UTC(), uint32(r.IntN(users))
	put := func(b []byte) {
		for i := 0; i < len(b); i += 8 {
			v := r.Uint64()
			for j := range 8 {
				b[i+j] = byte(v >> (8 * j))
			}
		}
	}
	put(o.id[:])
	put(o.trace[:])
	put(o.span[:])
	o.id[6], o.id[8] = o.id[6]&0x0f|0x40, o.id[8]&0x3f|0x80
	return o
}
