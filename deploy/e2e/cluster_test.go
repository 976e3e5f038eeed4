package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/kafka/kafkatest"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// TestClusterApacheKafka runs the parts as a cluster does, each a process of its
// own with a real Apache Kafka between them, and kills each of them in turn
// under load: nothing accepted is lost, nothing is there twice.
func TestClusterApacheKafka(t *testing.T) {
	if os.Getenv("ERRATA_INTEGRATION") == "" {
		t.Skip("starts an Apache Kafka: set ERRATA_INTEGRATION=1 (make integration)")
	}
	ch := clickhousetest.Start(t)
	broker := kafkatest.Start(t)
	createTopics(t, broker.Addr)

	login := []string{"--clickhouse", ch.Addr(), "--password", ch.Password("errata")}
	run := func(args ...string) []byte {
		cmd := errata(t, append(args, login...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, "%v: %s", args, stderr.String())
		return out
	}
	run("migrate")
	run("migrate") // Again, as every rollout does.
	edge := "127.0.0.1:" + freePort(t)
	var created []map[string]any
	require.NoError(t, json.Unmarshal(run("project", "create", "shop", "--host", edge, "--json"), &created))
	dsn, _ := created[0]["dsn"].(string)
	require.NotEmpty(t, dsn, "%v", created)

	state := t.TempDir()
	ingest := spawn(t, append([]string{"ingest", "--http", edge, "--otlp-http", "", "--otlp-grpc", "", "--state", state, "--kafka", broker.Addr}, login...)...)
	consume := append([]string{"consume", "--metrics", "", "--kafka", broker.Addr}, login...)
	consumer := spawn(t, consume...)
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + edge + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond)

	for name, harm := range map[string]func(){
		"nothing happens": func() {},
		"the consumer is killed": func() {
			consumer.kill()
			consumer = spawn(t, consume...)
		},
		"Kafka is killed": func() {
			broker.Kill()
			time.Sleep(time.Second)
			broker.Run(t)
		},
		"ClickHouse is killed": func() { require.NoError(t, syscall.Kill(ch.PID(), syscall.SIGKILL)) },
	} {
		t.Run(name, func(t *testing.T) {
			bench := errata(t, append([]string{"bench", "--dsn", dsn, "--rate", "300", "--duration", "8s", "--verify", "--wait", "120s", "--json", "--quiet"}, login...)...)
			var report, stderr bytes.Buffer
			bench.Stdout, bench.Stderr = &report, &stderr
			require.NoError(t, bench.Start())
			time.Sleep(3 * time.Second)
			harm()
			_ = bench.Wait()
			var r struct {
				Accepted int            `json:"accepted"`
				Statuses map[string]int `json:"statuses"`
				Verify   struct {
					OK bool `json:"ok"`
				} `json:"verify"`
			}
			require.NoError(t, json.Unmarshal(report.Bytes(), &r), "%s %s", report.String(), stderr.String())
			t.Logf("%d accepted, %v", r.Accepted, r.Statuses)
			require.True(t, r.Verify.OK, "%s", report.String())
			require.Greater(t, r.Accepted, 1000)
		})
	}
	ingest.stop(t)
	consumer.stop(t)
}

func createTopics(t *testing.T, addr string) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Timeout: 30 * time.Second, Transport: transport}
	req := &kafka.CreateTopicsRequest{}
	for _, topic := range append([]string{schema.TopicDead}, schema.Topics...) {
		req.Topics = append(req.Topics, kafka.TopicConfig{Topic: topic, NumPartitions: 2, ReplicationFactor: 1})
	}
	resp, err := client.CreateTopics(t.Context(), req)
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
