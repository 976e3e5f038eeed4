package catalog_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
)

// statement is the text of the last step of a query for these values.
func statement(t *testing.T, name string, values map[string]string) (string, error) {
	t.Helper()
	q, err := catalog.Lookup(name)
	require.NoError(t, err)
	bound, err := q.Bind(values, time.Date(2026, 11, 20, 12, 0, 7, 0, time.UTC))
	if err != nil {
		return "", err
	}
	return q.Statement(q.Steps[len(q.Steps)-1], bound)
}

// The text of a question has what its values need, and nothing that they rule
// out.
func TestStatement(t *testing.T) {
	tag := `JSONExtractString({filters:String}, 1, 'key')`
	for _, c := range []struct {
		name, query   string
		values        map[string]string
		has, hasNot   []string
		wrongWithText string
	}{
		{"no filter", "error_trend_split", nil, []string{"project_minute"}, []string{"events\n", "issue_hour", "filters", "splitByChar"}, ""},
		{"by issue in whole hours", "error_trend_split", map[string]string{"by": "issue", "bucket_seconds": "7200"}, []string{"issue_hour", "ts < first_hour"}, []string{"project_minute", "tags"}, ""},
		{"by issue in other steps", "error_trend_split", map[string]string{"by": "issue", "bucket_seconds": "5400"}, []string{"FROM events"}, []string{"issue_hour", "first_hour"}, ""},
		{"by issue of a service", "error_trend_split", map[string]string{"by": "issue", "service": "shop"}, []string{"FROM events"}, []string{"issue_hour"}, ""},
		{"a column of a trend", "error_trend_split", map[string]string{"filters": `[{"key":"release","operator":"=","values":["a"]}]`}, []string{"toString(release))"}, []string{"tags", "toString(service)"}, ""},
		{"a tag", "error_trend_split", map[string]string{"filters": `[{"key":"plan","operator":"!=","values":["a"]}]`}, []string{"NOT has(", "tags[" + tag + "]"}, []string{"toString(service)"}, ""},
		{"two patterns are two constants", "error_trend_split", map[string]string{"filters": `[{"key":"plan","operator":"=~","values":["a","b"]}]`}, []string{"'Array(String)')[1])", "'Array(String)')[2])"}, []string{"arrayExists"}, ""},
		{"no pattern finds nothing", "error_trend_split", map[string]string{"filters": `[{"key":"plan","operator":"=~","values":[]}]`}, []string{"AND (0)"}, nil, ""},
		{"very many patterns are one", "error_trend_split", map[string]string{"filters": `[{"key":"plan","operator":"=~","values":[` + strings.Repeat(`"a",`, 60) + `"b"]}]`}, []string{"arrayStringConcat"}, []string{"[61]"}, ""},
		{"one of many that quotes its end is a loop", "error_trend_split", map[string]string{"filters": `[{"key":"plan","operator":"=~","values":[` + strings.Repeat(`"a",`, 60) + `"\\Qb("]}]`}, []string{"arrayExists"}, []string{"[61]"}, ""},
		{"an escaped value is read as it was given", "error_trend_split", map[string]string{"filters": `[{"key":"plan","operator":"=~","values":["\\d\t\\n"]}]`}, []string{"[1])"}, nil, ""},
		{"an unknown operator", "error_trend_split", map[string]string{"filters": `[{"key":"plan","operator":"like","values":["a"]}]`}, nil, nil, `"like" is none of`},
		{"by tag in whole five minutes", "error_trend_split", map[string]string{"by": "tag", "tag_key": "plan", "bucket_seconds": "300"}, []string{"FROM tag_trend", "{tag_key:String})", "ts < first_slot"}, []string{"issue_hour", "project_minute"}, ""},
		{"by tag in minutes", "error_trend_split", map[string]string{"by": "tag", "tag_key": "plan", "bucket_seconds": "60"}, []string{"FROM events"}, []string{"tag_trend", "first_slot"}, ""},
		{"by tag of a release", "error_trend_split", map[string]string{"by": "tag", "tag_key": "plan", "bucket_seconds": "300", "release": "a"}, []string{"FROM events"}, []string{"tag_trend"}, ""},
		{"by tag, filtered by another", "error_trend_split", map[string]string{"by": "tag", "tag_key": "plan", "bucket_seconds": "300", "filters": `[{"key":"region","operator":"=","values":["a"]}]`}, []string{"FROM events"}, []string{"tag_trend"}, ""},
		{"filtered by a column", "error_trend_split", map[string]string{"by": "tag", "tag_key": "plan", "bucket_seconds": "300", "filters": `[{"key":"release","operator":"=","values":["a"]}]`}, []string{"FROM events"}, []string{"tag_trend"}, ""},
		{"filtered by a tag in whole five minutes", "error_trend_split", map[string]string{"bucket_seconds": "300", "filters": `[{"key":"region","operator":"=","values":["a"]}]`}, []string{"FROM tag_trend", ", tag_value)"}, []string{"issue_hour"}, ""},
		{"no JSON", "error_trend_split", map[string]string{"filters": `plan=pro`}, nil, nil, "give JSON as in"},
		{"too many", "error_trend_split", map[string]string{"filters": "[" + strings.Repeat(`{"key":"a","operator":"=","values":[]},`, 50) + `{"key":"a","operator":"=","values":[]}]`}, nil, nil, "the limit is 50"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sql, err := statement(t, c.query, c.values)
			if c.wrongWithText != "" {
				require.ErrorIs(t, err, catalog.ErrParam)
				require.ErrorContains(t, err, c.wrongWithText)
				return
			}
			require.NoError(t, err)
			for _, s := range c.has {
				require.Contains(t, sql, s)
			}
			for _, s := range c.hasNot {
				require.NotContains(t, sql, s)
			}
		})
	}
}

// FuzzFilters: whatever is filtered by, no text of a person gets into a
// statement.
func FuzzFilters(f *testing.F) {
	f.Add("plan", "=~", "^pro$", "x")
	f.Add("release", "=", "'); DROP TABLE events", "\\")
	f.Add("no\tkey'", "!~", "\x00{filters:String}", "\n")
	f.Fuzz(func(t *testing.T, key, operator, one, two string) {
		mark := "Zq" // Marks each value: no text of the catalog has it.
		raw, err := json.Marshal([]map[string]any{{"key": mark + key, "operator": operator, "values": []string{mark + one, mark + two}}})
		require.NoError(t, err)
		q, err := catalog.Lookup("event_search")
		require.NoError(t, err)
		bound, err := q.Bind(map[string]string{"filters": string(raw), "text": mark + one, "environment": mark + two}, time.Now())
		if err != nil {
			return // Too long.
		}
		sql, err := q.Statement(q.Steps[0], bound)
		if err != nil {
			require.ErrorIs(t, err, catalog.ErrParam)
			return
		}
		require.NotContains(t, sql, mark)
	})
}
