package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/consumer"
	"errata/deploy/kafka/kafkatest"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// childConfig is the environment variable by which the test binary becomes a
// consumer that can be killed.
const childConfig = "ERRATA_TEST_CONSUMER"

func TestMain(m *testing.M) {
	if raw := os.Getenv(childConfig); raw != "" {
		var cfg consumer.Config
		if err := json.Unmarshal([]byte(raw), &cfg); err != nil {
			panic(err)
		}
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		c, err := consumer.New(cfg)
		if err != nil {
			panic(err)
		}
		if err := c.Run(ctx); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// child is a consumer in a process of its own.
type child struct {
	t      *testing.T
	cfg    consumer.Config
	output string // File with what all of its lives print.
	cmd    *exec.Cmd
}

func (c *child) start() {
	raw, err := json.Marshal(c.cfg)
	require.NoError(c.t, err)
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), childConfig+"="+string(raw))
	out, err := os.OpenFile(c.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(c.t, err)
	defer func() { _ = out.Close() }()
	c.cmd.Stdout, c.cmd.Stderr = out, out
	require.NoError(c.t, c.cmd.Start())
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// traffic makes records with all that can go wrong: witnesses of both
// protocols, nested tracebacks, repeated requests, producers that write twice,
// poison.
func traffic(seed uint64, n int) []kafka.Message {
	r := rand.New(rand.NewPCG(seed, 1))
	full := []string{"serve", "route", "main", "pay", "charge"}
	var out []kafka.Message
	add := func(topic, key string, rec *schema.Record) {
		v, err := schema.EncodeRecord(rec)
		if err != nil {
			panic(err)
		}
		out = append(out, kafka.Message{Topic: topic, Key: []byte(key), Value: v})
		for r.IntN(20) == 0 { // A producer or a client that got no answer.
			out = append(out, out[max(0, len(out)-1-r.IntN(40))])
		}
	}
	id := uint64(0)
	for range n {
		at := epoch.Add(time.Duration(id) * time.Millisecond)
		trace := fmt.Sprintf("%032x", 1+r.IntN(n/4+1))
		event := func(kind schema.Protocol, depth int) {
			id++
			e := anEvent(id)
			e.Event.Protocol, e.Event.TraceId = kind, trace
			e.Event.MainHash = 100 + uint64(depth)
			e.Event.Fingerprint = 100 + uint64(depth)
			e.Event.ExceptionType, e.Event.ExceptionValue = "LookupError", "no orders"
			e.Event.FramesFunction = full[depth:]
			e.Event.FramesFile, e.Event.FramesLine = full[depth:], []uint32{1, 2, 3, 4, 5}[depth:]
			e.Event.FramesInApp = []bool{true, true, true, true, true}[depth:]
			e.ProjectId = 1
			add(schema.TopicEvents, trace, e)
		}
		switch r.IntN(10) {
		case 0:
			out = append(out, kafka.Message{Topic: schema.TopicEvents, Key: []byte(trace), Value: []byte("\xff poison")})
		case 1, 2:
			event(schema.Protocol_PROTOCOL_SENTRY, 0)
			event(schema.Protocol_PROTOCOL_OTLP, 0)
		case 3:
			event(schema.Protocol_PROTOCOL_OTLP, 2)
			event(schema.Protocol_PROTOCOL_OTLP, 1)
			event(schema.Protocol_PROTOCOL_OTLP, 0)
			event(schema.Protocol_PROTOCOL_SENTRY, 0)
		case 4:
			id++
			span := &schema.Record{ProjectId: 1, ReceivedAt: at.UnixMilli()}
			for k := range 3 {
				span.Spans = append(span.Spans, &schema.Span{TraceId: trace, SpanId: fmt.Sprintf("%016x", id*10+uint64(k)), StartUs: at.UnixMicro(), Name: "work"})
			}
			span.Receipts = []*schema.Receipt{{Category: schema.CategorySpan, Quantity: 3}}
			add(schema.TopicSpans, trace, span)
		case 5:
			id++
			add(schema.TopicLogs, trace, &schema.Record{ProjectId: 1, ReceivedAt: at.UnixMilli(), Logs: []*schema.Log{{LogId: id16(id), TimeUs: at.UnixMicro(), Body: "line", TraceId: trace}},
				Receipts: []*schema.Receipt{{Category: schema.CategoryLog, Quantity: 1}}})
		case 6: // Updates of few sessions, which say more than once that they begin or crash.
			id++
			n := r.IntN(n/40 + 1)
			add(schema.TopicSessions, fmt.Sprint("session ", n), &schema.Record{ProjectId: 1, ReceivedAt: at.UnixMilli(), Receipts: []*schema.Receipt{{Category: schema.CategorySession, Quantity: 1}},
				Sessions: []*schema.Session{{SessionId: id16(uint64(n + 1)), Seq: id, Started: epoch.UnixMilli(), Timestamp: at.UnixMilli(), Release: "shop@1", Init: r.IntN(2) == 0, Status: schema.SessionStatus(r.IntN(6))}}})
		default:
			event(schema.Protocol_PROTOCOL_SENTRY, r.IntN(3))
		}
	}
	return out
}

// compared are what must be equal in the store that was killed again and again
// and in one that was filled in peace.
var compared = []string{
	"SELECT toString(count()) FROM events", "SELECT toString(uniqExact(project_id, event_id)) FROM events", "SELECT toString(sum(weight)) FROM events",
	"SELECT toString(count()) FROM spans", "SELECT toString(count()) FROM logs",
	"SELECT toString(sum(quantity)) FROM outcomes WHERE outcome = 'accepted'", "SELECT toString(sum(quantity)) FROM outcomes WHERE outcome = 'twin'",
	"SELECT toString(sum(quantity)) FROM outcomes WHERE outcome = 'duplicate'", "SELECT toString(sum(quantity)) FROM outcomes WHERE outcome = 'dead_letter'",
	"SELECT toString(count()) FROM event_outcomes",
	"SELECT toString(sum(events)) FROM issue_rollup", "SELECT toString(sum(events)) FROM issue_hour", "SELECT toString(sum(events)) FROM issue_day",
	"SELECT toString(sum(events)) FROM project_minute", "SELECT toString(sum(events)) FROM issue_release", "SELECT toString(sum(events)) FROM release_rollup",
	"SELECT toString(sum(quantity)) FROM sessions", "SELECT toString((sum(started), sum(crashed), sum(abnormal), sum(unhandled))) FROM session_hour",
	"SELECT toString(sum(events)) FROM issue_tag", "SELECT toString((sum(errors), sum(spans), sum(logs))) FROM trace_index",
}

// TestChaos kills consumers and ClickHouse at random while records come in and
// then compares with a store that nothing happened to: nothing is lost, nothing
// is there twice, every decision about duplicates and twins is the same, and
// every view equals the rows. ERRATA_CHAOS_KILLS says how many kills.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds: not with -short")
	}
	dir := t.TempDir()
	server := clickhousetest.StartIn(t, dir)
	chaos(t, &stall{server: server, serverDir: dir}, newStoreOn(t, server, 3, "chaos"), 300*time.Millisecond, nil)
}

