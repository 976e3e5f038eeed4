package otlp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
	"errata/ingest/otlp/attribute"
	"errata/schema"
)

// secrets of kinds that must never pass, each with a place in a request.
const (
	password = "hunter2-password"
	card     = "4111 1111 1111 1111"
	token    = "eyJhbGciOiJIUzI1NiJ9.payload.signature"
)

func TestSecretsNeverPass(t *testing.T) {
	t.Parallel()
	stack := traceback("E", "card "+card, "/home/alice/app/pay.py:3:pay")
	s := span(1, 0, 0, 5, thrownAt(1, "E", "card "+card, stack))
	s.Attributes = attrs("db.password", password, "http.request.header.authorization", "Bearer "+token, "url.full", "https://u:"+password+"@example.com/pay?token="+token,
		"http.request.method", "GET", "user.email", "kept@example.com", "user.id", "42")
	s.Kind = 2
	s.Name = "charge " + card
	s.Status = nil
	s.Links = nil
	l := &logspb.LogRecord{TimeUnixNano: at(0), SeverityNumber: 17, Body: str("paid with " + card), Attributes: append(attrs("exception.type", "E", "exception.message", "Authorization: Bearer "+token),
		&common.KeyValue{Key: "api_key", Value: str(password)})}
	resource := attrs("service.name", "shop", "aws.secret_access_key", password)
	traces, _ := run(t, Traces, tracesOf(resource, s))
	logs, _ := run(t, Logs, logsOf(resource, l))
	for name, m := range map[string]proto.Message{"span": traces.Spans[0], "event": traces.Events[0], "log": logs.Logs[0], "log event": logs.Events[0]} {
		b, err := proto.Marshal(m)
		require.NoError(t, err)
		for _, secret := range []string{password, card, token} {
			require.NotContains(t, string(b), secret, name)
		}
	}
	e := traces.Events[0]
	require.NotZero(t, e.Redactions)
	require.Equal(t, "pay", e.FramesFunction[0])
	require.Equal(t, "/home/alice/app/pay.py", e.FramesFile[0], "file names are no secrets")
	require.Equal(t, []string{"42", "kept@example.com"}, []string{e.UserId, e.UserEmail})
	require.True(t, strings.HasPrefix(e.Title, "E: card "), e.Title)
	require.NotZero(t, logs.Events[0].Redactions)
}

func TestRulesByPath(t *testing.T) {
	t.Parallel()
	p, err := intake.NewProject(schema.Project{ID: 7, Settings: `{"scrub":{"rules":[{"name":"order","path":"exception.values.*.value","pattern":"/order [0-9]+/"},{"name":"tier","path":"tags.tier"}]}}`})
	require.NoError(t, err)
	s := span(1, 0, 0, 5, thrownAt(1, "E", "order 4711 lost", ""))
	s.Attributes = attrs("tier", "gold", "shop", "x")
	body, err := proto.Marshal(tracesOf(nil, s))
	require.NoError(t, err)
	req := request(t)
	req.Project = p
	b, _, err := Traces(req, body, "application/x-protobuf")
	require.NoError(t, err)
	e := b.Events[0]
	require.NotContains(t, e.ExceptionValue, "4711")
	require.NotContains(t, e.Title, "4711")
	require.NotContains(t, string(e.Payload), "4711")
	require.NotEqual(t, "gold", attribute.Value(e.Tags, "tier"))
	require.Equal(t, "x", attribute.Value(e.Tags, "shop"))
	require.GreaterOrEqual(t, int(e.Redactions), 2)
}
