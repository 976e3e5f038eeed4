package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"errata/schema"
)

func withSettings(project, key string) func(*Config) {
	return func(c *Config) {
		if strings.Contains(project+key, `"window_seconds":86400`) {
			notAtMidnight()
		}
		l := twoProjects()
		l.Projects[0].Settings, l.Keys[0].Settings = project, key
		c.Projects = l
	}
}

// notAtMidnight waits until quotas of a day that are tested now begin and end in one day of UTC.
func notAtMidnight() {
	now := time.Now().UTC()
	if left := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now); left < 30*time.Second {
		time.Sleep(left)
	}
}

// ledger sums what is on the topics: accepted by category, and fates.
func (e *edge) ledger() (accepted map[string]uint64, fates map[string]uint64) {
	accepted, fates = map[string]uint64{}, map[string]uint64{}
	for _, name := range schema.Topics {
		for _, r := range e.records(name) {
			for _, x := range r.Receipts {
				accepted[x.Category] += x.Quantity
			}
			for _, o := range r.Outcomes {
				fates[o.Category+" "+o.Outcome+" "+o.Reason] += o.Quantity
			}
			if ev := r.Event; ev != nil {
				if ev.Weight > 1 {
					fates[ev.Category()+" sampled"] += uint64(ev.Weight)
				} else {
					fates[ev.Category()+" row"]++
				}
			}
			for _, x := range r.Attachments {
				fates[x.Category()+" row"]++
			}
			for _, x := range r.Spans {
				fates[x.Category()+" row"]++
			}
		}
	}
	return accepted, fates
}

func balanced(t *testing.T, accepted, fates map[string]uint64) {
	t.Helper()
	sums := map[string]uint64{}
	for k, n := range fates {
		category, _, _ := strings.Cut(k, " ")
		sums[category] += n
	}
	require.Equal(t, accepted, sums, "accepted = rows + fates")
}

func TestQuotaOfAProject(t *testing.T) {
	e := start(t, withSettings(`{"quotas":[{"categories":["error"],"limit":3,"window_seconds":86400,"reason":"daily"}]}`, ""))
	for i := range 6 {
		r := e.do("POST", "/api/1/envelope/", sent(hexID(i), "x"), "X-Sentry-Auth", auth)
		if i < 3 {
			require.Equal(t, 200, r.status, r.body)
			continue
		}
		require.Equal(t, 429, r.status)
		require.Regexp(t, `^\d+:error:project:daily$`, r.header.Get("X-Sentry-Rate-Limits"))
		require.Contains(t, r.body, `"over the quota daily"`)
		require.NotEmpty(t, r.header.Get("Retry-After"))
	}
	accepted, fates := e.ledger()
	require.Equal(t, map[string]uint64{"error row": 3, "error rate_limited daily": 3}, fates)
	balanced(t, accepted, fates)
	r := e.do("POST", "/api/1/envelope/", fmt.Appendf(nil, "{}\n{\"type\":\"session\"}\n{\"sid\":\"7c7b6585-f901-4351-bf8d-02711b721929\",\"init\":true,\"started\":%q,\"status\":\"ok\",\"attrs\":{\"release\":\"a@1\"}}\n", time.Now().UTC().Format(time.RFC3339)), "X-Sentry-Auth", auth)
	require.Equal(t, 200, r.status, "other categories pass")
	require.Equal(t, 200, e.do("POST", "/api/2/envelope/", sent(hexID(9), "x"), "X-Sentry-Auth", "Sentry sentry_key="+otherKey).status, "other projects pass")
}

