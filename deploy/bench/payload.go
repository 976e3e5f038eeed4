package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A template is an event's text cut at its slots, so that making an event is a
// few copies: the generator shares its cores with the store that it measures.
type template struct {
	parts []string
	slots []slot
	size  int
}

type slot uint8

const (
	slotEventID slot = iota
	slotTime
	slotTraceID
	slotSpanID
	slotUser
	slotUserHex
	slotOrder
	slotAmount
	slotMillis
	slotServer
	slotRelease
	slotEnvironment
	slotCrumbTime
	slotCity
	slotAgent
	slotIP
	slotWord
)

var slotNames = map[string]slot{
	"event_id": slotEventID, "time": slotTime, "trace_id": slotTraceID, "span_id": slotSpanID, "user": slotUser, "user_hex": slotUserHex,
	"order": slotOrder, "amount": slotAmount, "millis": slotMillis, "server": slotServer, "release": slotRelease, "environment": slotEnvironment,
	"crumb_time": slotCrumbTime, "city": slotCity, "agent": slotAgent, "ip": slotIP, "word": slotWord,
}

// newTemplate cuts text at its <<name>> slots.
func newTemplate(text string) *template {
	t := &template{size: len(text) + 256}
	for {
		before, rest, ok := strings.Cut(text, "<<")
		t.parts = append(t.parts, before)
		if !ok {
			return t
		}
		name, after, _ := strings.Cut(rest, ">>")
		s, known := slotNames[name]
		if !known {
			panic("bench: no slot is called " + name)
		}
		t.slots = append(t.slots, s)
		text = after
	}
}

// occurrence is what makes one event differ from the next of its issue.
type occurrence struct {
	id, trace [16]byte
	span      [8]byte
	at        time.Time
	user      uint32
}

const hexDigits = "0123456789abcdef"

