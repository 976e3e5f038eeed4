package sentry

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimes(t *testing.T) {
	t.Parallel()
	iso := func(d time.Duration) string { return testTime.Add(d).Format("2006-01-02T15:04:05.000000Z") }
	for name, c := range map[string]struct {
		in    string
		want  time.Duration // From received_at.
		crumb string
		err   string
	}{
		"now":              {`"timestamp":"` + iso(-time.Second) + `"`, -time.Second, iso(-2 * time.Second), ""},
		"a little ahead":   {`"timestamp":"` + iso(59*time.Second) + `"`, 59 * time.Second, iso(58 * time.Second), ""},
		"in the future":    {`"timestamp":"` + iso(time.Hour) + `"`, 0, iso(-time.Second), "future_timestamp"},
		"89 days ago":      {`"timestamp":"` + iso(-89*24*time.Hour) + `"`, -89 * 24 * time.Hour, iso(-89*24*time.Hour - time.Second), ""},
		"before retention": {`"timestamp":"` + iso(-91*24*time.Hour) + `"`, 0, iso(-time.Second), "past_timestamp"},
		"missing":          {`"x":1`, 0, "", ""},
		"broken":           {`"timestamp":"soon"`, 0, "", "invalid_data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crumb := ""
			if c.crumb != "" {
				var at string
				require.NoError(t, json.Unmarshal([]byte(c.in[len(`"timestamp":`):]), &at))
				ts, err := time.Parse(time.RFC3339Nano, at)
				require.NoError(t, err)
				crumb = `,"breadcrumbs":[{"timestamp":"` + ts.Add(-time.Second).Format(time.RFC3339Nano) + `"}]`
			}
			e, p := one(t, `{`+c.in+crumb+`}`)
			require.Equal(t, testTime.Add(c.want).UnixMilli(), e.Timestamp)
			if c.crumb != "" {
				require.Equal(t, c.crumb, at(p, "breadcrumbs", "values", 0, "timestamp"))
			}
			if c.err == "" {
				require.Nil(t, p["errors"])
			} else {
				require.Equal(t, c.err, at(p, "errors", 0, "type"))
			}
		})
	}
}

func TestDriftMovesAllTimes(t *testing.T) {
	t.Parallel()
	// The client's clock is two hours behind.
	sent := testTime.Add(-2 * time.Hour)
	body := `{"sent_at":"` + sent.Format(time.RFC3339) + `"}
{"type":"event"}
{"timestamp":"` + sent.Add(-time.Minute).Format(time.RFC3339) + `","breadcrumbs":[{"timestamp":` + jsonText(sent.Add(-2*time.Minute).Unix()) + `}]}
{"type":"session"}
{"sid":"c81d4e2ebcf211e6869b7df92533d2db","started":"` + sent.Add(-time.Hour).Format(time.RFC3339) + `","timestamp":"` + sent.Format(time.RFC3339) + `","attrs":{"release":"a@1"}}
{"type":"log"}
{"items":[{"timestamp":` + jsonText(sent.Unix()) + `,"body":"x"}]}
`
	b, _, err := Envelope(testRequest(t), []byte(body))
	require.NoError(t, err)
	checkLedger(t, b)
	require.Equal(t, testTime.Add(-time.Minute).UnixMilli(), b.Events[0].Timestamp)
	var p map[string]any
	require.NoError(t, json.Unmarshal(b.Events[0].Payload, &p))
	require.Equal(t, testTime.Add(-2*time.Minute).Format("2006-01-02T15:04:05.000000Z"), at(p, "breadcrumbs", "values", 0, "timestamp"))
	require.Equal(t, "clock_drift", at(p, "errors", 0, "type"))
	require.Equal(t, testTime.Add(-time.Hour).UnixMilli(), b.Sessions[0].Started)
	require.Equal(t, testTime.UnixMicro(), b.Logs[0].TimeUs)
}

// TestFarTimesStayInRange sends times of 1970 and 9999 in every kind of row:
// none may reach a table, whose partitions are weeks.
func TestFarTimesStayInRange(t *testing.T) {
	t.Parallel()
	const ids = `"trace_id":"4c79f60c11214eb38604f4ae0781bfb2","span_id":"fa90fdead5f74052"`
	for _, far := range []string{"0", "1", "253402300799", `"1970-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`} {
		b, _, err := Envelope(testRequest(t), env(`{}`,
			[2]string{`"type":"event"`, `{"timestamp":` + far + `}`},
			[2]string{`"type":"event"`, `{"event_id":"00000000000000000000000000000003","type":"transaction","start_timestamp":0,"timestamp":` + far + `,"contexts":{"trace":{` + ids + `}},"spans":[{"span_id":"fa90fdead5f74053","start_timestamp":` + far + `,"timestamp":` + far + `},{"span_id":"fa90fdead5f74054","start_timestamp":0,"timestamp":1795430000}]}`},
			[2]string{`"type":"event"`, `{"event_id":"00000000000000000000000000000004","type":"transaction","start_timestamp":0,"timestamp":1795430000,"contexts":{"trace":{` + ids + `}}}`},
			[2]string{`"type":"span"`, `{` + ids + `,"start_timestamp":` + far + `,"end_timestamp":` + far + `}`},
			[2]string{`"type":"log"`, `{"timestamp":` + far + `,"body":"x"}`},
			[2]string{`"type":"trace_metric"`, `{"timestamp":` + far + `,"name":"n","type":"counter","value":1}`},
			[2]string{`"type":"session"`, `{"sid":"c81d4e2ebcf211e6869b7df92533d2db","started":"2026-11-23T11:00:00Z","timestamp":` + far + `,"attrs":{"release":"a@1"}}`},
			[2]string{`"type":"session"`, `{"sid":"c81d4e2ebcf211e6869b7df92533d2db","started":` + far + `,"attrs":{"release":"a@1"}}`},
			[2]string{`"type":"sessions"`, `{"aggregates":[{"started":` + far + `,"exited":1}],"attrs":{"release":"a@1"}}`}))
		require.NoError(t, err)
		checkLedger(t, b)
		near := func(us int64) {
			require.WithinDuration(t, testTime, time.UnixMicro(us), 91*24*time.Hour, "sent %s", far)
		}
		for _, e := range b.Events {
			near(e.Timestamp * 1000)
		}
		for _, s := range b.Spans {
			near(s.StartUs)
		}
		for _, l := range b.Logs {
			near(l.TimeUs)
			require.Equal(t, "errata.original_time", l.Attributes[0].Key)
		}
		for _, m := range b.Metrics {
			near(m.TimeUs)
		}
		for _, s := range b.Sessions {
			near(s.Started * 1000)
			near(s.Timestamp * 1000)
		}
		require.GreaterOrEqual(t, len(b.Spans), 3)
		require.Len(t, b.Logs, 1)
	}
}
