package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// project is where one group of clients sends: nothing else is in it, so that
// what was not sent shows as well as what was.
type project struct {
	id, key, dsn string
}

// newProject makes a project and waits until the edge knows its key; clients do
// not repeat what was refused. At the end of the test its accounts must balance.
func newProject(t *testing.T, slug string) *project {
	t.Helper()
	var created []row
	require.NoError(t, json.Unmarshal([]byte(store.tool(t, "project", "create", slug, "--json")), &created))
	p := &project{dsn: created[0]["dsn"].(string)}
	u, err := url.Parse(p.dsn)
	require.NoError(t, err)
	p.id, p.key = strings.TrimPrefix(u.Path, "/"), u.User.Username()
	require.Eventually(t, func() bool {
		target := fmt.Sprintf("http://%s/api/%s/envelope/?sentry_key=%s", u.Host, p.id, p.key)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("{}\n"))
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 20*time.Second, 100*time.Millisecond, "the edge does not learn of the key")
	t.Cleanup(func() { p.balanced(t) })
	return p
}

// balanced expects that every accepted item has one fate.
func (p *project) balanced(t *testing.T) {
	t.Helper()
	var rows []row
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		counted := store.sql(t, "SELECT 1 FROM errata.outcomes WHERE project_id = %s AND outcome = 'accepted' LIMIT 1", p.id)
		rows = store.rows(t, "query", "ledger_balance", "--param", "project="+p.id)
		if len(rows) == 0 && len(counted) == 1 {
			return
		}
	}
	t.Errorf("accepted items without a fate, or nothing was counted: %v", rows)
}

// want is an issue as its sender knows it. What is left empty is not compared.
type want struct {
	title       string // A star at its end stands for anything.
	events      int
	users       int
	handled     string
	level       string
	transaction string
	mechanism   string
	release     string
	environment string
	platform    string
	protocols   []string
	taskName    string
	taskID      bool
	taskRetries int
	tags        map[string]string
	noTags      []string
	extra       map[string]string // In the event as shown, never a tag.
	frame       string            // File and function of the innermost in-app frame.
	traced      string            // Name of a span in the same trace.
	exceptions  []string          // Innermost cause first.
}

func (w want) is(title string) bool {
	if prefix, open := strings.CutSuffix(w.title, "*"); open {
		return strings.HasPrefix(title, prefix)
	}
	return title == w.title
}

// found is an issue with its events.
type found struct {
	issue  row
	events []row
}

// expect waits until the project's issues are those wanted, each with its number
// of events, and no others, and then compares what each of them says.
func (p *project) expect(t *testing.T, wants ...want) map[string]found {
	t.Helper()
	var issues []row
	var missing, extra []string
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		issues = store.sql(t, "SELECT * FROM errata.issues WHERE project_id = %s", p.id)
		missing, extra = unlike(wants, issues)
		if len(missing)+len(extra) == 0 || time.Now().After(deadline) {
			break
		}
	}
	require.Empty(t, missing, "not there; there are beside: %q", extra)
	require.Empty(t, extra, "no client sent these")
	events := store.sql(t, `SELECT *, lower(leftPad(hex(fingerprint), 16, '0')) AS issue
		FROM errata.events WHERE project_id = %s ORDER BY ts`, p.id)
	all := map[string]found{}
	for _, w := range wants {
		for _, issue := range issues {
			if !w.is(issue["title"].(string)) {
				continue
			}
			f := found{issue: issue}
			for _, e := range events {
				if e["issue"] == issue["issue"] {
					f.events = append(f.events, e)
				}
			}
			all[w.title] = f
			p.compare(t, w, f)
		}
	}
	return all
}

