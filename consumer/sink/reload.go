package sink

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"errata/consumer/window"
	"errata/schema"
)

//go:embed window_events.sql
var windowEvents string

//go:embed window_twins.sql
var windowTwins string

//go:embed window_spans.sql
var windowSpans string

//go:embed window_logs.sql
var windowLogs string

//go:embed window_metrics.sql
var windowMetrics string

//go:embed window_letters.sql
var windowLetters string

//go:embed window_sessions.sql
var windowSessions string

// Range names the rows that a window is rebuilt from: those of records
// [Low, High) of a partition and of these about the newest Rows.
type Range struct {
	Partition int
	Low, High int64
	Rows      int
}

func (r Range) parameters() []proto.Parameter {
	return ch.Parameters(map[string]any{"partition": strconv.Itoa(r.Partition), "low": strconv.FormatInt(max(r.Low, 0), 10),
		"high": strconv.FormatInt(r.High, 10), "rows": strconv.Itoa(max(r.Rows, 1))})
}

// readback are settings of the queries that rebuild a window: they run while
// ingest waits for them, and must see every insert that was acknowledged.
func readback() []ch.Setting {
	return []ch.Setting{{Key: "select_sequential_consistency", Value: "1"}, {Key: "max_threads", Value: "2"}, {Key: "max_block_size", Value: "8192"}}
}

// idRow is a row that is known by an id of 16 bytes.
func idRow(project uint32, id proto.ColUUID, i int) (window.Key, bool) {
	u := id.Row(i)
	return window.IDKey(project, u[:])
}

// EventIDs calls f for each stored event of the range, newest first.
func (s *Sink) EventIDs(ctx context.Context, r Range, f func(offset int64, k window.Key)) error {
	return s.ids(ctx, r, "events", windowEvents, "event_id", f)
}

// Logs calls f for each stored log record of the range, newest first.
func (s *Sink) Logs(ctx context.Context, r Range, f func(offset int64, k window.Key)) error {
	return s.ids(ctx, r, "logs", windowLogs, "log_id", f)
}

func (s *Sink) ids(ctx context.Context, r Range, name, query, id string, f func(offset int64, k window.Key)) error {
	var offsets proto.ColInt64
	var projects proto.ColUInt32
	var ids proto.ColUUID
	err := s.do(ctx, ch.Query{Body: query, Parameters: r.parameters(), Settings: readback(),
		Result: proto.Results{{Name: "topic_offset", Data: &offsets}, {Name: "project_id", Data: &projects}, {Name: id, Data: &ids}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range offsets.Rows() {
				if k, ok := idRow(projects.Row(i), ids, i); ok {
					f(offsets.Row(i), k)
				}
			}
			return nil
		}})
	return reloadError(name, err)
}

// Witnesses calls f for each stored event of the range that may have further
// witnesses, newest first. The witness is new for each call.
func (s *Sink) Witnesses(ctx context.Context, r Range, f func(w *window.Witness)) error {
	var (
		offsets, millis                                                       proto.ColInt64
		projects                                                              proto.ColUInt32
		ids, twins                                                            proto.ColUUID
		fingerprints, mains                                                   proto.ColUInt64
		kinds                                                                 proto.ColUInt8
		traces, spans, outers, types, values, messages, servers, places, pids proto.ColStr
		functions, files                                                      = new(proto.ColStr).Array(), new(proto.ColStr).Array()
		lines                                                                 = new(proto.ColUInt32).Array()
		inApp                                                                 = new(proto.ColBool).Array()
		c                                                                     window.Columns
	)
	err := s.do(ctx, ch.Query{Body: windowTwins, Parameters: r.parameters(), Settings: readback(),
		Result: proto.Results{{Name: "topic_offset", Data: &offsets}, {Name: "project_id", Data: &projects}, {Name: "event_id", Data: &ids},
			{Name: "twin_of", Data: &twins}, {Name: "fingerprint", Data: &fingerprints}, {Name: "main_hash", Data: &mains},
			{Name: "kind", Data: &kinds}, {Name: "millis", Data: &millis}, {Name: "trace_id", Data: &traces},
			{Name: "span_id", Data: &spans}, {Name: "outer_span_id", Data: &outers}, {Name: "type", Data: &types}, {Name: "exception_value", Data: &values}, {Name: "message", Data: &messages},
			{Name: "server", Data: &servers}, {Name: "place", Data: &places}, {Name: "pid", Data: &pids},
			{Name: "functions", Data: functions}, {Name: "files", Data: files}, {Name: "frames_line", Data: lines}, {Name: "frames_in_app", Data: inApp}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range offsets.Rows() {
				w := &window.Witness{Offset: offsets.Row(i), Project: projects.Row(i), EventID: ids.Row(i), TwinOf: twins.Row(i),
					Fingerprint: fingerprints.Row(i), MainHash: mains.Row(i), Kind: schema.Protocol(kinds.Row(i)), Millis: millis.Row(i)}
				c = window.Columns{Trace: traces.Row(i), Span: spans.Row(i), OuterSpan: outers.Row(i), Type: types.Row(i), Value: values.Row(i), Message: messages.Row(i), Server: servers.Row(i),
					Transaction: places.Row(i), PID: pids.Row(i), Functions: functions.RowAppend(i, c.Functions[:0]), Files: files.RowAppend(i, c.Files[:0]),
					Lines: lines.RowAppend(i, c.Lines[:0]), InApp: inApp.RowAppend(i, c.InApp[:0])}
				w.Fill(&c)
				f(w)
			}
			return nil
		}})
	return reloadError("events", err)
}

