package plugin_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// Who joins a tail that runs, or comes back to it, begins with the last minute.
func TestLiveBeginsWithTheLastMinute(t *testing.T) {
	s := source(t, nil, nil)
	say(t, "joined", "before", 20*time.Second)
	body := `{"mode":"logs","service":"joined"}`
	w := watch(t, s, body)
	require.Equal(t, []string{"before"}, bodies(w.next(t)))
	path, raw := channel(t, s, body)
	sub, err := s.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{Path: path, Data: raw})
	require.NoError(t, err)
	f := &data.Frame{}
	require.NotNil(t, sub.InitialData)
	require.NoError(t, json.Unmarshal(sub.InitialData.Data(), f))
	require.Equal(t, []string{"before"}, bodies(f))
}

// A filter on the project that a record shows is followed too.
func TestLiveFollowsAProject(t *testing.T) {
	s := source(t, nil, nil)
	say(t, "of a project", "here", time.Second)
	filter := func(project string) string {
		return `{"mode":"logs","service":"of a project","filters":[{"key":"project","operator":"=","value":"` + project + `"}]}`
	}
	require.Equal(t, []string{"here"}, bodies(watch(t, s, filter("shop")).next(t)))
	f := <-watch(t, s, filter("billing")).frames
	require.Zero(t, f.Rows())
}

// More tails than there may be wait, and say so.
func TestLiveWaits(t *testing.T) {
	s := source(t, nil, nil)
	var first watched
	for i := range 20 {
		w := watch(t, s, fmt.Sprintf(`{"mode":"logs","service":"waits %d"}`, i))
		<-w.frames
		if i == 0 {
			first = w
		}
	}
	say(t, "waits more", "late", time.Second)
	w := watch(t, s, `{"mode":"logs","service":"waits more"}`)
	f := <-w.frames
	require.Contains(t, f.Meta.Notices[0].Text, "20 live tails run already")
	first.leave()
	require.NoError(t, first.ended(t))
	require.Equal(t, []string{"late"}, bodies(w.next(t)))
}

// Context of a record goes on page by page in both directions, and leaves
// nothing out where many records have one time, known in milliseconds or better.
func TestLogContextPages(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	// 40 records within 4 milliseconds, ten microseconds that four share each.
	at := base.Add(14 * time.Hour) // A time that no other test looks at.
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO logs (project_id, ts, log_id, received_at, protocol, service, severity, severity_text, body)
		SELECT 1, toDateTime64('%s', 6, 'UTC') + toIntervalMicrosecond(intDiv(number, 4) * 400), generateUUIDv4(), now64(3), 'otlp_logs', 'paged', 9, 'info', toString(number) FROM numbers(40)`, at.Format("2006-01-02 15:04:05.000000"))))
	r, err := owner.SQL(t.Context(), "SELECT toString(log_id), toUnixTimestamp64Micro(ts), body FROM logs WHERE service = 'paged' ORDER BY ts, toUInt128(log_id)")
	require.NoError(t, err)
	require.Len(t, r.Rows, 40)
	for _, c := range []struct {
		name  string
		known int64 // Microseconds that the page knows a time by.
	}{{"to the microsecond", 1}, {"to the millisecond", 1000}} {
		for _, start := range []int{17, 39} {
			t.Run(fmt.Sprint(c.name, " ", start), func(t *testing.T) {
				var seen []string
				for _, direction := range []string{"backward", "forward"} {
					id, us := r.Rows[start][0].(string), r.Rows[start][1].(int64)
					for range 40 {
						status, body := call(t, s, viewer, getMethod, fmt.Sprintf("log_context?id=%s&ts=%d&direction=%s&limit=3&labels=%s", id, us/c.known*c.known*1000, direction, url.QueryEscape(`{"service":"paged","project_id":"1"}`)), "", nil)
						require.Equal(t, 200, status, "%v", body)
						values := body["data"].(map[string]any)["values"].([]any)
						ids := values[3].([]any)
						if len(ids) == 0 {
							break
						}
						for i := range ids {
							seen = append(seen, values[1].([]any)[i].(string))
						}
						id = ids[len(ids)-1].(string)
						for _, row := range r.Rows {
							if row[0] == id {
								us = row[1].(int64)
							}
						}
					}
				}
				want := []string{}
				for i := start - 1; i >= 0; i-- {
					want = append(want, r.Rows[i][2].(string))
				}
				for _, row := range r.Rows[start+1:] {
					want = append(want, row[2].(string))
				}
				require.Equal(t, strings.Join(want, " "), strings.Join(seen, " "))
			})
		}
	}
}

// A rule that names a number which is not there would compare another one.
func TestNumbersAreNamed(t *testing.T) {
	s := source(t, nil, nil)
	for _, c := range []struct{ name, body, want string }{
		{"releases", `{"mode":"releases","metric":"crashfree"}`, `no number "crashfree"; there are new_issues, events`},
		{"outcomes", `{"mode":"outcomes","metric":"count"}`, `no number "count"; there are quantity, bytes`},
		{"lag", `{"mode":"lag","metric":"x"}`, `no number "x"`},
		{"catalog", `{"mode":"catalog","name":"ledger_balance","metric":"x"}`, `no number "x"`},
		{"SQL", `{"mode":"sql","sql":"SELECT 'a' AS a, 1 AS n","metric":"m"}`, `no number "m"; there are n`},
		{"SQL without a number", `{"mode":"sql","sql":"SELECT 'a' AS a"}`, "no number that a rule could compare"},
	} {
		for kind, headers := range map[string]map[string]string{"alert": fromAlert, "numeric": nil} {
			t.Run(c.name+"/"+kind, func(t *testing.T) {
				r := askOne(t, s, strings.TrimSuffix(c.body, "}")+`,"format":"numeric"}`, headers)
				require.ErrorContains(t, r.Error, c.want)
				require.Equal(t, backend.ErrorSourceDownstream, r.ErrorSource)
			})
		}
	}
}