// unlike pairs wants and issues one to one.
func unlike(wants []want, issues []row) (missing, extra []string) {
	taken := make([]bool, len(issues))
next:
	for _, w := range wants {
		for i, issue := range issues {
			if !taken[i] && w.is(issue["title"].(string)) && issue["events"] == float64(w.events) {
				taken[i] = true
				continue next
			}
		}
		missing = append(missing, fmt.Sprintf("%s x%d", w.title, w.events))
	}
	for i, issue := range issues {
		if !taken[i] {
			extra = append(extra, fmt.Sprintf("%v x%v", issue["title"], issue["events"]))
		}
	}
	return missing, extra
}

func (p *project) compare(t *testing.T, w want, f found) {
	t.Helper()
	if !assert.NotEmpty(t, f.events, "events of %s", w.title) {
		return
	}
	first := f.events[0]
	for column, value := range map[string]string{
		"handled": w.handled, "level": w.level, "transaction": w.transaction, "mechanism": w.mechanism,
		"release": w.release, "environment": w.environment, "platform": w.platform, "task_name": w.taskName,
	} {
		if value != "" {
			assert.Equal(t, value, first[column], "%s of %s", column, w.title)
		}
	}
	assert.EqualValues(t, w.users, f.issue["users"], "users of %s", w.title)
	if w.protocols != nil {
		assert.ElementsMatch(t, f.issue["protocols"], w.protocols, "protocols of %s", w.title)
	}
	if w.taskID {
		assert.NotEmpty(t, first["task_id"], "task id of %s", w.title)
	}
	assert.EqualValues(t, w.taskRetries, first["task_retries"], "retries of %s", w.title)
	tags, _ := first["tags"].(row)
	for k, v := range w.tags {
		assert.Equal(t, v, tags[k], "tag %s of %s", k, w.title)
	}
	for _, k := range w.noTags {
		assert.NotContains(t, tags, k, "tags of %s", w.title)
	}
	if w.frame != "" {
		assert.Equal(t, w.frame, innermost(first), "frame of %s", w.title)
	}
	if w.traced != "" {
		// Spans may be written after the error.
		until(t, fmt.Sprintf("SELECT 1 FROM errata.spans WHERE project_id = %s AND trace_id = '%s' AND name = '%s'", p.id, first["trace_id"], w.traced),
			func(rows []row) bool { return len(rows) > 0 })
	}
	comparePayload(t, w, first, tags)
}

// comparePayload looks at the event as a person is shown it.
func comparePayload(t *testing.T, w want, event, tags row) {
	t.Helper()
	var payload struct {
		Extra     row `json:"extra"`
		Exception struct {
			Values []struct{ Type, Value string } `json:"values"`
		} `json:"exception"`
	}
	require.NoError(t, json.Unmarshal([]byte(event["payload"].(string)), &payload), w.title)
	for k, v := range w.extra {
		assert.Equal(t, v, fmt.Sprint(payload.Extra[k]), "extra %s of %s", k, w.title)
		assert.NotContains(t, tags, k, "extra of %s is no tag", w.title)
	}
	if w.exceptions != nil {
		var chain []string
		for _, e := range payload.Exception.Values {
			chain = append(chain, e.Type+": "+e.Value)
		}
		assert.Equal(t, w.exceptions, chain, "exceptions of %s", w.title)
	}
}

func innermost(event row) string {
	functions, _ := event["frames_function"].([]any)
	files, _ := event["frames_file"].([]any)
	inApp, _ := event["frames_in_app"].([]any)
	for i, function := range slices.Backward(functions) {
		if inApp[i] == true {
			return fmt.Sprintf("%v %v", path.Base(fmt.Sprint(files[i])), function)
		}
	}
	return ""
}

// until waits for the rows of a query to satisfy check.
func until(t *testing.T, query string, check func(rows []row) bool) []row {
	t.Helper()
	var rows []row
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		rows = store.sql(t, "%s", query)
		if check(rows) {
			return rows
		}
		if time.Now().After(deadline) {
			shown, _ := json.MarshalIndent(rows, "", " ")
			t.Fatalf("%s\nlast gave %s", query, shown)
		}
	}
}

func rowsAre(n int) func([]row) bool {
	return func(rows []row) bool { return len(rows) == n }
}
