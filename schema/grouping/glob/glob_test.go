package glob

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	cases := []struct {
		pattern, value string
		path, want     bool
	}{
		{"main", "main", false, true},
		{"main", "mains", false, false},
		{"mai*", "main", false, true},
		{"*in", "main", false, true},
		{"*ai*", "main", false, true},
		{"m?in", "main", false, true},
		{"m[a-c]in", "main", false, true},
		{"m[!a]in", "main", false, false},
		{"{foo,main}", "main", false, true},
		{"{foo,ma{x,in}}", "main", false, true},
		{"std::rt::lang_start::{{closure}}", "std::rt::lang_start::{{closure}}", false, true},
		{`operator\(\)`, "operator()", false, true},
		{"*[[]Sentry*", "-[SentryCrash x]", false, true},
		{"a*b*c", "aXXbYYc", false, true},
		{"a*b*c", "aXXcYYb", false, false},
		{"*", "", false, true},
		{"**/vendor/**", "/srv/vendor/x.go", true, true},
		{"**/vendor/**", "/vendor/x.go", true, true},
		{"**/vendor/**", "/srv/vendors/x.go", true, false},
		{"/srv/*/x.go", "/srv/a/x.go", true, true},
		{"/srv/*/x.go", "/srv/a/b/x.go", true, false},
		{"/srv/**/x.go", "/srv/a/b/x.go", true, true},
		{"/srv/**/a/*.go", "/srv/b/a/c/a/x.go", true, true},
		{"**/lib/python[23].[0-9]/**", "/usr/lib/python3.9/json/x.py", true, true},
		{"**/lib/python[23].[0-9]/**", "/usr/lib/python3/json/x.py", true, false},
		{`C:\app\**`, "c:/app/x.cs", true, true},
	}
	for _, c := range cases {
		t.Run(c.pattern+" on "+c.value, func(t *testing.T) {
			t.Parallel()
			g := Compile(c.pattern, c.path, c.path)
			require.Equal(t, c.want, g.Match([]byte(c.value)))
		})
	}
}

func TestGlobIsLinear(t *testing.T) {
	t.Parallel()
	g := Compile(strings.Repeat("*a", 200)+"b", false, false)
	v := []byte(strings.Repeat("a", 1024))
	start := time.Now()
	for range 10 {
		require.False(t, g.Match(v))
	}
	require.Less(t, time.Since(start), 5*time.Second, "a hang, not a measurement")
	p := Compile("**/"+strings.Repeat("*a*/**/", 60)+"b", true, true)
	v = []byte(strings.Repeat("/aa", 1024/3))
	start = time.Now()
	p.Match(v)
	require.Less(t, time.Since(start), 5*time.Second, "a hang, not a measurement")
}
