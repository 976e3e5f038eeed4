package sentry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/ingest/sentry/item"
	"errata/schema"
)

const (
	vercelBuild  = `{"id":"1573817187330377061717300000","deploymentId":"dpl_1","source":"build","host":"shop-abc.vercel.app","timestamp":%d,"projectId":"prj_1","level":"info","message":"Build completed","buildId":"bld_1","type":"stdout","projectName":"shop"}`
	vercelLambda = `{"id":"2","deploymentId":"dpl_1","source":"lambda","host":"shop.example","timestamp":%d,"projectId":"prj_1","level":"error","message":"failed with Bearer hunter2secret0123","entrypoint":"api/index.js","path":"api/users","statusCode":500,"requestId":"r1","environment":"production","traceId":"1b02cd14bb8642fd092bc23f54c7ffcd","spanId":"F24E8631BD11FAA7","proxy":{"method":"GET","host":"shop.example","userAgent":["Mozilla/5.0"],"statusCode":500,"clientIp":"120.75.16.101","scheme":"https","vercelCache":"MISS"}}`
)

func TestVercelLogs(t *testing.T) {
	t.Parallel()
	ms := testRequest(t).ReceivedAt.Add(-time.Minute).UnixMilli()
	build, lambda := fmt.Sprintf(vercelBuild, ms), fmt.Sprintf(vercelLambda, ms)
	for name, c := range map[string]struct {
		kind, body  string
		status      int
		logs        int
		invalid     uint64
		tooMany     uint64
		firstsBody  string
		secondLevel uint32
	}{
		"a list":                 {"application/json", "[" + build + "," + lambda + "]", 200, 2, 0, 0, "Build completed", 17},
		"a line each":            {"application/x-ndjson", build + "\n\n" + lambda + "\r\n", 200, 2, 0, 0, "Build completed", 17},
		"one line":               {"application/json; charset=utf-8", lambda, 200, 1, 0, 0, "", 0},
		"one line, spread":       {"", strings.ReplaceAll(build, `,"`, ",\n\""), 200, 1, 0, 0, "Build completed", 0},
		"bad ones among others":  {"application/json", "[" + build + `,5,{"message":"no time"},` + lambda + "]", 200, 2, 2, 0, "Build completed", 17},
		"a broken line":          {"application/x-ndjson", build + "\n{\"id\":\n" + lambda, 200, 2, 1, 0, "Build completed", 17},
		"none":                   {"application/json", "[]", 200, 0, 0, 0, "", 0},
		"nothing":                {"application/json", " ", 400, 0, 0, 0, "", 0},
		"no JSON":                {"application/json", "hello", 400, 0, 0, 0, "", 0},
		"a list that is cut":     {"application/json", "[" + build, 400, 0, 0, 0, "", 0},
		"another type":           {"text/plain", build, 415, 0, 0, 0, "", 0},
		"more than one may hold": {"application/x-ndjson", strings.Repeat("{}\n", item.MaxItems+7), 200, 0, item.MaxItems, 7, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := VercelLogs(testRequest(t), c.kind, []byte(c.body))
			require.Equal(t, c.status, status(err), "%v", err)
			if err != nil {
				return
			}
			checkLedger(t, b)
			require.Len(t, b.Logs, c.logs)
			require.Empty(t, b.Events, "a line is no exception")
			var invalid, tooMany uint64
			for _, o := range b.Outcomes {
				switch o.Outcome {
				case schema.OutcomeInvalid:
					invalid += o.Quantity
				case schema.OutcomeTooLarge:
					tooMany += o.Quantity
				}
			}
			require.Equal(t, []uint64{c.invalid, c.tooMany}, []uint64{invalid, tooMany})
			if c.firstsBody != "" {
				require.Equal(t, c.firstsBody, b.Logs[0].Body)
				require.EqualValues(t, 9, b.Logs[0].Severity)
				require.Equal(t, ms*1000, b.Logs[0].TimeUs)
			}
			if c.secondLevel != 0 {
				require.Equal(t, c.secondLevel, b.Logs[1].Severity)
			}
		})
	}
}

func TestWhatOfAVercelLineIsKept(t *testing.T) {
	t.Parallel()
	req := testRequest(t)
	b, err := VercelLogs(req, "application/json", fmt.Appendf(nil, vercelLambda, req.ReceivedAt.UnixMilli()))
	require.NoError(t, err)
	l := b.Logs[0]
	require.Equal(t, []string{"1b02cd14bb8642fd092bc23f54c7ffcd", "f24e8631bd11faa7", "production", "shop.example"}, []string{l.TraceId, l.SpanId, l.Environment, l.ServerName})
	require.NotContains(t, l.Body, "hunter2secret")
	got := map[string]string{}
	for _, a := range l.Attributes {
		got[a.Key] = a.Value
	}
	for k, v := range map[string]string{
		"sentry.origin": "auto.log_drain.vercel", "vercel.id": "2", "vercel.source": "lambda", "http.response.status_code": "500", "url.path": "api/users",
		"user_agent.original": "Mozilla/5.0", "client.address": "120.75.16.101", "vercel.proxy.cache": "MISS", "http.request.method": "GET",
	} {
		require.Equal(t, v, got[k], k)
	}
}

func FuzzVercel(f *testing.F) {
	ms := time.Now().UnixMilli()
	build, lambda := fmt.Sprintf(vercelBuild, ms), fmt.Sprintf(vercelLambda, ms)
	f.Add([]byte("[" + build + "," + lambda + "]"))
	f.Add([]byte(build + "\n" + lambda))
	f.Add([]byte(`[{"timestamp":-1e308,"message":{"a":[1]},"proxy":[],"traceId":5}]`))
	req := testRequest(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := VercelLogs(req, "application/json", body)
		if err != nil {
			return
		}
		checkLedger(t, b)
		raw, err := schema.EncodeRecord(&schema.Record{Logs: b.Logs})
		require.NoError(t, err)
		var r schema.Record
		require.NoError(t, schema.DecodeRecord(&r, raw))
	})
}
