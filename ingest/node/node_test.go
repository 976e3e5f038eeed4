package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fastjson"
)

// differ says where two trees of one document differ; empty for nowhere.
func differ(v *Value, want *fastjson.Value, path string) string {
	if v.Type().String() != want.Type().String() {
		return fmt.Sprintf("%s is %s, not %s", path, v.Type(), want.Type())
	}
	switch v.Type() {
	case TypeString:
		if s, err := want.StringBytes(); err != nil || v.Text() != string(s) || string(v.GetStringBytes()) != string(s) {
			return fmt.Sprintf("%s is %q, not %q", path, v.Text(), s)
		}
		if v.Plain() && strings.ContainsFunc(v.Text(), func(r rune) bool { return r < 0x20 || r >= 0x80 || r == '"' || r == '\\' }) {
			return fmt.Sprintf("%s is called plain: %q", path, v.Text())
		}
	case TypeNumber:
		if v.Number() != string(want.MarshalTo(nil)) {
			return fmt.Sprintf("%s is %s, not %s", path, v.Number(), want)
		}
		a, err := v.Uint64()
		b, err2 := want.Uint64()
		if a != b || (err == nil) != (err2 == nil) {
			return fmt.Sprintf("%s is %d, not %d", path, a, b)
		}
	case TypeArray:
		list := want.GetArray()
		if len(v.Elements()) != len(list) {
			return fmt.Sprintf("%s has %d elements, not %d", path, len(v.Elements()), len(list))
		}
		for i, e := range v.Elements() {
			if d := differ(e, list[i], fmt.Sprintf("%s.%d", path, i)); d != "" {
				return d
			}
		}
	case TypeObject:
		found := ""
		i := 0
		want.GetObject().Visit(func(k []byte, e *fastjson.Value) {
			if found != "" {
				return
			}
			if i >= len(v.Members()) || v.Members()[i].Key() != string(k) {
				found = fmt.Sprintf("%s has no %q at %d", path, k, i)
				return
			}
			m := &v.Members()[i]
			if m.Plain() && strings.ContainsAny(m.Key(), "\"\\\n") {
				found = fmt.Sprintf("%s is called plain: %q", path, k)
				return
			}
			i++
			found = differ(m.Value(), e, path+"."+string(k))
		})
		if found == "" && i != len(v.Members()) {
			found = fmt.Sprintf("%s has %d members, not %d", path, len(v.Members()), i)
		}
		return found
	}
	return ""
}

// asTheLibrary reads b with both and compares.
func asTheLibrary(t *testing.T, p *Parser, b []byte) {
	t.Helper()
	// Brackets outside of texts say how deep it is; the library goes further.
	deep := strings.Count(string(b), "[")+strings.Count(string(b), "{") > MaxDepth
	want, err2 := fastjson.ParseBytes(b)
	v, err := p.ParseBytes(b)
	if (err == nil) != (err2 == nil) && !deep {
		t.Fatalf("%q: %v, and %v of the library", b, err, err2)
	}
	if err == nil && err2 == nil {
		if d := differ(v, want, "$"); d != "" {
			t.Fatalf("%q: %s", b, d)
		}
	}
}

