package otlp

import (
	"bytes"

	"errata/ingest/otlp/decode"
)

// astray names the path of what a request holds where that is another signal's:
// its field is none of this request's, and unknown fields are left out without a
// word. Of protobuf there is nothing to see: all three number their fields alike.
func astray(body []byte, contentType string, own Signal) string {
	if t, err := decode.ContentType(contentType); err != nil || t != decode.JSON {
		return ""
	}
	const space = " \t\r\n"
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(body, space), []byte("{"))
	rest, quoted := bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(`"`))
	name, _, ended := bytes.Cut(rest[:min(len(rest), 24)], []byte(`"`))
	if !ok || !quoted || !ended {
		return ""
	}
	at, field := Signal(""), ""
	switch string(name) {
	case "resourceSpans", "resource_spans":
		at, field = SignalTraces, "resourceSpans"
	case "resourceLogs", "resource_logs":
		at, field = SignalLogs, "resourceLogs"
	case "resourceMetrics", "resource_metrics":
		at, field = SignalMetrics, "resourceMetrics"
	}
	if field == "" || at == own {
		return ""
	}
	return "nothing was read: " + field + " are taken at /v1/" + string(at)
}
