package plugin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"errata/deploy/local/clickhousetest"
	"errata/grafana-plugin/pkg/plugin"
	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
	"errata/schema/tables"
)

// rule is a rule of the library.
type rule struct {
	UID         string            `yaml:"uid"`
	NoData      string            `yaml:"noDataState"`
	Annotations map[string]string `yaml:"annotations"`
	Data        []struct {
		RefID string `yaml:"refId"`
		Where string `yaml:"datasourceUid"`
		Range struct {
			From, To int
		} `yaml:"relativeTimeRange"`
		Model map[string]any `yaml:"model"`
	} `yaml:"data"`
}

func rules(t *testing.T) []rule {
	t.Helper()
	raw, err := os.ReadFile("../../../deploy/grafana/provisioning/alerting/errata.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(string(raw), "$$", "$")), &file))
	require.Len(t, file.Groups[0].Rules, 9)
	return file.Groups[0].Rules
}

// evaluate asks the first query of a rule as the alert engine does, and does
// with the answer what its reduce, math and threshold say. It gives the labels
// of each instance that fires.
func (r rule) evaluate(t *testing.T, s *plugin.Source, now time.Time) (firing []map[string]string) {
	t.Helper()
	a := r.Data[0]
	require.Equal(t, "errata", a.Where)
	require.Equal(t, "OK", r.NoData, "an empty store is no alert")
	body, err := json.Marshal(a.Model)
	require.NoError(t, err)
	q := backend.DataQuery{
		RefID: "A", JSON: body, MaxDataPoints: 100, Interval: time.Minute,
		TimeRange: backend.TimeRange{From: now.Add(-time.Duration(a.Range.From) * time.Second), To: now.Add(-time.Duration(a.Range.To) * time.Second)},
	}
	res, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Headers: fromAlert, Queries: []backend.DataQuery{q}})
	require.NoError(t, err)
	require.NoError(t, res.Responses["A"].Error)
	require.NotEmpty(t, res.Responses["A"].Frames)
	last := r.Data[len(r.Data)-1].Model
	require.Equal(t, "threshold", last["type"])
	evaluator := last["conditions"].([]any)[0].(map[string]any)["evaluator"].(map[string]any)
	limit, err := json.Number(fmt.Sprint(evaluator["params"].([]any)[0])).Float64()
	require.NoError(t, err)
	for _, f := range res.Responses["A"].Frames {
		requireAlertable(t, f)
		instances := map[string]bool{}
		each := func(labels map[string]string, v float64) {
			require.False(t, instances[fmt.Sprint(labels)], "two rows have the labels %v", labels)
			instances[fmt.Sprint(labels)] = true
			if evaluator["type"] == "gt" && v > limit || evaluator["type"] == "lt" && v < limit {
				firing = append(firing, labels)
			}
		}
		if f.Meta.Type == data.FrameTypeTimeSeriesWide {
			require.Equal(t, "reduce", r.Data[1].Model["type"])
			require.Equal(t, "mean", r.Data[1].Model["reducer"])
			for _, x := range f.Fields[1:] {
				sum := 0.0
				for i := range x.Len() {
					v, err := x.FloatAt(i)
					require.NoError(t, err)
					sum += v
				}
				each(x.Labels, sum/float64(x.Len()))
			}
			continue
		}
		require.Equal(t, "$A", r.Data[1].Model["expression"])
		number := f.Fields[len(f.Fields)-1]
		for i := range f.Rows() {
			labels := map[string]string{}
			for _, x := range f.Fields[:len(f.Fields)-1] {
				labels[x.Name] = fmt.Sprint(x.At(i))
			}
			v, err := number.FloatAt(i)
			require.NoError(t, err)
			each(labels, v)
		}
		for _, text := range r.Annotations {
			for _, label := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				field, _ := f.FieldByName(label[1])
				require.NotNil(t, field, "%s: there is no label %s", text, label[1])
			}
		}
		title, _ := f.FieldByName("title")
		require.Nil(t, title, "a label that the next event changes")
	}
	return firing
}

