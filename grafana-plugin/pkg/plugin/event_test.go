package plugin_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// The events of an issue are paged through without an end, both ways, as pages
// and one by one: each once, also where many have the same time, where a day
// has more than a page, and where new ones come meanwhile.
func TestEventsArePagedWithoutEnd(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	const project, issue, n = 3000, "00000000000000ee", 1600
	insert := func(from, n int, at time.Time, every time.Duration) {
		t.Helper()
		require.NoError(t, owner.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, title, exception_type, payload)
			SELECT %d, toDateTime64('%s', 3, 'UTC') + toIntervalMillisecond(intDiv(number - %[3]d, 3) * 3 * %[4]d), now64(3), 0xee, [0xee], generateUUIDv4(), number %% 10 != 9, 'sentry', 'error', 'error', toString(number), 'E', '{}' FROM numbers(%[3]d, %[5]d)`,
			project, at.UTC().Format("2006-01-02 15:04:05"), from, every.Milliseconds(), n)))
	}
	insert(0, n-700, base.Add(-20*24*time.Hour), 6*time.Minute)      // Over days, three at a time.
	insert(n-700, 700, base.Add(-12*24*time.Hour), time.Millisecond) // Within seconds.
	at := fmt.Sprintf("issues/%d/%s", project, issue)
	get := func(path string) map[string]any {
		t.Helper()
		status, body := call(t, s, viewer, getMethod, at+path, "", nil)
		require.Equal(t, 200, status, "%v", body)
		return body
	}
	type page = struct {
		titles       []string
		older, newer string
	}
	read := func(query string) page {
		body := get("/events?limit=200&" + query)
		p := page{older: body["older"].(string), newer: body["newer"].(string)}
		last := base.Add(1000 * time.Hour).UnixMilli()
		for _, e := range body["events"].([]any) {
			row := e.(map[string]any)
			require.LessOrEqual(t, int64(row["ts"].(float64)), last, "a page is newest first")
			last = int64(row["ts"].(float64))
			p.titles = append(p.titles, row["title"].(string))
		}
		return p
	}
	seen, first := map[string]int{}, read("")
	require.Empty(t, first.newer)
	p := first
	for pages := 1; ; pages++ {
		for _, title := range p.titles {
			seen[title]++
		}
		if p.older == "" {
			require.Equal(t, n/200, pages)
			break
		}
		if pages == 2 {
			insert(n, 5, base.Add(-11*24*time.Hour), time.Second) // Places stay where they are.
		}
		p = read("older=" + url.QueryEscape(p.older))
	}
	require.Len(t, seen, n)
	for title, times := range seen {
		require.Equal(t, 1, times, title)
	}
	oldest := read("oldest=true")
	require.ElementsMatch(t, p.titles, oldest.titles)
	require.Empty(t, oldest.older)
	for p = oldest; p.newer != ""; p = read("newer=" + url.QueryEscape(p.newer)) {
		for _, title := range p.titles {
			seen[title]--
		}
	}
	for _, title := range p.titles {
		seen[title]--
	}
	require.Len(t, seen, n+5, "what came meanwhile is at the newest end")
	last := p.titles[0]

	// One by one: neighbours lead there and back, and the ends have none.
	newest := get("/event")
	require.Equal(t, last, newest["event"].(map[string]any)["row"].(map[string]any)["title"])
	require.Empty(t, newest["newer"])
	here := newest
	var way []string
	for range 8 {
		way = append(way, here["event"].(map[string]any)["row"].(map[string]any)["eventId"].(string))
		here = get("/event?event=" + here["older"].(string))
	}
	for _, id := range slices.Backward(way) {
		require.Equal(t, id, here["newer"])
		here = get("/event?event=" + here["newer"].(string))
	}
	end := get("/event?at=oldest")
	require.Empty(t, end["older"])
	require.NotEmpty(t, end["newer"])
	require.Equal(t, end["event"].(map[string]any)["row"].(map[string]any)["title"], oldest.titles[len(oldest.titles)-1])
}
