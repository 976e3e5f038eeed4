package plugin_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/plugin"
	"errata/queries"
)

// crowd is a project with more of everything than other data sources show:
// 1,500 events of 30 tags, with URLs, users and tags; long ago, where no
// other test looks.
func crowd(t *testing.T) (project int, ask func(body string) backend.DataResponse) {
	t.Helper()
	const id = 3100
	s := source(t, nil, nil)
	at := base.Add(-25 * 24 * time.Hour)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, title, exception_type, transaction, url, user_id, tags, payload)
		SELECT %[1]d, toDateTime64('%[2]s', 3, 'UTC') + toIntervalSecond(number), now64(3), 1, [1], toUUID(concat('00003100-0000-4000-8000-', leftPad(toString(number), 12, '0'))), 1, 'sentry', 'error', 'error', 'E', 'E',
			concat('t', toString(number %% 30)), concat('https://shop.example/cart/', toString(number)), concat('u', toString(number)), map('shard', toString(number %% 30), 'tenant.name', concat('t', toString(number %% 7)), 'only%[3]s', if(number = 3, 'x', '')), '{}'
		FROM numbers(1500) WHERE NOT EXISTS (SELECT 1 FROM events WHERE project_id = %[1]d)`, id, at.Format("2006-01-02 15:04:05"), strings.Repeat("k", 150))))
	return id, func(body string) backend.DataResponse {
		q := query("A", body)
		q.TimeRange = backend.TimeRange{From: at, To: at.Add(time.Hour)}
		r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{q}})
		require.NoError(t, err)
		return r.Responses["A"]
	}
}

// Neither ten groups nor a hundred rows are the end, and where there is a limit
// the notice says the one that was used.
func TestNoLowCaps(t *testing.T) {
	_, ask := crowd(t)
	r := ask(`{"mode":"error_trend","by":"tag","tagKey":"shard","limit":50,"filters":[{"key":"tenant.name","operator":"=~","value":"^t"}]}`)
	require.NoError(t, r.Error)
	require.Len(t, r.Frames[0].Fields, 31)
	require.Empty(t, r.Frames[0].Meta.Notices)
	r = ask(`{"mode":"error_trend","by":"tag","tagKey":"shard","filters":[{"key":"tenant.name","operator":"=~","value":"^t"}]}`)
	require.Len(t, r.Frames[0].Fields, 12, "the time, the ten largest and the rest")
	require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "10 largest of 30")
	r = ask(`{"mode":"events","limit":1500,"filters":[{"key":"tenant.name","operator":"!=","value":""}]}`)
	require.NoError(t, r.Error)
	require.Equal(t, 1000, r.Frames[0].Rows(), "the limit of the settings")
	require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "first 1000 events")
	r = ask(`{"mode":"events","limit":700,"filters":[{"key":"tenant.name","operator":"!=","value":""}]}`)
	require.Equal(t, 700, r.Frames[0].Rows())
	require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "first 700 events")
}

// Not the title alone: URL, user, tags and release are searched, keys with dots
// and long keys too.
func TestEverythingIsSearched(t *testing.T) {
	_, ask := crowd(t)
	for _, c := range []struct {
		name, filter string
		want         int
	}{
		{"URL", `{"key":"url","operator":"=","value":"https://shop.example/cart/7"}`, 1},
		{"part of a URL", `{"key":"url","operator":"=~","value":"/cart/14[0-9]{2}$"}`, 100},
		{"user", `{"key":"user","operator":"=|","values":["u3","u4"]}`, 2},
		{"a tag with a dot", `{"key":"tenant.name","operator":"=","value":"t6"}`, 214},
		{"a long key", `{"key":"only` + strings.Repeat("k", 150) + `","operator":"=","value":"x"}`, 1},
		{"transaction", `{"key":"transaction","operator":"=","value":"t29"}`, 50},
		{"type", `{"key":"type","operator":"=","value":"E"}`, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ask(`{"mode":"events","limit":1000,"project":"","filters":[` + c.filter + `,{"key":"tenant.name","operator":"=~","value":"^t"}]}`)
			require.NoError(t, r.Error)
			require.Equal(t, c.want, r.Frames[0].Rows())
		})
	}
}

// Keys, not values alone, are narrowed by the other filters.
func TestKeysFollowOtherFilters(t *testing.T) {
	s := source(t, nil, nil)
	keys := func(filters string) string {
		status, body := call(t, s, viewer, getMethod, "options/filter_key?filters="+url.QueryEscape(filters)+"&"+window(), "", nil)
		require.Equal(t, 200, status, "%v", body)
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		return string(raw)
	}
	require.Contains(t, keys(`[]`), `"browser"`)
	require.Contains(t, keys(`[{"key":"plan","operator":"=","value":"pro"}]`), `"browser"`)
	require.NotContains(t, keys(`[{"key":"plan","operator":"=","value":"free"}]`), `"browser"`, "no event of that plan has one")
	require.Contains(t, keys(`[{"key":"plan","operator":"=","value":"free"}]`), `"environment"`)
	status, body := call(t, s, viewer, getMethod, "options/filter_key?filters=nonsense", "", nil)
	require.Equal(t, 400, status, "%v", body)
}

// A data source that was provisioned without a word of settings, or with
// broken ones, starts, and says at each question what to do.
func TestProvisionedWithoutAnything(t *testing.T) {
	for name, given := range map[string]backend.DataSourceInstanceSettings{
		"nothing": {}, "no JSON": {JSONData: []byte("nonsense")}, "null": {JSONData: []byte("null")}, "numbers for texts": {JSONData: []byte(`{"address":7}`)},
		"no password":                       {JSONData: []byte(`{"address":"` + address(t) + `"}`)},
		"a key of a project for a password": {JSONData: []byte(`{"address":"` + address(t) + `"}`), DecryptedSecureJSONData: map[string]string{"password": "7a1c3b5e9d2f4a6b8c0d1e2f3a4b5c6d"}},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := plugin.New(t.Context(), given)
			require.NoError(t, err)
			s := i.(*plugin.Source)
			defer s.Dispose()
			h, err := s.CheckHealth(t.Context(), &backend.CheckHealthRequest{})
			require.NoError(t, err)
			require.Equal(t, backend.HealthStatusError, h.Status)
			require.NotContains(t, h.Message, "7a1c3b5e9d2f4a6b8c0d1e2f3a4b5c6d")
			r := askOne(t, s, `{"mode":"issues"}`, nil)
			require.Error(t, r.Error)
			require.Equal(t, backend.ErrorSourceDownstream, r.ErrorSource)
			status, body := call(t, s, editor, getMethod, "issues", "", nil)
			require.Contains(t, []int{400, 401}, status, "%v", body)
			require.NotEmpty(t, body["message"])
			status, _ = call(t, s, editor, getMethod, "me", "", nil)
			require.Equal(t, 200, status)
		})
	}
}

// Lists for editors are asked of the store once a minute, however many
// variables and people want them.
func TestListsAreKept(t *testing.T) {
	s, at := source(t, nil, nil), base.Add(-5*24*time.Hour) // Where no other test looks.
	list := func(s *plugin.Source) any {
		status, body := call(t, s, viewer, getMethod, fmt.Sprintf("options/tag_value?key=kept&from=%d&to=%d", at.UnixMilli(), at.Add(time.Hour).UnixMilli()), "", nil)
		require.Equal(t, 200, status, "%v", body)
		return body["values"]
	}
	require.Empty(t, list(s))
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf("INSERT INTO events (project_id, ts, fingerprint, event_id, weight, tags) VALUES (3200, '%s', 1, generateUUIDv4(), 1, map('kept', 'x'))", at.Format("2006-01-02 15:04:05"))))
	require.Empty(t, list(s), "asked again within the minute")
	require.Eventually(t, func() bool { return fmt.Sprint(list(source(t, nil, nil))) != "[]" }, 20*time.Second, 200*time.Millisecond)
}

// However many panels ask at once, each is answered, and the store is asked six
// things at a time: the reader's profile takes 16 of all who use it.
func TestManyAtOnce(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	var asked []backend.DataQuery
	for i := range 30 {
		asked = append(asked, query(fmt.Sprint(i), `{"mode":"sql","sql":"SELECT sum(sleepEachRow(0.05)) AS at_once FROM numbers(4) SETTINGS max_block_size = 1"}`))
	}
	done, most := make(chan *backend.QueryDataResponse, 1), uint64(0)
	go func() {
		r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: asked})
		if err != nil {
			r = backend.NewQueryDataResponse() // Too few answers.
		}
		done <- r
	}()
	for {
		r, err := owner.SQL(t.Context(), "SELECT count() FROM system.processes WHERE user = 'reader' AND query LIKE '%AS at_once%'")
		require.NoError(t, err)
		most = max(most, r.Rows[0][0].(uint64))
		select {
		case r := <-done:
			for _, one := range r.Responses {
				require.NoError(t, one.Error)
			}
			require.Len(t, r.Responses, 30)
			require.Positive(t, most)
			require.LessOrEqual(t, most, uint64(12), "six, and those that are answered and not yet struck off")
			return
		default:
		}
	}
}

// The moments and lengths of spans keep their microseconds.
func TestSpanTimesAreExact(t *testing.T) {
	r := askOne(t, source(t, nil, nil), `{"mode":"trace","traceId":"`+trace1+`"}`, nil)
	require.NoError(t, r.Error)
	require.InDelta(t, 200.007, cell(t, r.Frames[0], "duration", 0), 1e-9)
	require.InDelta(t, float64(base.Add(time.Hour).UnixMilli()), cell(t, r.Frames[0], "startTime", 0), 1e-4)
}

// The SQL editor offers the macros that the backend knows, all of them.
func TestMacrosAreOffered(t *testing.T) {
	raw, err := os.ReadFile("../../src/datasource/sql.ts")
	require.NoError(t, err)
	offered := regexp.MustCompile(`(?m)^  \['(\$__[^']+)'`).FindAllStringSubmatch(string(raw), -1)
	unknown := ask.Query{SQL: "$__nope"}
	_, err = unknown.Expand(nil)
	require.ErrorContains(t, err, "there are ")
	_, known, _ := strings.Cut(err.Error(), "there are ")
	names := map[string]bool{}
	for _, m := range offered {
		q := ask.Query{SQL: m[1], Bucket: 60}
		_, err := q.Expand(nil)
		require.NoError(t, err, m[1])
		name, _, _ := strings.Cut(strings.TrimPrefix(m[1], "$__"), "(")
		names[name] = true
	}
	for name := range strings.SplitSeq(known, ", ") {
		require.True(t, names[name], "%s is not offered", name)
	}
}

