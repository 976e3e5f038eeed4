package queries_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// What a page keeps of issues is never old: one store asks again and again and
// keeps, another one asks for the first time; both say the same after each
// thing that can happen to an issue, also to what its plain numbers do not show.
func TestPageIsAsFreshAsItsQuestion(t *testing.T) {
	t.Parallel()
	s := storeIn(t, "cards")
	const project = 1
	now := time.Now().UTC().Truncate(time.Second)
	at := now.Add(-time.Hour)
	first := func(f uint64, more func(e *event)) {
		e := event{project: project, fingerprint: f, id: uuid.NewString(), ts: at, user: f, release: "shop@1"}
		if more != nil {
			more(&e)
		}
		seed(t, s, e)
	}
	ask := func(s *queries.Store, more map[string]string) []map[string]any {
		values := map[string]string{"project": "1", "sort": "first_seen", "from": now.Add(-14 * 24 * time.Hour).Format(time.RFC3339), "to": now.Add(time.Hour).Format(time.RFC3339)}
		maps.Copy(values, more)
		r, err := s.Run(t.Context(), "issue_list", values)
		require.NoError(t, err)
		return rows(r)
	}
	list := func(s *queries.Store) []map[string]any { return ask(s, nil) }
	yesterday := now.Add(-24 * time.Hour).Format(time.RFC3339)
	others := []map[string]string{
		{"sort": "events"}, {"sort": "users"}, {"sort": "trend"}, {"sort": "last_seen"},
		{"sort": "users", "from": yesterday, "limit": "2"}, {"sort": "users", "limit": "1", "offset": "1"}, {"environment": "staging"}, {"release": "shop@1", "from": yesterday},
		{"text": "KeyError"}, {"text": "valueerror", "from": now.Add(-3 * time.Hour).Format(time.RFC3339)}, {"status": "new"}, {"level": "error"},
		{"filters": `[{"key":"environment","operator":"=","values":["staging"]}]`},
	}
	exec := func(sql string) func() {
		return func() { require.NoError(t, s.Exec(t.Context(), sql, nil)) }
	}
	for f := range uint64(5) {
		first(f+1, func(e *event) { e.ts = at.Add(-time.Duration(f) * time.Minute) })
	}
	for n, c := range []struct {
		name string
		do   func()
		want func(t *testing.T, issue map[string]any) // Of issue 1.
	}{
		{"nothing", func() {}, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(1), i["users"]) }},
		{"a twin of an old time with another user", func() { first(1, func(e *event) { e.weight, e.user = -1, 77 }) }, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(2), i["users"]) }},
		{"a twin of the other protocol in another environment", func() {
			first(1, func(e *event) { e.weight, e.user, e.protocol, e.environment = -1, 77, "otlp", "staging" })
		},
			func(t *testing.T, i map[string]any) {
				require.Equal(t, []string{"sentry", "otlp"}, i["protocols"])
				require.Equal(t, []string{"production", "staging"}, i["environments"])
			}},
		{"another title at the same time", func() {
			first(1, func(e *event) { e.title, e.ts = "KeyError: other", at.Add(time.Millisecond) })
			first(2, nil)
		}, func(t *testing.T, i map[string]any) { require.Equal(t, "KeyError: other", i["title"]) }},
		{"an event of long ago that comes now", func() { first(1, func(e *event) { e.ts, e.user = at.Add(-5*24*time.Hour), 1 }) }, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(3), i["window_events"]) }},
		{"days become one part", func() {
			exec("OPTIMIZE TABLE issue_day FINAL")()
			exec("OPTIMIZE TABLE issue_hour FINAL")()
			exec("OPTIMIZE TABLE events FINAL")()
		}, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(3), i["window_events"]) }},
		{"a day is gone", func() {
			exec("ALTER TABLE issue_day DELETE WHERE project_id = 1 AND day < today() - 3 SETTINGS mutations_sync = 2")()
			exec("ALTER TABLE events DELETE WHERE project_id = 1 AND ts < now() - INTERVAL 3 DAY SETTINGS mutations_sync = 2")()
			exec("OPTIMIZE TABLE issue_rollup FINAL")() // Each part has a row of the issue, and each of them would get the 2.
			exec("ALTER TABLE issue_rollup UPDATE events = 2 WHERE project_id = 1 AND fingerprint = 1 SETTINGS mutations_sync = 2")()
		}, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(2), i["window_events"]) }},
		{"parts become one", exec("OPTIMIZE TABLE issue_rollup FINAL"), func(t *testing.T, i map[string]any) { require.Equal(t, uint64(2), i["events"]) }},
		{"merged", func() {
			_, err := s.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(3)}, Into: issueHex(1)})
			require.NoError(t, err)
		}, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(3), i["users"]) }},
		{"an event of what was merged", func() { first(3, func(e *event) { e.user = 78 }) }, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(4), i["users"]) }},
		{"assigned", func() {
			_, err := s.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Assign, Issues: []string{issueHex(1)}, Assignee: "ben"})
			require.NoError(t, err)
		}, func(t *testing.T, i map[string]any) { require.Equal(t, "ben", i["assignee"]) }},
		{"rewritten", exec("ALTER TABLE issue_rollup UPDATE users = defaultValueOfTypeName('AggregateFunction(uniqCombinedArray(12), Array(UInt64))') WHERE project_id = 1 AND fingerprint = 1 SETTINGS mutations_sync = 2"),
			func(t *testing.T, i map[string]any) { require.Equal(t, uint64(2), i["users"]) }},
		{"split", func() {
			_, err := s.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Split, Issues: []string{issueHex(3)}})
			require.NoError(t, err)
		}, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(2), i["events"]) }},
		{"merged with one of the same part", func() {
			first(4, nil)
			exec("OPTIMIZE TABLE issue_rollup FINAL")()
			_, err := s.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(4)}, Into: issueHex(1)})
			require.NoError(t, err)
		}, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(4), i["events"]) }},
		{"another one of that part in its place", func() {
			_, err := s.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Split, Issues: []string{issueHex(4)}})
			require.NoError(t, err)
			_, err = s.Triage(t.Context(), queries.Change{Project: project, Actor: "ann", Kind: queries.Merge, Issues: []string{issueHex(5)}, Into: issueHex(1)})
			require.NoError(t, err)
		}, func(t *testing.T, i map[string]any) { require.Equal(t, uint64(3), i["events"]) }},
	} {
		c.do()
		kept := list(s)
		require.Equal(t, kept, list(s), c.name)
		fresh := queries.New(s.Conn())
		require.Equal(t, list(fresh), kept, c.name)
		for i := n % 6; i < len(others); i += 6 {
			more := others[i]
			require.Equal(t, ask(queries.New(s.Conn()), more), ask(s, more), "%s: %v", c.name, more)
		}
		for _, row := range kept {
			if row["issue"] == issueHex(1) {
				t.Run(c.name, func(t *testing.T) { c.want(t, row) })
			}
		}
	}
}
