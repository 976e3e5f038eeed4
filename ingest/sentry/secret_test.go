package sentry

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// TestNoSecretInRows puts one password wherever a client can put one, in every
// kind of item and in the odd forms of attributes.
func TestNoSecretInRows(t *testing.T) {
	t.Parallel()
	const trace = `"trace_id":"4c79f60c11214eb38604f4ae0781bfb2","span_id":"fa90fdead5f74052"`
	const secret = `"password":"hunter2secret"`
	attr := `"attributes":{"password":{"value":"hunter2secret","type":"string"}}`
	for name, item := range map[string][2]string{
		"event":            {`"type":"event"`, `{"tags":{` + secret + `},"extra":{` + secret + `},"user":{` + secret + `},"contexts":{"a":{` + secret + `}},"request":{"data":{` + secret + `},"headers":{` + secret + `},"cookies":{` + secret + `},"env":{` + secret + `},"query_string":"password=hunter2secret&a=1","url":"http://u:hunter2secret@h.example/x?password=hunter2secret"},"breadcrumbs":[{"data":{` + secret + `}}],"exception":[{"type":"A","value":"v","stacktrace":{"frames":[{"vars":{` + secret + `}}]},"mechanism":{"data":{` + secret + `}}}]}`},
		"pairs":            {`"type":"event"`, `{"tags":[["password","hunter2secret"]],"extra":[["password","hunter2secret"]],"request":{"headers":[["password","hunter2secret"]],"cookies":[["password","hunter2secret"]],"query_string":[["password","hunter2secret"]]}}`},
		"old names":        {`"type":"event"`, `{"sentry.interfaces.Http":{"data":{` + secret + `}},"sentry.interfaces.User":{` + secret + `},"sentry.interfaces.Exception":[{"type":"A","stacktrace":{"frames":[{"vars":{` + secret + `}}]}}]}`},
		"unknown":          {`"type":"event"`, `{"whatever":{` + secret + `},"password":"hunter2secret"}`},
		"a refused value":  {`"type":"event"`, `{"tags":{"password":["hunter2secret"]},"contexts":[{` + secret + `}],"user":[{` + secret + `}]}`},
		"transaction":      {`"type":"transaction"`, `{"type":"transaction","start_timestamp":1795430000,"timestamp":1795430001,"contexts":{"trace":{` + trace + `,"data":{` + secret + `}},"b":{` + secret + `}},"extra":{` + secret + `},"tags":{` + secret + `},"request":{"query_string":"password=hunter2secret"},"spans":[{"span_id":"fa90fdead5f74053","start_timestamp":1795430000,"timestamp":1795430001,"data":{` + secret + `},"tags":{` + secret + `}}]}`},
		"span":             {`"type":"span"`, `{"items":[{` + trace + `,"name":"n","start_timestamp":1795430000,"end_timestamp":1795430001,` + attr + `,"links":[{` + trace + `,` + attr + `}]}]}`},
		"log":              {`"type":"log"`, `{"items":[{"timestamp":1795430000,"body":"x",` + attr + `}]}`},
		"metric":           {`"type":"trace_metric"`, `{"items":[{"timestamp":1795430000,"name":"n","type":"counter","value":1,` + attr + `}]}`},
		"log, with a card": {`"type":"log"`, `{"items":[{"timestamp":1795430000,"level":"error","body":"Authorization: Bearer hunter2secret.hunter2secret.hunter2secret","attributes":{"exception.type":"A","exception.message":"paid with 4111111111111111"}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, err := Envelope(testRequest(t), env(`{}`, item))
			require.NoError(t, err)
			checkLedger(t, b)
			var out []byte
			for _, e := range b.Events {
				raw, err := schema.EncodeRecord(&schema.Record{Event: e})
				require.NoError(t, err)
				out = append(out, raw...)
			}
			raw, err := schema.EncodeRecord(&schema.Record{Spans: b.Spans, Logs: b.Logs, Metrics: b.Metrics, Feedback: b.Feedback, Outcomes: b.Outcomes})
			require.NoError(t, err)
			out = append(out, raw...)
			for _, s := range []string{"hunter2secret", "4111111111111111"} {
				if i := bytes.Index(out, []byte(s)); i >= 0 {
					t.Errorf("%s is still there: ...%s", s, out[max(0, i-80):min(len(out), i+20)])
				}
			}
		})
	}
}
