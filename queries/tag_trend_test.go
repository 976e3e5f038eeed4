package queries_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/schema/tables"
)

// tagged makes events of two hours with and without tags, twins and floods.
func tagged(project uint32, n int) []event {
	random := rand.New(rand.NewPCG(3, 4))
	var out []event
	for i := range n {
		e := event{project: project, fingerprint: uint64(i%5 + 1), id: uuid.NewString(), ts: time.Now().Add(-time.Duration(random.IntN(7200)) * time.Second), environment: []string{"production", "staging"}[random.IntN(2)],
			tags: map[string]string{"region": fmt.Sprint("eu-", random.IntN(3))}}
		if v := []string{"", "", "pro", "free", "prö ' \\ x"}[random.IntN(5)]; v != "" || random.IntN(2) == 0 {
			e.tags["plan"] = v // An empty value is as good as none.
		}
		switch random.IntN(5) {
		case 0:
			e.weight, e.protocol = -1, "otlp"
		case 1:
			e.weight = 12
		}
		out = append(out, e)
	}
	return out
}

// trendOf is a trend by series and start of five minutes, without zeros.
func trendOf(t *testing.T, s *queries.Store, values map[string]string, width string) map[string]uint64 {
	t.Helper()
	values = maps.Clone(values)
	values["bucket_seconds"] = width
	r, err := s.Run(t.Context(), "error_trend_split", values)
	require.NoError(t, err)
	out := map[string]uint64{}
	for _, row := range rows(r) {
		if n := row["events"].(uint64); n > 0 {
			out[fmt.Sprint(row["time"].(time.Time).Truncate(5*time.Minute).Unix(), " ", row["series"])] += n
		}
	}
	return out
}

