package ingest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// canaries are texts of each kind of secret, and the part that must not pass.
var canaries = map[string][2]string{
	"password in a URL":    {"cannot reach postgres://shop:canary-hunter2@db.example:5432/shop", "canary-hunter2"},
	"parameter of a URL":   {"GET https://shop.example/pay?page=1&api_key=canary0001 failed", "canary0001"},
	"card":                 {"card 4111 1111 1111 1111 declined", "4111 1111 1111 1111"},
	"card in one":          {"card 5555555555554444 declined", "5555555555554444"},
	"iban":                 {"to DE89 3704 0044 0532 0130 00 please", "3704 0044 0532"},
	"ssn":                  {"for 536-22-1234 now", "536-22-1234"},
	"private key":          {"-----BEGIN RSA PRIVATE KEY-----\nMIIEcanary\nabc\n-----END RSA PRIVATE KEY-----", "MIIEcanary"},
	"private key, escaped": {`{"k":"-----BEGIN PRIVATE KEY-----\nMIIEcanary\n-----END PRIVATE KEY-----"}`, "MIIEcanary"},
	"bearer":               {"Authorization: Bearer canary0123456789abcdef", "canary0123456789abcdef"},
	"basic":                {"Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==", "Y2FuYXJ5OmNhbmFyeQ"},
	"web token":            {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5", "eyJzdWIiOiJjYW5hcnkifQ"},
	"aws":                  {"with AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"},
	"github":               {"with ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F292c6912"},
	"slack":                {"with xoxb-" + "17653672481-19874698323-canaryTuE8sk7oOcHrzq", "canaryTuE8sk7oOcHrzq"},
	"stripe":               {"with sk_" + "live_canary9HqLyjWDarjtT1zdp7dc", "canary9HqLyjWDarjtT1zdp7dc"},
	"google":               {"with AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe", "SyDaGmWKa4JsXZ"},
	"json in text":         {`bad body {"user":"bob","password":"canary0002"}`, "canary0002"},
	"json in json in text": {`bad body "{\"user\":\"bob\",\"api_key\":\"canary0003\"}"`, "canary0003"},
	"escaped in a URL":     {"GET /login?next=https%3A%2F%2Fx%2F%3Ftoken%3Dcanary0005%26a%3D1", "canary0005"},
	"form of Rails":        {"POST /users?user[password]=canary0006&user[name]=bob", "canary0006"},
	"fragment":             {"at https://x.example/cb#access_token=canary0007&state=1", "canary0007"},
	"presigned":            {"GET https://s3.example/b?X-Amz-Signature=canary0008&x=1", "canary0008"},
	"list in text":         {`bad body {"passwords":["canary0009"]}`, "canary0009"},
	"ruby":                 {`{"password"=>"canary0010", "n"=>1}`, "canary0010"},
	"header in text":       {"sent\nX-Api-Key: canary0011x\nHost: x", "canary0011x"},
	"python dict":          {`{'client_secret': 'canary0004', 'n': 1}`, "canary0004"},
}

// TestNoSecretReachesATopic puts each kind of secret in each place of both
// protocols that takes text and is no name of code.
func TestNoSecretReachesATopic(t *testing.T) {
	t.Parallel()
	e := start(t)
	n := 0
	for kind, c := range canaries {
		quoted, err := json.Marshal(c[0])
		require.NoError(t, err)
		// Deep inside of a text that is long, and alone.
		long, err := json.Marshal(strings.Repeat("all is well. ", 40) + c[0] + strings.Repeat(" all is well.", 40))
		require.NoError(t, err)
		for _, text := range []string{string(quoted), string(long)} {
			n++
			fill := func(s string) string {
				return strings.NewReplacer("$TEXT", text, "$KEY", testKey, "$ID", hexID(n), "$NOW", time.Now().UTC().Format(time.RFC3339), "$SPAN", hexID(n)[16:], "\n", "").Replace(s)
			}
			envelope := func(header, payload string) {
				body := fill(`{"event_id":"$ID","trace":{"trace_id":"$ID","public_key":"$KEY","transaction":$TEXT,"release":$TEXT,"environment":$TEXT,"sample_rand":$TEXT,"sample_rate":$TEXT,"user":{"id":$TEXT,"segment":$TEXT},"user_segment":$TEXT,"org_id":$TEXT},"sdk":{"name":$TEXT,"version":$TEXT},"unknown":$TEXT}`) + "\n" + fill(header) + "\n" + fill(payload) + "\n"
				r := e.do("POST", "/api/1/envelope/", []byte(body), "X-Sentry-Auth", auth)
				require.Equal(t, 200, r.status, "%s: %s", kind, r.body)
			}
			attributes := `"attributes":{"note":{"value":$TEXT,"type":"string"},"db.query.text":{"value":$TEXT,"type":"string"},"list":{"value":[$TEXT],"type":"array"}}`
			envelope(`{"type":"event"}`, eventOf(`"event_id":"$ID",`))
			envelope(`{"type":"transaction"}`, eventOf(`"type":"transaction","start_timestamp":1795430000,"timestamp":1795430001,"event_id":"$ID",
				"spans":[{"trace_id":"$ID","span_id":"$SPAN","op":"db","description":$TEXT,"status":$TEXT,"data":{"x":$TEXT},"tags":{"x":$TEXT},"start_timestamp":1795430000,"timestamp":1795430001}],`))
			envelope(`{"type":"span","content_type":"application/vnd.sentry.items.span.v2+json","item_count":1}`,
				`{"items":[{"trace_id":"$ID","span_id":"$SPAN","name":$TEXT,"op":$TEXT,"status":$TEXT,"description":$TEXT,"start_timestamp":1795430000,"end_timestamp":1795430001,`+attributes+`,"links":[{"trace_id":"$ID","span_id":"$SPAN",`+attributes+`}]}]}`)
			envelope(`{"type":"log","content_type":"application/vnd.sentry.items.log+json","item_count":2}`,
				`{"items":[{"timestamp":1795430000,"level":"info","body":$TEXT,`+attributes+`},{"timestamp":1795430000,"level":"error","body":$TEXT,"attributes":{"exception.type":{"value":"A","type":"string"},"exception.message":{"value":$TEXT,"type":"string"},"exception.stacktrace":{"value":$TEXT,"type":"string"},"note":{"value":$TEXT,"type":"string"}}}]}`)
			envelope(`{"type":"trace_metric","content_type":"application/vnd.sentry.items.trace-metric+json","item_count":1}`,
				`{"items":[{"timestamp":1795430000,"name":"n","type":"counter","value":1,`+attributes+`}]}`)
			envelope(`{"type":"feedback"}`, `{"event_id":"$ID","type":"feedback","contexts":{"feedback":{"message":$TEXT,"name":$TEXT,"url":$TEXT}}}`)
			envelope(`{"type":"user_report"}`, `{"event_id":"$ID","name":"x","email":"x@y.example","comments":$TEXT}`)
			envelope(`{"type":"attachment","length":1,"filename":$TEXT}`, `x`)
			envelope(`{"type":"attachment","length":1,"filename":"a.txt","content_type":$TEXT,"attachment_type":$TEXT}`, `x`)
			envelope(`{"type":"session"}`, `{"sid":"$ID","init":true,"status":"ok","started":"$NOW","timestamp":"$NOW","attrs":{"release":"a@1","environment":$TEXT}}`)
			envelope(`{"type":"check_in"}`, `{"check_in_id":"$ID","monitor_slug":"job","status":"ok","environment":$TEXT,"monitor_config":{"schedule":{"type":"crontab","value":$TEXT}}}`)
			envelope(`{"type":"client_report"}`, `{"timestamp":1795430000,"discarded_events":[{"reason":$TEXT,"category":"error","quantity":1}]}`)
			envelope(`{"type":"security"}`, `{"csp-report":{"document-uri":$TEXT,"referrer":$TEXT,"blocked-uri":$TEXT,"source-file":$TEXT,"script-sample":$TEXT,"violated-directive":"script-src","original-policy":$TEXT}}`)
			envelope(`{"type":"event"}`, `{"event_id":"$ID","level":$TEXT,"timestamp":$TEXT,"user":[$TEXT],"tags":{"x":[$TEXT]},"contexts":[$TEXT],"message":[$TEXT],"exception":[$TEXT],"breadcrumbs":[$TEXT]}`) // All of a wrong kind.

			kv := `[{"key":"http.request.header.x-note","value":{"arrayValue":{"values":[{"stringValue":$TEXT}]}}},{"key":"note","value":{"stringValue":$TEXT}},{"key":"list","value":{"arrayValue":{"values":[{"stringValue":$TEXT}]}}},{"key":"map","value":{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":$TEXT}}]}}}]`
			scope := `"scope":{"name":"s","version":"1","attributes":` + kv + `}`
			resource := `"resource":{"attributes":` + kv + `}`
			thrown := `[{"key":"exception.type","value":{"stringValue":"A"}},{"key":"exception.message","value":{"stringValue":$TEXT}},{"key":"exception.stacktrace","value":{"stringValue":$TEXT}}]`
			otlp := func(signal, payload string) {
				r := e.do("POST", "/v1/"+signal, []byte(fill(payload)), "X-Errata-Key", testKey, "Content-Type", "application/json")
				require.Equal(t, http.StatusOK, r.status, "%s: %s", kind, r.body)
			}
			otlp("traces", `{"resourceSpans":[{`+resource+`,"scopeSpans":[{`+scope+`,"spans":[{"traceId":"$ID","spanId":"$SPAN","name":$TEXT,"traceState":"a=b","attributes":`+kv+`,"status":{"code":2,"message":$TEXT},
				"events":[{"name":"exception","attributes":`+thrown+`},{"name":"other","attributes":`+kv+`}],"links":[{"traceId":"$ID","spanId":"$SPAN","attributes":`+kv+`}]}]}]}]}`)
			otlp("logs", `{"resourceLogs":[{`+resource+`,"scopeLogs":[{`+scope+`,"logRecords":[{"severityNumber":17,"severityText":"ERROR","body":{"stringValue":$TEXT},"attributes":`+thrown+`},
				{"severityNumber":9,"body":{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":$TEXT}}]}},"attributes":`+kv+`}]}]}]}`)
			whole := "canary-whole"
			secretHeaders := `[{"key":"http.request.header.authorization","value":{"arrayValue":{"values":[{"stringValue":"` + whole + `"}]}}},{"key":"http.request.header.x_api_key","value":{"stringValue":"` + whole + `"}},{"key":"http.request.header.cookie","value":{"arrayValue":{"values":[{"stringValue":"sessionid=` + whole + `; a=b"}]}}},{"key":"http.response.header.set-cookie","value":{"arrayValue":{"values":[{"stringValue":"sessionid=` + whole + `; Path=/"},{"stringValue":"csrftoken=` + whole + `"}]}}},{"key":"headers","value":{"kvlistValue":{"values":[{"key":"Authorization","value":{"stringValue":"` + whole + `"}}]}}}]`
			otlp("traces", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"$ID","spanId":"$SPAN","name":"x","attributes":`+secretHeaders+`}]}]}]}`)
			otlp("logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":17,"body":{"kvlistValue":{"values":[{"key":"password","value":{"stringValue":"`+whole+`"}}]}},"attributes":`+secretHeaders+`}]}]}]}`)
			otlp("metrics", `{"resourceMetrics":[{`+resource+`,"scopeMetrics":[{`+scope+`,"metrics":[{"name":"n","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1795430000000000000","attributes":`+kv+`,"exemplars":[{"asInt":"1","filteredAttributes":`+kv+`}]}]}}]}]}]}`)
		}
	}
	for _, topic := range append([]string{schema.TopicDead}, schema.Topics...) {
		for _, r := range e.records(topic) {
			raw, err := schema.EncodeRecord(r)
			require.NoError(t, err)
			require.NotContains(t, string(raw), "canary-whole")
			for kind, c := range canaries {
				if i := strings.Index(string(raw), c[1]); i >= 0 {
					t.Errorf("%s passed to %s: ...%q", kind, topic, raw[max(0, i-120):min(len(raw), i+20)])
					delete(canaries, kind) // Said once.
				}
			}
		}
	}
}

