package queries_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/catalog"
)

// What a query reads is a golden file: which tables, by which key or skip
// index. A query that loses its index shows here, not in production.
func TestExplain(t *testing.T) {
	// A database of its own: the plan must not depend on other tests' parts.
	owner := storeIn(t, "explained")
	const project = 1
	// Rows as old as the calendar lets them be are dropped by their TTL, and the
	// plan then reads nothing: all moments here are counted from today.
	now := time.Now().UTC().Truncate(24 * time.Hour)
	var block []event
	for i := range 400 {
		block = append(block, event{project: project, fingerprint: uint64(i%4 + 1), ts: now.Add(-time.Duration(i) * time.Hour), release: "shop@1.0.0", user: uint64(i + 1), id: uuid.NewSHA1(uuid.Nil, []byte{byte(i), byte(i >> 8)}).String(),
			trace: fmt.Sprintf("%032x", i+1), tags: map[string]string{"plan": "pro"}})
	}
	seed(t, owner, block...)
	at := now.Format("'2006-01-02 15:04:05'")
	micros, millis, seconds := "toDateTime64("+at+", 6, 'UTC')", "toDateTime64("+at+", 3, 'UTC')", "toDateTime("+at+", 'UTC')"
	for _, sql := range []string{
		"INSERT INTO spans (project_id, ts, trace_id, span_id, service, name, is_segment, duration_us) SELECT 1, " + micros + " - number * 3600, leftPad(hex(number), 32, '0'), '', 'shop', 'GET /', true, number FROM numbers(400)",
		"INSERT INTO logs (project_id, ts, trace_id, service, body) SELECT 1, " + micros + " - number * 3600, leftPad(hex(number), 32, '0'), 'shop', 'text' FROM numbers(400)",
		"INSERT INTO sessions (project_id, started, ts, release, init) SELECT 1, " + millis + " - number * 3600 AS s, s, 'shop@1.0.0', true FROM numbers(400)",
		"INSERT INTO check_ins (project_id, ts, monitor, status) SELECT 1, " + millis + " - number * 3600, 'job', 'ok' FROM numbers(400)",
		"INSERT INTO feedback (project_id, ts, message) SELECT 1, " + millis + " - number * 3600, 'text' FROM numbers(400)",
		"INSERT INTO attachments (project_id, ts, name) SELECT 1, " + millis + " - number * 3600, 'a.txt' FROM numbers(400)",
		"INSERT INTO outcomes (project_id, minute, category, outcome, quantity) SELECT 1, " + seconds + " - number * 3600, 'error', ['accepted', 'stored'][number % 2 + 1], 1 FROM numbers(400)",
		"INSERT INTO event_outcomes (project_id, ts, event_id, outcome) SELECT 1, now64(3), generateUUIDv4(), 'filtered' FROM numbers(400)",
		"INSERT INTO issue_actions (project_id, fingerprint, actor, action) SELECT 1, number + 1, 'ann', 'assign' FROM numbers(2)",
	} {
		require.NoError(t, owner.Conn().Exec(t.Context(), sql))
	}
	values := map[string]string{"project": text(project), "issue": issueHex(1), "trace_id": fmt.Sprintf("%032x", 7), "event_id": uuid.NewSHA1(uuid.Nil, []byte{1, 0}).String(), "release": "shop@1.0.0",
		"text": "ValueError", "fingerprints": issueHex(1), "issues": issueHex(1), "id": "11111111111111111111111111111111", "from": "-10d", "to": "now", "at": "now", "before": "now"}
	all, err := catalog.All()
	require.NoError(t, err)
	for _, q := range all {
		t.Run(q.Name, func(t *testing.T) {
			given := map[string]string{}
			for _, p := range q.Params {
				if v, ok := values[p.Name]; ok && (p.Required || p.Name == "project" || p.Name == "from" || p.Name == "to" || p.Name == "before") {
					given[p.Name] = v
				} else if p.Required {
					t.Skipf("no value for %s", p.Name)
				}
			}
			var out strings.Builder
			for _, more := range append([]map[string]string{nil}, branches[q.Name]...) {
				plan(t, owner, q, given, more, now, &out)
			}
			path := filepath.Join("testdata", "explain", q.Name+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "go test ./queries -run Explain -update writes it")
			require.Equal(t, string(want), out.String())
			for line := range strings.SplitSeq(out.String(), "\n") {
				table, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
				if slow[table] && !strings.Contains(rest, "key(") && !strings.Contains(rest, "skip(") && !strings.Contains(rest, "partition(") && rest != "nothing" && !whole[q.Name] {
					t.Errorf("%s reads all of %s", q.Name, table)
				}
			}
		})
	}
}

// branches are values that make a query read something else.
var branches = map[string][]map[string]string{
	"issue_list":        {{"from": "-2d"}, {"status": "unresolved"}, {"text": "words"}, {"tag": "plan=pro"}, {"filters": filtered}},
	"error_trend":       {{"by": "service", "bucket_seconds": "60", "from": "-1d"}},
	"error_trend_split": {{"by": "transaction"}, {"text": "words"}, {"by": "tag", "tag_key": "plan"}, {"by": "tag", "tag_key": "plan", "bucket_seconds": "60"}, {"by": "issue"}, {"issue": issueHex(1)}, {"issue": issueHex(1), "bucket_seconds": "60"}, {"filters": filtered}, {"filters": filtered, "release": "shop@1.0.0"}},
	"event_search":      {{"issue": issueHex(1)}, {"projects": "1"}, {"projects": "1,2", "text": "words"}, {"text": "слова"}},
	"log_search":        {{"text": "слова"}},
	"issue_events":      {{"direction": "newer"}},
	"issue_trend":       {{"bucket": "minute", "from": "-6d"}, {"bucket": "day"}},
	"marks":             {{"kind": "first_seen"}, {"kind": "regressions"}, {"kind": "actions"}},
	"cost":              {{"by": "service"}, {"by": "tag", "key": "plan"}},
	"trace":             {{"project": "0"}},
	"event_by_id":       {{"project": "0"}},
}

