package item

import (
	"fmt"
	"strconv"
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/tree"
)

// older reads an object of items of type otel_log and otel_span, as the first
// clients with logs sent them: OTLP's JSON names in an envelope. Objects that
// have today's names already stay as they are.
func older(it *envelope.Item, v *node.Value) {
	if !strings.HasPrefix(it.Type, "otel_") || !tree.Is(v, node.TypeObject) {
		return
	}
	var a node.Arena
	for from, to := range map[string]string{
		"traceId": "trace_id", "spanId": "span_id", "parentSpanId": "parent_span_id", "severityText": "level", "severityNumber": "severity_number",
	} {
		if x := v.Get(from); x != nil && v.Get(to) == nil {
			v.Set(to, x)
		}
	}
	for from, to := range map[string]string{"timeUnixNano": "timestamp", "startTimeUnixNano": "start_timestamp", "endTimeUnixNano": "end_timestamp"} {
		s, _ := tree.Scalar(v.Get(from))
		if n, err := strconv.ParseUint(s, 10, 63); err == nil && v.Get(to) == nil {
			v.Set(to, a.NewNumberString(fmt.Sprintf("%d.%09d", n/1e9, n%1e9)))
		}
	}
	if b := v.Get("body"); tree.Is(b, node.TypeObject) {
		v.Set("body", anyValue(b))
	}
	if s := v.Get("status"); tree.Is(s, node.TypeObject) {
		code, _ := tree.Scalar(s.Get("code"))
		v.Set("status", a.NewString(map[string]string{"1": "ok", "2": "error", "STATUS_CODE_OK": "ok", "STATUS_CODE_ERROR": "error"}[code]))
	}
	list := v.Get("attributes")
	if !tree.Is(list, node.TypeArray) {
		return
	}
	o := a.NewObject()
	for _, kv := range list.GetArray() {
		if k := tree.Get(kv, "key"); k != "" {
			x := a.NewObject()
			x.Set("value", anyValue(kv.Get("value")))
			o.Set(k, x)
		}
	}
	v.Set("attributes", o)
}

// anyValue is what an AnyValue of OTLP holds; lists and maps stay as they are.
func anyValue(v *node.Value) *node.Value {
	for _, k := range []string{"stringValue", "intValue", "boolValue", "doubleValue"} {
		if x := v.Get(k); x != nil {
			return x
		}
	}
	return v
}
