package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// bounded checks what holds for any text.
func bounded(t testing.TB, list []schema.Exception) {
	t.Helper()
	require.NotEmpty(t, list)
	require.LessOrEqual(t, len(list), schema.MaxExceptions)
	for _, e := range list {
		require.LessOrEqual(t, len(e.Frames), schema.MaxFrames)
	}
}

// fill repeats a piece up to the limit of a text.
func fill(head, piece, tail string) string {
	return head + strings.Repeat(piece, (MaxBytes-len(head)-len(tail))/len(piece)) + tail
}

// Texts of 256 KiB that try to be slow: linear parsers need a few milliseconds.
// The bound is wide because the machine is shared; a quadratic parser needs
// seconds.
func TestHostileTime(t *testing.T) {
	cases := map[string]string{
		"newlines":            fill("", "\n", ""),
		"spaces":              fill("", " ", ""),
		"one line":            fill("", "x", ""),
		"python frames":       fill(pyHeader+"\n", "  File \"a\", line 1, in f\n    g()\n", "ValueError: x"),
		"python repeats":      fill(pyHeader+"\n  File \"a\", line 1, in f\n", "  [Previous line repeated 999999999 more times]\n", "ValueError: x"),
		"python chain":        fill("", pyHeader+"\n  File \"a\", line 1, in f\nE: x\n\n"+pyCause+"\n\n", "E: x"),
		"python repeat chain": fill("", pyHeader+"\n  File \"a\", line 1, in f\n  [Previous line repeated 9999 more times]\nE: x\n\n"+pyCause+"\n\n", "E: x"),
		"python mains":        fill(pyHeader+"\n", "ValueError: x\n", "ValueError: x"),
		"python near mains":   fill(pyHeader+"\n", "ValueError: xx\n", "ValueError: xx"),
		"python joiners":      fill(pyHeader+"\nE: x\n", "\n"+pyCause+"\n\n", ""),
		"python groups":       fill("  + "+pyGroupHeader+"\n  | ExceptionGroup: x\n", "  +-+---------------- 1 ----------------\n", ""),
		"python members":      fill("  + "+pyGroupHeader+"\n  | ExceptionGroup: x\n  +-+---------------- 1 ----------------\n", "    | E: x\n    +---------------- 2 ----------------\n", ""),
		"python sub":          fill("  + "+pyGroupHeader+"\n  | ExceptionGroup: ", " (", "\n"),
		"java more":           fill("a.B: x\n"+strings.Repeat("\tat a.B.c(B.java:1)\n", 300), "Caused by: a.B: y\n\t... 300 more\n", ""),
		"java causes":         fill("a.B: x\n\tat a.B.c(B.java:1)\n", "Caused by: y\n", ""),
		"java tabs":           fill("a.B: x\n\tat a.B.c(B.java:1)\n", "\t\t\t\t\t\t\t\tSuppressed: a: b\n", ""),
		"java deep":           javaDeep(),
		"java slashes":        fill("a.B: x\n\tat ", "a/", "(B.java:1)\n"),
		"java no frames":      fill("a.B: x\n", "Caused by: y\n", "\tat a.B.c(B.java:1)\n"),
		"js frames":           fill("E: x\n", "    at f (a.js:1:1)\n", ""),
		"js parens":           fill("E: x\n    at f ", "(eval at ", "\n"),
		"js ats":              fill("", "@", ":1:1"),
		"js causes":           fill("E: x\n    at f (a.js:1:1)\n", "  [cause]: E: x\n      at f (a.js:1:1)\n", ""),
		"js header":           fill("E: x\n", "y\n", "    at f (a.js:1:1)\n"),
		"go frames":           fill("goroutine 1 [running]:\n", "main.f()\n\t/a.go:1 +0x1\n", ""),
		"go headers":          fill("", "goroutine 1 [running]:\n", ""),
		"go places":           fill("", "\t/a.go:1\n", ""),
		"dotnet inner":        fill("A.B: x\n", " ---> A.B: x\n", "   at A.B.C()\n"),
		"dotnet ends":         fill("A.B: x\n   at A.B.C()\n", "   --- End of inner exception stack trace ---\n", ""),
		"dotnet header":       fill("A.B: x\n", "y\n", "   at A.B.C()\n"),
		"ruby heads":          fill("", "a.rb:1:in `f': x (E)\n", ""),
		"ruby message":        fill("a.rb:1:in `f': x\n", "y\n", "\tfrom a.rb:1:in `f'\n"),
		"php next":            fill("E: x in /a.php:1\nStack trace:\n#0 {main}\n", "\nNext E: x in /a.php:1\nStack trace:\n#0 /a.php(1): f()\n", ""),
		"php header":          fill("E: x\n", "y in /a.php:1\n", "Stack trace:\n#0 /a.php(1): f()\n"),
		"rust frames":         fill("stack backtrace:\n", "   0: a::b\n             at a.rs:1:1\n", ""),
		"java blank":          fill("a.B: x\n", "\n", "\tat a.B.c(B.java:1)\n"),
		"js blank":            fill("E: x\n", "\n", "    at f (a.js:1:1)\n"),
		"dotnet blank":        fill("A.B: x\n", "\n", "   at A.B.C()\n"),
		"php blank":           fill("E: x in /a.php:1\n", "\n", "Stack trace:\n#0 /a.php(1): f()\n"),
		"carriage returns":    fill("E: x\n", "\r\n", "    at f (a.js:1:1)\n"),
		"ruby parens":         fill("a.rb:1:in `f': x (E)\n", "y)\n", "\tfrom a.rb:1:in `f'\n"),
		"rust headers":        fill("", "stack backtrace:\n", ""),
	}
	for name, text := range cases {
		for _, language := range []string{"", "python", "java", "nodejs", "go", "dotnet", "ruby", "php", "rust"} {
			for _, value := range []string{"", "x"} {
				start := time.Now()
				list := Parse(language, text, "ValueError", value)
				took := time.Since(start)
				bounded(t, list)
				require.Less(t, took, 5*time.Second, "%s as %q with value %q", name, language, value)
				if testing.Verbose() && took > 8*time.Millisecond {
					t.Logf("%s as %q with value %q: %v", name, language, value, took)
				}
			}
		}
	}
}