// Every panel, variable and annotation of a dashboard asks the data source that
// its reader chose.
func TestDashboardsAskTheChosenSource(t *testing.T) {
	files, err := filepath.Glob("../../src/dashboards/*.json")
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var board any
		require.NoError(t, json.Unmarshal(raw, &board))
		chosen := 0
		var look func(v any)
		look = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, x := range v {
					look(x)
				}
			case map[string]any:
				if d, ok := v["datasource"].(map[string]any); ok {
					require.Equal(t, map[string]any{"type": "errata-errors-datasource", "uid": "${datasource}"}, d, file)
					chosen++
				}
				for _, x := range v {
					look(x)
				}
			}
		}
		look(board)
		require.Greater(t, chosen, 5, file)
		require.NotRegexp(t, `'\$\{?(project|environment|release|service)`, string(raw), "%s quotes a variable by hand", file)
	}
}

// Each complaint in COMPLAINTS.md names tests, and they are there.
func TestComplaintsHaveTests(t *testing.T) {
	raw, err := os.ReadFile("../../COMPLAINTS.md")
	require.NoError(t, err)
	var all strings.Builder
	for _, pattern := range []string{"*_test.go", "../ask/*_test.go", "../edge/*_test.go", "../../src/test/*", "../../host/run.mjs", "../../host/*_test.go", "../../pack/*_test.go", "../../../queries/*_test.go", "../../../deploy/e2e/*_test.go", "../../../ingest/*_test.go", "../../../ingest/*/*_test.go", "../../../consumer/*_test.go", "../../../deploy/compose/*_test.go", "../../../schema/*/*_test.go", "../../../*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			all.Write(text)
		}
	}
	tests, rows := all.String(), 0
	there := func(text, line string) {
		t.Helper()
		if !strings.Contains(tests, text) {
			t.Fatalf("there is no %s, named in: %s", text, line)
		}
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| complaint") || strings.HasPrefix(line, "| want") {
			continue
		}
		rows++
		named := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[len(cells)-2], -1)
		require.NotEmpty(t, named, line)
		for _, m := range named {
			name, sub, _ := strings.Cut(m[1], "/")
			switch {
			case strings.HasPrefix(m[1], "TestExplain/"):
				require.FileExists(t, filepath.Join("../../../queries/testdata/explain", sub+".txt"), line)
			case strings.HasPrefix(name, "Test"):
				there("func "+name+"(t *testing.T)", line)
				if sub != "" {
					part, _, _ := strings.Cut(sub, "/")
					there(`"`+part+`"`, line)
				}
			default: // The name of a test of the pages.
				there(m[1], line)
			}
		}
	}
	require.Greater(t, rows, 40)
}
