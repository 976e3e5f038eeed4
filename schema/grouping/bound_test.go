package grouping

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// TestBounded holds every input of 1 MiB to 50 ms.
func TestBounded(t *testing.T) {
	frames := func(n int, f schema.Frame) []schema.Frame {
		out := make([]schema.Frame, n)
		for i := range out {
			out[i] = f
			out[i].Function += strconv.Itoa(i)
		}
		return out
	}
	long := strings.Repeat("a/b<", 1<<18)
	cases := map[string]*Input{
		"one long value": {Exceptions: []schema.Exception{{Type: "E", Value: strings.Repeat("a1-", 1<<18)}}},
		"many frames":    {Platform: "python", Exceptions: []schema.Exception{{Type: "E", Frames: frames(12000, frame("/srv/app/x/y/z/file.py", "f", "    return call(me, maybe)"))}}},
		"many exceptions": {Platform: "native", Exceptions: func() (out []schema.Exception) {
			for i := range 1000 {
				out = append(out, schema.Exception{Type: "E", Value: "v", Frames: frames(12, frame("/a/b", "ns::f<T>(int)", "")), Mechanism: schema.Mechanism{ID: i, ParentID: i - 1, IsGroup: true}})
			}
			return out
		}()},
		"one long function": {Platform: "native", Exceptions: []schema.Exception{{Type: "E", Frames: []schema.Frame{{Function: long}}}}},
		"one long path":     {Platform: "python", Exceptions: []schema.Exception{{Type: "E", Frames: []schema.Frame{{AbsPath: long, ContextLine: long}}}}},
		"one long message":  {Message: strings.Repeat("12:", 1<<18)},
		"many fingerprints": {Message: "m", Fingerprint: strings.Split(strings.Repeat("{{ message }},", 1<<16), ",")},
		"nested braces":     {Message: "m", Fingerprint: []string{strings.Repeat("{{", 1<<19)}},
	}
	// A project with as many rules as it may have.
	var own strings.Builder
	for i := range 900 {
		fmt.Fprintf(&own, "path:**/mod%d/*x/**/y?z/** function:f%d* +app ^-group v+group\n", i, i)
	}
	for _, rules := range []Rules{{}, {InApp: own.String()}} {
		g, err := New(rules)
		require.NoError(t, err)
		for name, in := range cases {
			took := time.Hour
			for range 3 { // The best of three: the machine may have other work.
				start := time.Now()
				g.Group(in)
				took = min(took, time.Since(start))
			}
			t.Logf("%-20s %6d bytes of rules: %v", name, len(rules.InApp), took)
			require.Less(t, took, slower*time.Second, "a hang, not a measurement: %s with %d bytes of rules", name, len(rules.InApp))
		}
	}
}

func FuzzGroup(f *testing.F) {
	f.Add("python", "ValueError", "bad 12", "/srv/app/x.py", "f", "    return 1", "{{ default }}")
	f.Add("native", "a.b::C", "", "x", "void a<b(c)", "", "{{type}} x")
	g, err := New(Rules{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, platform, typ, value, path, fn, line, fp string) {
		in := &Input{Platform: platform, Message: value, Fingerprint: []string{fp}, Exceptions: []schema.Exception{
			{Type: typ, Value: value, Frames: []schema.Frame{{AbsPath: path, Function: fn, ContextLine: line, Module: typ}, {File: path, Function: value}}},
		}}
		a, b := g.Group(in), g.Explain(in)
		if a.Hashes[0] == 0 || a.Hashes[0] != b.Result.Hashes[0] || len(a.InApp) != 2 {
			t.Fatalf("%+v", a)
		}
	})
}
