package sentry

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"errata/ingest/form"
	"errata/schema"
)

// pack writes MessagePack.
func pack(t *testing.T, values ...any) []byte {
	t.Helper()
	var out []byte
	for _, v := range values {
		var err error
		out, err = msgp.AppendIntf(out, v)
		require.NoError(t, err)
	}
	return out
}

func nativeFiles(t *testing.T) (event, older, newer []byte) {
	t.Helper()
	event = pack(t, map[string]any{
		"event_id": testID, "platform": "native", "release": "game@2.1", "environment": "prod", "level": "fatal", "user": map[string]any{"id": "u-1"},
		"tags": map[string]any{"gpu": "x"}, "contexts": map[string]any{"os": map[string]any{"name": "Linux"}}, "extra": map[string]any{"n": 1.5, "list": []any{int64(-1), true, nil}},
	})
	older = pack(t, map[string]any{"message": "one", "timestamp": "2026-11-28T12:00:00Z"}, map[string]any{"message": "two", "timestamp": "2026-11-28T12:00:01Z"})
	newer = pack(t, map[string]any{"message": "three", "timestamp": "2026-11-28T12:00:02Z"})
	return event, older, append(newer, 0x82, 0xa1) // The crash cut the last one.
}

func payloadOf(t *testing.T, e *schema.Event) (p map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(e.Payload, &p))
	return p
}

func checkNative(t *testing.T, e *schema.Event, payload map[string]any) {
	t.Helper()
	require.Equal(t, []any{"game@2.1", "prod", "u-1", "native", "Native crash; its report is attached", schema.Level_LEVEL_FATAL},
		[]any{e.Release, e.Environment, e.UserId, e.Platform, e.Title, e.Level})
	var crumbs []any
	for i := range 3 {
		crumbs = append(crumbs, at(payload, "breadcrumbs", "values", i, "message"))
	}
	require.Equal(t, []any{"one", "two", "three"}, crumbs)
	require.Equal(t, map[string]any{"n": 1.5, "list": []any{-1.0, true, nil}}, payload["extra"])
}

// TestNativeScope reads what native clients leave beside a dump, in a form and
// in an envelope.
func TestNativeScope(t *testing.T) {
	t.Parallel()
	event, older, newer := nativeFiles(t)
	t.Run("form", func(t *testing.T) {
		b, a, err := Minidump(testRequest(t), []form.Part{
			{Name: "__sentry-event", Filename: "__sentry-event", Data: event}, {Name: "__sentry-breadcrumb1", Filename: "__sentry-breadcrumb1", Data: newer},
			{Name: "__sentry-breadcrumb2", Filename: "__sentry-breadcrumb2", Data: older}, {Name: "upload_file_minidump", Filename: "m.dmp", Data: []byte("MDMP1")},
			{Name: "log", Filename: "game.log", Data: []byte("text")},
		})
		require.NoError(t, err)
		checkLedger(t, b)
		require.Equal(t, testID, a.EventID)
		require.Len(t, b.Attachments, 2, "the dump and the log")
		checkNative(t, b.Events[0], payloadOf(t, b.Events[0]))
	})
	t.Run("envelope", func(t *testing.T) {
		body := []byte(`{"event_id":"` + testID + `"}` + "\n")
		for _, f := range []struct {
			kind string
			data []byte
		}{{"event.payload", event}, {"event.breadcrumbs", older}, {"event.breadcrumbs", newer}, {"event.minidump", []byte("MDMP1")}} {
			body = append(body, `{"type":"attachment","attachment_type":"`+f.kind+`","length":`+strconv.Itoa(len(f.data))+"}\n"...)
			body = append(append(body, f.data...), '\n')
		}
		b, _, err := Envelope(testRequest(t), body)
		require.NoError(t, err)
		checkLedger(t, b)
		require.Len(t, b.Events, 1)
		require.Len(t, b.Attachments, 1)
		checkNative(t, b.Events[0], payloadOf(t, b.Events[0]))
	})
	t.Run("what is no MessagePack stays a file", func(t *testing.T) {
		b, _, err := Minidump(testRequest(t), []form.Part{{Name: "__sentry-event", Data: []byte{0xc1}}, {Name: "upload_file_minidump", Data: []byte("MDMP1")}})
		require.NoError(t, err)
		checkLedger(t, b)
		require.Len(t, b.Attachments, 2)
		require.Len(t, b.Events, 1)
	})
}