func appendHex(b, raw []byte) []byte {
	for _, c := range raw {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

var (
	cities  = []string{"Berlin", "Lagos", "Osaka", "Quito", "Leeds", "Pune", "Turin", "Perth", "Tunis", "Malmö"}
	agents  = []string{"python-httpx/0.28.1", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15", "okhttp/5.2.1", "curl/8.15.0"}
	words   = []string{"basket", "refund", "voucher", "parcel", "invoice", "delivery", "rebate", "deposit", "receipt", "transfer", "shipment", "reminder"}
	environ = []string{"production", "production", "production", "staging", "canary"}
)

// append writes one event.
func (t *template) append(b []byte, o *occurrence, r *rand.Rand) []byte {
	for i, p := range t.parts {
		b = append(b, p...)
		if i == len(t.slots) {
			break
		}
		switch t.slots[i] {
		case slotEventID:
			b = appendHex(b, o.id[:])
		case slotTraceID:
			b = appendHex(b, o.trace[:])
		case slotSpanID:
			b = appendHex(b, o.span[:])
		case slotTime:
			b = o.at.AppendFormat(b, "2006-01-02T15:04:05.000000Z")
		case slotCrumbTime:
			b = o.at.Add(-time.Duration(r.IntN(4000))*time.Millisecond).AppendFormat(b, "2006-01-02T15:04:05.000000Z")
		case slotUser:
			b = fmt.Appendf(b, "%d", o.user)
		case slotUserHex:
			b = fmt.Appendf(b, "%08x", o.user*2654435761)
		case slotOrder:
			b = fmt.Appendf(b, "%d", 100000+r.IntN(900000))
		case slotAmount:
			b = fmt.Appendf(b, "%d.%02d", r.IntN(900), r.IntN(100))
		case slotMillis:
			b = fmt.Appendf(b, "%d", r.IntN(2000))
		case slotServer:
			b = fmt.Appendf(b, "web-%02d", r.IntN(24))
		case slotRelease:
			b = fmt.Appendf(b, "shop@2.%d.%d", r.IntN(4), r.IntN(5))
		case slotEnvironment:
			b = append(b, environ[r.IntN(len(environ))]...)
		case slotCity:
			b = append(b, cities[r.IntN(len(cities))]...)
		case slotAgent:
			b = append(b, agents[r.IntN(len(agents))]...)
		case slotWord:
			b = append(b, words[r.IntN(len(words))]...)
		case slotIP:
			b = fmt.Appendf(b, "203.0.113.%d", 1+r.IntN(250))
		}
	}
	return b
}

var (
	failTypes = []string{"ValueError", "KeyError", "TimeoutError", "ConnectionError", "PermissionError", "LookupError", "RuntimeError", "DatabaseError"}
	modules   = []string{"checkout", "catalog", "billing", "accounts", "search", "shipping", "pricing", "reports"}
)

type frameText struct{ file, module, function, line string }

// frames gives the seven frames of issue k: two of the framework, five of the
// application, the last three of which differ from issue to issue.
func frames(k int) []frameText {
	m := modules[k%len(modules)]
	return []frameText{
		{"starlette/middleware/errors.py", "starlette.middleware.errors", "__call__", "await self.app(scope, receive, _send)"},
		{"fastapi/routing.py", "fastapi.routing", "run_endpoint_function", "return await dependant.call(**values)"},
		{"shop/main.py", "shop.main", "handle_" + m, "result = await " + m + ".run(request, order_id)"},
		{"shop/services/" + m + ".py", "shop.services." + m, "run", "return await self._attempt(order_id, retries=3)"},
		{"shop/services/" + m + ".py", "shop.services." + m, fmt.Sprintf("_attempt_%d", k%97), "rows = await self.repository.load(order_id)"},
		{"shop/storage/repository.py", "shop.storage.repository", fmt.Sprintf("load_%s_%d", m, k), fmt.Sprintf("row = await cursor.fetch(QUERY_%d, order_id)", k)},
		{"shop/storage/cursor.py", "shop.storage.cursor", fmt.Sprintf("fetch_%d", k%13), "raise " + failTypes[k%len(failTypes)] + "(message)"},
	}
}

// sentryTemplate is the standard payload: a Python event of about 5 KB with
// seven frames, as sentry-sdk sends it from a FastAPI application.
func sentryTemplate(k int) *template {
	var fs strings.Builder
	for i, f := range frames(k) {
		if i > 0 {
			fs.WriteByte(',')
		}
		abs, inApp := "/srv/app/"+f.file, "true"
		if i < 2 {
			abs, inApp = "/srv/venv/lib/python3.11/site-packages/"+f.file, "false"
		}
		fmt.Fprintf(&fs, `{"filename":%q,"abs_path":%q,"function":%q,"module":%q,"lineno":%d,"pre_context":["    async def %s(self, order_id):"],"context_line":%q,"post_context":["        return row"],"vars":{"order_id":"<<order>>","self":"<shop.%s object at 0x7f3c<<user_hex>>>"},"in_app":%s}`,
			f.file, abs, f.function, f.module, 20+7*i+k%5, f.function, "        "+f.line, f.module, inApp)
	}
	m := modules[k%len(modules)]
	return newTemplate(`{"event_id":"<<event_id>>","timestamp":"<<time>>","level":"error","platform":"python","server_name":"<<server>>","release":"<<release>>","environment":"<<environment>>",` +
		`"transaction":"/` + m + `/{order_id}","transaction_info":{"source":"route"},"sdk":{"name":"sentry.python.fastapi","version":"2.75.0","integrations":["argv","asgi","atexit","dedupe","excepthook","fastapi","logging","modules","starlette","stdlib","threading"],"packages":[{"name":"pypi:sentry-sdk","version":"2.75.0"}]},` +
		`"contexts":{"trace":{"trace_id":"<<trace_id>>","span_id":"<<span_id>>","parent_span_id":null,"op":"http.server","origin":"auto.http.starlette"},"runtime":{"name":"CPython","version":"3.11.7","build":"3.11.7 (main)"}},` +
		`"user":{"id":"<<user>>","segment":"<<city>>"},"tags":{"region":"eu-west-<<city>>","customer.tier":"gold","queue":"<<word>>","shard":"` + fmt.Sprint(k%16) + `"},"extra":{"sys.argv":["uvicorn","shop.main:app"],"attempt":<<millis>>,"note":"<<word>> <<word>> for order <<order>>"},` +
		`"request":{"url":"https://shop.example.com/` + m + `/<<order>>","query_string":"item=<<order>>&currency=EUR","method":"POST","headers":{"host":"shop.example.com","user-agent":"<<agent>>","accept":"application/json","content-type":"application/json","x-request-id":"<<user_hex>>-<<order>>"},"env":{"SERVER_NAME":"shop.example.com","SERVER_PORT":"443"}},` +
		`"breadcrumbs":{"values":[{"type":"http","category":"httplib","timestamp":"<<crumb_time>>","level":"info","data":{"url":"https://stock.example.com/items/<<order>>","method":"GET","status_code":200,"reason":"OK"}},{"type":"log","category":"shop.` + m + `","timestamp":"<<crumb_time>>","level":"warning","message":"retry <<word>> after <<millis>> ms"},{"type":"http","category":"httplib","timestamp":"<<crumb_time>>","level":"info","data":{"url":"https://pay.example.com/charge","method":"POST","status_code":503,"reason":"Service Unavailable"}}]},` +
		`"exception":{"values":[{"mechanism":{"type":"starlette","handled":false},"module":"shop.errors","type":"` + failTypes[k%len(failTypes)] + `","value":"order <<order>>: <<word>> not available for <<amount>> EUR","stacktrace":{"frames":[` + fs.String() + `]}}]},"modules":{"fastapi":"0.165.0","starlette":"1.10.0","uvicorn":"0.54.0","httpx":"0.28.1","sentry-sdk":"2.75.0","pydantic":"2.13.1","sqlalchemy":"2.1.4"}}`)
}

// tracebackTemplate is the text of the same failure as OpenTelemetry records it.
func tracebackTemplate(k int) *template {
	var b strings.Builder
	b.WriteString("Traceback (most recent call last):\n")
	for i, f := range frames(k) {
		abs := "/srv/app/" + f.file
		if i < 2 {
			abs = "/srv/venv/lib/python3.11/site-packages/" + f.file
		}
		fmt.Fprintf(&b, "  File %q, line %d, in %s\n    %s\n", abs, 20+7*i+k%5, f.function, f.line)
	}
	b.WriteString("shop.errors." + failTypes[k%len(failTypes)] + ": ")
	return newTemplate(b.String())
}
