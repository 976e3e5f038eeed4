package payload_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"errata/schema"
	"errata/schema/grouping/payload"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		json  string
		check func(t *testing.T, typ string, n int, message, template string)
	}{
		"values": {`{"exception":{"values":[{"type":"A"},null,{"type":"B"}]}}`, func(t *testing.T, typ string, n int, _, _ string) {
			require.Equal(t, 2, n)
			require.Equal(t, "error", typ)
		}},
		"bare list":   {`{"exception":[{"type":"A"}]}`, func(t *testing.T, _ string, n int, _, _ string) { require.Equal(t, 1, n) }},
		"bare object": {`{"exception":{"type":"A"}}`, func(t *testing.T, _ string, n int, _, _ string) { require.Equal(t, 1, n) }},
		"old name":    {`{"sentry.interfaces.Exception":{"values":[{"value":"A: b"}]}}`, func(t *testing.T, _ string, n int, _, _ string) { require.Equal(t, 1, n) }},
		"message": {`{"message":"hello"}`, func(t *testing.T, typ string, _ int, m, tpl string) {
			require.Equal(t, "hello", m)
			require.Empty(t, tpl)
			require.Equal(t, "default", typ)
		}},
		"template": {`{"logentry":{"message":"hi %s","params":["x"],"formatted":"hi x"}}`, func(t *testing.T, _ string, _ int, m, tpl string) {
			require.Equal(t, "hi x", m)
			require.Equal(t, "hi %s", tpl)
		}},
		"csp":          {`{"csp":{"effective_directive":"img-src","blocked_uri":"http://x"}}`, func(t *testing.T, typ string, _ int, _, _ string) { require.Equal(t, "csp", typ) }},
		"wrong types":  {`{"exception":7,"threads":"x","stacktrace":[1],"tags":3,"fingerprint":{"a":1},"logentry":[1]}`, func(t *testing.T, _ string, n int, _, _ string) { require.Zero(t, n) }},
		"empty object": {`{}`, func(t *testing.T, typ string, _ int, _, _ string) { require.Equal(t, "default", typ) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := payload.FromPayload([]byte(c.json))
			require.NoError(t, err)
			c.check(t, in.Type, len(in.Exceptions), in.Message, in.Template)
		})
	}
	for _, bad := range []string{"", "[]", "7", "{", `{"a":`} {
		_, err := payload.FromPayload([]byte(bad))
		require.ErrorContains(t, err, "cannot read payload", bad)
	}
}

func TestThreads(t *testing.T) {
	t.Parallel()
	stack := func(fn string) string { return `"stacktrace":{"frames":[{"function":"` + fn + `"}]}` }
	cases := map[string]struct{ json, want string }{
		"crashed":           {`{"threads":{"values":[{` + stack("a") + `},{"crashed":true,` + stack("b") + `}]}}`, "b"},
		"current":           {`{"threads":{"values":[{` + stack("a") + `},{"current":true,` + stack("b") + `}]}}`, "b"},
		"only":              {`{"threads":[{` + stack("a") + `}]}`, "a"},
		"two crashed":       {`{"threads":[{"crashed":true,` + stack("a") + `},{"crashed":true,` + stack("b") + `}]}`, ""},
		"the event's own":   {`{` + stack("c") + `}`, "c"},
		"a thread is first": {`{"threads":[{"crashed":true,` + stack("a") + `}],` + stack("c") + `}`, "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := payload.FromPayload([]byte(c.json))
			require.NoError(t, err)
			got := ""
			if len(in.Stack) > 0 {
				got = in.Stack[0].Function
			}
			require.Equal(t, c.want, got)
		})
	}
	in, err := payload.FromPayload([]byte(`{"exception":[{"type":"A"}],` + stack("c") + `}`))
	require.NoError(t, err)
	require.Len(t, in.Exceptions[0].Frames, 1, "the event's stack belongs to its only exception")
}

func FuzzFromPayload(f *testing.F) {
	f.Add([]byte(`{"exception":{"values":[{"type":"A","stacktrace":{"frames":[{"lineno":1}]}}]},"tags":[["a",1]]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := payload.Stored(b, "python", "")
		if err == nil && len(in.Exceptions) > 4*schema.MaxExceptions {
			t.Fatal("unbounded")
		}
		// A reader that read something else before says the same.
		var r payload.Reader
		_, _ = r.Stored([]byte(`{"exception":{"values":[{"type":"B","value":"x","stacktrace":{"frames":[{"function":"f"},{"function":"g"}]}}]},"message":"m"}`), "go", "error")
		again, err2 := r.Stored(b, "python", "")
		require.Equal(t, err == nil, err2 == nil)
		if err == nil {
			require.Empty(t, cmp.Diff(in, again, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(schema.Tag{})))
		}
	})
}
