package ingest

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"errata/schema"
)

// locked is a buffer for the logs of many goroutines.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNoSecretInLogsAnswersAndMetrics sends a secret in all that can be wrong
// with a request and is a place for one. It comes back in no answer and stands in
// no log and no metric. Names of content types and encodings, and paths, may.
func TestNoSecretInLogsAnswersAndMetrics(t *testing.T) {
	t.Parallel()
	const secret = "canaryhunter2"
	logs := &locked{}
	e := start(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	envelope := func(body string) func() answered {
		return func() answered { return e.do("POST", "/api/1/envelope/", []byte(body), "X-Sentry-Auth", auth) }
	}
	otlp := func(signal, body, contentType string) func() answered {
		return func() answered {
			return e.do("POST", "/v1/"+signal, []byte(body), "X-Errata-Key", testKey, "Content-Type", contentType)
		}
	}
	for name, do := range map[string]func() answered{
		"bad header":        envelope(`{"event_id": "` + secret + `"` + "\n"),
		"bad event id":      envelope(`{"event_id":"` + secret + `"}` + "\n"),
		"bad sent_at":       envelope(`{"sent_at":"` + secret + `"}` + "\n"),
		"bad dsn":           envelope(`{"dsn":"https://` + testKey + `:` + secret + `@x.example/2"}` + "\n"),
		"unreadable dsn":    envelope(`{"dsn":"https://u:` + secret + `%zz@x.example/2"}` + "\n"),
		"bad item header":   envelope("{}\n" + `{"type":"event","password":"` + secret + `"` + "\n{}\n"),
		"item without type": envelope("{}\n" + `{"length":2,"filename":"` + secret + `"}` + "\n{}\n"),
		"bad event":         envelope("{}\n" + `{"type":"event"}` + "\n" + `{"extra":{"password":"` + secret + `"}` + "\n"),
		"event is a text":   envelope("{}\n" + `{"type":"event"}` + "\n" + `"password=` + secret + `"` + "\n"),
		"integration item":  envelope("{}\n" + `{"type":"integration"}` + "\n" + `{"password":"` + secret + `"}` + "\n"),
		"bad session":       envelope("{}\n" + `{"type":"session"}` + "\n" + `{"sid":"token=` + secret + `"}` + "\n"),
		"bad check-in":      envelope("{}\n" + `{"type":"check_in"}` + "\n" + `{"check_in_id":"?token=` + secret + `","monitor_slug":"a","status":"?token=` + secret + `"}` + "\n"),
		"bad monitor":       envelope("{}\n" + `{"type":"check_in"}` + "\n" + `{"monitor_slug":"a","status":"ok","monitor_config":{"schedule":{"type":"crontab","value":"?token=` + secret + `"},"timezone":"?token=` + secret + `"}}` + "\n"),
		"bad client report": envelope("{}\n" + `{"type":"client_report"}` + "\n" + `{"discarded_events":"` + secret + `"` + "\n"),
		"bad log":           envelope("{}\n" + `{"type":"log"}` + "\n" + `{"items":[{"timestamp":"?token=` + secret + `","level":"?token=` + secret + `","body":"x"}]}` + "\n"),
		"bad span":          envelope("{}\n" + `{"type":"span"}` + "\n" + `{"items":[{"trace_id":"?token=` + secret + `","span_id":"?token=` + secret + `"}]}` + "\n"),
		"store": func() answered {
			return e.do("POST", "/api/1/store/", []byte(`{"password":"`+secret), "X-Sentry-Auth", auth)
		},
		"store, base64":       func() answered { return e.do("POST", "/api/1/store/", []byte(secret+"!!"), "X-Sentry-Auth", auth) },
		"query":               func() answered { return e.do("GET", "/api/1/store/?sentry_key="+testKey+"&sentry_data="+secret, nil) },
		"path":                func() answered { return e.do("POST", "/api/1/nowhere/?token="+secret, nil, "X-Sentry-Auth", auth) },
		"project in the path": func() answered { return e.do("POST", "/api/"+secret+"/envelope/", nil, "X-Sentry-Auth", auth) },
		"unknown key": func() answered {
			return e.do("POST", "/api/1/envelope/", []byte("{}\n"), "X-Sentry-Auth", "Sentry sentry_key=fedcba98765432100123456789abcdef, sentry_secret="+secret)
		},
		"bad key": func() answered {
			return e.do("POST", "/api/1/envelope/", []byte("{}\n"), "X-Sentry-Auth", "Sentry sentry_key="+secret+"!")
		},
		"authorization": func() answered {
			return e.do("POST", "/api/1/envelope/", []byte("{}\n"), "Authorization", "Bearer "+secret)
		},
		"not what it says": func() answered {
			return e.do("POST", "/api/1/envelope/", []byte(secret), "X-Sentry-Auth", auth, "Content-Encoding", "gzip")
		},
		"csp": func() answered {
			return e.do("POST", "/api/1/security/"+query, []byte(`{"csp-report":{"document-uri":"?token=`+secret), "Content-Type", "application/csp-report")
		},
		"csp content type": func() answered {
			return e.do("POST", "/api/1/security/"+query, []byte(`{}`), "Content-Type", secret+"/x")
		},
		"nel content type": func() answered { return e.do("POST", "/api/1/nel/"+query, []byte(`{}`), "Content-Type", secret+"/x") },
		"minidump": func() answered {
			return e.do("POST", "/api/1/minidump/"+query, []byte(secret), "Content-Type", "multipart/form-data; boundary="+secret)
		},
		"minidump, no parts": func() answered {
			return e.do("POST", "/api/1/minidump/"+query, []byte("--x\r\nContent-Disposition: form-data; name=\"upload_file_minidump\"; filename=\""+secret+"\"\r\n\r\n"+secret+"\r\n--x--\r\n"), "Content-Type", "multipart/form-data; boundary=x")
		},
		"cron": func() answered {
			return e.do("GET", "/api/1/cron/job/"+testKey+"/?status="+secret+"&check_in_id="+secret+"&duration="+secret, nil)
		},
		"user feedback": func() answered {
			return e.do("POST", "/api/1/user-feedback/", []byte(`{"event_id":"`+secret+`"}`), "X-Sentry-Auth", auth, "Content-Type", "application/json")
		},
		"crash report": func() answered {
			return e.do("POST", "/api/embed/error-page/?dsn="+secret+"&eventId="+secret, []byte("email="+secret), "Content-Type", "application/x-www-form-urlencoded")
		},
		"attachments of": func() answered {
			return e.do("POST", "/api/1/events/"+secret+"/attachments/", []byte(secret), "X-Sentry-Auth", auth)
		},
		"otlp, JSON":     otlp("traces", `{"resourceSpans":"`+secret+`"}`, "application/json"),
		"otlp, cut":      otlp("logs", `{"resourceLogs":[{"password":"`+secret, "application/json"),
		"otlp, ids":      otlp("traces", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"`+secret+`","spanId":"`+secret+`","name":"x"}]}]}]}`, "application/json"),
		"otlp, number":   otlp("logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"`+secret+`"}]}]}]}`, "application/json"),
		"otlp, protobuf": otlp("metrics", secret, "application/x-protobuf"),
		"otlp, key": func() answered {
			return e.do("POST", "/v1/logs", []byte(`{}`), "X-Errata-Key", secret, "Content-Type", "application/json")
		},
		"sentry-cli": func() answered {
			return e.do("POST", "/api/0/organizations/x/releases/?token="+secret, []byte(secret), "Authorization", "Bearer "+secret)
		},
	} {
		r := do()
		assert.NotContains(t, r.body, secret, name)
		for k, values := range r.header {
			assert.NotContains(t, strings.Join(values, " "), secret, "%s: %s", name, k)
		}
	}
	// What the HTTP library refuses before any handler sees it.
	for _, raw := range []string{
		"POST /api/1/envelope/?token=" + secret + " HTTP/1.1\r\nHost: x\r\nAuthorization: " + secret + "\r\nContent-Length: " + secret + "\r\n\r\n",
		"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nCookie: sid=" + secret + "\r\n" + secret + "\r\n\r\n",
		secret + "\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: " + strings.Repeat(secret, 10_000) + "\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", e.Addr())
		require.NoError(t, err)
		_, _ = conn.Write([]byte(raw))
		answer := make([]byte, 4096)
		n, _ := conn.Read(answer)
		require.NoError(t, conn.Close())
		assert.NotContains(t, string(answer[:n]), secret)
	}
	m := e.do("GET", "/metrics", nil)
	require.Equal(t, http.StatusOK, m.status)
	assert.NotContains(t, m.body, secret)
	assert.NotContains(t, logs.String(), secret)
	for _, name := range append([]string{schema.TopicDead}, schema.Topics...) {
		for _, r := range e.records(name) {
			raw, err := schema.EncodeRecord(r)
			require.NoError(t, err)
			assert.NotContains(t, string(raw), secret, name)
		}
	}
}
