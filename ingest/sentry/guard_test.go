package sentry

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
	"errata/ingest/sentry/limit"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", limit.MaxEventBytes+1)
	near := strings.Repeat("x", limit.MaxEventBytes-1)
	for name, c := range map[string]struct {
		body    string
		refused string // Reason; empty where the body is let through.
	}{
		"nothing":                     {"", ""},
		"header only":                 {"{}", ""},
		"small":                       {"{}\n{\"type\":\"event\"}\n{}\n", ""},
		"length over the limit":       {"{}\n{\"type\":\"event\",\"length\":1048577}\n{", "too_large:event"},
		"a line over the limit":       {"{}\n{\"type\":\"event\"}\n" + big, "too_large:event"},
		"a line under the limit":      {"{}\n{\"type\":\"event\"}\n" + near + "\n", ""},
		"two that are over together":  {"{}\n{\"type\":\"event\"}\n" + near + "\n{\"type\":\"transaction\",\"length\":2}\n{}", "too_large:event"},
		"a large attachment":          {"{}\n{\"type\":\"attachment\",\"length\":1048577}\n" + big + "\n", ""},
		"behind an attachment":        {"{}\n{\"type\":\"attachment\",\"length\":1048577}\n" + big + "\n{\"type\":\"event\"}\n" + big, "too_large:event"},
		"newlines inside a length":    {"{}\n{\"type\":\"attachment\",\"length\":5}\na\n\n\nb\n\n {\"type\":\"client_report\"}\n" + strings.Repeat("x", limit.MaxReportBytes+1), "too_large:client_report"},
		"an empty payload":            {"{}\n{\"type\":\"attachment\",\"length\":0}\n\n{\"type\":\"event\"}\n" + big, "too_large:event"},
		"pretty headers":              {"{\n\"dsn\":null\n}\n{\n\"type\": \"event\"\n}\n" + big, "too_large:event"},
		"a header that never ends":    {"{" + strings.Repeat(" ", 3<<20), ""},
		"an item that never ends":     {"{}\n{" + strings.Repeat(" ", 3<<20), ""},
		"no envelope":                 {strings.Repeat("nonsense ", 1<<18), ""},
		"an unknown kind of any size": {"{}\n{\"type\":\"whatever\"}\n" + big, ""},
		"containers":                  {"{}\n{\"type\":\"log\",\"length\":12582913}\n{", "too_large:log"},
		"sessions":                    {"{}\n" + strings.Repeat("{\"type\":\"session\"}\n{}\n", 101), "too_large:session"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 7, 64 << 10, len(c.body) + 1} {
				if size == 1 && len(c.body) > 4<<10 {
					continue
				}
				g, reason := limit.Guard{}, ""
				for rest := c.body; rest != "" && reason == ""; {
					n := min(size, len(rest))
					if size == 7 && len(rest) < len(c.body)-200 {
						n = min(32<<10, len(rest)) // Small parts where the headers are.
					}
					if err := g.Watch([]byte(rest[:n])); err != nil {
						var e *intake.Error
						require.ErrorAs(t, err, &e)
						reason = e.Reason
					}
					rest = rest[n:]
				}
				require.Equal(t, c.refused, reason, "in parts of %d", size)
			}
		})
	}
}

// FuzzGuard demands that an envelope that is refused while it arrives would be
// refused whole, however it is cut into parts.
func FuzzGuard(f *testing.F) {
	f.Add([]byte("{}\n{\"type\":\"client_report\",\"length\":5000}\n"), uint16(3))
	f.Add([]byte("{}\n{\"type\":\"client_report\"}\n"+strings.Repeat("x", limit.MaxReportBytes+1)), uint16(100))
	f.Add([]byte("{ }\n\n{\"type\":\"session\"}\n{}\n{\"type\":\"log\",\"length\":99999999}\nx"), uint16(1))
	req := testRequest(f)
	f.Fuzz(func(t *testing.T, body []byte, size uint16) {
		g := limit.Guard{}
		for rest := body; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			if err := g.Watch(rest[:n]); err != nil {
				if _, _, err := Envelope(req, body); err == nil {
					t.Fatalf("refused while it arrives and taken whole: %v", err)
				}
				return
			}
			rest = rest[n:]
		}
	})
}
