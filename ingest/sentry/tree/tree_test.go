package tree

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestParseAndAppend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"as it is":                 {`{"a":[1,-2.5e3,true,false,null,"x"]}`, `{"a":[1,-2.5e3,true,false,null,"x"]}`},
		"NaN":                      {`[NaN,Infinity,-Infinity,1]`, `[null,null,null,1]`},
		"NaN inside a string":      {`["NaN, Infinity",Infinity]`, `["NaN, Infinity",null]`},
		"invalid UTF-8":            {"[\"a\xffb\",\"\xc3\\n\"]", "[\"a\ufffdb\",\"\ufffd\\n\"]"},
		"NUL and control":          {`["\u0000\u0001\b"]`, `["\u0000\u0001\u0008"]`},
		"raw newline":              {"[\"a\nb\"]", `["a\nb"]`},
		"astral, RTL, DEL":         {`["🚒\u202e\u007f\ud83d\ude92"]`, "[\"🚒\u202e\u007f🚒\"]"},
		"a lone surrogate":         {`["\ud83d"]`, `["\\ud83d"]`},
		"an unknown escape":        {`["\q"]`, `["\\q"]`},
		"numbers that are none":    {`[01,1.,+5,1-2,.5]`, `["01","1.","+5","1-2",".5"]`},
		"duplicate keys":           {`{"a":1,"a":2}`, `{"a":1,"a":2}`},
		"keys with escapes":        {`{"a\"\u00e4":1}`, `{"a\"ä":1}`},
		"white space":              {" \n{ \"a\" : [ ] }\t", `{"a":[]}`},
		"quotes after backslashes": {`["\\\\\"","x"]`, `["\\\\\"","x"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse([]byte(c.in))
			require.NoError(t, err)
			defer d.Release()
			require.Equal(t, c.want, string(Append(nil, d.Root)))
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"empty":             {"", ErrSyntax},
		"cut":               {`{"a":`, ErrSyntax},
		"text after":        {`{} x`, ErrSyntax},
		"10,000 deep":       {strings.Repeat("[", 10000), ErrTooDeep},
		"10,000 deep, long": {strings.Repeat(`{"a":`, 10000) + `"` + strings.Repeat("x", 64<<10) + `"`, ErrTooDeep},
		"a million values":  {"[" + strings.Repeat("1,", 1_000_000) + "1]", ErrTooManyValues},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.in))
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestAppendTrimmed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in         string
		depth, max int
		want       string
		cut        bool
	}{
		"fits":               {`{"a":[1,2]}`, 5, 100, `{"a":[1,2]}`, false},
		"too deep":           {`{"a":{"b":{"c":1}}}`, 2, 100, `{"a":{"b":"<trimmed>"}}`, false},
		"a long string":      {`"` + strings.Repeat("x", 50) + `"`, 5, 20, `"xxxxxxxxxxxxxxx..."`, true},
		"further members":    {`{"a":"xxxxxxxxxx","b":"yyyyyyyyyy","c":1}`, 5, 20, `{"a":"xxxxxxxxxx"}`, true},
		"a list":             {`[1111,2222,3333,4444]`, 5, 12, `[1111,2222]`, true},
		"not inside a rune":  {`"ääääääääääääääää"`, 5, 12, `"äää..."`, true},
		"a long list nested": {`{"a":["` + strings.Repeat("x", 90) + `","y"]}`, 5, 40, `{"a":["` + strings.Repeat("x", 26) + `..."]}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse([]byte(c.in))
			require.NoError(t, err)
			defer d.Release()
			out, cut := AppendTrimmed(nil, d.Root, c.depth, c.max)
			require.Equal(t, c.cut, cut)
			require.True(t, json.Valid(out), "%s", out)
			require.Equal(t, c.want, string(out))
		})
	}
}

func TestCutChars(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		n    int
		want string
		cut  bool
	}{
		"shorter":      {"abc", 5, "abc", false},
		"as long":      {"abcde", 5, "abcde", false},
		"longer":       {"abcdef", 5, "ab...", true},
		"runes":        {"äöüäöü", 5, "äö...", true},
		"runes enough": {"äöüäö", 5, "äöüäö", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, cut := CutChars(c.in, c.n)
			require.Equal(t, c.want, got)
			require.Equal(t, c.cut, cut)
		})
	}
}

func TestMembersAndElements(t *testing.T) {
	t.Parallel()
	var got []string
	err := Members([]byte(` {"version":2, "items" : [ {"a":"]"} ,1, [2,3]] ,"x":"}"} `), func(k, v []byte) error {
		got = append(got, string(k)+"="+string(v))
		if string(k) == "items" {
			return Elements(v, func(e []byte) error { got = append(got, string(e)); return nil })
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"version=2", `items=[ {"a":"]"} ,1, [2,3]]`, `{"a":"]"}`, "1", "[2,3]", `x="}"`}, got)
	for _, bad := range []string{``, `[`, `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1}x`, `{1:2}`, `{"a":[}`} {
		require.ErrorIs(t, Members([]byte(bad), func([]byte, []byte) error { return nil }), ErrSyntax, bad)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,NaN,"\ud83d\u0000",{"b":null}]}`, `[-Infinity]`, "[\"\xff\\q\"]", `{"a":1,"a":{}}`, `[1-2,.5]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			return
		}
		defer d.Release()
		out := Append(nil, d.Root)
		if !json.Valid(out) || !utf8.Valid(out) {
			t.Fatalf("not JSON: %q", out)
		}
		short, _ := AppendTrimmed(nil, d.Root, 3, 20)
		if !json.Valid(short) {
			t.Fatalf("not JSON: %q", short)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if second := Append(nil, again.Root); string(second) != string(out) {
			t.Fatalf("%q, then %q", out, second)
		}
		again.Release()
		_ = Members(b, func(_, v []byte) error { return Elements(v, func([]byte) error { return nil }) })
	})
}