// TestChaosApacheKafka is the same with a real broker: three partitions of each
// topic move between two consumers.
func TestChaosApacheKafka(t *testing.T) {
	if os.Getenv("ERRATA_INTEGRATION") == "" {
		t.Skip("starts an Apache Kafka: set ERRATA_INTEGRATION=1")
	}
	s, x, broker := newStoreOnKafka(t)
	chaos(t, x, s, time.Second, func() {
		broker.Kill()
		broker.Run(t)
	})
}

// newStoreOnKafka has an Apache Kafka with three partitions a topic.
func newStoreOnKafka(t *testing.T) (*store, *stall, *kafkatest.Broker) {
	t.Helper()
	dir := t.TempDir()
	server := clickhousetest.StartIn(t, dir)
	broker := kafkatest.Start(t)
	s := &store{t: t, database: "chaos", brokers: []string{broker.Addr}}
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...), Timeout: 30 * time.Second}
	var topics []kafka.TopicConfig
	for _, name := range append(append([]string{}, schema.Topics...), schema.TopicDead) {
		topics = append(topics, kafka.TopicConfig{Topic: name, NumPartitions: 3, ReplicationFactor: 1})
	}
	made, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: topics})
	require.NoError(t, err)
	for name, err := range made.Errors {
		require.NoError(t, err, name)
	}
	s.migrate(server.Addr(), server.Password("errata"))
	s.writer = s.newWriter()
	return s, &stall{server: server, serverDir: dir}, broker
}

