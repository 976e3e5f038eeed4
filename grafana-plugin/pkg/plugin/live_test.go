package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// watched are the frames that a tail sends, until the subscriber leaves.
type watched struct {
	frames chan *data.Frame
	leave  context.CancelFunc
	done   chan error
}

func (w watched) Send(p *backend.StreamPacket) error {
	f := &data.Frame{}
	if err := json.Unmarshal(p.Data, f); err != nil {
		return err
	}
	w.frames <- f
	return nil
}

// next is the next frame with records.
func (w watched) next(t *testing.T) *data.Frame {
	t.Helper()
	for {
		select {
		case f := <-w.frames:
			if f.Rows() > 0 {
				return f
			}
		case <-time.After(30 * time.Second):
			t.Fatal("no records came")
		}
	}
}

func (w watched) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-w.done:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the tail did not end")
		return nil
	}
}

type liveSource interface {
	backend.StreamHandler
	backend.CallResourceHandler
}

// address of the channel of a query, as the page asks for it.
func channel(t *testing.T, s liveSource, body string) (path string, raw json.RawMessage) {
	t.Helper()
	var got struct {
		Path string          `json:"path"`
		Data json.RawMessage `json:"data"`
	}
	err := s.CallResource(t.Context(), &backend.CallResourceRequest{Path: "live", URL: "live?query=" + url.QueryEscape(body), Method: getMethod},
		backend.CallResourceResponseSenderFunc(func(r *backend.CallResourceResponse) error {
			require.Equal(t, 200, r.Status, "%s", r.Body)
			return json.Unmarshal(r.Body, &got)
		}))
	require.NoError(t, err)
	require.Regexp(t, `^[A-Za-z0-9_\-=/.]{1,160}$`, got.Path)
	return got.Path, got.Data
}

func watch(t *testing.T, s liveSource, body string) watched {
	t.Helper()
	path, raw := channel(t, s, body)
	sub, err := s.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{Path: path, Data: raw})
	require.NoError(t, err)
	require.Equal(t, backend.SubscribeStreamStatusOK, sub.Status)
	ctx, leave := context.WithCancel(t.Context())
	w := watched{frames: make(chan *data.Frame, 100), leave: leave, done: make(chan error, 1)}
	go func() {
		w.done <- s.RunStream(ctx, &backend.RunStreamRequest{Path: path, Data: raw}, backend.NewStreamSender(w))
	}()
	t.Cleanup(leave)
	return w
}

// say writes a log record of this service, written ago in the past.
func say(t *testing.T, service, body string, ago time.Duration) {
	t.Helper()
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	ts := time.Now().Add(-ago).UTC().Format("2006-01-02 15:04:05.000000")
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO logs (project_id, ts, log_id, received_at, protocol, service, severity, severity_text, body, environment, scope_name, trace_id, span_id, fingerprint, attributes, resource)
		VALUES (1, '%s', '%s', '%s', 'otlp_logs', '%s', 9, 'info', '%s', 'production', 'tail', '', '', 0, map('k','v'), map())`, ts, uuid.New(), ts, service, body)))
}

func bodies(f *data.Frame) (out []string) {
	x, _ := f.FieldByName("body")
	for i := range x.Len() {
		out = append(out, x.At(i).(string))
	}
	return out
}

// Records come once each, oldest first, late ones too, and none of another
// query; the tail ends when its subscriber leaves.
func TestLiveTail(t *testing.T) {
	s := source(t, nil, nil)
	service := "live-" + uuid.NewString() // Another run of the last minute has its own.
	say(t, service, "before", 20*time.Second)
	say(t, service, "just before", 10*time.Second)
	say(t, "another", "not asked for", 10*time.Second)
	w := watch(t, s, fmt.Sprintf(`{"mode":"logs","service":%q}`, service))
	first := w.next(t)
	require.Equal(t, []string{"before", "just before"}, bodies(first))
	require.Equal(t, data.FrameTypeLogLines, first.Meta.Type)

	say(t, service, "one", 0)
	require.Equal(t, []string{"one"}, bodies(w.next(t)))
	say(t, service, "late", 15*time.Second)
	require.Equal(t, []string{"late"}, bodies(w.next(t)))
	w.leave()
	require.NoError(t, w.ended(t))
}

// The records of a tail are the frame of a panel.
func TestLiveFrame(t *testing.T) {
	s := source(t, nil, nil)
	// A run finds what another one of the last minute said; its service is its own.
	service := "framed-" + uuid.NewString()
	say(t, service, "once", time.Second)
	w := watch(t, s, fmt.Sprintf(`{"mode":"logs","service":%q}`, service))
	f := w.next(t)
	for _, x := range f.Fields {
		switch x.Name { // What each run has of its own.
		case "timestamp":
			x.Set(0, base)
		case "id":
			x.Set(0, "an id")
		case "labels":
			labels, ok := x.At(0).(json.RawMessage)
			require.True(t, ok)
			x.Set(0, json.RawMessage(strings.Replace(string(labels), service, "framed", 1)))
		}
	}
	golden(t, "logs_live", data.Frames{f})
}

// Too many at once are cut, and the frame says so.
func TestLiveBound(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	service := "flood-" + uuid.NewString()
	require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO logs (project_id, ts, log_id, received_at, protocol, service, severity, severity_text, body)
		SELECT 1, now64(6) - toIntervalMillisecond(number), generateUUIDv4(), now64(3), 'otlp_logs', '%s', 9, 'info', toString(number) FROM numbers(900)`, service)))
	w := watch(t, s, fmt.Sprintf(`{"mode":"logs","service":%q}`, service))
	f := w.next(t)
	require.Equal(t, 500, f.Rows())
	require.Equal(t, "499", bodies(f)[0])
	require.Equal(t, "0", bodies(f)[499])
	require.Contains(t, f.Meta.Notices[0].Text, "Truncated")
}

