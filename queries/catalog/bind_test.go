package catalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
)

func TestBindRefuses(t *testing.T) {
	for _, c := range []struct {
		name, query string
		values      map[string]string
		want        string
	}{
		{"missing", "issue_detail", map[string]string{"project": "1"}, "issue (Issue) must be given"},
		{"unknown", "issue_detail", map[string]string{"project": "1", "issue": "00000000000000ff", "x": "1"}, `it has no "x"; it takes project, issue`},
		{"not a number", "issue_detail", map[string]string{"project": "1 OR 1", "issue": "00000000000000ff"}, "not a whole number"},
		{"too large", "issue_detail", map[string]string{"project": "4294967296", "issue": "00000000000000ff"}, "of 32 bits"},
		{"short issue", "issue_detail", map[string]string{"project": "1", "issue": "ff"}, "16 hex digits"},
		{"not an issue", "issue_detail", map[string]string{"project": "1", "issue": "') OR 1=1 --    "}, "16 hex digits"},
		{"not one of", "issue_list", map[string]string{"project": "1", "sort": "title"}, "none of last_seen"},
		{"not a time", "issue_list", map[string]string{"project": "1", "from": "yesterday"}, "not a time"},
		{"not an id", "event_by_id", map[string]string{"event_id": "12"}, "not an id"},
		{"no tag", "issue_list", map[string]string{"project": "1", "tag": "plan"}, `tag: "plan" is no tag: give key=value, such as plan=pro`},
		{"tag without key", "issue_list", map[string]string{"project": "1", "tag": "=pro"}, "give key=value"},
		{"words that are none", "text_search", map[string]string{"project": "1", "text": " "}, "text (String) must be given: Words"},
		{"no issues", "issue_titles", map[string]string{"issues": ""}, "issues (String) must be given: Issues of 16 hex digits"},
		{"split by no tag", "error_trend_split", map[string]string{"by": "tag"}, "tag_key must be given where by is tag: the key of the tag, such as plan (query option_keys lists them)"},
		{"cost by no tag", "cost", map[string]string{"by": "tag", "key": ""}, "key must be given where by is tag"},
		{"too long", "issue_list", map[string]string{"project": "1", "text": strings.Repeat("x", 70000)}, "the limit is 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := catalog.Lookup(c.query)
			require.NoError(t, err)
			_, err = q.Bind(c.values, time.Now())
			require.ErrorIs(t, err, catalog.ErrParam)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := catalog.Lookup("no_such")
	require.ErrorIs(t, err, catalog.ErrNoQuery)
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		text string
		want time.Time
	}{
		{"now", now}, {"", now}, {"-24h", now.Add(-24 * time.Hour)}, {"-2w", now.AddDate(0, 0, -14)}, {"+90s", now.Add(90 * time.Second)}, {"15m", now.Add(15 * time.Minute)},
		{"2026-11-01", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}, {"2026-11-01T10:00:00+02:00", time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)},
		{"2026-11-01 10:00:00", time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)}, {"1700000000", time.Unix(1700000000, 0)}, {"1700000000123", time.UnixMilli(1700000000123)},
	} {
		got, err := catalog.ParseTime(c.text, now)
		require.NoError(t, err, c.text)
		require.True(t, c.want.Equal(got), "%s: %s", c.text, got)
	}
}
