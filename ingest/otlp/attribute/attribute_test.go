package attribute

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	common "go.opentelemetry.io/proto/otlp/common/v1"

	"errata/schema"
)

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

func TestText(t *testing.T) {
	t.Parallel()
	list := func(vs ...*common.AnyValue) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: vs}}}
	}
	double := func(f float64) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: f}}
	}
	deep := text("x")
	for range 40 {
		deep = list(deep)
	}
	tests := map[string]struct {
		in   *common.AnyValue
		want string
	}{
		"string":      {text("a\"b"), `a"b`},
		"bool":        {&common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}, "true"},
		"int":         {&common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: -1 << 62}}, "-4611686018427387904"},
		"double":      {&common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: 0.25}}, "0.25"},
		"bytes":       {&common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte{1, 2}}}, "AQI="},
		"infinite":    {list(double(math.Inf(1)), double(math.Inf(-1)), double(math.NaN())), `["Infinity","-Infinity","NaN"]`},
		"endless":     {double(math.Inf(-1)), "-Infinity"},
		"list":        {list(text("a\n"), &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: 2}}, &common.AnyValue{}), `["a\u000a",2,null]`},
		"map":         {&common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: []*common.KeyValue{{Key: "k", Value: text("v")}}}}}, `{"k":"v"}`},
		"nothing":     {nil, ""},
		"empty value": {&common.AnyValue{}, ""},
		"too deep":    {deep, strings.Repeat("[", 17) + `"..."` + strings.Repeat("]", 17)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, Text(tt.in))
		})
	}
}

func TestUserAndRequest(t *testing.T) {
	t.Parallel()
	set := func(kv ...string) []*schema.Tag {
		var out []*schema.Tag
		for i := 0; i < len(kv); i += 2 {
			out = append(out, &schema.Tag{Key: kv[i], Value: kv[i+1]})
		}
		return out
	}
	tests := map[string]struct {
		in   []*schema.Tag
		user Person
		call Call
	}{
		"nothing":                {},
		"new conventions":        {set("user.id", "1", "user.name", "n", "user.email", "e", "client.address", "192.0.2.1"), Person{"1", "n", "e", "192.0.2.1"}, Call{}},
		"old conventions":        {set("enduser.id", "1", "http.client_ip", "2001:db8::1%eth0"), Person{ID: "1", IP: "2001:db8::1"}, Call{}},
		"a name is no ip":        {set("client.address", "host.example.com"), Person{}, Call{}},
		"full url":               {set("http.request.method", "GET", "url.full", "https://a/b?c=d", "http.response.status_code", "204"), Person{}, Call{"GET", "https://a/b?c=d", 204}},
		"old url":                {set("http.method", "POST", "http.url", "http://a/b", "http.status_code", "500"), Person{}, Call{"POST", "http://a/b", 500}},
		"parts":                  {set("http.request.method", "GET", "url.scheme", "https", "server.address", "a", "server.port", "444", "url.path", "/p", "url.query", "?q=1"), Person{}, Call{"GET", "https://a:444/p?q=1", 0}},
		"old parts":              {set("http.method", "GET", "http.scheme", "http", "http.host", "a:81", "http.target", "/p?q=1"), Person{}, Call{"GET", "http://a:81/p?q=1", 0}},
		"usual port":             {set("http.method", "GET", "http.scheme", "http", "net.host.name", "a", "net.host.port", "80", "http.target", "/p"), Person{}, Call{"GET", "http://a/p", 0}},
		"escaped path":           {set("url.scheme", "https", "server.address", "a", "url.path", "/a%20b/%2F", "url.query", "q=%20"), Person{}, Call{"", "https://a/a%20b/%2F?q=%20", 0}},
		"an address of IPv6":     {set("url.scheme", "http", "server.address", "::1", "server.port", "8000", "url.path", "/p"), Person{}, Call{"", "http://[::1]:8000/p", 0}},
		"new host over old":      {set("http.host", "old", "server.address", "new", "url.scheme", "https", "url.path", "/p"), Person{}, Call{"", "https://new/p", 0}},
		"target's query":         {set("url.path", "/p", "http.target", "/p?q=1"), Person{}, Call{"", "/p?q=1", 0}},
		"a query of its own":     {set("url.path", "/p", "url.query", "new", "http.target", "/p?old"), Person{}, Call{"", "/p?new", 0}},
		"port of another scheme": {set("url.scheme", "https", "server.address", "a", "server.port", "80", "url.path", "/p"), Person{}, Call{"", "https://a:80/p", 0}},
		"target that is a URL":   {set("http.target", "http://a/p?q=1"), Person{}, Call{"", "http://a/p?q=1", 0}},
		"broken new status":      {set("http.response.status_code", "lots", "http.status_code", "500"), Person{}, Call{"", "", 500}},
		"path only":              {set("url.path", "/p"), Person{}, Call{"", "/p", 0}},
		"a method of one's own":  {set("http.request.method", "_OTHER", "http.request.method_original", "BREW"), Person{}, Call{"BREW", "", 0}},
		"status that is none":    {set("http.status_code", "lots"), Person{}, Call{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.user, User(tt.in))
			require.Equal(t, tt.call, HTTP(tt.in))
		})
	}
}

// FuzzAppendString holds our strings against what a JSON reader makes of them.
func FuzzAppendString(f *testing.F) {
	f.Add("a\"b\\c\x00\x16\n\u2028\U0001F600")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		var got string
		require.NoError(t, json.Unmarshal(AppendString(nil, s), &got))
		require.Equal(t, s, got)
	})
}

func TestClip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "abc": "abc", "abcd": "abc", "äöü": "äöü", "äöüß": "äöü"} {
		got, cut := Clip(in, 3)
		require.Equal(t, want, got)
		require.Equal(t, want != in, cut)
	}
}
