package stack_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/ingest/stack"
	"errata/ingest/stack/python"
	"errata/ingest/stack/scan"
	"errata/ingest/stack/stacktest"
	"errata/schema"
)

// fill repeats a piece up to the limit of a text.
func fill(head, piece, tail string) string {
	return head + strings.Repeat(piece, (stack.MaxBytes-len(head)-len(tail))/len(piece)) + tail
}

// Texts of 256 KiB that try to be slow: linear parsers need a few milliseconds.
// The bound is wide because the machine is shared; a quadratic parser needs
// seconds.
func TestHostileTime(t *testing.T) {
	cases := map[string]string{
		"newlines":            fill("", "\n", ""),
		"spaces":              fill("", " ", ""),
		"one line":            fill("", "x", ""),
		"python frames":       fill(python.Header+"\n", "  File \"a\", line 1, in f\n    g()\n", "ValueError: x"),
		"python repeats":      fill(python.Header+"\n  File \"a\", line 1, in f\n", "  [Previous line repeated 999999999 more times]\n", "ValueError: x"),
		"python chain":        fill("", python.Header+"\n  File \"a\", line 1, in f\nE: x\n\n"+python.Cause+"\n\n", "E: x"),
		"python repeat chain": fill("", python.Header+"\n  File \"a\", line 1, in f\n  [Previous line repeated 9999 more times]\nE: x\n\n"+python.Cause+"\n\n", "E: x"),
		"python mains":        fill(python.Header+"\n", "ValueError: x\n", "ValueError: x"),
		"python near mains":   fill(python.Header+"\n", "ValueError: xx\n", "ValueError: xx"),
		"python joiners":      fill(python.Header+"\nE: x\n", "\n"+python.Cause+"\n\n", ""),
		"python groups":       fill("  + "+python.GroupHeader+"\n  | ExceptionGroup: x\n", "  +-+---------------- 1 ----------------\n", ""),
		"python members":      fill("  + "+python.GroupHeader+"\n  | ExceptionGroup: x\n  +-+---------------- 1 ----------------\n", "    | E: x\n    +---------------- 2 ----------------\n", ""),
		"python sub":          fill("  + "+python.GroupHeader+"\n  | ExceptionGroup: ", " (", "\n"),
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
				list := stack.Parse(language, text, "ValueError", value)
				took := time.Since(start)
				stacktest.Bounded(t, list)
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
	for depth := 1; b.Len() < stack.MaxBytes-2*depth-64; depth++ {
		fmt.Fprintf(&b, "%sSuppressed: a.B: x\n%s\tat a.B.c(B.java:1)\n", strings.Repeat("\t", depth), strings.Repeat("\t", depth))
	}
	return b.String()
}

// A text over the limit keeps both ends: the main exception is at one of them.
func TestBound(t *testing.T) {
	t.Parallel()
	text := python.Header + "\n  File \"first.py\", line 1, in first\n" + strings.Repeat("  File \"mid.py\", line 1, in mid\n    x()\n", 20000) +
		"  File \"last.py\", line 2, in last\nValueError: end\n"
	require.Greater(t, len(text), stack.MaxBytes)
	got := stack.Parse("python", text, "ValueError", "end")
	require.Len(t, got, 1)
	require.Equal(t, "end", got[0].Value)
	require.Len(t, got[0].Frames, schema.MaxFrames)
	require.Equal(t, "first", got[0].Frames[0].Function)
	require.Equal(t, "last", got[0].Frames[schema.MaxFrames-1].Function)
}

// A text that is no stack trace gives what the attributes say.
func TestNoStack(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "blank": " \n ", "prose": "it broke", "erlang": "  in function  lists:map/2 (lists.erl, line 1239)"} {
		t.Run(name, func(t *testing.T) {
			for _, language := range []string{"", "python", "java", "erlang", "cpp", "swift", "nodejs", "go"} {
				got := stack.Parse(language, text, "my.Error", "it broke")
				require.Equal(t, []schema.Exception{{Type: "my.Error", Value: "it broke", Mechanism: scan.NoMechanism}}, got)
			}
		})
	}
}

// The budget of an event of seven frames is 15 microseconds for grouping; its
// parsing must stay well below.
func BenchmarkPython7(b *testing.B) {
	var text strings.Builder
	text.WriteString(python.Header + "\n")
	for i := range 7 {
		fmt.Fprintf(&text, "  File \"/srv/app/shop/orders%d.py\", line %d, in checkout_%d\n    return charge(order_id, cents)\n           ^^^^^^^^^^^^^^^^^^^^^^^\n", i, 100+i, i)
	}
	text.WriteString("shop.errors.PaymentDeclined: payment for order 3 declined with code 51\n")
	s := text.String()
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		stack.Parse("python", s, "shop.errors.PaymentDeclined", "payment for order 3 declined with code 51")
	}
}