func TestQuotaOfAKeyOverAllIsKnownBeforeTheBody(t *testing.T) {
	e := start(t, withSettings("", `{"quotas":[{"limit":2,"window_seconds":86400}]}`))
	for i := range 2 {
		require.Equal(t, 200, e.do("POST", "/api/1/envelope/", sent(hexID(i), "x"), "X-Sentry-Auth", auth).status)
	}
	r := e.do("POST", "/api/1/envelope/", []byte("this is never read"), "X-Sentry-Auth", auth)
	require.Equal(t, 429, r.status)
	require.Regexp(t, `^\d+::key:quota$`, r.header.Get("X-Sentry-Rate-Limits"))
	require.Contains(t, r.body, `"over a quota of the project or key`)
	require.Equal(t, 200, e.do("POST", "/api/1/nel/"+query, []byte(`[]`), "Content-Type", "application/json").status, "never 429")
	require.Equal(t, 202, e.do("GET", "/api/1/cron/x/"+testKey+"/?status=ok", nil).status, "never 429")
}

func TestOTLPOverQuotaIsPartial(t *testing.T) {
	e := start(t, withSettings(`{"quotas":[{"categories":["span"],"limit":3,"window_seconds":86400}]}`, ""))
	m := traces("0123456789abcdef")
	one := m.ResourceSpans[0].ScopeSpans[0].Spans[0]
	spans := m.ResourceSpans[0].ScopeSpans[0]
	for i := range 4 {
		c := proto.CloneOf(one)
		c.SpanId = fmt.Appendf(nil, "span%04d", i)
		spans.Spans = append(spans.Spans, c)
	}
	body, err := proto.Marshal(m)
	require.NoError(t, err)
	r := e.do("POST", "/v1/traces", body, "Content-Type", "application/x-protobuf", "X-Errata-Key", testKey)
	require.Equal(t, 200, r.status)
	var answer coltrace.ExportTraceServiceResponse
	require.NoError(t, proto.Unmarshal([]byte(r.body), &answer))
	require.EqualValues(t, 2, answer.PartialSuccess.GetRejectedSpans())
	r = e.do("POST", "/v1/traces", body, "Content-Type", "application/x-protobuf", "X-Errata-Key", testKey)
	require.Equal(t, 429, r.status)
	require.NotEmpty(t, r.header.Get("Retry-After"))
	accepted, fates := e.ledger()
	require.Equal(t, map[string]uint64{"span row": 3, "span rate_limited quota": 7}, fates)
	balanced(t, accepted, fates)
}

func TestInboundFilters(t *testing.T) {
	e := start(t, withSettings(`{"filters":{"messages":["*boring*"],"ips":["203.0.113.0/24"]}}`, ""), func(c *Config) { c.TrustForwarded = true })
	with := func(id int, message string, h ...string) answered {
		body := sent(hexID(id), message)
		body = append(body, "{\"type\":\"attachment\",\"length\":1,\"filename\":\"x\"}\na\n"...)
		return e.do("POST", "/api/1/envelope/", body, append(h, "X-Sentry-Auth", auth)...)
	}
	require.Equal(t, 200, with(1, "very boring thing").status, "the client is not told")
	require.Equal(t, 200, with(2, "interesting", "X-Forwarded-For", "203.0.113.9, 10.0.0.1").status)
	require.Equal(t, 200, with(3, "interesting", "X-Forwarded-For", "198.51.100.1").status)
	accepted, fates := e.ledger()
	require.Equal(t, map[string]uint64{
		"error row": 1, "attachment row": 1, "error filtered error-message": 1, "attachment filtered error-message": 1,
		"error filtered ip-address": 1, "attachment filtered ip-address": 1,
	}, fates)
	balanced(t, accepted, fates)
}

