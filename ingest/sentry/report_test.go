package sentry

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/form"
	"errata/ingest/intake"
	"errata/schema"
)

// TestSecurityReports compares the events of the foreign pairs of reports.
func TestSecurityReports(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t, "corpus/relay-2024/tests/integration/fixtures/security_report")
	files, err := filepath.Glob(filepath.Join(dir, "*.input.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			in, err := os.ReadFile(f)
			require.NoError(t, err)
			want := map[string]any{}
			for _, s := range []string{"normalized", "no_processing"} {
				if raw, err := os.ReadFile(strings.Replace(f, ".input.", "."+s+".output.", 1)); err == nil {
					require.NoError(t, json.Unmarshal(raw, &want))
					break
				}
			}
			req := testRequest(t)
			req.Query = func(k string) string {
				return map[string]string{"sentry_release": "r1", "sentry_environment": "production"}[k]
			}
			b, a, err := Security(req, "application/csp-report; charset=utf-8", in)
			require.NoError(t, err)
			require.Len(t, a.EventID, 32)
			checkLedger(t, b)
			e := b.Events[0]
			require.Equal(t, want["type"], e.Type)
			require.Equal(t, schema.CategorySecurity, e.Category())
			require.Equal(t, at(want, "logentry", "formatted"), e.Message)
			require.Equal(t, "r1", e.Release)
			require.Equal(t, "203.0.113.7", e.UserIp)
			var p map[string]any
			require.NoError(t, json.Unmarshal(e.Payload, &p))
			for k := range want[e.Type].(map[string]any) {
				require.Contains(t, p[e.Type], k)
			}
			for _, kv := range want["tags"].([]any) {
				require.Equal(t, at(kv, 1), at(p, "tags", at(kv, 0).(string)))
			}
		})
	}
	_, _, err = Security(testRequest(t), "text/plain", []byte("{}"))
	require.Equal(t, 415, status(err))
	_, _, err = Security(testRequest(t), "application/json", []byte("{}"))
	require.Equal(t, 400, status(err))
	b, _, err := Security(testRequest(t), "application/reports+json", []byte(`[{"type":"csp-violation","url":"http://a/","user_agent":"UA","body":{"documentURL":"http://a/","blockedURL":"inline","effectiveDirective":"script-src-elem","statusCode":200}},{"type":"deprecation","body":{}},{"type":"csp-violation","body":{"documentURL":"http://b/","blockedURL":"http://c/x.png","effectiveDirective":"img-src"}}]`))
	require.NoError(t, err)
	checkLedger(t, b)
	require.Equal(t, []string{"Blocked inline 'script'", "Blocked 'image' from 'c'"}, []string{b.Events[0].Message, b.Events[1].Message})
	require.NotEqual(t, b.Events[0].EventId, b.Events[1].EventId)
}

