// Package astray tells requests that were sent to another signal's path. In: a
// body and its encoding. Out: the signal that it is of, or "" where that is the
// one asked for or cannot be told. It reads a few bytes and never refuses.
package astray

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
)

// Signals, as in the paths below /v1/.
const (
	Traces  = "traces"
	Logs    = "logs"
	Metrics = "metrics"
)

// JSON tells it by the name of the first field: unknown ones are left out
// without a word.
func JSON(body []byte, own string) string {
	const space = " \t\r\n"
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(body, space), []byte("{"))
	rest, quoted := bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(`"`))
	name, _, ended := bytes.Cut(rest[:min(len(rest), 24)], []byte(`"`))
	if !ok || !quoted || !ended {
		return ""
	}
	at := ""
	switch string(name) {
	case "resourceSpans", "resource_spans":
		at = Traces
	case "resourceLogs", "resource_logs":
		at = Logs
	case "resourceMetrics", "resource_metrics":
		at = Metrics
	}
	if at == own {
		return ""
	}
	return at
}

// Protobuf tells it by the fields of the first item. All three signals number
// their fields alike down to there, so that points of a metric would be stored as
// log records without a time, and others be refused as malformed. What has a field
// as its own signal has it is not looked at further.
func Protobuf(body []byte, own string) string {
	item := body
	for _, num := range []protowire.Number{1, 2, 2} { // Resource, scope, item.
		if item = first(item, num); item == nil {
			return ""
		}
	}
	span, log, metric := signs(item, own)
	switch {
	case own == Traces && span, own == Logs && log, own == Metrics && metric:
		return ""
	case span:
		return Traces
	case log:
		return Logs
	case metric:
		return Metrics
	}
	return ""
}

// field reads one; n is negative where the bytes are none.
func field(b []byte) (num protowire.Number, typ protowire.Type, content []byte, n int) {
	num, typ, n = protowire.ConsumeTag(b)
	if n < 0 {
		return 0, 0, nil, n
	}
	if typ == protowire.BytesType {
		content, size := protowire.ConsumeBytes(b[n:])
		if size < 0 {
			return 0, 0, nil, size
		}
		return num, typ, content, n + size
	}
	size := protowire.ConsumeFieldValue(num, typ, b[n:])
	if size < 0 {
		return 0, 0, nil, size
	}
	return num, typ, nil, n + size
}

// first is the content of the first message with this number.
func first(b []byte, num protowire.Number) []byte {
	for len(b) > 0 {
		got, typ, content, n := field(b)
		switch {
		case n < 0:
			return nil
		case got == num && typ == protowire.BytesType:
			return content
		}
		b = b[n:]
	}
	return nil
}

// signs are what only one of the three has: a span its kind, its two times or two
// ids of the right lengths, a log record its times, severity or flags, a metric a
// name and points. One of the own signal is enough.
func signs(item []byte, own string) (span, log, metric bool) {
	named, points, ids := false, false, 0
	for len(item) > 0 {
		if own == Traces && span || own == Logs && log {
			return span, log, false
		}
		num, typ, content, n := field(item)
		if n < 0 {
			return span, log, false
		}
		item = item[n:]
		switch typ {
		case protowire.VarintType:
			span, log = span || num == 6, log || num == 2
		case protowire.Fixed64Type:
			span, log = span || num == 7 || num == 8, log || num == 1 || num == 11
		case protowire.Fixed32Type:
			span, log = span || num == 16, log || num == 8
		case protowire.BytesType:
			switch num {
			case 1:
				named = len(content) > 0
				if len(content) == 16 {
					ids++
				}
			case 2:
				if len(content) == 8 {
					ids++
				}
			case 5, 7, 9, 10, 11:
				points = points || isData(content)
			}
		}
	}
	span = span || ids == 2 && !log && !points
	return span, log, named && points && !span && !log
}

// isData tells whether this is what a metric holds: points, and how they are meant.
// Texts, attributes and events in the same places are not.
func isData(b []byte) bool {
	points := false
	for len(b) > 0 {
		num, typ, _, n := field(b)
		switch {
		case n < 0:
			return false
		case num == 1 && typ == protowire.BytesType:
			points = true
		case (num != 2 && num != 3) || typ != protowire.VarintType:
			return false
		}
		b = b[n:]
	}
	return points
}