// Each rule of the library is silent on an empty store and on ordinary data,
// and fires on what it is for.
func TestRulesFire(t *testing.T) {
	t.Parallel()
	server := clickhousetest.Start(t)
	conn, err := queries.Dial(t.Context(), queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Password: clickhousetest.Passwords["errata"]}))
	require.NoError(t, conn.Close())
	owner, err := queries.Open(t.Context(), queries.Config{Addr: server.Addr(), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	_, err = projects.Create(t.Context(), owner.Conn(), schema.Project{Slug: "shop"})
	require.NoError(t, err)
	var accepted atomic.Int64 // When the edge last accepted something, in seconds.
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "# TYPE errata_ingest_last_accepted_timestamp_seconds gauge\nerrata_ingest_last_accepted_timestamp_seconds %d\n", accepted.Load())
	}))
	defer edge.Close()
	s := source(t, settings{"address": server.Addr(), "edges": edge.URL}, nil)
	lagging := func(labels map[string]string) {
		t.Helper()
		for _, r := range rules(t) {
			if r.UID == "errata-lag" {
				got := r.evaluate(t, s, time.Now().Add(time.Second))
				if labels == nil {
					require.Empty(t, got)
					continue
				}
				require.Len(t, got, 1, "%v", got)
				require.Equal(t, labels, got[0])
			}
		}
	}
	atEdge := map[string]string{"source": "edge", "name": strings.TrimPrefix(edge.URL, "http://"), "category": ""}

	do := func(sql string, args ...any) {
		t.Helper()
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(sql, args...)))
	}
	// n events of an issue, from the first to the last of these ages in seconds.
	eventsOf := func(project, issue, n, first, last int) {
		do(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, title, exception_type, release, payload)
			SELECT %d, now64(3) - toIntervalMillisecond(1000 * (%d + intDiv((%d - %d) * number, %d))) AS at, at, %d, [%d], generateUUIDv4(), 1, 'sentry', 'error', 'error', 'E', 'E', 'shop@1.0.0', '{}' FROM numbers(%d)`,
			project, last, first, last, max(n-1, 1), issue, issue, n)
	}
	events := func(issue, n, first, last int) { eventsOf(1, issue, n, first, last) }
	sessions := func(release string, age, n, crashed int) {
		do(`INSERT INTO sessions (project_id, started, ts, received_at, session_id, user_hash, seq, init, status, errors, environment, release)
			SELECT 1, now64(3) - toIntervalHour(%d) AS at, at, at, generateUUIDv4(), number, 0, true, if(number < %d, 'crashed', 'exited'), 0, 'production', '%s' FROM numbers(%d)`, age, crashed, release, n)
	}
	outcome := func(age int, name, reason string, n int) {
		do(`INSERT INTO outcomes (project_id, minute, category, outcome, reason, protocol, quantity, bytes) VALUES (1, toStartOfMinute(now() - %d), 'error', '%s', '%s', 'sentry', %d, 0)`, age, name, reason, n)
	}
	silent := func(t *testing.T) {
		t.Helper()
		for _, r := range rules(t) {
			require.Empty(t, r.evaluate(t, s, time.Now().Add(time.Second)), r.UID)
		}
	}
	t.Run("empty store", silent)
	accepted.Store(time.Now().Unix())
	lagging(atEdge) // The consumer of a new store was never started.
	accepted.Store(0)
	for _, b := range boards(t) {
		t.Run("empty store/"+b.name, func(t *testing.T) { b.ask(t, s, everything) })
	}

	// Each mode gives a rule nothing but frames that the engine takes, and a panel
	// fields with their types.
	for _, m := range modes {
		t.Run("empty store/"+m.name, func(t *testing.T) {
			body := strings.NewReplacer(`"project":"shop"`, `"project":""`, `"project":"billing"`, `"project":""`, `"project":"1"`, `"project":""`).Replace(m.body)
			r := askOne(t, s, body, fromAlert)
			require.NoError(t, r.Error)
			for _, f := range r.Frames {
				requireAlertable(t, f)
			}
			r = askOne(t, s, body, nil)
			require.NoError(t, r.Error)
			for _, f := range r.Frames {
				require.NotEmpty(t, f.Fields)
				if f.Meta.Type == data.FrameTypeTimeSeriesWide {
					require.NotEmpty(t, f.TypeIndices(data.NumericFieldTypes()...), "a chart calls times without a number an error")
				}
			}
		})
	}

	const old, busy, fixed, fresh, hot = 0xa1, 0xa2, 0xa3, 0xa4, 0xa5
	day := 24 * 3600
	events(old, 30, 3*day, 5) // Known for three days, still there.
	events(busy, 1, 2*day, 2*day)
	events(busy, 510, 58*60, 11*60) // Over 500 in the hour, not in ten minutes.
	events(fixed, 5, 2*day, 1800)
	_, err = owner.Triage(t.Context(), queries.Change{Project: 1, Issues: []string{fmt.Sprintf("%016x", fixed)}, Actor: "ed", Kind: queries.Resolve})
	require.NoError(t, err)
	sessions("shop@1.0.0", 20, 400, 2)
	sessions("shop@1.1.0", 10, 400, 3)
	sessions("tiny@1", 5, 20, 10) // Too few to judge.
	for _, age := range []int{400, 900, 3000} {
		outcome(age, "accepted", "", 10)
		outcome(age, "stored", "", 8)
		outcome(age, "filtered", "crawler", 2)
		outcome(age, "client_report", "sample_rate", 70)
	}
	accepted.Store(time.Now().Unix() - 1000)
	lagging(nil) // Idle since then, and all of it came through.
	accepted.Store(time.Now().Unix())
	lagging(atEdge)                 // The consumer has been down for minutes.
	outcome(30, "accepted", "", 10) // On its way; so the consumer is back.
	t.Run("ordinary data", silent)

	time.Sleep(5 * time.Millisecond) // Actions are ordered by milliseconds.
	events(fixed, 1, 0, 0)
	events(fresh, 2, 300, 10)
	events(hot, 1, 2*day, 2*day)
	events(hot, 2500, 500, 5)
	sessions("shop@1.2.0", 1, 400, 40)
	outcome(120, "rate_limited", "key quota", 3)
	outcome(600, "dead_letter", "insert", 1)
	outcome(700, "accepted", "", 25)
	issue := func(n int) []map[string]string {
		return []map[string]string{{"project": "shop", "issue": fmt.Sprintf("%016x", n)}}
	}
	for _, r := range rules(t) {
		t.Run(r.UID, func(t *testing.T) {
			want := map[string][]map[string]string{
				"errata-new-issue": issue(fresh), "errata-regressed-issue": issue(fixed), "errata-spike": issue(hot), "errata-error-rate": {{}},
				"errata-release-worse": {{"project": "shop", "release": "shop@1.2.0", "previous": "shop@1.1.0"}}, "errata-crash-free": {{"project": "shop", "release": "shop@1.2.0"}},
				"errata-rate-limited": {{"project": "shop", "reason": "key quota"}}, "errata-dead-letters": {{"project": "shop", "reason": "insert"}},
				"errata-lag": {{"source": "project", "name": "shop", "category": "error"}},
			}[r.UID]
			got := r.evaluate(t, s, time.Now().Add(time.Second))
			require.Len(t, got, len(want), "%v", got)
			for i := range want {
				for k, v := range want[i] {
					require.Equal(t, v, got[i][k], "%v", got)
				}
			}
		})
	}
	// The same error in two more projects is an issue of each; a project that is not
	// there is an error of the rule, since silence would look like health.
	t.Run("three projects", func(t *testing.T) {
		for id, slug := range map[int]string{2: "web", 3: "api"} {
			do("INSERT INTO projects (id, slug) VALUES (%d, '%s')", id, slug)
			eventsOf(id, fresh, 3, 60, 30)
		}
		three := source(t, settings{"address": server.Addr()}, nil) // The list of projects is kept for a while.
		for _, r := range rules(t) {
			if r.UID == "errata-new-issue" {
				projects := map[string]bool{}
				for _, labels := range r.evaluate(t, three, time.Now().Add(time.Second)) {
					projects[labels["project"]] = true
					require.Equal(t, fmt.Sprintf("%016x", fresh), labels["issue"])
				}
				require.Equal(t, map[string]bool{"shop": true, "web": true, "api": true}, projects)
			}
			body := func(project string) string {
				model := map[string]any{"project": project}
				for k, v := range r.Data[0].Model {
					if k != "project" {
						model[k] = v
					}
				}
				raw, err := json.Marshal(model)
				require.NoError(t, err)
				return string(raw)
			}
			for _, project := range []string{"gone", `["shop","gone"]`} {
				res := askOne(t, three, body(project), fromAlert)
				require.ErrorContains(t, res.Error, "gone", "%s: %s", r.UID, project)
			}
			require.NoError(t, askOne(t, three, body(`["shop","web","api"]`), fromAlert).Error, r.UID)
		}
	})
	t.Run("many projects", func(t *testing.T) {
		do("INSERT INTO projects (id, slug) SELECT 1000 + number, concat('team-', toString(number)) FROM numbers(700)")
		all := source(t, settings{"address": server.Addr()}, nil)
		for url, want := range map[string]int{"options/project": 703, "options/project?text=TEAM-69": 11} {
			status, body := call(t, all, viewer, getMethod, url, "", nil)
			require.Equal(t, 200, status, "%v", body)
			require.Len(t, body["values"], want, url)
		}
	})
}