const filtered = `[{"key":"plan","operator":"=~","values":["^p"]}]`

// plan writes what a query reads with these values.
func plan(t *testing.T, owner *queries.Store, q *catalog.Query, given, more map[string]string, now time.Time, out *strings.Builder) {
	t.Helper()
	values := maps.Clone(given)
	maps.Copy(values, more)
	bound, err := q.Bind(values, now.Add(time.Millisecond)) // Midnight itself would end whole slots, of which no events are read.
	require.NoError(t, err)
	if more != nil {
		fmt.Fprintf(out, "%v\n", more)
	}
	for _, step := range q.Steps {
		sql, err := q.Statement(step, bound)
		require.NoError(t, err)
		if sql == "" {
			for _, f := range step.Out {
				bound[f.Name] = "[]"
				if q.Applied != nil || step.Name == "all" { // Put together by the process: it may hand on anything.
					bound[f.Name] = handed(f)
				}
			}
			continue
		}
		ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters(bound)))
		rows, err := owner.Conn().Query(ctx, "EXPLAIN indexes = 1 "+sql)
		require.NoError(t, err)
		fmt.Fprintf(out, "%s\n", step.Name)
		var lines []string
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			lines = append(lines, line)
		}
		require.NoError(t, rows.Close())
		out.WriteString(access(lines))
		for _, f := range step.Out {
			bound[f.Name] = handed(f)
		}
	}
}

func handed(f catalog.Field) string {
	return sample[strings.TrimSuffix(strings.TrimPrefix(f.Type, "Array("), ")")]
}

// sample is what a step hands on in a plan.
var sample = map[string]string{"UInt64": "[1,2]", "String": time.Now().UTC().AddDate(0, 0, -10).Format("['2006-01-02']"), "DateTime64(3)": time.Now().UTC().AddDate(0, 0, -10).Format("['2006-01-02 00:00:00.000']"), "UUID": "['11111111-1111-4111-8111-111111111111']", "UInt32": "[1]", "UInt8": "[1]", "Array(UInt64)": "[[1],[2]]", "Date": time.Now().UTC().AddDate(0, 0, -10).Format("['2006-01-01']"), "Int64": "[1]"}

// slow are the tables that grow with every event; whole are the queries that
// have to read all of them and say so.
var (
	slow  = map[string]bool{"events": true, "spans": true, "logs": true, "issue_hour": true, "issue_day": true, "issue_tag": true, "tag_issue": true, "tag_trend": true, "received_delay": true, "trace_index": true, "project_minute": true, "segment_hour": true}
	whole = map[string]bool{"check_counts": true}
)

var (
	readLine = regexp.MustCompile(`^ReadFromMergeTree \((?:\w+\.)?(\w+)\)`)
	nameLine = regexp.MustCompile(`^Name: (\w+)`)
)

// access boils a plan down to a line for each read: the table, the columns of
// partition and key that prune, the skip indexes; nothing where the condition
// is false before anything is read. Counts of parts and granules are left out:
// they depend on merges.
func access(plan []string) string {
	var out strings.Builder
	table, section, inKeys, reads := "", "", false, false
	parts := map[string][]string{}
	flush := func() {
		if table == "" {
			return
		}
		fmt.Fprintf(&out, "  %s:", table)
		if !reads {
			out.WriteString(" nothing")
		}
		for _, s := range []string{"partition", "key", "skip"} {
			if len(parts[s]) > 0 {
				fmt.Fprintf(&out, " %s(%s)", s, strings.Join(parts[s], ", "))
			}
		}
		out.WriteString("\n")
		table, section, inKeys, reads, parts = "", "", false, false, map[string][]string{}
	}
	for _, raw := range plan {
		line := strings.TrimLeft(raw, " │├└─")
		if m := readLine.FindStringSubmatch(line); m != nil {
			flush()
			table = m[1]
			continue
		}
		if table == "" {
			continue
		}
		switch {
		case strings.HasPrefix(line, "Parts: ") && section == "":
			reads = true
		case line == "Min-Max" || line == "Partition":
			section, inKeys = "partition", false
		case line == "PrimaryKey":
			section, inKeys = "key", false
		case line == "Statistics" || line == "Statistic":
			section, inKeys = "done", false
		case line == "Skip":
			section, inKeys = "skip", false
		case strings.HasPrefix(line, "Ranges:") || strings.Contains(raw, "──"):
			section, inKeys = "done", false
		case line == "Keys:":
			inKeys = true
		case strings.HasPrefix(line, "Condition:"):
			inKeys = false
		case section == "skip" && nameLine.MatchString(line):
			parts["skip"] = append(parts["skip"], nameLine.FindStringSubmatch(line)[1])
		case inKeys && (section == "partition" || section == "key") && !contains(parts[section], line):
			parts[section] = append(parts[section], line)
		}
	}
	flush()
	return out.String()
}

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}