// eventOf is an event with a text in every place; head holds its first members.
func eventOf(head string) string {
	frame := `{"filename":"a.py","function":"f","lineno":1,"context_line":$TEXT,"pre_context":[$TEXT],"post_context":[$TEXT],"vars":{"x":$TEXT,"y":{"z":[$TEXT]}}}`
	return `{` + head + `"platform":"python","contexts":{"trace":{"trace_id":"$ID","span_id":"$SPAN","op":"x","data":{"x":$TEXT}},"own":{"a":{"b":[$TEXT]}},"response":{"headers":[["X-A",$TEXT]],"data":$TEXT}},
		"message":$TEXT,"logentry":{"message":$TEXT,"formatted":$TEXT,"params":[$TEXT,{"a":$TEXT}]},"transaction":$TEXT,"culprit":$TEXT,"logger":$TEXT,"server_name":$TEXT,"environment":$TEXT,"release":$TEXT,"dist":$TEXT,"site":$TEXT,
		"fingerprint":[$TEXT],"tags":{"a":$TEXT},"extra":{"a":$TEXT,"b":{"c":[$TEXT]}},"user":{"id":"7","note":$TEXT,"data":{"x":$TEXT}},
		"exception":{"values":[{"type":"ValueError","value":$TEXT,"stacktrace":{"frames":[` + frame + `]},"mechanism":{"type":"generic","description":$TEXT,"help_link":$TEXT,"data":{"a":$TEXT},"meta":{"a":$TEXT}}}]},
		"threads":{"values":[{"id":1,"name":$TEXT,"stacktrace":{"frames":[` + frame + `]}}]},"stacktrace":{"frames":[` + frame + `]},
		"breadcrumbs":{"values":[{"message":$TEXT,"category":$TEXT,"data":{"a":$TEXT,"url":$TEXT}}]},
		"request":{"url":$TEXT,"fragment":$TEXT,"query_string":$TEXT,"data":{"a":$TEXT},"headers":[["X-A",$TEXT],["Referer",$TEXT]],"cookies":{"a":$TEXT},"env":{"A":$TEXT}},
		"template":{"filename":"a.html","context_line":$TEXT},"unknown":{"a":$TEXT},"unknown_text":$TEXT,"sdk":{"name":"s","version":"1","x":$TEXT},"errors":[{"type":"x","value":$TEXT}],"_meta":{"a":$TEXT},"measurements":{"a":{"value":1,"unit":$TEXT}}}`
}
