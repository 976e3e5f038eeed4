package consumer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"errata/consumer"
	"errata/consumer/sink"
	"errata/deploy/local/broker"
	localclick "errata/deploy/local/clickhouse"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
	"errata/schema/tables"
)

// store is a broker and a ClickHouse with the product's schema.
type store struct {
	t        testing.TB
	brokers  []string
	cluster  *kfake.Cluster // Nil where the broker is another one.
	click    sink.Options
	conn     driver.Conn
	database string
	writer   *kafka.Writer
}

var databases = make(chan int, 1)

func init() { databases <- 0 }

// newStore gives the test its own broker and its own database on a shared
// server.
func newStore(t testing.TB, partitions int) *store {
	t.Helper()
	n := <-databases
	databases <- n + 1
	return newStoreOn(t, clickhousetest.Shared(t), partitions, fmt.Sprintf("errata_%d", n))
}

// newStoreOn is newStore on a server and with a database that the test names.
func newStoreOn(t testing.TB, server *localclick.Server, partitions int, database string) *store {
	t.Helper()
	s := &store{t: t, database: database}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(200*time.Millisecond),
		kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}),
		kfake.SeedTopics(int32(partitions), append(append([]string{}, schema.Topics...), schema.TopicDead)...))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	t.Cleanup(broker.Watch(cluster)) // Tests kill members at any moment.
	s.brokers, s.cluster = cluster.ListenAddrs(), cluster
	s.migrate(server.Addr(), server.Password("errata"))
	s.writer = s.newWriter()
	return s
}

func (s *store) newWriter() *kafka.Writer {
	w := &kafka.Writer{Addr: kafka.TCP(s.brokers...), Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, BatchSize: 500}
	s.t.Cleanup(func() { _ = w.Close() })
	return w
}

func (s *store) migrate(addr, password string) {
	root, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: password}})
	require.NoError(s.t, err)
	defer root.Close()
	s.t.Cleanup(func() { // What it has in memory is much of a server that many tests share.
		if db, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: password}}); err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_ = db.Exec(ctx, "DROP DATABASE IF EXISTS "+s.database+" SYNC") // Its own server may be gone.
			_ = db.Close()
		}
	})
	require.NoError(s.t, tables.Migrate(context.Background(), root, tables.Options{Database: s.database, Password: password}))
	s.connect(addr, password)
}

func (s *store) connect(addr, password string) {
	var err error
	// Every other database is written to as if it were on another machine.
	away := (len(s.database)+int(s.database[len(s.database)-1]))%2 == 1
	s.click = sink.Options{Addrs: []string{addr}, Database: s.database, User: "errata", Password: password, Compress: &away}
	s.conn, err = clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Database: s.database, Username: "errata", Password: password}})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = s.conn.Close() })
}

func (s *store) config() consumer.Config {
	cfg := consumer.Defaults()
	cfg.Brokers = s.brokers
	cfg.ClickHouse = s.click
	cfg.SessionTimeout = time.Second
	cfg.DrainTimeout = 3 * time.Second
	cfg.MinAge = 50 * time.Millisecond
	cfg.MaxAge = 200 * time.Millisecond
	cfg.Log = slog.New(slog.NewTextHandler(logWriter{s.t}, nil))
	return cfg
}

type logWriter struct{ t testing.TB }

func (w logWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// start runs a consumer and returns its clean stop.
func (s *store) start(cfg consumer.Config) (stop func()) {
	s.t.Helper()
	c, err := consumer.New(cfg)
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			require.NoError(s.t, err)
		case <-time.After(30 * time.Second):
			s.t.Fatal("the consumer did not stop")
		}
	}
	s.t.Cleanup(stop)
	return stop
}

// send puts records on a topic, keyed so that equal keys share a partition.
func (s *store) send(topic, key string, records ...*schema.Record) {
	s.t.Helper()
	var out []kafka.Message
	for _, r := range records {
		v, err := schema.EncodeRecord(r)
		require.NoError(s.t, err)
		out = append(out, kafka.Message{Topic: topic, Key: []byte(key), Value: v})
	}
	require.NoError(s.t, s.writer.WriteMessages(context.Background(), out...))
}

// number asks for one unsigned number.
func (s *store) number(query string, args ...any) uint64 {
	s.t.Helper()
	var n uint64
	require.NoError(s.t, s.conn.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

// eventually waits until query gives n.
func (s *store) eventually(n uint64, query string, args ...any) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(t *assertT) {
		var got uint64
		require.NoError(t, s.conn.QueryRow(context.Background(), query, args...).Scan(&got))
		require.Equal(t, n, got, query)
	}, 90*time.Second, 50*time.Millisecond)
}

// balanced fails where accepted is not the sum of the other outcomes.
func (s *store) balanced() {
	s.t.Helper()
	rows, err := s.conn.Query(context.Background(), `SELECT project_id, minute, category, sumIf(quantity, outcome = 'accepted') AS a,
		sumIf(quantity, outcome NOT IN ('accepted', 'client_report')) AS b FROM outcomes GROUP BY ALL HAVING a != b`)
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var project uint32
		var minute time.Time
		var category string
		var a, b uint64
		require.NoError(s.t, rows.Scan(&project, &minute, &category, &a, &b))
		s.t.Errorf("ledger of project %d at %s, %s: accepted %d, fates %d", project, minute, category, a, b)
	}
	require.NoError(s.t, rows.Err())
}

func id16(n uint64) []byte {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, 0xe0e0_0000_0000_0000|n>>32)
	binary.BigEndian.PutUint64(b[8:], n+1)
	return b
}

// epoch is when the events of tests happen: a noon that no retention reaches.
var epoch = time.Now().UTC().Truncate(24 * time.Hour).Add(-8*24*time.Hour + 12*time.Hour)

// anEvent is a record with one error as the edge makes it.
func anEvent(n uint64) *schema.Record {
	at := epoch.Add(time.Duration(n) * 10 * time.Millisecond).UnixMilli()
	return &schema.Record{ProjectId: 1 + uint32(n%3), ReceivedAt: at, RetentionDays: 90,
		Receipts: []*schema.Receipt{{Category: schema.CategoryError, Quantity: 1, Bytes: 900}},
		Event: &schema.Event{EventId: id16(n), Timestamp: at, Fingerprint: 1000 + n%7, Hashes: []uint64{1000 + n%7, 5}, MainHash: 1000 + n%7,
			Protocol: schema.Protocol_PROTOCOL_SENTRY, Type: "error", Level: schema.Level_LEVEL_ERROR, Platform: "python", Environment: "production",
			Release: "shop@1.0", Title: fmt.Sprintf("ValueError: %d", n%7), ExceptionType: "ValueError", ExceptionValue: fmt.Sprint(n % 7),
			UserHash: n % 11, FramesFunction: []string{"main", "pay"}, FramesFile: []string{"main.py", "pay.py"}, FramesLine: []uint32{3, 4},
			FramesInApp: []bool{true, true}, Tags: []*schema.Tag{{Key: "n", Value: fmt.Sprint(n)}, {Key: "zone", Value: "eu"}},
			Payload: []byte(`{"message":"x"}`), PayloadBytes: 900}}
}