var documents = []string{
	``, ` `, `{}`, `[]`, `""`, `0`, `-`, `+`, `--`, `1-2`, `.5`, `-x`, `true`, `tru`, `truex`, `false`, `fals`, `null`, `nul`, `nan`, `NaN`, `nAN`, `-inf`, `+NaN`, `-Infinity`, `in`,
	` { "a" : [ 1 , -2.5e3 , true , false , null , "x" ] , "b" : { } , "c" : [ ] } `, `{"a":1,}`, `[1,]`, `[,1]`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, `[1 2]`, `{} x`, `[}`, `{]`,
	`"\"\\\/\b\f\n\r\t\u00e4\u20ac\ud83d\ude92"`, `"\ud83d"`, `"\ud83d\u"`, `"\ud83d\u0041"`, `"\ud83dxxxxxx"`, `"\q"`, `"\u12"`, `"\u12xy"`, `"\`, `"\"`, `"\\"`, `"\\\"`, `"abc`, "\"a\nb\"", "\"\x00\"", "\"a\x00", "\x00",
	`{"\u0061":1,"a\"b":{"c\\":"d\\"},"":""}`, `{"a":1,"a":2}`, `"äöü漢字🚒"`, "\"\xff\xfe\"", "\"1234567\xe4\"", `"1234567"`, `"12345678"`, `"123456789"`, `"1234567\"9"`, `"12345678\"9"`, "\"1234567\"\x00",
	"\"\x7f\"", "\"!!!!!!!!\x1f!!!!!!!!\"", `["\u0041","\u0042\n"]`, `{"k":"\\u0041"}`,
}

func TestParseAsTheLibrary(t *testing.T) {
	t.Parallel()
	var p Parser
	for _, d := range documents {
		asTheLibrary(t, &p, []byte(d))
		asTheLibrary(t, &p, []byte(`{"x":[`+d+`],"y":`+d+`}`))
	}
	files, err := filepath.Glob("../sentry/testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		asTheLibrary(t, &p, b)
		for n := 0; n < len(b); n += 1 + len(b)/100 {
			asTheLibrary(t, &p, b[:n]) // A body that was cut.
		}
	}
}

func TestParseRefusesWhatIsTooDeep(t *testing.T) {
	t.Parallel()
	var p Parser
	for _, c := range []struct{ open, shut string }{{"[", "]"}, {`{"a":[`, "]}"}} {
		n := MaxDepth / strings.Count(c.open+c.shut, "]") / strings.Count(strings.NewReplacer("{", "[").Replace(c.open), "[")
		_, err := p.ParseBytes([]byte(strings.Repeat(c.open, n) + "1" + strings.Repeat(c.shut, n)))
		require.NoError(t, err)
		_, err = p.ParseBytes([]byte(strings.Repeat(c.open, n+1) + "1" + strings.Repeat(c.shut, n+1)))
		require.ErrorIs(t, err, ErrSyntax)
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range documents {
		f.Add([]byte(d), []byte(`{"a":["b",1]}`))
	}
	f.Fuzz(func(t *testing.T, b, before []byte) {
		var p Parser
		_, _ = p.ParseBytes(before) // Its memory is used again.
		asTheLibrary(t, &p, b)
	})
}

func TestChanges(t *testing.T) {
	t.Parallel()
	var p Parser
	var a Arena
	v, err := p.ParseBytes([]byte(`{"a":1,"b":[true],"c":{"d":"e"},"a":2}`))
	require.NoError(t, err)
	first := v.Get("c")
	v.Set("a", a.NewString("one"))
	v.Set("n", nil)
	v.Get("c").Set("x", a.NewNumberString("7"))
	v.Get("b").SetArrayItem(2, a.NewNull())
	v.Del("nothing")
	require.Same(t, first, v.Get("c"), "what was taken out of the tree stays in it")
	require.Equal(t, "one", v.Get("a").Text())
	require.Equal(t, TypeNull, v.Get("n").Type())
	require.Equal(t, "7", v.Get("c", "x").Number())
	require.Len(t, v.GetArray("b"), 3)
	require.Equal(t, TypeTrue, v.Get("b", "0").Type())
	require.Nil(t, v.Get("b", "3"))
	require.Nil(t, v.Get("a", "b"))
	v.Del("a")
	require.Equal(t, "2", v.Get("a").Number(), "of two of one name the first is meant")
	require.Equal(t, 4, v.GetObject().Len())

	none := (*Value)(nil)
	require.Nil(t, none.Get("a"))
	require.Empty(t, none.Text())
	require.Nil(t, none.GetObject())
	none.Set("a", v)
	none.GetObject().Del("a")
	none.GetObject().Visit(func([]byte, *Value) { t.Error("nothing is visited") })
}

// TestArenaAsTheLibrary holds texts that are put into a tree against those of the
// library.
func TestArenaAsTheLibrary(t *testing.T) {
	t.Parallel()
	var a Arena
	var b fastjson.Arena
	for _, s := range []string{"", "x", "a\"b", "a\\b", "\x00\x07\n", "ä\x07", "\xff", "\xff\"", "\u200b\"", "\U000e0001\\", strings.Repeat("x\n", 50)} {
		want, err := b.NewString(s).StringBytes()
		require.NoError(t, err)
		require.Equal(t, string(want), a.NewString(s).Text())
	}
}
