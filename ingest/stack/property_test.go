package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/ingest/stack"
	"errata/ingest/stack/python"
	"errata/schema"
)

// bait is what a hostile message is made of: lines that some parser would take
// for structure.
var bait = []string{
	"", "plain", "E: x", python.Header, "  + " + python.GroupHeader, python.Cause, python.Context, `  File "fake.py", line 1, in fake`, "    fake()", "  [Previous line repeated 9 more times]",
	"  +-+---------------- 1 ----------------", "  | ExceptionGroup: x (1 sub-exception)", "Caused by: fake.Type: no", "\tSuppressed: fake.Type: no", "\tat fake.Frame.x(Fake.java:1)", "\t... 3 more",
	"    at fake (/fake.js:1:1)", "fake@http://x/fake.js:1:1", "  [cause]: Error: x", "goroutine 1 [running]:", "main.fake()", "\t/fake.go:1 +0x1", "panic: x [recovered]",
	" ---> Fake.Inner: x", "   at Fake.Frame.Do() in /fake.cs:line 1", "   --- End of inner exception stack trace ---", "\tfrom fake.rb:1:in `fake'", "fake.rb:2:in `x': no (FakeError)",
	"Stack trace:", "#0 /fake.php(1): fake()", "#1 {main}", "Next Fake: x in /fake.php:9", "stack backtrace:", "   0: fake::frame", "             at fake.rs:1:1", "  thrown in /x.php on line 3",
}

// printers print an exception of one member as its runtime does.
var printers = map[string]func(typ, value string, n int) string{
	"python": func(typ, value string, n int) string {
		var b strings.Builder
		b.WriteString(python.Header + "\n")
		for i := range n {
			fmt.Fprintf(&b, "  File \"/srv/a%d.py\", line %d, in real%d\n    call(%d)\n    ~~~~^^^\n", i, i+1, i, i)
		}
		return b.String() + typ + ": " + value + "\n"
	},
	"java": func(typ, value string, n int) string {
		var b strings.Builder
		b.WriteString(typ + ": " + value + "\n")
		for i := n - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "\tat com.shop.Real.real%d(Real.java:%d)\n", i, i+1)
		}
		return b.String()
	},
	"nodejs": func(typ, value string, n int) string {
		lines := []string{typ + ": " + value}
		for i := n - 1; i >= 0; i-- {
			lines = append(lines, fmt.Sprintf("    at real%d (/srv/app/real.js:%d:7)", i, i+1))
		}
		return strings.Join(lines, "\n")
	},
	"webjs": func(_, _ string, n int) string { // Firefox: no message in the text.
		var b strings.Builder
		for i := n - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "real%d@https://shop.example.com/real.js:%d:7\n", i, i+1)
		}
		return b.String()
	},
	"go": func(_, value string, n int) string {
		var b strings.Builder
		b.WriteString("panic: " + value + "\n\ngoroutine 1 [running]:\n")
		for i := n - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "main.real%d(0x1)\n\t/srv/app/real.go:%d +0x1f\n", i, i+1)
		}
		return b.String() + "exit status 2\n"
	},
	"dotnet": func(typ, value string, n int) string {
		lines := []string{typ + ": " + value}
		for i := n - 1; i >= 0; i-- {
			lines = append(lines, fmt.Sprintf("   at Shop.Real.real%d(String a) in /srv/app/Real.cs:line %d", i, i+1))
		}
		return strings.Join(lines, "\n")
	},
	"ruby": func(typ, value string, n int) string {
		var b strings.Builder
		first, rest, many := strings.Cut(value, "\n")
		fmt.Fprintf(&b, "/srv/app/real.rb:%d:in `real%d': %s (%s)\n", n, n-1, first, typ)
		if many {
			b.WriteString(rest + "\n")
		}
		for i := n - 2; i >= 0; i-- {
			fmt.Fprintf(&b, "\tfrom /srv/app/real.rb:%d:in `real%d'\n", i+1, i)
		}
		return b.String()
	},
	"php": func(typ, value string, n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%s: %s in /srv/app/real.php:%d\nStack trace:\n", typ, value, n)
		for i := n - 2; i >= 0; i-- {
			fmt.Fprintf(&b, "#%d /srv/app/real.php(%d): real%d('x')\n", n-2-i, i+1, i+1)
		}
		return fmt.Sprintf("%s#%d {main}", b.String(), n-1)
	},
	"rust": func(_, value string, n int) string {
		var b strings.Builder
		b.WriteString("\nthread 'main' panicked at src/main.rs:2:5:\n" + value + "\nstack backtrace:\n")
		for i := n - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "%4d: real%d\n             at ./src/real.rs:%d:9\n", n-1-i, i, i+1)
		}
		return b.String() + "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\n"
	},
}

// A message that looks like structure of any language changes nothing: the
// frames are those of the stack, the value is the message.
func TestHostileMessage(t *testing.T) {
	t.Parallel()
	for language, print := range printers {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(2, 6).Draw(t, "frames")
				lines := rapid.SliceOfN(rapid.SampledFrom(bait), 1, 8).Draw(t, "lines")
				lines[0] = "m" + lines[0] // A message that begins with a blank line is another case.
				value := strings.Join(lines, "\n") + "!"
				typ := rapid.SampledFrom([]string{"ShopError", "E", "AnError"}).Draw(t, "type")
				text := print(typ, value, n)
				got := stack.Parse(language, text, typ, value)
				require.Len(t, got, 1, text)
				require.Equal(t, typ, got[0].Type, text)
				require.Equal(t, value, got[0].Value, text)
				require.Equal(t, real(language, n), calls(got[0].Frames), text)
			})
		})
	}
}

// real is what the printers' stack holds: functions and lines, oldest first.
// PHP's outermost place is in no function.
func real(language string, n int) []string {
	var out []string
	for i := range n {
		name := fmt.Sprintf("real%d", i)
		if language == "php" && i == 0 {
			name = ""
		}
		out = append(out, fmt.Sprintf("%s:%d", name, i+1))
	}
	return out
}

func calls(frames []schema.Frame) []string {
	var out []string
	for _, f := range frames {
		out = append(out, fmt.Sprintf("%s:%d", f.Function, f.Line))
	}
	return out
}
