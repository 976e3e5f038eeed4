// Package canary holds one secret of each kind and requests that put it wherever
// a client can put text. In: a text and a key. Out: requests of both protocols. It
// sends nothing; tests do, and look for the secret behind the edge.
package canary

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Kinds are texts of each kind of secret, and the part that must not pass.
var Kinds = map[string][2]string{
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

// Whole is a secret that is one by the name of its place.
const Whole = "canary-whole"

// Request is one request; Status is its answer's.
type Request struct {
	Path, ContentType string
	Body              []byte
	Status            int
}

// filler collects requests of which the templates are filled.
type filler struct {
	fill func(string) string
	out  []Request
}

// Requests puts text in each place of both protocols that takes text and is no
// name of code. n tells the requests of one text from those of another.
func Requests(n int, text, key string) []Request {
	quoted, _ := json.Marshal(text)
	now := time.Now().UTC()
	id := fmt.Sprintf("%032x", n+1)
	f := &filler{fill: strings.NewReplacer("$TEXT", string(quoted), "$FORM", url.QueryEscape(text), "$RAW", strings.NewReplacer("\r", " ", "\n", " ", `"`, `\"`, `\`, `\\`).Replace(text), "$KEY", key, "$ID", id, "$SPAN", id[16:],
		"$NOW", now.Format(time.RFC3339), "$NANO", strconv.FormatInt(now.UnixNano(), 10), "$UNIX", strconv.FormatInt(now.Unix(), 10), "$DONE", strconv.FormatInt(now.Unix()+1, 10), "\n", "").Replace}
	f.sentry()
	f.forms()
	f.otlp()
	return f.out
}

func (f *filler) add(status int, path, contentType, body string) {
	f.out = append(f.out, Request{f.fill(path), contentType, []byte(body), status})
}

func (f *filler) envelope(header, payload string) {
	f.add(200, "/api/1/envelope/?sentry_key=$KEY", "text/plain", f.fill(`{"event_id":"$ID","trace":{"trace_id":"$ID","public_key":"$KEY","transaction":$TEXT,"release":$TEXT,"environment":$TEXT,"sample_rand":$TEXT,"sample_rate":$TEXT,"user":{"id":$TEXT,"segment":$TEXT},"user_segment":$TEXT,"org_id":$TEXT},"sdk":{"name":$TEXT,"version":$TEXT},"unknown":$TEXT}`)+"\n"+f.fill(header)+"\n"+f.fill(payload)+"\n")
}

func (f *filler) sentry() {
	attributes := `"attributes":{"note":{"value":$TEXT,"type":"string"},"db.query.text":{"value":$TEXT,"type":"string"},"list":{"value":[$TEXT],"type":"array"}}`
	f.envelope(`{"type":"event"}`, event(`"event_id":"$ID",`))
	f.envelope(`{"type":"transaction"}`, event(`"type":"transaction","start_timestamp":$UNIX,"timestamp":$DONE,"event_id":"$ID",
		"spans":[{"trace_id":"$ID","span_id":"$SPAN","op":"db","description":$TEXT,"status":$TEXT,"data":{"x":$TEXT},"tags":{"x":$TEXT},"start_timestamp":$UNIX,"timestamp":$DONE}],`))
	f.envelope(`{"type":"span","content_type":"application/vnd.sentry.items.span.v2+json","item_count":1}`,
		`{"items":[{"trace_id":"$ID","span_id":"$SPAN","name":$TEXT,"op":$TEXT,"status":$TEXT,"description":$TEXT,"start_timestamp":$UNIX,"end_timestamp":$DONE,`+attributes+`,"links":[{"trace_id":"$ID","span_id":"$SPAN",`+attributes+`}]}]}`)
	f.envelope(`{"type":"log","content_type":"application/vnd.sentry.items.log+json","item_count":2}`,
		`{"items":[{"timestamp":$UNIX,"level":"info","body":$TEXT,`+attributes+`},{"timestamp":$UNIX,"level":"error","body":$TEXT,"attributes":{"exception.type":{"value":"A","type":"string"},"exception.message":{"value":$TEXT,"type":"string"},"exception.stacktrace":{"value":$TEXT,"type":"string"},"note":{"value":$TEXT,"type":"string"}}}]}`)
	f.envelope(`{"type":"trace_metric","content_type":"application/vnd.sentry.items.trace-metric+json","item_count":2}`,
		`{"items":[{"timestamp":$UNIX,"name":"n","type":"counter","value":1,`+attributes+`},{"timestamp":$UNIX,"name":$TEXT,"unit":$TEXT,"type":"gauge","value":1}]}`)
	f.envelope(`{"type":"feedback"}`, `{"event_id":"$ID","type":"feedback","contexts":{"feedback":{"message":$TEXT,"name":$TEXT,"url":$TEXT}}}`)
	f.envelope(`{"type":"user_report"}`, `{"event_id":"$ID","name":"x","email":"x@y.example","comments":$TEXT}`)
	f.envelope(`{"type":"attachment","length":1,"filename":$TEXT}`, `x`)
	f.envelope(`{"type":"attachment","length":1,"filename":"a.txt","content_type":$TEXT,"attachment_type":$TEXT}`, `x`)
	f.envelope(`{"type":"session"}`, `{"sid":"$ID","init":true,"status":"ok","started":"$NOW","timestamp":"$NOW","attrs":{"release":"a@1","environment":$TEXT}}`)
	f.envelope(`{"type":"sessions"}`, `{"aggregates":[{"started":"$NOW","exited":1}],"attrs":{"release":$TEXT,"environment":$TEXT}}`)
	f.envelope(`{"type":"session"}`, `{"sid":"$ID","did":$TEXT,"init":true,"status":"ok","started":"$NOW","timestamp":"$NOW","attrs":{"release":$TEXT,"environment":"e","user_agent":"x"}}`)
	f.envelope(`{"type":"check_in"}`, `{"check_in_id":"$ID","monitor_slug":$TEXT,"status":"ok"}`)
	f.envelope(`{"type":"profile","platform":$TEXT}`, `{"a":$TEXT}`)
	f.envelope(`{"type":"replay_event"}`, `{"a":$TEXT}`)
	f.envelope(`{"type":"form_data"}`, `[["a",$TEXT]]`)
	f.envelope(`{"type":$TEXT}`, `{"a":$TEXT}`)
	f.envelope(`{"type":"check_in"}`, `{"check_in_id":"$ID","monitor_slug":"job","status":"ok","environment":$TEXT,"monitor_config":{"schedule":{"type":"crontab","value":$TEXT}}}`)
	f.envelope(`{"type":"client_report"}`, `{"timestamp":$UNIX,"discarded_events":[{"reason":$TEXT,"category":"error","quantity":1}]}`)
	f.envelope(`{"type":"security"}`, `{"csp-report":{"document-uri":$TEXT,"referrer":$TEXT,"blocked-uri":$TEXT,"source-file":$TEXT,"script-sample":$TEXT,"violated-directive":"script-src","original-policy":$TEXT}}`)
	f.envelope(`{"type":"event"}`, `{"event_id":"$ID","level":$TEXT,"timestamp":$TEXT,"user":[$TEXT],"tags":{"x":[$TEXT]},"contexts":[$TEXT],"message":[$TEXT],"exception":[$TEXT],"breadcrumbs":[$TEXT]}`) // All of a wrong kind.
}

// event is an event with a text in every place; head holds its first members.
func event(head string) string {
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
