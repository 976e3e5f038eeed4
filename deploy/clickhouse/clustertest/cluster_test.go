package clustertest_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"sort"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"errata/consumer"
	"errata/consumer/sink"
	"errata/deploy/clickhouse/clustertest"
	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/queries/catalog"
	"errata/schema"
	"errata/schema/tables"
)

const records = 2000

var password = clickhousetest.Passwords["errata"]

// TestCluster gives the same records to two shards, one of which is killed
// meanwhile, and to a single server. Then every question of the catalog must be
// answered alike, and some on the other shard too.
func TestCluster(t *testing.T) {
	if os.Getenv("ERRATA_INTEGRATION") == "" {
		t.Skip("starts a cluster of ClickHouse: set ERRATA_INTEGRATION=1")
	}
	c := clustertest.Start(t, 2)
	o := tables.Options{Cluster: clustertest.Name, Password: password}
	require.NoError(t, tables.Migrate(t.Context(), c.Conn(), o))
	require.NoError(t, tables.Migrate(t.Context(), c.Conn(), o), "again")
	single := tables.Options{Database: "single", Password: password}
	require.NoError(t, tables.Migrate(t.Context(), c.Nodes[0].Conn(), single))

	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(200*time.Millisecond),
		kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}),
		kfake.SeedTopics(2, append(append([]string{}, schema.Topics...), schema.TopicDead)...))
	require.NoError(t, err)
	t.Cleanup(broker.Close) // After the consumers.
	consume(t, broker.ListenAddrs(), "cluster", c.Nodes[0].Addr(), "errata")
	consume(t, broker.ListenAddrs(), "single", c.Nodes[0].Addr(), "single")
	writer := &kafka.Writer{Addr: kafka.TCP(broker.ListenAddrs()...), Balancer: &kafka.Hash{}, BatchTimeout: time.Millisecond}
	defer writer.Close()
	now := time.Now().UTC()
	for n := range records {
		if n == records/2 {
			c.Nodes[1].Kill()
		}
		if n%10 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		send(t, writer, n, now)
	}
	one := open(t, c.Nodes[0].Addr(), "single")
	for _, s := range []*queries.Store{one, open(t, c.Nodes[0].Addr(), "errata")} {
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			r, err := s.SQL(context.Background(), "SELECT sum(quantity) FROM outcomes WHERE outcome = 'accepted' AND category = 'error'")
			require.NoError(t, err)
			require.EqualValues(t, records, r.Rows[0][0])
		}, time.Minute, 100*time.Millisecond)
	}
	for _, n := range c.Nodes {
		require.Positive(t, number(t, open(t, n.Addr(), "errata"), "SELECT count() FROM events_local"), "each shard has its share")
	}
	act(t, c, one)
	compare(t, one, open(t, c.Nodes[0].Addr(), "errata"), nil)
	compare(t, one, open(t, c.Nodes[1].Addr(), "errata"), []string{"issue_list", "issue_detail", "trace", "tag_lift", "state_as_of"})
}