// What tag_trend answers is what events answer: minutes are read from events,
// five minutes from the rollup but for the cut ends of the window.
func TestTagTrendIsExact(t *testing.T) {
	project := newProject()
	s := store(t, "reader")
	seed(t, store(t, "errata"), tagged(project, 1500)...)
	one := func(operator, values string) string {
		return `[{"key":"plan","operator":"` + operator + `","values":[` + values + `]}]`
	}
	for _, c := range []struct {
		name   string
		values map[string]string
	}{
		{"by tag", map[string]string{"by": "tag", "tag_key": "plan"}},
		{"by tag, one environment", map[string]string{"by": "tag", "tag_key": "plan", "environment": "staging"}},
		{"by tag, largest series", map[string]string{"by": "tag", "tag_key": "region", "series": "1"}},
		{"by a tag that nothing has", map[string]string{"by": "tag", "tag_key": "nothing"}},
		{"by tag, filtered by it", map[string]string{"by": "tag", "tag_key": "plan", "filters": one("=~", `"^pr"`)}},
		{"equal", map[string]string{"filters": one("=", `"pro"`)}},
		{"any of, odd characters", map[string]string{"filters": one("=|", `"free","prö ' \\ x"`)}},
		{"not equal", map[string]string{"by": "project", "filters": one("!=", `"pro"`)}},
		{"has none", map[string]string{"filters": one("=", `""`)}},
		{"pattern", map[string]string{"by": "environment", "filters": one("=~", `"^f"`)}},
		{"no pattern matches", map[string]string{"filters": one("!~", `"^f|^$"`)}},
		{"two filters", map[string]string{"filters": `[{"key":"plan","operator":"=","values":["pro"]},{"key":"region","operator":"=","values":["eu-1"]}]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.values["projects"] = text(project)
			c.values["from"], c.values["to"] = fmt.Sprint(time.Now().Add(-97*time.Minute).UnixMilli()), fmt.Sprint(time.Now().Add(-2*time.Minute).UnixMilli())
			want := trendOf(t, s, c.values, "60")
			require.NotEmpty(t, want)
			require.Equal(t, want, trendOf(t, s, c.values, "300"))
			// Whole hours are kept by parts.
			for _, width := range []string{"3600", "7200"} {
				values := maps.Clone(c.values)
				values["bucket_seconds"], values["from"] = width, fmt.Sprint(time.Now().Add(-5*time.Hour).UnixMilli())
				for range 2 {
					r, err := s.Run(t.Context(), "error_trend_split", values)
					require.NoError(t, err)
					require.NotEmpty(t, r.Rows)
					require.Equal(t, asWhole(t, s, "error_trend_split", values), r.Rows, width)
				}
			}
		})
	}
}

// A store from before tag_trend: what is older is read from events, and each
// event counts once on either side.
func TestTagTrendOfAnOlderStore(t *testing.T) {
	owner := storeIn(t, "older")
	o := tables.Options{Database: "older", Password: clickhousetest.Passwords["errata"]}
	exec := func(sql string) { require.NoError(t, owner.Conn().Exec(t.Context(), sql)) }
	exec("DROP VIEW tag_trend_mv")
	exec("DROP VIEW tag_size_mv")
	exec("DROP TABLE tag_trend")
	exec("DROP TABLE rollup_since")
	exec("DELETE FROM migrations WHERE name IN ('020_tag_trend.sql', '065_stored_size.sql')")
	seed(t, owner, tagged(1, 300)...)
	require.NoError(t, tables.Migrate(t.Context(), owner.Conn(), o))
	seed(t, owner, tagged(1, 300)...)
	values := map[string]string{"projects": "1", "by": "tag", "tag_key": "plan", "from": "-3h"}
	want := trendOf(t, owner, values, "60")
	require.Equal(t, want, trendOf(t, owner, values, "300"), "the rollup is not complete yet")
	hours := func() {
		t.Helper()
		hourly := maps.Clone(values)
		maps.Copy(hourly, map[string]string{"bucket_seconds": "3600", "from": fmt.Sprint(time.Now().Add(-3 * time.Hour).UnixMilli()), "to": fmt.Sprint(time.Now().UnixMilli())})
		r, err := again(t, "older").Run(t.Context(), "error_trend_split", hourly)
		require.NoError(t, err)
		require.Equal(t, asWhole(t, owner, "error_trend_split", hourly), r.Rows)
		require.NotEmpty(t, r.Rows)
	}
	hours()
	require.Equal(t, "ok", verdicts(t, owner, 1)["tag_trend events"])

	// As if it had died before the record: what it says stays.
	before, err := owner.SQL(t.Context(), "SELECT since FROM rollup_since WHERE rollup = 'tag_trend'")
	require.NoError(t, err)
	require.Len(t, before.Rows, 1)
	require.Greater(t, before.Rows[0][0].(time.Time), time.Now().Add(time.Hour))
	exec("DELETE FROM migrations WHERE name IN ('020_tag_trend.sql', '065_stored_size.sql')")
	require.NoError(t, tables.Migrate(t.Context(), owner.Conn(), o))
	after, err := owner.SQL(t.Context(), "SELECT since FROM rollup_since WHERE rollup = 'tag_trend'")
	require.NoError(t, err)
	require.Equal(t, before.Rows, after.Rows)

	// In the middle: the hours on both sides.
	exec("TRUNCATE TABLE events")
	exec("TRUNCATE TABLE tag_trend")
	exec("TRUNCATE TABLE rollup_since")
	seed(t, owner, tagged(1, 900)...)
	exec("INSERT INTO rollup_since SELECT 'tag_trend', toStartOfFiveMinutes(now('UTC')) - INTERVAL 1 HOUR")
	exec("ALTER TABLE tag_trend DELETE WHERE slot < (SELECT max(since) FROM rollup_since) SETTINGS mutations_sync = 2")
	want = trendOf(t, owner, values, "60")
	require.Equal(t, want, trendOf(t, owner, values, "300"))
	hours()
	exec("TRUNCATE TABLE rollup_since")
	hours()
	require.Equal(t, want, trendOf(t, owner, values, "300"), "nothing says that it is complete")
}