// Spans calls f for each stored span of the range, newest first.
func (s *Sink) Spans(ctx context.Context, r Range, f func(offset int64, k window.Key)) error {
	var offsets proto.ColInt64
	var projects proto.ColUInt32
	var traces, spans proto.ColStr
	err := s.do(ctx, ch.Query{Body: windowSpans, Parameters: r.parameters(), Settings: readback(),
		Result: proto.Results{{Name: "topic_offset", Data: &offsets}, {Name: "project_id", Data: &projects}, {Name: "trace_id", Data: &traces}, {Name: "span_id", Data: &spans}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range offsets.Rows() {
				f(offsets.Row(i), window.SpanKey(projects.Row(i), traces.Row(i), spans.Row(i)))
			}
			return nil
		}})
	return reloadError("spans", err)
}

// Sessions calls f for each stored update of a session of the range, newest
// first.
func (s *Sink) Sessions(ctx context.Context, r Range, f func(offset int64, u window.Update)) error {
	var offsets, millis proto.ColInt64
	var projects proto.ColUInt32
	var ids proto.ColUUID
	var seqs proto.ColUInt64
	var states proto.ColUInt8
	var inits proto.ColBool
	err := s.do(ctx, ch.Query{Body: windowSessions, Parameters: r.parameters(), Settings: readback(),
		Result: proto.Results{{Name: "topic_offset", Data: &offsets}, {Name: "project_id", Data: &projects}, {Name: "session_id", Data: &ids},
			{Name: "seq", Data: &seqs}, {Name: "millis", Data: &millis}, {Name: "state", Data: &states}, {Name: "init", Data: &inits}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range offsets.Rows() {
				if k, ok := idRow(projects.Row(i), ids, i); ok {
					f(offsets.Row(i), window.Update{Session: k, Seq: seqs.Row(i), Millis: millis.Row(i), Status: schema.SessionStatus(states.Row(i)), Init: inits.Row(i)})
				}
			}
			return nil
		}})
	return reloadError("sessions", err)
}

// Metrics calls f for each stored metric point of the range, newest first.
func (s *Sink) Metrics(ctx context.Context, r Range, f func(offset int64, k window.Key)) error {
	var offsets proto.ColInt64
	var projects proto.ColUInt32
	var ids proto.ColUInt64
	err := s.do(ctx, ch.Query{Body: windowMetrics, Parameters: r.parameters(), Settings: readback(),
		Result: proto.Results{{Name: "topic_offset", Data: &offsets}, {Name: "project_id", Data: &projects}, {Name: "metric_id", Data: &ids}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range offsets.Rows() {
				f(offsets.Row(i), window.NumberKey(projects.Row(i), ids.Row(i)))
			}
			return nil
		}})
	return reloadError("metrics", err)
}

// Letters calls f for each dead letter that was sent again within the range of a
// partition of topic, newest first.
func (s *Sink) Letters(ctx context.Context, topic string, r Range, f func(offset int64, k window.Key)) error {
	var offsets proto.ColInt64
	var letters proto.ColUInt64
	err := s.do(ctx, ch.Query{Body: windowLetters, Parameters: append(r.parameters(), ch.Parameters(map[string]any{"topic": topic})...), Settings: readback(),
		Result: proto.Results{{Name: "topic_offset", Data: &offsets}, {Name: "letter", Data: &letters}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range offsets.Rows() {
				f(offsets.Row(i), window.NumberKey(0, letters.Row(i)))
			}
			return nil
		}})
	return reloadError("replayed", err)
}

func reloadError(table string, err error) error {
	if err != nil {
		return fmt.Errorf("cannot read the newest rows of %s: %w", table, err)
	}
	return nil
}