func consume(t *testing.T, brokers []string, group, addr, database string) {
	t.Helper()
	cfg := consumer.Defaults()
	cfg.Brokers, cfg.Group = brokers, group
	cfg.MinAge, cfg.MaxAge = 50*time.Millisecond, 200*time.Millisecond
	cfg.ClickHouse = sink.Options{Addrs: []string{addr}, Database: database, Password: password}
	worker, err := consumer.New(cfg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
}

func open(t *testing.T, addr, database string) *queries.Store {
	t.Helper()
	s, err := queries.Open(t.Context(), queries.Config{Addr: addr, Database: database, User: "errata", Password: password})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func number(t *testing.T, s *queries.Store, sql string) uint64 {
	t.Helper()
	r, err := s.SQL(t.Context(), sql)
	require.NoError(t, err)
	return r.Rows[0][0].(uint64)
}

func id16(n int) []byte {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, 0xe0e0_0000_0000_4000)
	binary.BigEndian.PutUint64(b[8:], 0x8000_0000_0000_0000|uint64(n+1))
	return b
}

// send writes an error with its trace, and now and then what goes along with
// errors.
func send(t *testing.T, w *kafka.Writer, n int, now time.Time) {
	t.Helper()
	at := now.Add(-time.Duration(n) * 2 * time.Minute).Truncate(time.Millisecond)
	trace := fmt.Sprintf("%032x", n/3+1)
	f := uint64(1 + n*n%17)
	// Kept for longer than rollups are, or windows of more than 90 days are asked as those of 90.
	record := &schema.Record{ProjectId: 1, ReceivedAt: at.UnixMilli(), RetentionDays: 400,
		Receipts: []*schema.Receipt{{Category: schema.CategoryError, Quantity: 1, Bytes: 900}},
		Event: &schema.Event{EventId: id16(n), Timestamp: at.UnixMilli(), Fingerprint: f, Hashes: []uint64{f, 5}, MainHash: f + 100,
			Protocol: schema.Protocol_PROTOCOL_SENTRY, Type: "error", Level: schema.Level_LEVEL_ERROR, Platform: "python", Environment: []string{"production", "staging"}[n%2],
			Release: fmt.Sprintf("shop@1.%d.0", n%4), Title: fmt.Sprintf("ValueError: part %d", f), ExceptionType: "ValueError", ExceptionValue: fmt.Sprint("part ", f), SdkName: "sentry.python",
			Service: "shop", UserHash: uint64(n%50 + 1), UserId: fmt.Sprint(n % 50), TraceId: trace, SpanId: fmt.Sprintf("%016x", n+1),
			Tags: []*schema.Tag{{Key: "plan", Value: []string{"free", "pro"}[n%2]}}, Payload: []byte(`{"message":"x"}`), PayloadBytes: 900}}
	messages := map[string]*schema.Record{schema.TopicEvents: record}
	if n%5 == 0 {
		messages[schema.TopicSpans] = &schema.Record{ProjectId: 1, ReceivedAt: at.UnixMilli(), RetentionDays: 30, Spans: []*schema.Span{{TraceId: trace, SpanId: fmt.Sprintf("%016x", n+1),
			StartUs: at.UnixMicro(), DurationUs: uint64(1000 + n), Name: "GET /pay", Service: "shop", IsSegment: true, SegmentName: "GET /pay"}}}
		messages[schema.TopicLogs] = &schema.Record{ProjectId: 1, ReceivedAt: at.UnixMilli(), RetentionDays: 30, Logs: []*schema.Log{{LogId: id16(n), TimeUs: at.UnixMicro(), Body: "paid part", TraceId: trace, Service: "shop"}}}
	}
	for topic, r := range messages {
		v, err := schema.EncodeRecord(r)
		require.NoError(t, err)
		require.NoError(t, w.WriteMessages(context.Background(), kafka.Message{Topic: topic, Key: []byte(trace), Value: v}))
	}
}

// act triages in both stores. What is replicated everywhere on a cluster is
// written to each node here.
func act(t *testing.T, c *clustertest.Cluster, one *queries.Store) {
	t.Helper()
	stores := []*queries.Store{one}
	for _, n := range c.Nodes {
		stores = append(stores, open(t, n.Addr(), "errata"))
	}
	for _, s := range stores {
		for _, sql := range []string{
			"INSERT INTO issue_actions (project_id, fingerprint, at, action_id, actor, action, into) VALUES (1, 2, '2026-11-01 00:00:00', '00000000-0000-4000-8000-000000000001', 'ann', 'merge', 3)",
			"INSERT INTO issue_actions (project_id, fingerprint, at, action_id, actor, action, resolution, in_release) VALUES (1, 3, '2026-11-01 00:00:00', '00000000-0000-4000-8000-000000000002', 'ann', 'resolve', 'in_release', 'shop@1.2.0')",
			"INSERT INTO issue_actions (project_id, fingerprint, at, action_id, actor, action, assignee) VALUES (1, 5, '2026-11-01 00:00:00', '00000000-0000-4000-8000-000000000003', 'ann', 'assign', 'bob')",
			"SYSTEM RELOAD DICTIONARY issue_of",
		} {
			require.NoError(t, s.Exec(t.Context(), sql, nil))
		}
	}
}

// compare asks both every question, or some, with as few and with as many
// parameters as have a value.
func compare(t *testing.T, one, many *queries.Store, some []string) {
	t.Helper()
	values := map[string]string{"project": "1", "issue": "0000000000000003", "trace_id": fmt.Sprintf("%032x", 7), "event_id": fmt.Sprintf("%x", id16(33)), "release": "shop@1.2.0",
		"key": "plan", "text": "part", "tag": "plan=pro", "fingerprints": "0000000000000003,0000000000000005", "issues": "0000000000000003,0000000000000005", "id": "00000000000040008000000000000003", "at": "now", "from": "-7d", "to": "now"}
	all, err := catalog.All()
	require.NoError(t, err)
	answered := 0
	for _, q := range all {
		// Disks are of one server, and a moment is another one the next time it is asked.
		if q.Name == "disk_report" || q.Name == "triage_moment" || some != nil && !slices.Contains(some, q.Name) {
			continue
		}
		if q.Name == "issue_list" { // By state: the triage log and releases are part of the page.
			for _, status := range []string{"unresolved", "regressed", "resolved"} {
				t.Run("issue_list/"+status, func(t *testing.T) {
					given := map[string]string{"project": "1", "status": status}
					require.Equal(t, ask(t, one, "issue_list", given), ask(t, many, "issue_list", given))
				})
			}
		}
		last := -1
		for _, mode := range []string{"required", "all"} {
			given := map[string]string{}
			for _, p := range q.Params {
				if v, ok := values[p.Name]; ok && (p.Required || p.Name == "project" || mode == "all") {
					given[p.Name] = v
				}
			}
			if len(given) == last {
				continue
			}
			last = len(given)
			t.Run(q.Name+"/"+mode, func(t *testing.T) {
				want, got := ask(t, one, q.Name, given), ask(t, many, q.Name, given)
				require.Equal(t, want, got)
				if len(want) > 0 {
					answered++
				}
			})
		}
	}
	// Longer than rollups are kept: of those and of events.
	kept, err := many.SQL(t.Context(), "SELECT count() FROM events WHERE retention_days > 90")
	require.NoError(t, err)
	require.NotZero(t, kept.Rows[0][0], "else they are asked as shorter ones")
	for name, given := range map[string]map[string]string{
		"error_trend": {"project": "1", "by": "environment"}, "error_trend_split": {"by": "issue", "bucket_seconds": "86400"}, "issue_trend": {"project": "1", "issue": values["issue"]},
		"slow_transactions": {"project": "1"}, "service_overview": {"project": "1"}, "request_trend": {"projects": "1", "bucket_hours": "24"}, "trace_search": {"project": "1", "limit": "1000"}, "trace_find": {"projects": "1", "limit": "1000"},
		"tag_distribution": {"project": "1", "issue": values["issue"]}, "tag_lift": {"project": "1", "issue": values["issue"]}, "issue_list": {"project": "1", "tag": values["tag"]},
	} {
		t.Run(name+"/long", func(t *testing.T) {
			given["from"] = "-200d"
			want, got := ask(t, one, name, given), ask(t, many, name, given)
			require.NotEmpty(t, want)
			require.Equal(t, want, got)
		})
	}
	if some == nil {
		require.Greater(t, answered, 40, "most questions have an answer")
	} else {
		require.GreaterOrEqual(t, answered, len(some))
	}
	r, err := many.Run(t.Context(), "check_counts", map[string]string{"project": "1"})
	require.NoError(t, err)
	for n, v := range r.Column("verdict") {
		require.Equal(t, "ok", v, "%v", r.Rows[n])
	}
}

var percentile = regexp.MustCompile(`^p\d+_ms$`)

// ask returns the rows as text in an order of their own: which of equal rows
// comes first is nobody's promise, nor is the order within a set, and
// percentiles are sketches.
func ask(t *testing.T, s *queries.Store, name string, given map[string]string) []string {
	t.Helper()
	r, err := s.Run(t.Context(), name, maps.Clone(given))
	require.NoError(t, err)
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(raw, &rows))
	out := make([]string, 0, len(rows))
	for _, row := range rows {
		for name, v := range row {
			switch v := v.(type) {
			case float64:
				if percentile.MatchString(name) {
					row[name] = fmt.Sprintf("%.2g", v)
				}
			case []any:
				sort.Slice(v, func(i, j int) bool { return fmt.Sprint(v[i]) < fmt.Sprint(v[j]) })
			}
		}
		text, err := json.Marshal(row)
		require.NoError(t, err)
		out = append(out, string(text))
	}
	sort.Strings(out)
	return out
}