// A channel gives the records of its own query only.
func TestLiveSubscribe(t *testing.T) {
	s := source(t, nil, nil)
	path, raw := channel(t, s, `{"mode":"logs","service":"web"}`)
	other, _ := channel(t, s, `{"mode":"logs","service":"worker"}`)
	require.NotEqual(t, path, other)
	again, _ := channel(t, s, `{"refId":"B","mode":"logs","service":" web ","limit":7,"traceId":""}`)
	require.Equal(t, path, again, "what selects the same is one channel")
	for _, c := range []struct {
		name, path string
		raw        string
		want       backend.SubscribeStreamStatus
	}{
		{"its own", path, string(raw), backend.SubscribeStreamStatusOK},
		{"another query's path", other, string(raw), backend.SubscribeStreamStatusNotFound},
		{"no query", path, "", backend.SubscribeStreamStatusNotFound},
		{"no path", "", string(raw), backend.SubscribeStreamStatusNotFound},
		{"SQL", path, `{"mode":"sql","sql":"SELECT 1"}`, backend.SubscribeStreamStatusNotFound},
		{"too large", path, `{"mode":"logs","text":"` + strings.Repeat("x", 17<<10) + `"}`, backend.SubscribeStreamStatusNotFound},
		{"another path", "logs/../../x", string(raw), backend.SubscribeStreamStatusNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, user := range []*backend.User{nil, viewer, editor, admin} {
				pc := backend.PluginContext{User: user}
				r, err := s.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{PluginContext: pc, Path: c.path, Data: json.RawMessage(c.raw)})
				require.NoError(t, err)
				require.Equal(t, c.want, r.Status)
				// Nobody writes into a channel.
				p, err := s.PublishStream(t.Context(), &backend.PublishStreamRequest{PluginContext: pc, Path: c.path, Data: json.RawMessage(c.raw)})
				require.NoError(t, err)
				require.Equal(t, backend.PublishStreamStatusPermissionDenied, p.Status)
			}
			if c.want != backend.SubscribeStreamStatusOK {
				require.Error(t, s.RunStream(t.Context(), &backend.RunStreamRequest{Path: c.path, Data: json.RawMessage(c.raw)}, nil))
			}
		})
	}
	for _, c := range []struct{ name, body, want string }{
		{"another mode", `{"mode":"events"}`, "only logs can be followed live"},
		{"unknown project", `{"mode":"logs","project":"nope"}`, `no project`},
		{"wrong filter", `{"mode":"logs","filters":[{"key":"a","operator":"or","value":"x"}]}`, "has the operator"},
		{"too large", `{"mode":"logs","text":"` + strings.Repeat("x", 17<<10) + `"}`, "the limit is 16384"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := call(t, s, viewer, getMethod, "live?query="+url.QueryEscape(c.body), "", nil)
			require.Equal(t, 400, status)
			require.Contains(t, body["message"], c.want)
		})
	}
}

// What would mean something in SQL finds nothing and writes nothing here either.
func TestLiveInjection(t *testing.T) {
	s := source(t, nil, nil)
	say(t, "guarded", "secret", time.Second)
	for _, attack := range []string{`' OR 1=1 --`, `\' OR 1=1 /*`, `') UNION ALL SELECT payload FROM events --`, `\N`} {
		text, err := json.Marshal(attack)
		require.NoError(t, err)
		for field := range strings.FieldsSeq(readBy["logs"]) {
			body := attackOn("logs", field, string(text))
			if status, _ := call(t, s, viewer, getMethod, "live?query="+url.QueryEscape(body), "", nil); status == 400 {
				continue
			}
			w := watch(t, s, body)
			select {
			case f := <-w.frames: // The first says that the tail runs.
				require.Zero(t, f.Rows(), "%s", body)
				require.Empty(t, f.Meta.Notices, "%s", body)
			case <-time.After(30 * time.Second):
				t.Fatal("no answer")
			}
			w.leave()
			require.NoError(t, w.ended(t))
		}
	}
}

// A store that is away is said once; a data source that changes ends its tails.
// Nothing of either stays behind.
func TestLiveEnds(t *testing.T) {
	running := goleak.IgnoreCurrent()
	away := source(t, settings{"address": "127.0.0.1:1"}, nil)
	raw := `{"mode":"logs"}`
	there := source(t, nil, nil)
	path, _ := channel(t, there, raw)
	ctx, leave := context.WithCancel(t.Context())
	w := watched{frames: make(chan *data.Frame, 100), leave: leave, done: make(chan error, 1)}
	go func() {
		w.done <- away.RunStream(ctx, &backend.RunStreamRequest{Path: path, Data: json.RawMessage(raw)}, backend.NewStreamSender(w))
	}()
	select {
	case f := <-w.frames:
		require.Contains(t, f.Meta.Notices[0].Text, "Nothing answers as ClickHouse")
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was said")
	}
	leave()
	require.NoError(t, w.ended(t))

	w = watch(t, there, raw)
	<-w.frames
	there.Dispose()
	require.NoError(t, w.ended(t))
	away.Dispose()
	goleak.VerifyNone(t, running)
}
