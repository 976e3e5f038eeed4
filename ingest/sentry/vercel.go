package sentry

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"errata/ingest/intake"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/item"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// vercelAttributes names what of a line of a Vercel log drain is kept as an
// attribute, and as which.
var vercelAttributes = []struct {
	path []string
	name string
}{
	{[]string{"id"}, "vercel.id"}, {[]string{"deploymentId"}, "vercel.deployment_id"}, {[]string{"source"}, "vercel.source"},
	{[]string{"projectId"}, "vercel.project_id"}, {[]string{"projectName"}, "vercel.project_name"}, {[]string{"buildId"}, "vercel.build_id"},
	{[]string{"entrypoint"}, "vercel.entrypoint"}, {[]string{"destination"}, "vercel.destination"}, {[]string{"type"}, "vercel.log_type"},
	{[]string{"requestId"}, "vercel.request_id"}, {[]string{"branch"}, "vercel.branch"}, {[]string{"edgeType"}, "vercel.edge_type"},
	{[]string{"ja3Digest"}, "vercel.ja3_digest"}, {[]string{"ja4Digest"}, "vercel.ja4_digest"}, {[]string{"executionRegion"}, "vercel.execution_region"},
	{[]string{"host"}, "server.address"}, {[]string{"path"}, "url.path"}, {[]string{"statusCode"}, "http.response.status_code"},
	{[]string{"environment"}, "sentry.environment"}, {[]string{"projectName"}, "service.name"},
	{[]string{"proxy", "method"}, "http.request.method"}, {[]string{"proxy", "host"}, "vercel.proxy.host"}, {[]string{"proxy", "path"}, "vercel.proxy.path"},
	{[]string{"proxy", "userAgent"}, "user_agent.original"}, {[]string{"proxy", "referer"}, "http.request.header.referer"}, {[]string{"proxy", "region"}, "vercel.proxy.region"},
	{[]string{"proxy", "statusCode"}, "vercel.proxy.status_code"}, {[]string{"proxy", "clientIp"}, "client.address"}, {[]string{"proxy", "scheme"}, "url.scheme"},
	{[]string{"proxy", "vercelCache"}, "vercel.proxy.cache"}, {[]string{"proxy", "vercelId"}, "vercel.proxy.id"}, {[]string{"proxy", "cacheId"}, "vercel.proxy.cache_id"},
	{[]string{"proxy", "lambdaRegion"}, "vercel.proxy.lambda_region"}, {[]string{"proxy", "timestamp"}, "vercel.proxy.timestamp"},
}

// VercelLogs reads what a log drain of Vercel sends: a list of lines, one line,
// or a line of JSON each. Each becomes a log record.
func VercelLogs(req *intake.Request, contentType string, body []byte) (*intake.Batch, error) {
	kind, _, _ := strings.Cut(contentType, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case "", "application/json", "application/x-ndjson", "application/ndjson":
	default:
		return nil, &intake.Error{Status: 415, Detail: "unsupported media type", Reason: "content_type", Causes: []string{"send application/json or application/x-ndjson"}}
	}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return nil, errEmpty
	}
	out, n := []byte(`{"items":[`), 0
	err := vercelLines(body, func(raw []byte) {
		if n++; n > item.MaxItems {
			return
		}
		if n > 1 {
			out = append(out, ',')
		}
		out = vercelLine(out, raw)
	})
	if err != nil {
		return nil, bad("invalid logs", "invalid_json", err)
	}
	b := item.New(req, nil)
	b.Logs(&envelope.Item{Payload: append(out, "]}"...), ItemCount: -1})
	if over := n - item.MaxItems; over > 0 {
		b.Accept(schema.CategoryLog, uint64(over), 0)
		b.End(schema.CategoryLog, schema.OutcomeTooLarge, "too_many_items", fmt.Sprintf("a request has at most %d lines", item.MaxItems), uint64(over), 0, nil)
	}
	return b.Batch, nil
}

// vercelLines calls f for each line of a body.
func vercelLines(body []byte, f func(raw []byte)) error {
	if body[0] == '[' {
		return tree.Elements(body, func(raw []byte) error {
			f(raw)
			return nil
		})
	}
	if body[0] != '{' {
		return errors.New("expected a list of log lines, or one JSON object a line")
	}
	if fastjson.ValidateBytes(body) == nil { // One line may be written over several.
		f(body)
		return nil
	}
	for raw := range bytes.Lines(body) {
		if raw = bytes.TrimSpace(raw); len(raw) > 0 {
			f(raw)
		}
	}
	return nil
}

// vercelLine writes a line as a log record of the protocol. One that is none
// stays what it is: the reader of records says what is wrong with it.
func vercelLine(out, raw []byte) []byte {
	doc, err := tree.Parse(raw)
	if err != nil {
		return append(out, "{}"...)
	}
	defer doc.Release()
	v := doc.Root
	field := func(name, value string) {
		if value != "" {
			out = append(append(append(out, ",\""...), name...), "\":"...)
			out = tree.AppendString(out, value)
		}
	}
	out = append(out, `{"body":`...)
	out = tree.AppendString(out, tree.Lenient(v.Get("message")))
	field("level", tree.Get(v, "level"))
	field("trace_id", first(tree.Get(v, "traceId"), tree.Get(v, "trace.id")))
	field("span_id", first(tree.Get(v, "spanId"), tree.Get(v, "span.id")))
	if ms, ok := tree.Float(v.Get("timestamp")); ok {
		out = append(out, `,"timestamp":`...)
		out = strconv.AppendFloat(out, ms/1000, 'f', -1, 64)
	}
	out = append(out, `,"attributes":{"sentry.origin":{"type":"string","value":"auto.log_drain.vercel"}`...)
	for _, a := range vercelAttributes {
		x := v.Get(a.path...)
		if list := x.GetArray(); len(list) == 1 {
			x = list[0] // User agents come as a list.
		}
		if tree.Null(x) {
			continue
		}
		out = append(append(append(out, ",\""...), a.name...), `":{"type":"string","value":`...)
		out = append(tree.AppendString(out, tree.Lenient(x)), '}')
	}
	return append(out, "}}"...)
}