func TestMinidump(t *testing.T) {
	t.Parallel()
	dump := form.Part{Name: "upload_file_minidump", Filename: "c.dmp", Data: []byte("MDMP\x93\xa7")}
	for name, c := range map[string]struct {
		parts  []form.Part
		status int
		check  func(t *testing.T, b *intake.Batch)
	}{
		"raw": {[]form.Part{dump}, 200, func(t *testing.T, b *intake.Batch) {
			require.Equal(t, "Minidump", b.Events[0].ExceptionType)
			require.Equal(t, "native", b.Events[0].Platform)
		}},
		"with an event": {[]form.Part{dump, {Name: "sentry", Data: []byte(`{"release":"a@1","event_id":"` + testID + `","tags":{"k":"v"}}`)}, {Name: "log", Filename: "l.txt", Data: []byte("x")}}, 200, func(t *testing.T, b *intake.Batch) {
			require.Equal(t, testID, hex.EncodeToString(b.Events[0].EventId))
			require.Equal(t, "a@1", b.Events[0].Release)
			require.Len(t, b.Attachments, 2)
			require.Equal(t, "l.txt", b.Attachments[1].Name)
		}},
		"in chunks": {[]form.Part{{Name: "sentry__2", Data: []byte(`":"a@1"}`)}, {Name: "sentry__1", Data: []byte(`{"release`)}, dump}, 200, func(t *testing.T, b *intake.Batch) {
			require.Equal(t, "a@1", b.Events[0].Release)
		}},
		"in fields": {[]form.Part{{Name: "sentry[release]", Data: []byte("a@1")}, {Name: "sentry[tags][k]", Data: []byte("v")}, dump}, 200, func(t *testing.T, b *intake.Batch) {
			require.Equal(t, "a@1", b.Events[0].Release)
			require.Equal(t, "v", b.Events[0].Tags[0].Value)
		}},
		"no dump":  {[]form.Part{{Name: "x"}}, 400, nil},
		"no magic": {[]form.Part{{Name: "upload_file_minidump", Data: []byte("ELF")}}, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, a, err := Minidump(testRequest(t), c.parts)
			require.Equal(t, c.status, status(err), "%v", err)
			if err != nil {
				return
			}
			checkLedger(t, b)
			require.Len(t, a.DashedID(), 36)
			require.Equal(t, b.Events[0].EventId, b.Attachments[0].EventId)
			c.check(t, b)
		})
	}
	b, a, err := Unreal(testRequest(t), []byte("CR1..."))
	require.NoError(t, err)
	checkLedger(t, b)
	require.Equal(t, "Unreal", b.Events[0].ExceptionType)
	require.Equal(t, a.EventID, hex.EncodeToString(b.Attachments[0].EventId))
	b, err = Attachments(testRequest(t), testID, []form.Part{{Name: "f", Filename: "x.txt", Data: []byte("x")}})
	require.NoError(t, err)
	checkLedger(t, b)
	_, err = Attachments(testRequest(t), "x", nil)
	require.Equal(t, 400, status(err))
}

func TestCheckInAndFeedbackEndpoints(t *testing.T) {
	t.Parallel()
	req := testRequest(t)
	req.Query = func(k string) string {
		return map[string]string{"status": "ok", "check_in_id": testID, "duration": "1.5", "environment": "prod"}[k]
	}
	b, a, err := CheckIn(req, "job", nil)
	require.NoError(t, err)
	checkLedger(t, b)
	require.Equal(t, testID, a.EventID)
	require.EqualValues(t, 1500, b.CheckIns[0].DurationMs)
	b, _, err = CheckIn(testRequest(t), "job", []byte(`{"status":"in_progress","monitor_config":{"schedule":{"type":"crontab","value":"0 * * * *"}}}`))
	require.NoError(t, err)
	require.Equal(t, "0 * * * *", b.Monitors[0].Schedule)
	for name, config := range map[string]string{
		"unknown schedule": `{"schedule":{"type":"lunar"}}`, "no schedule": `{}`, "no object": `"daily"`,
		"interval without unit": `{"schedule":{"type":"interval","value":3}}`, "long crontab": `{"schedule":{"type":"crontab","value":"` + strings.Repeat("*", 201) + `"}}`,
	} {
		b, a, err := CheckIn(testRequest(t), "job", []byte(`{"status":"ok","check_in_id":"`+testID+`","monitor_config":`+config+`}`))
		require.NoError(t, err, name)
		checkLedger(t, b)
		require.Len(t, b.CheckIns, 1, name)
		require.Empty(t, b.Monitors, name)
		require.Equal(t, testID, a.EventID)
		require.Len(t, b.Outcomes, 1, name)
		require.Equal(t, "invalid_monitor_config", b.Outcomes[0].Reason)
		require.Equal(t, b.CheckIns[0].CheckInId, b.Outcomes[0].EventId, "errata where finds it")
		require.Contains(t, b.Outcomes[0].Detail, "the check-in is kept")
	}
	_, _, err = CheckIn(testRequest(t), "job", []byte(`{"status":"great"}`))
	require.Equal(t, 400, status(err))
	_, _, err = CheckIn(testRequest(t), "job", []byte(`[`))
	require.Equal(t, 400, status(err))
	fb, err := UserFeedback(testRequest(t), []byte(`{"event_id":"`+testID+`","name":"Jo","comments":"c"}`))
	require.NoError(t, err)
	checkLedger(t, fb)
	_, err = UserFeedback(testRequest(t), []byte(`{"name":"Jo"}`))
	require.Equal(t, 400, status(err))
	fb, err = UserReport(testRequest(t), testID, "Jo", "jo@example.com", "c")
	require.NoError(t, err)
	require.Equal(t, "crash_report_modal", fb.Feedback[0].Source)
}