// javaDeep nests as many suppressed throwables as fit.
func javaDeep() string {
	var b strings.Builder
	b.WriteString("a.B: x\n\tat a.B.c(B.java:1)\n")
	for depth := 1; b.Len() < MaxBytes-2*depth-64; depth++ {
		fmt.Fprintf(&b, "%sSuppressed: a.B: x\n%s\tat a.B.c(B.java:1)\n", strings.Repeat("\t", depth), strings.Repeat("\t", depth))
	}
	return b.String()
}

// A text over the limit keeps both ends: the main exception is at one of them.
func TestBound(t *testing.T) {
	t.Parallel()
	text := pyHeader + "\n  File \"first.py\", line 1, in first\n" + strings.Repeat("  File \"mid.py\", line 1, in mid\n    x()\n", 20000) +
		"  File \"last.py\", line 2, in last\nValueError: end\n"
	require.Greater(t, len(text), MaxBytes)
	got := Parse("python", text, "ValueError", "end")
	require.Len(t, got, 1)
	require.Equal(t, "end", got[0].Value)
	require.Len(t, got[0].Frames, schema.MaxFrames)
	require.Equal(t, "first", got[0].Frames[0].Function)
	require.Equal(t, "last", got[0].Frames[schema.MaxFrames-1].Function)
}

// The innermost and the outermost halves of a deep stack are kept, in order.
func TestFrameHalves(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, schema.MaxFrames - 1, schema.MaxFrames, schema.MaxFrames + 1, 2*schema.MaxFrames + 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var l frameList
			for i := range n {
				l.add(schema.Frame{Line: uint32(i)})
				require.Equal(t, uint32(i), l.last().Line)
			}
			got := l.oldestFirst()
			require.Len(t, got, min(n, schema.MaxFrames))
			for i, f := range got {
				want := i
				if i >= halfFrames && n > schema.MaxFrames {
					want = n - (schema.MaxFrames - i)
				}
				require.Equal(t, uint32(want), f.Line)
			}
		})
	}
}

// A text that is no stack trace gives what the attributes say.
func TestNoStack(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "blank": " \n ", "prose": "it broke", "erlang": "  in function  lists:map/2 (lists.erl, line 1239)"} {
		t.Run(name, func(t *testing.T) {
			for _, language := range []string{"", "python", "java", "erlang", "cpp", "swift", "nodejs", "go"} {
				got := Parse(language, text, "my.Error", "it broke")
				require.Equal(t, []schema.Exception{{Type: "my.Error", Value: "it broke", Mechanism: noMechanism}}, got)
			}
		})
	}
}

func seeds(f *testing.F, folder string) {
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(body), "Error", "x")
	}
}

func fuzz(f *testing.F, language string, p parser) {
	f.Helper()
	f.Fuzz(func(t *testing.T, text, typ, value string) {
		if len(text) > MaxBytes {
			text = text[:MaxBytes]
		}
		start := time.Now()
		if list := p(text, hint{typ: typ, value: value}); list != nil {
			bounded(t, list)
		}
		bounded(t, Parse(language, text, typ, value))
		bounded(t, Parse("", text, typ, value))
		require.Less(t, time.Since(start), 10*time.Second, "a hang, not a measurement")
	})
}

func FuzzPython(f *testing.F)     { seeds(f, "python"); fuzz(f, "python", python) }
func FuzzJava(f *testing.F)       { seeds(f, "java"); fuzz(f, "java", java) }
func FuzzJavaScript(f *testing.F) { seeds(f, "javascript"); fuzz(f, "nodejs", javascript) }
func FuzzGo(f *testing.F)         { seeds(f, "go"); fuzz(f, "go", golang) }
func FuzzDotnet(f *testing.F)     { seeds(f, "dotnet"); fuzz(f, "dotnet", dotnet) }
func FuzzRuby(f *testing.F)       { seeds(f, "ruby"); fuzz(f, "ruby", ruby) }
func FuzzPHP(f *testing.F)        { seeds(f, "php"); fuzz(f, "php", php) }
func FuzzRust(f *testing.F)       { seeds(f, "rust"); fuzz(f, "rust", rust) }

// The budget of an event of seven frames is 15 microseconds for grouping; its
// parsing must stay well below.
func BenchmarkPython7(b *testing.B) {
	var text strings.Builder
	text.WriteString(pyHeader + "\n")
	for i := range 7 {
		fmt.Fprintf(&text, "  File \"/srv/app/shop/orders%d.py\", line %d, in checkout_%d\n    return charge(order_id, cents)\n           ^^^^^^^^^^^^^^^^^^^^^^^\n", i, 100+i, i)
	}
	text.WriteString("shop.errors.PaymentDeclined: payment for order 3 declined with code 51\n")
	s := text.String()
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		Parse("python", s, "shop.errors.PaymentDeclined", "payment for order 3 declined with code 51")
	}
}
