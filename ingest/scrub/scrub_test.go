package scrub

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/node"
	"errata/ingest/scrub/detect"
	"errata/ingest/sentry/tree"
)

func scrubber(t testing.TB, r Rules) *Scrubber {
	t.Helper()
	s, err := New(r)
	require.NoError(t, err)
	return s
}

func event(t testing.TB, s *Scrubber, text string) (string, Counts) {
	t.Helper()
	var p node.Parser
	v, err := p.ParseBytes([]byte(text))
	require.NoError(t, err)
	var a node.Arena
	c := Counts{}
	s.JSON(v, &a, c)
	return string(tree.Append(nil, v)), c
}

func TestText(t *testing.T) {
	s := scrubber(t, Rules{})
	for _, tc := range []struct{ name, in, want string }{
		{"nothing", "division by zero in order 12345", "division by zero in order 12345"},
		{"card", "card 4111 1111 1111 1111 declined", "card [creditcard] declined"},
		{"card with dashes", "4111-1111-1111-1111", "[creditcard]"},
		{"card, wrong check digit", "card 4111 1111 1111 1112 declined", "card 4111 1111 1111 1112 declined"},
		{"amex", "378282246310005", "[creditcard]"},
		{"long number inside an id", "req-4111111111111111abc", "req-4111111111111111abc"},
		{"milliseconds", "at 1700000000000 ms", "at 1700000000000 ms"},
		{"iban", "to DE89 3704 0044 0532 0130 00 please", "to [iban] please"},
		{"iban, wrong check digits", "to DE88370400440532013000", "to DE88370400440532013000"},
		{"ssn", "ssn 536-22-1234.", "ssn [us-ssn]."},
		{"no ssn", "part 000-12-3456 and 2024-11-23", "part 000-12-3456 and 2024-11-23"},
		{"pem", "key: -----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nrest", "key: [pemkey]\nrest"},
		{"pem that was cut", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIOxyz", "[pemkey]"},
		{"public key stays", "-----BEGIN PUBLIC KEY-----\nMIIEow\n-----END PUBLIC KEY----- PRIVATE KEY", "-----BEGIN PUBLIC KEY-----\nMIIEow\n-----END PUBLIC KEY----- PRIVATE KEY"},
		{"url with password", "cannot reach postgres://shop:hunter2@db:5432/shop now", "cannot reach postgres://[Filtered]@db:5432/shop now"},
		{"url with a user only", "git://git@host/x", "git://git@host/x"},
		{"pem with escaped newlines", `key "-----BEGIN PRIVATE KEY-----\nMIIEow\n-----END PRIVATE KEY-----\n"`, `key "[pemkey]\n"`},
		{"pem cut in its end, twice", "-----BEGIN EC PRIVATE KEY----- MHc -----END EC PRI... -----BEGIN EC PRIVATE KEY----- MHc", "[pemkey]... [pemkey]"},
		{"aws key", "using AKIAIOSFODNN7EXAMPLE now", "using [Filtered] now"},
		{"aws key beside a word", "key.AKIAIOSFODNN7EXAMPLE", "key.[Filtered]"},
		{"no aws key", "AKIAIOSFODNN7EXAMPLEANDMORE", "AKIAIOSFODNN7EXAMPLEANDMORE"},
		{"github", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[Filtered]"},
		{"slack", "xoxb" + "-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy", "[Filtered]"},
		{"stripe", "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc failed", "[Filtered] failed"},
		{"google", "key=AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe", "key=[Filtered]"},
		{"jwt", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P.", "got [Filtered]."},
		{"no tokens", "sk_live_migration gh_pages_build_2024-11 eyJlbGVtZW50 module.AKIA_check test_xoxb_formatting_of_names", "sk_live_migration gh_pages_build_2024-11 eyJlbGVtZW50 module.AKIA_check test_xoxb_formatting_of_names"},
		{"ids and hashes stay", "trace 4bf92f3577b34da6a3ce929d0e0e4736 commit 9fceb02d0ae598e95dc970b74767f19372d61af8 uuid 41111111-1111-4111-8111-111111111111 at 2024-11-23T10:11:12.123456Z order 4242424242424", "trace 4bf92f3577b34da6a3ce929d0e0e4736 commit 9fceb02d0ae598e95dc970b74767f19372d61af8 uuid 41111111-1111-4111-8111-111111111111 at 2024-11-23T10:11:12.123456Z order 4242424242424"},
		{"json in json in text", `body "{\\\"password\\\":\\\"hunter2\\\",\\\"n\\\":1}"`, `body "{\\\"password\\\":\\\"[Filtered]\\\",\\\"n\\\":1}"`},
		{"password with a slash", "postgres://shop:hun/ter2@db:5432/shop", "postgres://[Filtered]@db:5432/shop"},
		{"password with an at", "postgres://shop:hun@ter2@db:5432/shop", "postgres://[Filtered]@db:5432/shop"},
		{"redis, no user", "redis://:hunter2@cache:6379/0", "redis://[Filtered]@cache:6379/0"},
		{"digits with no-break spaces", "card 4111\u00a01111\u00a01111\u00a01111 declined", "card [creditcard] declined"},
		{"wide digits", "card ４１１１１１１１１１１１１１１１ declined", "card [creditcard] declined"},
		{"iban before capitals", "DE89 3704 0044 0532 0130 00 PLEASE", "[iban] PLEASE"},
		{"a trace id like an iban", "at01370400440532013000aabbccddee", "at01370400440532013000aabbccddee"},
		{"a port and a path", "http://host:8080/a@b and https://host:443/@scope/x", "http://host:8080/a@b and https://host:443/@scope/x"},
		{"a quote inside a secret", `{"password":"hun\"ter2","n":1}`, `{"password":"[Filtered]","n":1}`},
		{"a card number in a decimal", "took 0.4111111111111111 s", "took 0.4111111111111111 s"},
		{"small iban", "to de89370400440532013000", "to [iban]"},
		{"bearer", "sent Authorization: Bearer eyJhbGciOi.J9.abc", "sent Authorization: Bearer [Filtered]"},
		{"basic", "Basic dXNlcjpwYXNz", "Basic [Filtered]"},
		{"basic as a word", "Basic authentication failed", "Basic authentication failed"},
		{"basic before bearer", "Basic dXNlcjpwYXNz then Bearer abc.hunter2 then bearer abc.hunter2 then basic dXNlcjpwYXNz", "Basic [Filtered] then Bearer [Filtered] then bearer [Filtered] then basic [Filtered]"},
		{"bearer twice", "Bearer Bearer abc.hunter2", "Bearer Bearer [Filtered]"},
		{"bearer as a word", "the Bearer certificate", "the Bearer certificate"},
		{"query", "GET https://x.example/a?page=2&token=abc123&x=1 failed", "GET https://x.example/a?page=2&token=[Filtered]&x=1 failed"},
		{"json in text", `bad body {"user":"bob","password":"hunter2"}`, `bad body {"user":"bob","password":"[Filtered]"}`},
		{"python dict", `{'password': 'hunter2', 'n': 1}`, `{'password': '[Filtered]', 'n': 1}`},
		{"source line stays", "password = os.environ['PASSWORD']", "password = os.environ['PASSWORD']"},
		{"email", "no user bob.smith+x@mail.example.com.", "no user [email]."},
		{"fragment", "https://x.example/cb#access_token=hunter2&token_type=bearer", "https://x.example/cb#access_token=[Filtered]&token_type=bearer"},
		{"form of Rails", "user[password]=hunter2&user[name]=bob", "user[password]=[Filtered]&user[name]=bob"},
		{"form of Rails, escaped", "user%5Bpassword%5D=hunter2&a=1", "user%5Bpassword%5D=[Filtered]&a=1"},
		{"escaped name", "at /x?api%5Fkey=hunter2", "at /x?api%5Fkey=[Filtered]"},
		{"url in a url", "https://x.example/?next=https%3A%2F%2Fy%2F%3Ftoken%3Dhunter2%26a%3D1", "https://x.example/?next=https%3A%2F%2Fy%2F%3Ftoken%3D[Filtered]%26a%3D1"},
		{"url in a url in a url", "/?n=https%253A%252F%252Fy%252F%253Fa%253D1%2526token%253Dhunter2%2526b%253D2", "/?n=https%253A%252F%252Fy%252F%253Fa%253D1%2526token%253D[Filtered]%2526b%253D2"},
		{"escaped url with a password", "/?u=https%3A%2F%2Fbob%3Ahunter2%40h.example%2Fx", "/?u=https%3A%2F%2F[Filtered]%40h.example%2Fx"},
		{"escaped url with a port", "/?u=https%3A%2F%2Fh.example%3A8080%2Fa%40b", "/?u=https%3A%2F%2Fh.example%3A8080%2Fa%40b"},
		{"escaped json", "/?q=%7B%22password%22%3A%22hunter2%22%2C%22n%22%3A1%7D", "/?q=%7B%22password%22%3A%22[Filtered]%22%2C%22n%22%3A1%7D"},
		{"escaped bearer", "/?h=Bearer%20abc.hunter2&x=1", "/?h=Bearer%20[Filtered]&x=1"},
		{"header in a form", "?q=Authorization%3A+Bearer+abc.hunter2xyz&x=1", "?q=Authorization%3A+Bearer+[Filtered]&x=1"},
		{"card in a form", "/find?q=card+4111+1111+1111+1111&x=1", "/find?q=card+[creditcard]&x=1"},
		{"card in a path", "GET /find/4111%201111%201111%201111 failed", "GET /find/[creditcard] failed"},
		{"dict in a form", "?q=%7B%27password%27%3A+%27hunter2%27%7D", "?q=%7B%27password%27%3A+%27[Filtered]%27%7D"},
		{"form in a form", "?u=%2Fa%3Fq%3Dcard%2B4111%2B1111%2B1111%2B1111", "?u=%2Fa%3Fq%3Dcard%2B[creditcard]"},
		{"a form without secrets", "?q=100%25+cotton&size=4111+1111", "?q=100%25+cotton&size=4111+1111"},
		{"signature of a url", "GET https://s3/b?X-Amz-Signature=hunter2&x=1", "GET https://s3/b?X-Amz-Signature=[Filtered]&x=1"},
		{"signature of Azure", "GET https://b/c?sv=2020&sig=hunter2&x=1", "GET https://b/c?sv=2020&sig=[Filtered]&x=1"},
		{"list", `{"password":["hunter2","x"],"n":1}`, `{"password":[Filtered],"n":1}`},
		{"object", `{"credentials":{"a":{"b":"hunter2}"}},"n":1}`, `{"credentials":[Filtered],"n":1}`},
		{"number", `{"pin":1234,"password":5678,"token":null}`, `{"pin":[Filtered],"password":[Filtered],"token":null}`},
		{"ruby", `{"password"=>"hunter2", :api_key=>"hunter3", token: "hunter4", "otp" => nil}`, `{"password"=>"[Filtered]", :api_key=>"[Filtered]", token: "[Filtered]", "otp" => nil}`},
		{"index", `os.environ["DB_PASSWORD"] = "hunter2"`, `os.environ["DB_PASSWORD"] = "[Filtered]"`},
		{"header", "X-Api-Key: hunter2secret\nHost: x", "X-Api-Key: [Filtered]\nHost: x"},
		{"authorization with a scheme", "Authorization: Token hunter2secret1", "Authorization: Token [Filtered]"},
		{"authorization alone", "sent: Authorization: hunter2secret1", "sent: Authorization: [Filtered]"},
		{"digest", `Authorization: Digest username="bob", response="6629fae49393a053"`, "Authorization: Digest [Filtered]"},
		{"cookie", "Cookie: sessionid=hunter2; theme=dark\nHost: x", "Cookie: sessionid=[Filtered]; theme=dark\nHost: x"},
		{"no headers", "Authorization: denied for user 5. Unexpected token: '}' and invalid token: 17, x-auth-token: required", "Authorization: denied for user 5. Unexpected token: '}' and invalid token: 17, x-auth-token: required"},
		{"code stays", `token = tokens[0] if token[i] == 1 else {"token": get_token()}`, `token = tokens[0] if token[i] == 1 else {"token": get_token()}`},
		{"decorator is no email", "@app.get('/x') and a@b", "@app.get('/x') and a@b"},
		{"version after @", "shop@1.2.3 failed", "shop@1.2.3 failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Counts{}
			require.Equal(t, tc.want, s.Text(tc.in, c))
			require.Equal(t, tc.in != tc.want, len(c) > 0, "counted exactly when changed")
			require.Equal(t, tc.want, s.Text(tc.want, nil), "a second pass changes nothing")
		})
	}
}

func TestEvent(t *testing.T) {
	s := scrubber(t, Rules{})
	in := `{"event_id":"41111111111111114111111111111111","message":"x","exception":{"values":[{"type":"ValueError","value":"bad card 4111111111111111 of a@b.example",
	"stacktrace":{"frames":[{"filename":"/home/bob/app.py","function":"pay","context_line":"pay(password='hunter2')","vars":{"password":"hunter2","author":"bob","nested":{"api_key":{"a":1}},
	"dsn":"'postgres://u:p@db/x'","repr":"Form(password=hunter2, n=1)","empty":{"token":null,"secret":""}}}]}}]},
	"request":{"url":"https://x.example/?token=abc&page=1","headers":[["Authorization","Bearer abcdefgh1"],["User-Agent","Mozilla 4111111111111111"],["Cookie","sessionid=abc; theme=dark"],["X-Api-Key","k"]],
	"cookies":{"PHPSESSID":"1","theme":"dark"},"data":{"card":4111111111111111,"password":"x","items":[1,2]},"query_string":"secret=1&b=2"},
	"user":{"id":"4111111111111111","email":"bob@x.example","password":"x"},
	"breadcrumbs":{"values":[{"message":"login","data":{"access_token":"t","n":3}}]},
	"tags":[["session_token","abc"],["ok","yes"]],"modules":{"django-auth":"1.0"},
	"extra":{"path":"/home/bob/x.txt","sys.argv":["a","--password=x","--api-key","argv-secret","-token","argv-secret","--verbose","argv-kept","--secret","--flag"]}}`
	out, c := event(t, s, in)
	for _, gone := range []string{"hunter2", "a@b.example", "u:p@", "Bearer abcdefgh1", "sessionid=abc", `"X-Api-Key","k"`, `"t"`, `"abc"`, "card 4111", `"card":4111`, "token=abc", `"PHPSESSID":"1"`, "secret=1&", "/home/bob/x", "--password=x", "argv-secret"} {
		require.NotContains(t, out, gone)
	}
	for _, stays := range []string{`"event_id":"41111111111111114111111111111111"`, `"filename":"/home/bob/app.py"`, `"author":"bob"`, `"theme":"dark"`, "theme=dark", "page=1", "b=2", `"Mozilla 4111111111111111"`,
		`"id":"4111111111111111"`, `"email":"bob@x.example"`, `"django-auth":"1.0"`, `["ok","yes"]`, "argv-kept", "--flag", `"token":null`, `"secret":""`, `"n":3`, `"function":"pay"`} {
		require.Contains(t, out, stays)
	}
	require.True(t, json.Valid([]byte(out)))
	require.Positive(t, c[detect.RuleKey])
	again, c2 := event(t, s, out)
	require.Equal(t, out, again, "a second pass changes nothing")
	require.Empty(t, c2)
}

func TestSourceLinesGroupAlikeOverBothProtocols(t *testing.T) {
	s := scrubber(t, Rules{})
	for _, line := range []string{`raise ValueError(f"token={token} for bob@x.example")`, `db = connect("postgres://u:p@h/x")`, `x = {"password": "a b"}`, `call(url + "?token=abc&x=1")`} {
		v, err := json.Marshal(map[string]any{"exception": []any{map[string]any{"value": line, "stacktrace": map[string]any{"frames": []any{map[string]any{"context_line": line}}}}}})
		require.NoError(t, err)
		out, _ := event(t, s, string(v))
		tree, err := node.Parse([]byte(out))
		require.NoError(t, err)
		require.Equal(t, s.Text(line, nil), string(tree.GetStringBytes("exception", "0", "stacktrace", "frames", "0", "context_line")))
		require.Equal(t, s.Text(line, nil), string(tree.GetStringBytes("exception", "0", "value")))
		whole := "  File \"x.py\", line 1, in f\n    " + line + "\nValueError"
		require.Equal(t, "  File \"x.py\", line 1, in f\n    "+s.Text(line, nil)+"\nValueError", s.Text(whole, nil))
	}
}

// TestEachOfTwoOfOneName takes the secrets out of both: both are stored.
func TestEachOfTwoOfOneName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"an event":    {`{"extra":"card 4111111111111111","extra":"u:4242424242424242"}`, `{"extra":"card [creditcard]","extra":"u:[creditcard]"}`},
		"names":       {`{"extra":{"password":"a","password":"b","PASSWORD":"c"}}`, `{"extra":{"password":"[Filtered]","password":"[Filtered]","PASSWORD":"[Filtered]"}}`},
		"headers":     {`{"request":{"headers":{"authorization":"a","authorization":"b"}}}`, `{"request":{"headers":{"authorization":"[Filtered]","authorization":"[Filtered]"}}}`},
		"a frame":     {`{"stacktrace":{"frames":[{"vars":{"pin":"1"},"vars":{"pin":"2"}}]}}`, `{"stacktrace":{"frames":[{"vars":{"pin":"[Filtered]"},"vars":{"pin":"[Filtered]"}}]}}`},
		"unit":        {`{"measurements":{"x":{"unit":"4111111111111111","unit":"4242424242424242"}}}`, `{"measurements":{"x":{"unit":"[creditcard]","unit":"[creditcard]"}}}`},
		"an own rule": {`{"extra":{"x":"internal-1","x":"internal-2"}}`, `{"extra":{"x":"[Filtered]","x":"[Filtered]"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _ := event(t, scrubber(t, Rules{Rules: []Rule{{Pattern: `/internal-\d/`}}}), c.in)
			require.Equal(t, c.want, out)
		})
	}
}

func TestAttribute(t *testing.T) {
	s := scrubber(t, Rules{})
	for _, tc := range []struct{ key, in, want string }{
		{"http.request.header.authorization", "anything", detect.Filtered},
		{"http.request.header.cookie", "sid=1; theme=dark", "sid=[Filtered]; theme=dark"},
		{"http.response.header.set-cookie", `["sid=1; Path=/","csrftoken=2; Secure","a=b"]`, `["sid=[Filtered]; Path=/","csrftoken=[Filtered]; Secure","a=b"]`},
		{"http.response.header.set-cookie", `["sid=1"]`, `["sid=[Filtered]`},
		{"note", `["sent\u000aX-Api-Key: hunter2secret\u000aHost: x"]`, `["sent\u000aX-Api-Key: [Filtered]\u000aHost: x"]`},
		{"url.full", "https://u:p@x.example/?api_key=1", "https://[Filtered]@x.example/?api_key=[Filtered]"},
		{"db.statement", "SELECT 1", "SELECT 1"},
		{"enduser.id", "4111111111111111", "4111111111111111"},
		{"gen_ai.usage.input_tokens", "17", "17"},
		{"thing.id", "4111111111111111", "4111111111111111"},
		{"note", "4111111111111111", "[creditcard]"},
		{"note", "authorization=Bearer hunter2secret", "authorization=[Filtered]"},
		{"note", `{"password":["hunter2"]}`, `{"password":[Filtered]}`},
		{"note", "map[user:bob password:hunter2]", "map[user:bob password:[Filtered]]"},
		{"note", "&{User:bob Password:hunter2}", "&{User:bob Password:[Filtered]}"},
		{"note", "auth:login", "auth:login"},
		{"process.command_line", "app --db-password hunter2 --token --port 80 --api-key='a b' --max-tokens 5", "app --db-password [Filtered] --token --port 80 --api-key='[Filtered]' --max-tokens 5"},
	} {
		require.Equal(t, tc.want, s.Attribute(tc.key, tc.in, Counts{}), tc.key)
	}
}

func TestProjectRules(t *testing.T) {
	in := `{"user":{"ip_address":"10.1.2.3","id":"7"},"extra":{"customer":{"note":"call 10.1.2.3 at noon","number":"C-1234"},"Vault":"x","author":"bob"},
	"request":{"headers":[["X-Internal","abc"]]},"exception":{"values":[{"value":"C-1234 failed","stacktrace":{"frames":[{"function":"C-1234"}]}}]}}`
	for _, tc := range []struct {
		name        string
		rules       Rules
		gone, stays []string
	}{
		{"off", Rules{Off: true, Rules: []Rule{{Path: "extra.**"}}}, nil, []string{"10.1.2.3", "C-1234", "abc"}},
		{"path", Rules{Rules: []Rule{{Path: "request.headers.x-internal"}}}, []string{`"abc"`}, []string{"C-1234"}},
		{"path with **, removed", Rules{Rules: []Rule{{Path: "**.number", Method: "remove"}}}, []string{`"number":"C-1234"`}, []string{`"number":""`}},
		{"list index", Rules{Rules: []Rule{{Path: "exception.values.*.value", Pattern: `/C-\d+/`, Method: "mask"}}}, []string{`C-1234 failed`}, []string{"****** failed", `"number":"C-1234"`}},
		{"expression everywhere but in frames", Rules{Rules: []Rule{{Name: "customer", Pattern: `/C-\d+/`}}}, []string{`"number":"C-1234"`, "C-1234 failed"}, []string{`"function":"C-1234"`}},
		{"addresses", Rules{IPAddresses: true}, []string{"10.1.2.3"}, []string{`"id":"7"`, "at noon"}},
		{"own field", Rules{SensitiveFields: []string{"vault"}}, []string{`"Vault":"x"`}, []string{`"author":"bob"`}},
		{"no defaults", Rules{NoDefaults: true, SensitiveFields: []string{"author"}}, []string{`"author":"bob"`}, []string{`"Vault":"x"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, _ := event(t, scrubber(t, tc.rules), in)
			for _, g := range tc.gone {
				require.NotContains(t, out, g)
			}
			for _, k := range tc.stays {
				require.Contains(t, out, k)
			}
		})
	}
	s := scrubber(t, Rules{SafeFields: []string{"api_key"}})
	out, _ := event(t, s, `{"extra":{"api_key":"public","token":"x"}}`)
	require.JSONEq(t, `{"extra":{"api_key":"public","token":"[Filtered]"}}`, out)
}

func TestRulesThatCannotWork(t *testing.T) {
	for _, r := range []Rule{{}, {Path: "a..b"}, {Pattern: "nothing"}, {Pattern: "/(/"}, {Pattern: "/a*/"}, {Path: "a", Method: "burn"}} {
		_, err := New(Rules{Rules: []Rule{r}})
		require.Error(t, err, r)
	}
}

func TestZeroScrubberDoesNothing(t *testing.T) {
	var s *Scrubber
	require.Equal(t, "Bearer abcdefgh1", s.Text("Bearer abcdefgh1", nil))
	require.Equal(t, "x", (&Scrubber{}).Attribute("password", "x", nil))
}

// TestLongTextsTakeLinearTime would not end in time if a detector looked at the
// rest or the beginning of a text again for each of its finds.
func TestLongTextsTakeLinearTime(t *testing.T) {
	t.Parallel()
	s := scrubber(t, Rules{})
	for _, part := range []string{"token:", "token: ", "token=", "[token:x", "\"token\":[", "token]=", "[token]=x&", "token%3D", "%3A%2F%2Fa:", "%3Ftoken%3D%26", "%25", "--token ", "--token --", "Authorization: Token ", "Cookie: a=b;", "x-a-token: ", "://a:", "eyJ", "eyJ.", "sk_live_", "4 ", "a@", "/home/", "/home/Users", "-----BEGIN ", "earer ", "Bearer ", "basic%20b", "bB", "token: \\", " ", "\\\"token"} {
		text := strings.Repeat(part, 1<<19/len(part))
		require.LessOrEqual(t, len(s.Text(text, Counts{})), 4*len(text))
		require.LessOrEqual(t, len(s.Attribute("note", text, Counts{})), 4*len(text))
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"000]=0", `a[b][token]="x`, "n=a%253Ftoken%253Dx%2526", "%3A%2F%2Fa%3Ab%40c", "Cookie: sid=1; ", "Authorization: Digest a=\"b\"", "--token x", `{"token":[{"a":"]"}`, "4111 1111 1111 1111", "a?token=1&b", `{"password":"x`, "x://a:b@c", "-----BEGIN PRIVATE KEY-----", "Bearer ", "password=", "a@b.cc", "/home/x/", `\"token\": \"a\\`} {
		f.Add(s)
	}
	s, err := New(Rules{IPAddresses: true, Rules: []Rule{{Pattern: "email"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := s.Text(in, Counts{})
		if len(out) > 12*len(in)+64 {
			t.Fatal("grew too much")
		}
		s.Attribute("url.full", in, Counts{})
	})
}

// sample is an own capture of a Python event.
func sample(b testing.TB) string {
	dir := filepath.Join("..", "..", "..", "shared", "corpus", "own-python")
	var best string
	_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".json") && best == "" {
			if raw, err := os.ReadFile(p); err == nil && len(raw) > 3000 && len(raw) < 9000 && json.Valid(raw) {
				best = string(raw)
			}
		}
		return nil
	})
	if best == "" {
		frame := `{"filename":"shop/orders.py","abs_path":"/srv/app/shop/orders.py","function":"place_order","module":"shop.orders","lineno":42,"in_app":true,"pre_context":["    total = 0","    for line in order.lines:"],"context_line":"        total += line.price / line.quantity","post_context":["    return total"],"vars":{"order":"<Order 17>","total":"0"}}`
		best = `{"event_id":"0123456789abcdef0123456789abcdef","level":"error","platform":"python","exception":{"values":[{"type":"ZeroDivisionError","value":"division by zero","stacktrace":{"frames":[` + strings.Repeat(frame+",", 9) + frame + `]}}]},"request":{"url":"http://shop.example/orders/17","method":"POST","headers":{"host":"shop.example","accept":"*/*","user-agent":"curl/8"}},"tags":{"region":"eu","tier":"gold"},"extra":{"cart":3}}`
	}
	return best
}

// TestRegisters takes secrets out of what registers of a crash should not hold,
// and leaves addresses as they are, even those that look like a card number.
func TestRegisters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"0x00007ffee4b0a1c8"`: `"0x00007ffee4b0a1c8"`, `"4111111111111111"`: `"4111111111111111"`, `"0X4111111111111111"`: `"0X4111111111111111"`,
		`"Bearer eyJhbGciOi.J9.abc"`: `"Bearer [Filtered]"`, `"4111 1111 1111 1111"`: `"[creditcard]"`, `{"password":"hunter2"}`: `{"password":"[Filtered]"}`, `140732730122696`: `140732730122696`, `null`: `null`,
	} {
		for _, form := range []string{`{"exception":{"values":[{"stacktrace":{"registers":{"rip":%s},"frames":[]}}]}}`, `{"threads":[{"stacktrace":{"registers":{"rip":%s}}}]}`, `{"stacktrace":{"registers":{"rip":%s}}}`} {
			got, _ := event(t, scrubber(t, Rules{}), fmt.Sprintf(form, in))
			require.JSONEq(t, fmt.Sprintf(form, want), got)
		}
	}
}

// TestHomeFolders takes out users' names wherever and in whatever order they
// stand.
func TestHomeFolders(t *testing.T) {
	t.Parallel()
	s, err := New(Rules{})
	require.NoError(t, err)
	for name, c := range map[string]struct{ in, want string }{
		"Linux":            {"/home/bob/x", "/home/[user]/x"},
		"macOS":            {"/Users/bob.smith/x", "/Users/[user]/x"},
		"Windows":          {`C:\Users\bob\x`, `C:\Users\[user]\x`},
		"in this order":    {"/home/bob/x:/Users/amy/y", "/home/[user]/x:/Users/[user]/y"},
		"the other way":    {`C:\Users\bob\x:/Users/amy/y:/home/bob/z`, `C:\Users\[user]\x:/Users/[user]/y:/home/[user]/z`},
		"one in another":   {"/home/Users/bob/x", "/home/[user]/[user]/x"},
		"the folder alone": {"/home/bob /Users/ /home//x", "/home/bob /Users/ /home//x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counts := Counts{}
			require.Equal(t, c.want, s.Attribute("path", c.in, counts))
			require.Equal(t, strings.Count(c.want, "[user]"), counts[detect.RuleUser])
		})
	}
}

func BenchmarkCleanEvent(b *testing.B) {
	s, _ := New(Rules{})
	text := sample(b)
	var p node.Parser
	v, err := p.ParseBytes([]byte(text))
	if err != nil {
		b.Fatal(err)
	}
	var a node.Arena
	c := Counts{}
	s.JSON(v, &a, c)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.JSON(v, &a, c)
	}
}