// chaos kills; killBroker, where set, kills the broker too and starts it again.
func chaos(t *testing.T, x *stall, s *store, session time.Duration, killBroker func()) {
	server := x.server
	kills := 12
	if v, err := strconv.Atoi(os.Getenv("ERRATA_CHAOS_KILLS")); err == nil {
		kills = v
	}
	cfg := s.config()
	cfg.Log = nil
	cfg.BatchRows, cfg.MinAge, cfg.MaxAge = 150, 20*time.Millisecond, 40*time.Millisecond
	cfg.DuplicateRecords, cfg.DuplicateRows, cfg.TwinRecords = 300, 200, 250
	cfg.SessionTimeout = session
	outputs := t.TempDir()
	children := []*child{{t: t, cfg: cfg, output: filepath.Join(outputs, "0")}, {t: t, cfg: cfg, output: filepath.Join(outputs, "1")}}
	x.children = children
	for _, c := range children {
		c.start()
		defer c.kill()
	}
	s.writer.Compression = kafka.Snappy // As edges send: blocks keep such batches.
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	messages := traffic(seed, 400*kills)
	var producing sync.WaitGroup
	producing.Go(func() {
		span := time.Duration(kills) * 700 * time.Millisecond
		started := time.Now()
		for i := 0; i < len(messages); i += 40 {
			part := messages[i:min(i+40, len(messages))]
			for s.writer.WriteMessages(context.Background(), part...) != nil { // The broker was killed: some may be there twice.
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Until(started.Add(span * time.Duration(i) / time.Duration(len(messages)))))
		}
	})
	r := rand.New(rand.NewPCG(seed, 2))
	var pausing sync.WaitGroup
	for range kills {
		time.Sleep(time.Duration(200+r.IntN(1000)) * time.Millisecond)
		switch r.IntN(5) {
		case 0: // A member that is taken for dead, and goes on in the middle of what another one does again.
			pausing.Go(pause(children[r.IntN(len(children))].cmd.Process.Pid, session+time.Duration(r.IntN(3000))*time.Millisecond))
		case 1:
			pausing.Go(pause(server.PID(), time.Duration(500+r.IntN(2000))*time.Millisecond))
		}
		switch n := r.IntN(10); {
		case n < 2:
			if pid := server.PID(); pid > 0 { // 0, while it starts again, would be this process group.
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			continue
		case n == 2 && killBroker != nil:
			killBroker()
			continue
		}
		c := children[r.IntN(len(children))]
		c.kill()
		c.start()
	}
	producing.Wait()
	pausing.Wait()
	s.drained(cfg.Group, func() { x.tell(t, s, cfg.Group) })
	for _, c := range children {
		c.kill()
	}

	asInPeace(t, x, s, cfg)
}

// asInPeace fails where a store holds anything else than one that was filled from the
// same records in peace.
func asInPeace(t *testing.T, x *stall, s *store, cfg consumer.Config) {
	t.Helper()
	server := x.server
	peace := &store{t: t, database: "peace", brokers: s.brokers}
	peace.migrate(server.Addr(), server.Password("errata"))
	calm := cfg
	calm.ClickHouse, calm.Group, calm.BatchRows = peace.click, "peace", 1000
	calm.Log = s.config().Log
	stop := peace.start(calm)
	peace.drained(calm.Group, func() { (&stall{server: server, serverDir: x.serverDir}).tell(t, peace, calm.Group) })
	stop()

	for _, q := range compared {
		var a, b string
		require.NoError(t, peace.conn.QueryRow(context.Background(), q).Scan(&a))
		require.NoError(t, s.conn.QueryRow(context.Background(), q).Scan(&b))
		require.Equal(t, a, b, q)
		t.Logf("%s = %s", q, a)
	}
	require.Equal(t, s.number("SELECT count() FROM events"), s.number("SELECT uniqExact(topic_partition, topic_offset) FROM events"), "no record is there twice")
	require.Equal(t, s.number("SELECT sum(weight) FROM events"), s.number("SELECT sum(events) FROM issue_rollup"))
	for _, table := range []string{"events", "spans", "logs", "sessions", "event_outcomes"} {
		for _, pair := range [][2]string{{"chaos", "peace"}, {"peace", "chaos"}} {
			n := s.number(fmt.Sprintf("SELECT count() FROM (SELECT * FROM %s.%s EXCEPT SELECT * FROM %s.%s)", pair[0], table, pair[1], table))
			require.Zero(t, n, "rows of %s only in %s", table, pair[0])
		}
	}
	s.balanced()
}

// pause returns what stops a process for a time, whether or not it lives that long.
func pause(pid int, d time.Duration) func() {
	return func() {
		if pid > 0 && syscall.Kill(pid, syscall.SIGSTOP) == nil {
			time.Sleep(d)
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

// drained waits until a group has committed all that the topics hold. Where
// nothing moves it calls stalled.
func (s *store) drained(group string, stalled func()) {
	s.t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...), Timeout: 10 * time.Second}
	left, moved := int64(-1), time.Now()
	require.Eventually(s.t, func() bool {
		sum := int64(0)
		for _, topic := range schema.Topics {
			meta, err := client.Metadata(context.Background(), &kafka.MetadataRequest{Topics: []string{topic}})
			if err != nil {
				return false
			}
			for _, p := range meta.Topics[0].Partitions {
				ends, err := client.ListOffsets(context.Background(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(p.ID)}}})
				if err != nil {
					return false
				}
				done, err := client.OffsetFetch(context.Background(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {p.ID}}})
				if err != nil || len(done.Topics[topic]) == 0 { // The group is not there yet.
					return false
				}
				end, at := ends.Topics[topic][0].LastOffset, done.Topics[topic][0].CommittedOffset
				sum += max(end-max(at, 0), 0)
			}
		}
		if sum != left {
			left, moved = sum, time.Now()
		}
		if time.Since(moved) > time.Minute { // Not by the total time: machines differ.
			s.t.Errorf("%d records are left and nothing moves", left)
			stalled()
			return true
		}
		return sum == 0
	}, 10*time.Minute, 200*time.Millisecond)
}
