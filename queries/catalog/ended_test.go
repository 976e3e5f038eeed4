package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
)

// A line break that ends the last of several values is not one more value, the
// empty text: that is an empty line.
func TestBindLines(t *testing.T) {
	q, err := catalog.Lookup("event_search")
	require.NoError(t, err)
	for given, want := range map[string]string{"": "", "a": "a", "a\n": "a", "a\r\nb\r\n": `a\nb`, "\na\n": `\na`, "a\n\n": `a\n`, "\n": `\n`, "a\nb": `a\nb`} {
		bound, err := q.Bind(map[string]string{"environment": given, "text": "a\n"}, time.Now())
		require.NoError(t, err)
		require.Equal(t, want, bound["environment"], "%q", given)
		require.Equal(t, `a\n`, bound["text"], "not of lines")
	}
}

// Questions that count slots end before a whole minute, those that show rows go to
// the moment itself; a window of one moment stays one.
func TestBindEnds(t *testing.T) {
	for _, c := range []struct{ query, from, to, want string }{
		{"outcomes", "2026-11-01", "2026-11-02", "2026-11-01 23:59:59.999"}, {"outcomes", "2026-11-01", "2026-11-01T10:05:00Z", "2026-11-01 10:04:59.999"},
		{"outcomes", "2026-11-01", "2026-11-01T10:05:01Z", "2026-11-01 10:05:01.000"}, {"outcomes", "2026-11-01", "2026-11-01", "2026-11-01 00:00:00.000"}, {"event_search", "2026-11-01", "2026-11-02", "2026-11-02 00:00:00.000"},
	} {
		q, err := catalog.Lookup(c.query)
		require.NoError(t, err)
		bound, err := q.Bind(map[string]string{"from": c.from, "to": c.to}, time.Now())
		require.NoError(t, err)
		require.Equal(t, c.want, bound["to"], c)
	}
}