// TestFiltersOfAllItems sends each kind of item over both protocols to a project
// that wants nothing of one release, one environment and one network.
func TestFiltersOfAllItems(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		settings, ip string
		reason       string
		checkIns     bool // Whether these go too.
	}{
		"release":        {`{"filters":{"releases":["shop@0.*"]}}`, "198.51.100.1", "release-version", false},
		"environment":    {`{"filters":{"environments":["C?"]}}`, "198.51.100.1", "environment", false},
		"network":        {`{"filters":{"ips":["198.51.100.0/24"]}}`, "198.51.100.1:4711, 10.0.0.1", "ip-address", true},
		"mapped network": {`{"filters":{"ips":["::ffff:198.51.100.0/120"]}}`, "198.51.100.1", "ip-address", true},
		"version 6":      {`{"filters":{"ips":["2001:db8::/32"]}}`, "[2001:db8:1::7]:4711", "ip-address", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, withSettings(tc.settings, ""), func(c *Config) { c.TrustForwarded = true })
			now := time.Now().UTC().Format(time.RFC3339)
			of := `"release":"shop@0.9","environment":"ci"`
			attributes := `"attributes":{"sentry.release":{"value":"shop@0.9","type":"string"},"sentry.environment":{"value":"ci","type":"string"}}`
			for i, item := range [][2]string{
				{`{"type":"event"}`, `{"message":"x",` + of + `}`},
				{`{"type":"transaction"}`, `{"type":"transaction","transaction":"x","start_timestamp":1795430000,"timestamp":1795430001,"contexts":{"trace":{"trace_id":"` + hexID(7) + `","span_id":"1234567812345678"}},"spans":[{"span_id":"1234567812345679","start_timestamp":1795430000,"timestamp":1795430001}],` + of + `}`},
				{`{"type":"session"}`, `{"sid":"7c7b6585-f901-4351-bf8d-02711b721929","init":true,"started":"` + now + `","timestamp":"` + now + `","status":"ok","attrs":{` + of + `}}`},
				{`{"type":"log","content_type":"application/vnd.sentry.items.log+json","item_count":1}`, `{"items":[{"timestamp":1795430000,"level":"info","body":"x",` + attributes + `}]}`},
				{`{"type":"span","content_type":"application/vnd.sentry.items.span.v2+json","item_count":1}`, `{"items":[{"trace_id":"` + hexID(8) + `","span_id":"1234567812345678","name":"x","start_timestamp":1795430000,"end_timestamp":1795430001,` + attributes + `}]}`},
				{`{"type":"trace_metric","content_type":"application/vnd.sentry.items.trace-metric+json","item_count":1}`, `{"items":[{"timestamp":1795430000,"name":"n","type":"counter","value":1,` + attributes + `}]}`},
				{`{"type":"feedback"}`, `{"type":"feedback","contexts":{"feedback":{"message":"x"}},` + of + `}`},
				{`{"type":"check_in"}`, `{"check_in_id":"` + hexID(9) + `","monitor_slug":"job","status":"ok","environment":"ci","monitor_config":{"schedule":{"type":"crontab","value":"* * * * *"}}}`},
			} {
				r := e.do("POST", "/api/1/envelope/", []byte("{\"event_id\":\""+hexID(100+i)+"\"}\n"+item[0]+"\n"+item[1]+"\n"), "X-Sentry-Auth", auth, "X-Forwarded-For", tc.ip)
				require.Equal(t, 200, r.status, "%s: %s", item[0], r.body)
			}
			resource := `"resource":{"attributes":[{"key":"service.version","value":{"stringValue":"shop@0.9"}},{"key":"deployment.environment.name","value":{"stringValue":"ci"}}]}`
			for signal, body := range map[string]string{
				"traces":  `{"resourceSpans":[{` + resource + `,"scopeSpans":[{"spans":[{"traceId":"` + hexID(3) + `","spanId":"1234567812345678","name":"x"}]}]}]}`,
				"logs":    `{"resourceLogs":[{` + resource + `,"scopeLogs":[{"logRecords":[{"severityNumber":9,"body":{"stringValue":"x"}},{"severityNumber":17,"body":{"stringValue":"y"}}]}]}]}`,
				"metrics": `{"resourceMetrics":[{` + resource + `,"scopeMetrics":[{"metrics":[{"name":"n","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1795430000000000000"}]}}]}]}]}`,
			} {
				r := e.do("POST", "/v1/"+signal, []byte(body), "X-Errata-Key", testKey, "Content-Type", "application/json", "X-Forwarded-For", tc.ip)
				require.Equal(t, 200, r.status, r.body)
			}
			accepted, fates := e.ledger()
			require.Len(t, accepted, 8)
			for category, n := range accepted {
				want := category + " filtered " + tc.reason
				if category == schema.CategoryMonitor && !tc.checkIns {
					continue
				}
				require.Equal(t, n, fates[want], want)
			}
			for _, name := range schema.Topics {
				for _, r := range e.records(name) {
					require.Nil(t, r.Event)
					require.Empty(t, len(r.Spans)+len(r.Logs)+len(r.Metrics)+len(r.Sessions)+len(r.Feedback), name)
					if tc.checkIns {
						require.Empty(t, len(r.CheckIns)+len(r.Monitors))
					}
				}
			}
		})
	}
}

