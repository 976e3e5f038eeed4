package queries_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"errata/queries"
	"errata/queries/catalog"
)

// asWhole asks the last step of a query, which is one statement that reads tables
// as a whole.
func asWhole(t *testing.T, s *queries.Store, name string, values map[string]string) [][]any {
	t.Helper()
	q, err := catalog.Lookup(name)
	require.NoError(t, err)
	bound, err := q.Bind(values, time.Now())
	require.NoError(t, err)
	sql, err := q.Statement(q.Steps[len(q.Steps)-1], bound)
	require.NoError(t, err)
	rows, err := s.Conn().Query(clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters(bound))), sql)
	require.NoError(t, err)
	defer rows.Close()
	var out [][]any
	for rows.Next() {
		row := make([]any, len(rows.Columns()))
		into := make([]any, len(row))
		for n, c := range rows.ColumnTypes() {
			switch c.DatabaseTypeName() {
			case "String":
				into[n] = new(string)
			case "UInt64":
				into[n] = new(uint64)
			case "Float64":
				into[n] = new(float64)
			default:
				into[n] = new(time.Time)
			}
		}
		require.NoError(t, rows.Scan(into...))
		for n, v := range into {
			switch v := v.(type) {
			case *string:
				row[n] = *v
			case *uint64:
				row[n] = *v
			case *float64:
				row[n] = *v
			case *time.Time:
				row[n] = v.UTC()
			}
		}
		out = append(out, row)
	}
	require.NoError(t, rows.Err())
	return out
}

// Tags of an issue from what is kept of parts are those that one statement
// reads: windows over months and within one, one key and all, few values of
// each, merged issues and several projects; after inserts and merges of parts.
func TestTagsOfParts(t *testing.T) {
	t.Parallel()
	owner := storeIn(t, "tags_of_parts")
	now := time.Now().UTC().Truncate(time.Millisecond)
	some := 0
	check := func(what string) {
		t.Helper()
		n := 0
		for _, days := range []string{"-14d", "-80d", "-8d"} {
			for _, to := range []string{"now", "-7d"} {
				for _, f := range []uint64{0x01, 0x12, 0x100, 0x999} {
					n++
					window := map[string]string{"project": text(n%2 + 1), "issue": issueHex(f), "from": days, "to": to}
					tags := map[string]string{"key": []string{"", "plan", "release", "o'brien\\x"}[n%4], "top": []string{"10", "1", "1000"}[n%3]}
					lift := map[string]string{"min_support": []string{"0", "0.05", "0.3"}[n%3], "limit": []string{"1000", "5"}[n%2]}
					for name, more := range map[string]map[string]string{"tag_distribution": tags, "tag_lift": lift} {
						maps.Copy(more, window)
						r, err := owner.Run(t.Context(), name, more)
						require.NoError(t, err)
						require.Equal(t, asWhole(t, owner, name, more), r.Rows, "%s: %s %v", what, name, more)
						some += len(r.Rows)
					}
				}
			}
		}
	}
	for n := range 2 {
		seed(t, owner, append(manyIssues(now, 1, 700, uint64(50+n)).events, manyIssues(now, 2, 300, uint64(60+n)).events...)...) //nolint:gosec // Small.
		check(fmt.Sprint("inserted ", n+1))
	}
	_, err := owner.Triage(t.Context(), queries.Change{Kind: queries.Merge, Project: 1, Actor: "ann", Issues: []string{issueHex(0x11), issueHex(0x101)}, Into: issueHex(0x12)})
	require.NoError(t, err)
	require.NoError(t, owner.Conn().Exec(t.Context(), "OPTIMIZE TABLE issue_tag FINAL"))
	check("merged")
	require.Greater(t, some, 400)
}
