package scrub

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/node"
	"errata/ingest/scrub/detect"
)

// TestRemembered asks the same names and lines again and again, of projects with
// rules of their own and without.
func TestRemembered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules      Rules
		line, want string
		key        string
		secret     bool
	}{
		"clean":                  {Rules{}, "        total = cart.total()", "        total = cart.total()", "total", false},
		"a secret":               {Rules{}, `        login("password": "hunter2")`, `        login("password": "[Filtered]")`, "db_password", true},
		"a short line":           {Rules{}, "x = 1", "x = 1", "x", false},
		"a name of the project":  {Rules{SensitiveFields: []string{"total"}}, `        f("total": "12")`, `        f("total": "[Filtered]")`, "total", true},
		"the same elsewhere":     {Rules{}, `        f("total": "12")`, `        f("total": "12")`, "total", false},
		"safe in the project":    {Rules{SafeFields: []string{"password"}}, `        login("password": "hunter2")`, `        login("password": "hunter2")`, "password", false},
		"no built-in names":      {Rules{NoDefaults: true}, `        login("password": "hunter2")`, `        login("password": "hunter2")`, "password", false},
		"a long line":            {Rules{}, strings.Repeat("a ", maxLine), strings.Repeat("a ", maxLine), strings.Repeat("a", 300), false},
		"two lines in one place": {Rules{}, "        return cart", "        return cart", "cart", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scrubber(t, c.rules)
			doc := `{"exception":{"values":[{"stacktrace":{"frames":[{"pre_context":[` + strconv.Quote(c.line) + `],"context_line":` + strconv.Quote(c.line) + `}]}}]}}`
			for range 40 { // More often than a place is kept for one text.
				v, err := node.Parse([]byte(doc))
				require.NoError(t, err)
				counts := Counts{}
				s.JSON(v, &node.Arena{}, counts)
				frame := v.Get("exception", "values", "0", "stacktrace", "frames", "0")
				require.Equal(t, c.want, string(frame.GetStringBytes("context_line")))
				require.Equal(t, c.want, string(frame.GetStringBytes("pre_context", "0")))
				require.Equal(t, c.want != c.line, counts[detect.RulePair] == 2, counts)
				require.Equal(t, c.secret, s.names.Secret(c.key))
				for i := range 100 { // Others that want the places.
					s.names.Secret(fmt.Sprintf("name_%d", i))
					s.line(fmt.Sprintf("        step(%d, of=the_cart)", i), nil)
				}
			}
		})
	}
}