// TestLimitOfAnIssueHoldsBackNoOther shows what clients are told of it: nothing,
// as an answer of 429 without a header stops all that an SDK sends.
func TestLimitOfAnIssueHoldsBackNoOther(t *testing.T) {
	t.Parallel()
	e := start(t, withSettings(`{"quotas":[{"categories":["error"],"limit":1,"window_seconds":86400,"per_fingerprint":true,"reason":"noisy"}]}`, ""))
	for i := range 3 {
		r := e.do("POST", "/api/1/envelope/", sent(hexID(i), "x"), "X-Sentry-Auth", auth)
		require.Equal(t, 200, r.status, r.body)
		require.Empty(t, r.header.Get("X-Sentry-Rate-Limits"))
		require.Empty(t, r.header.Get("Retry-After"))
	}
	accepted, fates := e.ledger()
	require.Equal(t, map[string]uint64{"error row": 1, "error rate_limited noisy": 2}, fates)
	balanced(t, accepted, fates)
}

func TestFloodIsCountedExactly(t *testing.T) {
	e := start(t, withSettings(`{"flood":{"per_minute":20}}`, ""))
	const n = 400
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n {
					return
				}
				if r := e.do("POST", "/api/1/envelope/", sent(hexID(i), "x"), "X-Sentry-Auth", auth); r.status != 200 {
					t.Error(r.status, r.body)
				}
			}
		})
	}
	wg.Wait()
	accepted, fates := e.ledger()
	require.EqualValues(t, n, accepted[schema.CategoryError])
	balanced(t, accepted, fates)
	require.Less(t, fates["error row"], uint64(120))
	var total, whole int
	for _, r := range e.records(schema.TopicEvents) {
		b, err := schema.EncodeRecord(r)
		require.NoError(t, err)
		total += len(b)
		if len(r.Event.GetPayload()) > 200 {
			whole++
		}
	}
	require.GreaterOrEqual(t, whole, 20)
	require.LessOrEqual(t, whole, 40, "two minutes at most")
	r := e.do("POST", "/api/1/envelope/", sent(hexID(n), "x"), "X-Sentry-Auth", auth)
	require.Equal(t, 200, r.status)
	_, fates = e.ledger()
	require.EqualValues(t, 1, fates["error duplicate flood"], "a retry is not counted again")
}

func TestSecretsNeverReachATopic(t *testing.T) {
	e := start(t)
	event := `{"message":"login of a@b.example failed with Bearer abcdefgh12","extra":{"password":"hunter2"},"request":{"url":"https://x.example/?token=hunter2","headers":[["Cookie","sessionid=hunter2"]]}}`
	require.Equal(t, 200, e.do("POST", "/api/1/store/", []byte(event), "X-Sentry-Auth", auth).status)
	for _, name := range schema.Topics {
		for _, r := range e.records(name) {
			b, err := schema.EncodeRecord(r)
			require.NoError(t, err)
			for _, secret := range []string{"hunter2", "a@b.example", "abcdefgh12"} {
				require.False(t, bytes.Contains(b, []byte(secret)), secret)
			}
			if r.Event != nil {
				require.Positive(t, r.Event.Redactions)
			}
		}
	}
}
