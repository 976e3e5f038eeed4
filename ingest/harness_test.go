package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"errata/ingest/directory"
	"errata/schema"
)

// The server library's worker pools notice their end only when they wake.
func TestMain(m *testing.M) {
	if play() {
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

const (
	testKey  = "0123456789abcdef0123456789abcdef"
	otherKey = "fedcba9876543210fedcba9876543210"
)

// listed is a source that never changes.
type listed directory.Listing

func (l listed) Load(context.Context) (directory.Listing, error) { return directory.Listing(l), nil }

func twoProjects() listed {
	return listed{
		Projects: []schema.Project{{ID: 1, Slug: "default", OTLPDefault: true, RetentionDays: 30}, {ID: 2, Slug: "other"}},
		Keys:     []schema.Key{{ProjectID: 1, Public: testKey}, {ProjectID: 2, Public: otherKey}},
	}
}

type edge struct {
	*Server
	t       testing.TB
	brokers []string
	cluster *kfake.Cluster
	client  *http.Client
}

func broker(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	seed := append([]string{schema.TopicDead}, schema.Topics...)
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(2, seed...)}, opts...)
	c, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// start runs an edge against an in-process broker.
func start(t testing.TB, change ...func(*Config)) *edge {
	t.Helper()
	c := broker(t)
	e := &edge{t: t, cluster: c, brokers: c.ListenAddrs()}
	cfg := Config{
		HTTP: "127.0.0.1:0", OTLPHTTP: "127.0.0.1:0", OTLPGRPC: "127.0.0.1:0",
		Kafka: e.brokers, Projects: twoProjects(), Data: t.TempDir(), AckTimeout: 20 * time.Second, // A busy machine is no silent broker.
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	e.Server, err = New(cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(context.Background()))
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	e.client = &http.Client{Transport: tr, Timeout: time.Minute}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, e.Stop(ctx))
	})
	require.Eventually(t, e.directory.Loaded, time.Minute, time.Millisecond)
	return e
}

type answered struct {
	status int
	body   string
	header http.Header
}

func (e *edge) do(method, path string, body []byte, header ...string) answered {
	e.t.Helper()
	return e.send(method, "http://"+e.Addr()+path, bytes.NewReader(body), header...)
}

func (e *edge) send(method, url string, body io.Reader, header ...string) answered {
	e.t.Helper()
	req, err := http.NewRequest(method, url, body)
	require.NoError(e.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == "" {
			req.Header[header[i]] = []string{""}
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := e.client.Do(req)
	require.NoError(e.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	return answered{resp.StatusCode, string(b), resp.Header}
}

// records reads everything that is on a topic now.
func (e *edge) records(topicName string) []*schema.Record {
	e.t.Helper()
	return readTopic(e.t, e.brokers, topicName)
}

func readTopic(t testing.TB, brokers []string, topicName string) []*schema.Record {
	t.Helper()
	var out []*schema.Record
	for p := range 2 {
		conn, err := kafka.DialLeader(context.Background(), "tcp", brokers[0], topicName, p)
		require.NoError(t, err)
		first, last, err := conn.ReadOffsets()
		require.NoError(t, err)
		_, err = conn.Seek(first, kafka.SeekAbsolute)
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		for at := first; at < last; {
			batch := conn.ReadBatch(1, 64<<20)
			for {
				m, err := batch.ReadMessage()
				if err != nil {
					break
				}
				at = m.Offset + 1
				r := &schema.Record{}
				require.NoError(t, schema.DecodeRecord(r, m.Value))
				out = append(out, r)
			}
			_ = batch.Close()
		}
		require.NoError(t, conn.Close())
	}
	return out
}

// sent is a Sentry event as an envelope.
func sent(eventID, message string) []byte {
	event := fmt.Sprintf(`{"event_id":%q,"platform":"python","level":"error","exception":{"values":[{"type":"ValueError","value":%q,"stacktrace":{"frames":[{"filename":"app.py","abs_path":"/srv/app.py","function":"main","lineno":3,"in_app":true,"context_line":"raise ValueError(x)"}]}}]}}`, eventID, message)
	return fmt.Appendf(nil, "{\"event_id\":%q}\n{\"type\":\"event\",\"length\":%d}\n%s\n", eventID, len(event), event)
}

func hexID(n int) string { return fmt.Sprintf("%032x", n+1) }

const auth = "Sentry sentry_key=" + testKey + ", sentry_version=7, sentry_client=sentry.python/2.75.0"
