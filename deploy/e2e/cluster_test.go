package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/kafka/kafkatest"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// TestChaosApacheKafka runs the parts as a cluster does, each a process of its
// own with a real Apache Kafka between them whose partitions move between two
// consumers, and kills them under load: ERRATA_CHAOS_KILLS times (five where
// unset, each part once), five a load. Then what TestChaos expects must hold.
func TestChaosApacheKafka(t *testing.T) {
	if os.Getenv("ERRATA_INTEGRATION") == "" {
		t.Skip("starts an Apache Kafka: set ERRATA_INTEGRATION=1 (make integration)")
	}
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("ERRATA_CHAOS_KILLS")); err == nil {
		kills = n
	}
	ch := clickhousetest.Start(t)
	broker := kafkatest.Start(t)
	createTopics(t, broker.Addr)

	login := []string{"--clickhouse", ch.Addr(), "--password", ch.Password("errata")}
	run := func(args ...string) string {
		cmd := errata(t, append(append(args, login...), "--user", "errata")...) // The login knows one password.
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, "%v: %s%s", args, out, stderr.String())
		return string(out)
	}
	run("migrate")
	run("migrate") // Again, as every rollout does.
	edge := "127.0.0.1:" + lowPort(t)
	var created []map[string]any
	require.NoError(t, json.Unmarshal([]byte(run("project", "create", "shop", "--host", edge, "--json")), &created))
	dsn, _ := created[0]["dsn"].(string)
	require.NotEmpty(t, dsn, "%v", created)

	ingest := append([]string{"ingest", "--http", edge, "--otlp-http", "", "--otlp-grpc", "", "--state", t.TempDir(), "--kafka", broker.Addr}, login...)
	consume := append([]string{"consume", "--metrics", "", "--kafka", broker.Addr}, login...)
	parts := map[string]*process{"edge": spawn(t, ingest...), "consumer": spawn(t, consume...), "other consumer": spawn(t, consume...)}
	again := func(name string, args []string) func() {
		return func() {
			parts[name].kill()
			parts[name] = spawn(t, args...)
		}
	}
	require.Eventually(t, func() bool { return answers("http://" + edge + "/readyz") }, time.Minute, 50*time.Millisecond)

	died := 0 // Times that ClickHouse must have been started again.
	victims := []struct {
		name string
		harm func()
	}{
		{"edge", again("edge", ingest)},
		{"consumer", again("consumer", consume)},
		{"other consumer", again("other consumer", consume)},
		{"Kafka", func() {
			broker.Kill()
			time.Sleep(500 * time.Millisecond)
			broker.Run(t)
		}},
		{"ClickHouse", func() {
			if pid := ch.PID(); pid > 0 { // 0, while it starts again, would be this process group.
				died = ch.Restarts() + 1
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			}
		}},
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := newPoison(t, broker.Addr)
	for done := 0; done < kills; {
		load := startLoad(t, append([]string{"--dsn", dsn, "--rate", "300", "--duration", "20s", "--wait", "180s"}, login...)...)
		p.pour(10, time.Second)
		random.Shuffle(len(victims), func(i, k int) { victims[i], victims[k] = victims[k], victims[i] })
		var killed []string
		for _, v := range victims[:min(len(victims), kills-done)] {
			time.Sleep(500*time.Millisecond + time.Duration(random.Int64N(int64(2*time.Second))))
			v.harm()
			killed = append(killed, v.name)
			done++
		}
		r := load.verdict(t)
		p.pouring.Wait()
		t.Logf("%d kills, last %v: %s", done, killed, r)
		require.Greater(t, r.Accepted, 100, "killed under load")
	}
	// Topics that grow under load: both consumers take new partitions, and the
	// edge fills them. An id that comes again may be stored again then
	// (docs/operations.md), so none does.
	load := startLoad(t, append([]string{"--dsn", dsn, "--rate", "300", "--duration", "15s", "--wait", "180s", "--duplicates", "0"}, login...)...)
	time.Sleep(2 * time.Second)
	growTopics(t, broker.Addr, 5)
	t.Logf("grown: %s", load.verdict(t))
	(&store{addresses: addresses{Broker: broker.Addr}}).drained(t)
	used := run("sql", "SELECT uniqExact(topic_partition) AS n FROM errata.events", "--json")
	require.JSONEq(t, `[{"n": 5}]`, used, "new partitions have events")
	// A load that was checked before the last kill says nothing of the server
	// that the questions meet.
	require.Eventually(t, func() bool {
		return ch.Restarts() >= died && answers("http://"+ch.HTTPAddr()+"/ping")
	}, time.Minute, 50*time.Millisecond, "ClickHouse is back")
	exact(t, p, run)
	for _, part := range parts {
		part.stop(t)
	}
}

func answers(url string) bool {
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func createTopics(t *testing.T, addr string) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Timeout: 30 * time.Second, Transport: transport}
	req := &kafka.CreateTopicsRequest{}
	for _, topic := range append([]string{schema.TopicDead}, schema.Topics...) {
		req.Topics = append(req.Topics, kafka.TopicConfig{Topic: topic, NumPartitions: 3, ReplicationFactor: 1})
	}
	resp, err := client.CreateTopics(t.Context(), req)
	require.NoError(t, err)
	for topic, err := range resp.Errors {
		require.NoError(t, err, topic)
	}
}

func growTopics(t *testing.T, addr string, to int32) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Timeout: 30 * time.Second, Transport: transport}
	req := &kafka.CreatePartitionsRequest{}
	for _, topic := range schema.Topics {
		req.Topics = append(req.Topics, kafka.TopicPartitionsConfig{Name: topic, Count: to})
	}
	resp, err := client.CreatePartitions(t.Context(), req)
	require.NoError(t, err)
	for topic, err := range resp.Errors {
		require.NoError(t, err, topic)
	}
}

// process is a long-running command of the program.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	out   bytes.Buffer
}

func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: errata(t, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%v: %s", args[0], p.out.String())
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
		require.Zero(t, p.cmd.ProcessState.ExitCode(), p.out.String())
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not stop: %s", p.cmd.Args[1], p.out.String())
	}
}
