package sentry

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
	"errata/schema"
)

// one reads a single event through the store endpoint's adapter.
func one(t *testing.T, text string, change ...func(*intake.Request)) (*schema.Event, map[string]any) {
	t.Helper()
	req := testRequest(t)
	for _, f := range change {
		f(req)
	}
	b, a, err := Store(req, []byte(text))
	require.NoError(t, err)
	checkLedger(t, b)
	require.Len(t, b.Events, 1)
	require.Len(t, a.EventID, 32)
	var p map[string]any
	require.NoError(t, json.Unmarshal(b.Events[0].Payload, &p))
	return b.Events[0], p
}

// at walks a payload by keys and list positions.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// TestForms sends every form that an attribute may have.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in    string
		check func(t *testing.T, e *schema.Event, p map[string]any)
	}{
		"tags as an object": {`{"tags":{"a":"x","n":1.5,"b":true,"null":null,"with space":" y ","bad\u00e4":"z","e":"","l":[1]}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, map[string]any{"a": "x", "n": "1.5", "b": "true", "with-space": "y"}, p["tags"])
			require.Len(t, e.Tags, 4)
			require.Len(t, p["errors"], 2)
		}},
		"retries of a Celery task among the variables of its frames": {`{"tags":{"celery_task_id":"t-1"},"extra":{"celery-job":{"task_name":"app.pay"}},"exception":{"values":[{"type":"E","value":"v","stacktrace":{"frames":[
			{"module":"celery.app.trace","function":"__protected_call__","vars":{"req":"<Context: {'lang': 'py', 'task': 'app.pay', 'id': 't-1', 'retries': 12, 'timelimit': [None, None]}>"}},
			{"module":"app","function":"pay","vars":{"req":"'retries': 99"}}]}}]}}`, func(t *testing.T, e *schema.Event, _ map[string]any) {
			require.Equal(t, []any{"app.pay", "t-1", uint32(12)}, []any{e.TaskName, e.TaskId, e.TaskRetries})
		}},
		"frames of Celery in an event that is no task": {`{"exception":{"values":[{"type":"E","value":"v","stacktrace":{"frames":[{"module":"celery.app.trace","function":"__protected_call__","vars":{"req":"'retries': 12"}}]}}]}}`, func(t *testing.T, e *schema.Event, _ map[string]any) {
			require.Zero(t, e.TaskRetries)
		}},
		"a tag that is refused or cut keeps its value in errors": {`{"tags":{"\u00fc":"umlaut","nl":"a\nb","long":"` + strings.Repeat("x", 201) + `y"}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Len(t, e.Tags, 1)
			require.Len(t, e.Tags[0].Value, 200)
			require.Equal(t, []any{"umlaut", "a\nb", strings.Repeat("x", 201) + "y"}, []any{at(p, "errors", 0, "value"), at(p, "errors", 1, "value"), at(p, "errors", 2, "value")})
		}},
		"exception values as one object": {`{"exception":{"values":{"type":"T","value":"v"}}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "T: v", e.Title)
			require.Equal(t, "T", at(p, "exception", "values", 0, "type"))
		}},
		"parameters in logentry, the template beside it": {`{"logentry":{"params":["a"]},"message":"got %s"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "got a", e.Message)
			require.Equal(t, "got %s", at(p, "logentry", "message"))
		}},
		"logentry as a number": {`{"logentry":5}`, func(t *testing.T, e *schema.Event, _ map[string]any) {
			require.Equal(t, "5", e.Message)
		}},
		"a trace that is no object": {`{"contexts":{"trace":"bad","os":{"name":"L"}}}`, func(t *testing.T, _ *schema.Event, p map[string]any) {
			require.Equal(t, "L", at(p, "contexts", "os", "name"))
			require.Equal(t, "bad", at(p, "errors", 0, "value"))
		}},
		"a level of a breadcrumb that is none": {`{"breadcrumbs":[{"message":"m","level":"zzz"}]}`, func(t *testing.T, _ *schema.Event, p map[string]any) {
			require.Equal(t, "info", at(p, "breadcrumbs", "values", 0, "level"))
			require.Equal(t, "zzz", at(p, "errors", 0, "value"))
		}},
		"tags as pairs": {`{"tags":[["a","x"],["a","y"],["n",1],null,["release","r"]]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, map[string]any{"a": "x", "n": "1"}, p["tags"])
		}},
		"a user whose names are too long": {`{"user":{"id":"` + strings.Repeat("i", 20_000) + `","username":"` + strings.Repeat("ü", 200) + `","email":"` + strings.Repeat("e", 80) + `@x.example","plan":"pro","geo":{"city":"Graz"}}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, map[string]any{"id": strings.Repeat("i", 125) + "...", "username": strings.Repeat("ü", 125) + "...", "email": strings.Repeat("e", 72) + "...", "plan": "pro", "geo": map[string]any{"city": "Graz"}}, p["user"])
			require.Len(t, p["errors"], 3)
		}},
		"an address that may be written otherwise": {`{"user":{"ip_address":"2001:DB8:0::1"}}`, func(t *testing.T, e *schema.Event, _ map[string]any) {
			require.Equal(t, "2001:db8::1", e.UserIp)
		}},
		"tags of which some are no pairs": {`{"tags":[["a","x"],["lonely"],["a","b","c"],5,["n",1]],"request":{"headers":[["X-A","1"],["X-B"]]}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, map[string]any{"a": "x", "n": "1"}, p["tags"])
			require.Equal(t, "tags", at(p, "errors", 0, "name"))
			require.Equal(t, map[string]any{"X-A": "1"}, at(p, "request", "headers"))
			require.Len(t, p["errors"], 2)
		}},
		"tags as key and value": {`{"tags":[{"key":"a","value":"x"}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, map[string]any{"a": "x"}, p["tags"])
		}},
		"tags as text": {`{"tags":"a=b"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Nil(t, p["tags"])
			require.Equal(t, "tags", at(p, "errors", 0, "name"))
			require.Equal(t, "a=b", at(p, "errors", 0, "value"))
		}},
		"environment tag": {`{"tags":{"environment":"staging"}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "staging", e.Environment)
			require.Empty(t, e.Tags)
		}},
		"site and server_name become tags": {`{"site":"s","server_name":"h"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, map[string]any{"site": "s", "server_name": "h"}, p["tags"])
		}},
		"exception as values": {`{"exception":{"values":[{"type":"A","value":"v","module":"m","mechanism":{"type":"x","handled":false}},null]}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "error", e.Type)
			require.Equal(t, "A", e.ExceptionType)
			require.Equal(t, schema.Handled_HANDLED_NO, e.Handled)
			require.Equal(t, "m", at(p, "exception", "values", 0, "module"))
			require.Len(t, at(p, "exception", "values"), 1)
		}},
		"exception as a list":   {`{"exception":[{"type":"A","value":"v"}]}`, typed("A", "v")},
		"exception as one":      {`{"exception":{"type":"A","value":"v"}}`, typed("A", "v")},
		"exception legacy name": {`{"sentry.interfaces.Exception":[{"type":"A","value":"v"}]}`, typed("A", "v")},
		"value is no text":      {`{"exception":[{"type":"A","value":{"a":1}}]}`, typed("A", `{"a":1}`)},
		"value is a number":     {`{"exception":[{"type":"A","value":17}]}`, typed("A", "17")},
		"type inside the value": {`{"exception":[{"value":"KeyError: 'k'"}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "KeyError", e.ExceptionType)
			require.Equal(t, "'k'", e.ExceptionValue)
		}},
		"a stack beside the only exception": {`{"exception":[{"type":"A","value":"v"}],"stacktrace":{"frames":[{"function":"f","filename":"a.py","lineno":3}]}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, []string{"f"}, e.FramesFunction)
			require.Equal(t, []uint32{3}, e.FramesLine)
			require.Equal(t, "f", at(p, "exception", "values", 0, "stacktrace", "frames", 0, "function"))
			require.Nil(t, p["stacktrace"])
		}},
		"null frames": {`{"exception":[{"type":"A","value":"v","stacktrace":{"frames":[null,{"function":"?","abs_path":"https://x.example/a/b.js","lineno":"7"},null]}}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, []string{""}, e.FramesFunction)
			require.Equal(t, []string{"https://x.example/a/b.js"}, e.FramesFile)
			require.Equal(t, []uint32{7}, e.FramesLine)
		}},
		"our in-app decision": {`{"platform":"python","exception":[{"type":"Empty"},{"type":"A","value":"v","stacktrace":{"frames":[{"function":"f","abs_path":"/srv/venv/lib/python3.11/site-packages/x/y.py","filename":"x/y.py","module":"x.y","in_app":true},null,{"function":"g","abs_path":"/srv/app/main.py","filename":"main.py","module":"main","in_app":true}]}}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, []bool{false, true}, e.FramesInApp)
			f := at(p, "exception", "values", 1, "stacktrace", "frames")
			require.Equal(t, []any{false, true, true, nil}, []any{at(f, 0, "in_app"), at(f, 0, "client_in_app"), at(f, 1, "in_app"), at(f, 1, "client_in_app")})
		}},
		"frames null": {`{"exception":[{"type":"A","value":"v","stacktrace":{"frames":null}}]}`, typed("A", "v")},
		"crashed thread": {`{"threads":[{"id":1},{"id":"2","crashed":true,"stacktrace":{"frames":[{"function":"boom"}]}}],"exception":{"values":[{"type":"SIGSEGV","value":"x"}]}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, []string{"boom"}, e.FramesFunction)
			require.Len(t, at(p, "threads", "values"), 2)
		}},
		"message as text":      {`{"message":"hi"}`, said("hi", "")},
		"message as object":    {`{"message":{"message":"hi %s","params":["you"]}}`, said("hi you", "hi %s")},
		"logentry with a dict": {`{"logentry":{"message":"%(a)s is %(n)d","params":{"a":"x","n":3}}}`, said("x is 3", "%(a)s is %(n)d")},
		"logentry with braces": {`{"logentry":{"message":"{} and {1} and {x}","params":["a","b"]}}`, said("a and b and {x}", "{} and {1} and {x}")},
		"logentry formatted":   {`{"logentry":{"message":"hi %s","formatted":"hi you"}}`, said("hi you", "hi %s")},
		"formatted is message": {`{"logentry":{"message":"hi","formatted":"hi"}}`, said("hi", "")},
		"logentry as text":     {`{"logentry":"hi"}`, said("hi", "")},
		"percent signs":        {`{"logentry":{"message":"100%% of %s at 5%","params":["x"]}}`, said("100% of x at 5%", "100%% of %s at 5%")},
		"too few params":       {`{"logentry":{"message":"%s %s","params":["a"]}}`, said("a %s", "%s %s")},
		"message legacy":       {`{"sentry.interfaces.Message":{"message":"hi %s","params":["you"]}}`, said("hi you", "hi %s")},
		"message and logentry": {`{"message":"a","logentry":{"formatted":"b"}}`, said("b", "")},
		"level names": {`{"level":"critical"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, schema.Level_LEVEL_FATAL, e.Level)
		}},
		"level numbers": {`{"level":30}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, schema.Level_LEVEL_WARNING, e.Level)
		}},
		"level unknown": {`{"level":"bad"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, schema.Level_LEVEL_ERROR, e.Level)
			require.Equal(t, "level", at(p, "errors", 0, "name"))
		}},
		"breadcrumbs as a list": {`{"breadcrumbs":[{"message":"m","timestamp":1795432357.5},null,{"ty":"http","level":"critical","data":{"a":1}}]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "default", at(p, "breadcrumbs", "values", 0, "type"))
			require.Equal(t, "info", at(p, "breadcrumbs", "values", 0, "level"))
			require.Equal(t, "2026-11-23T11:12:37.500000Z", at(p, "breadcrumbs", "values", 0, "timestamp"))
			require.Equal(t, "http", at(p, "breadcrumbs", "values", 1, "type"))
			require.Equal(t, "fatal", at(p, "breadcrumbs", "values", 1, "level"))
		}},
		"user": {`{"user":{"id":42,"username":"u","email":"e@x","ip_address":"192.0.2.1","plan":"gold"}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "42", e.UserId)
			require.Equal(t, "192.0.2.1", e.UserIp)
			require.Equal(t, schema.UserHash("42", "", "", ""), e.UserHash)
			require.Equal(t, "gold", at(p, "user", "plan"))
		}},
		"user with a bad address": {`{"user":{"ip_address":"somewhere"}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Empty(t, e.UserIp)
			require.Zero(t, e.UserHash)
			require.Equal(t, "user.ip_address", at(p, "errors", 0, "name"))
		}},
		"user by name": {`{"user":{"username":"u"}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, schema.UserHash("", "u", "", ""), e.UserHash)
		}},
		"request headers as pairs": {`{"request":{"url":"https://x.example/a?b=c#d","method":"post","headers":[["A","1"],["A","2"]],"query_string":[["q","a b"],["r","1"]],"cookies":[["c","v"]]}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "https://x.example/a", e.Url)
			require.Equal(t, "POST", e.HttpMethod)
			require.Equal(t, "1,2", at(p, "request", "headers", "A"))
			require.Equal(t, "q=a+b&r=1", at(p, "request", "query_string"))
			require.Equal(t, "v", at(p, "request", "cookies", "c"))
		}},
		"query as an object": {`{"sentry.interfaces.Http":{"query_string":{"a":"1","l":["x","y"]}}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "a=1&l=x&l=y", at(p, "request", "query_string"))
		}},
		"contexts": {`{"contexts":{"trace":{"trace_id":"4C79F60C-1121-4EB3-8604-F4AE0781BFB2","span_id":"FA90FDEAD5F74052","data":{"http.response.status_code":503}},"reprocessing":{"a":1},"shop":{"n":null}}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "4c79f60c11214eb38604f4ae0781bfb2", e.TraceId)
			require.Equal(t, "fa90fdead5f74052", e.SpanId)
			require.EqualValues(t, 503, e.HttpStatus)
			require.Nil(t, at(p, "contexts", "reprocessing"))
			require.Contains(t, at(p, "contexts"), "shop")
		}},
		"release with a slash": {`{"release":"a/b","environment":"a\nb"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Empty(t, e.Release)
			require.Empty(t, e.Environment)
			require.Equal(t, "a/b", at(p, "errors", 0, "value"))
		}},
		"release and dist": {`{"release":" shop@1.0 ","dist":" 7 ","environment":" prod "}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "shop@1.0", e.Release)
			require.Equal(t, "7", e.Dist)
			require.Equal(t, "prod", e.Environment)
		}},
		"unknown platform": {`{"platform":"cobol"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "other", e.Platform)
		}},
		"celery":              {`{"extra":{"celery-job":{"task_name":"a.b","args":[]}},"tags":{"celery_task_id":"id-1"}}`, task("a.b", "id-1", 0)},
		"arq":                 {`{"extra":{"arq-job":{"task":"f","retry":3}},"tags":{"arq_task_id":"id-2","arq_task_retry":true}}`, task("f", "id-2", 2)},
		"arq, first try":      {`{"extra":{"arq-job":{"task":"f","retry":1}}}`, task("f", "", 0)},
		"retries in the span": {`{"extra":{"celery-job":{"task_name":"a.b"}},"contexts":{"trace":{"trace_id":"4c79f60c11214eb38604f4ae0781bfb2","span_id":"fa90fdead5f74052","data":{"messaging.message.retry.count":4}}}}`, task("a.b", "", 4)},
		"type is inferred": {`{"type":"error","csp":{"effective_directive":"script-src","blocked_uri":"http://evil.example/x.js","document_uri":"http://a.example"}}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "csp", e.Type)
			require.Equal(t, "Blocked 'script' from 'evil.example'", e.Message)
		}},
		"fingerprint with numbers": {`{"fingerprint":["a",1,true,null]}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Len(t, p["fingerprint"], 4)
		}},
		"errors, meta and culprit of the client": {`{"errors":[{"type":"js_no_source"}],"_meta":{"a":{"":{"rem":[]}}},"culprit":"a.b in c","level":"bad"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "js_no_source", at(p, "errors", 0, "type"))
			require.Equal(t, "invalid_data", at(p, "errors", 1, "type"))
			require.Contains(t, p, "_meta")
			require.Equal(t, "a.b in c", e.Culprit)
		}},
		"unknown attributes are kept": {`{"something":{"a":[1]},"key_id":"1"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.EqualValues(t, 1, at(p, "something", "a", 0))
		}},
		"NUL and broken text": {"{\"message\":\"a\\u0000b\",\"transaction\":\"\xff\"}", func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Equal(t, "a\x00b", e.Message)
			require.Equal(t, "\ufffd", e.Transaction)
		}},
		"NaN": {`{"extra":{"a":NaN,"b":-Infinity},"level":"error"}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.Contains(t, p["extra"], "a")
		}},
		"everything of the wrong kind": {`{"exception":1,"threads":"x","breadcrumbs":true,"tags":1,"user":[],"request":"r","contexts":[],"extra":"x","modules":3,"sdk":"s","level":{},"platform":[],"release":{},"environment":[],"transaction":{},"timestamp":{},"fingerprint":{},"logentry":3,"debug_meta":1,"stacktrace":[],"event_id":5}`, func(t *testing.T, e *schema.Event, p map[string]any) {
			require.GreaterOrEqual(t, len(p["errors"].([]any)), 15)
			require.Equal(t, testTime.UnixMilli(), e.Timestamp)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, p := one(t, c.in)
			c.check(t, e, p)
		})
	}
}

func typed(typ, value string) func(*testing.T, *schema.Event, map[string]any) {
	return func(t *testing.T, e *schema.Event, p map[string]any) {
		require.Equal(t, "error", e.Type)
		require.Equal(t, typ, e.ExceptionType)
		require.Equal(t, value, e.ExceptionValue)
		require.Equal(t, value, at(p, "exception", "values", 0, "value"))
	}
}

func said(formatted, template string) func(*testing.T, *schema.Event, map[string]any) {
	return func(t *testing.T, e *schema.Event, p map[string]any) {
		require.Equal(t, formatted, e.Message)
		require.Equal(t, formatted, at(p, "logentry", "formatted"))
		if template == "" {
			require.Nil(t, at(p, "logentry", "message"))
		} else {
			require.Equal(t, template, at(p, "logentry", "message"))
		}
	}
}

func task(name, id string, retries uint32) func(*testing.T, *schema.Event, map[string]any) {
	return func(t *testing.T, e *schema.Event, p map[string]any) {
		require.Equal(t, name, e.TaskName)
		require.Equal(t, id, e.TaskId)
		require.Equal(t, retries, e.TaskRetries)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"auto":                       {`{"user":{"ip_address":"{{auto}}"}}`, "203.0.113.7"},
		"auto, infer_ip never":       {`{"user":{"ip_address":"{{auto}}"},"sdk":{"settings":{"infer_ip":"never"}}}`, ""},
		"none, python":               {`{"platform":"python"}`, ""},
		"none, javascript":           {`{"platform":"javascript"}`, "203.0.113.7"},
		"none, javascript, never":    {`{"platform":"javascript","sdk":{"settings":{"infer_ip":"never"}}}`, ""},
		"none, python, auto":         {`{"platform":"python","sdk":{"settings":{"infer_ip":"auto"}}}`, "203.0.113.7"},
		"none, bad setting":          {`{"platform":"javascript","sdk":{"settings":{"infer_ip":"sometimes"}}}`, ""},
		"the application's own view": {`{"user":{"ip_address":"{{auto}}"},"request":{"env":{"REMOTE_ADDR":"198.51.100.2"}}}`, "198.51.100.2"},
		"explicit":                   {`{"user":{"ip_address":"192.0.2.9"},"platform":"javascript"}`, "192.0.2.9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := one(t, c.in)
			require.Equal(t, c.want, e.UserIp)
		})
	}
}
