package ask_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/ask"
)

var from, to = time.UnixMilli(1_790_000_000_000), time.UnixMilli(1_790_086_400_000)

func TestList(t *testing.T) {
	for _, c := range []struct {
		name, given string
		want        []string
	}{
		{"empty", "", nil},
		{"one", "production", []string{"production"}},
		{"typed", "a, b ,a", []string{"a", "b"}},
		{"of a variable", `["a,b","c"]`, []string{"a,b", "c"}},
		{"all", "$__all", nil},
		{"all of a variable", `["$__all"]`, nil},
		{"a line end cannot add a value", "[\"a\\nb\"]", []string{"a b"}},
		{"of a variable, as it is", `[" a ","[b]"]`, []string{" a ", "[b]"}},
		{"null is a value", "null", []string{"null"}},
		{"so is a number", "7", []string{"7"}},
		{"nearly JSON", `["a"`, []string{`["a"`}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, ask.List(c.given)) })
	}
}

func TestExpand(t *testing.T) {
	const begin, end = "fromUnixTimestamp64Milli(1790000000000, 'UTC')", "fromUnixTimestamp64Milli(1790086400000, 'UTC')"
	for _, c := range []struct{ name, sql, want, fails string }{
		{"time filter", "WHERE $__timeFilter(ts)", "WHERE (ts >= " + begin + " AND ts <= " + end + ")", ""},
		{"of an expression", "$__timeFilter(toDateTime(f(a, ')')))", "(toDateTime(f(a, ')')) >= " + begin + " AND toDateTime(f(a, ')')) <= " + end + ")", ""},
		{"interval", "$__timeInterval(ts) $__interval $__interval_s $__interval_ms", "toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(900), 'UTC') INTERVAL 900 SECOND 900 900000", ""},
		{"project", "$__project(project_id)", "project_id IN (1, 2)", ""},
		{"ends", "$__fromTime $__toTime", begin + " " + end, ""},
		{"text in quotes stays", `'$__timeFilter(ts)' "$__x" ` + "`$__y`", `'$__timeFilter(ts)' "$__x" ` + "`$__y`", ""},
		{"comments stay", "1 -- $__nope\n/* $__nope */", "1 -- $__nope\n/* $__nope */", ""},
		{"comments of another form stay", "1 # don't $__nope\n#! $__nope\n+ $__interval_s", "1 # don't $__nope\n#! $__nope\n+ 900", ""},
		{"text between marks stays", "$$it's $__x$$ $a$ $$ $__x $a$ $__interval_s", "$$it's $__x$$ $a$ $$ $__x $a$ 900", ""},
		{"a mark that is not closed", "$a$ $__interval_s $$", "$a$ 900 $$", ""},
		{"escaped quote", `'it\'s $__x'`, `'it\'s $__x'`, ""},
		{"milliseconds", "$__timeFilter_ms(ts) $__timeInterval_ms(ts)", "(ts >= " + begin + " AND ts <= " + end + ") toStartOfInterval(toDateTime64(ts, 3, 'UTC'), toIntervalSecond(900), 'UTC')", ""},
		{"date and time", "$__dateTimeFilter(f(a, b), ts)", "(f(a, b) >= toDate(" + begin + ") AND f(a, b) <= toDate(" + end + ") AND ts >= " + begin + " AND ts <= " + end + ")", ""},
		{"date and no time", "$__dateTimeFilter(day)", "", "needs two columns"},
		{"some of a variable", "$__conditionalAll(env IN ('a,b', 'c') AND $__project(p), 'a,b')", "env IN ('a,b', 'c') AND p IN (1, 2)", ""},
		{"all of a variable", "$__conditionalAll(env IN ('$__all'), '$__all')", "1", ""},
		{"blanks before the column", "$__timeInterval (ts) $__project\n\t( p )", "toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(900), 'UTC') p IN (1, 2)", ""},
		{"one in another", "$__timeFilter($__timeInterval(ts))", "(toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(900), 'UTC') >= " + begin + " AND toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond(900), 'UTC') <= " + end + ")", ""},
		{"in braces", "${__interval} ${__interval_ms} ${__timeFilter}(ts)", "INTERVAL 900 SECOND 900000 (ts >= " + begin + " AND ts <= " + end + ")", ""},
		{"braces that are not closed", "${__interval", "${__interval", ""},
		{"a comment among the arguments", "$__project(/* $__nope ) */ p)", "/* $__nope ) */ p IN (1, 2)", ""},
		{"unknown in another", "$__timeFilter($__nope)", "", "no macro $__nope"},
		{"unknown", "$__nope", "", "no macro $__nope"},
		{"without its column", "$__timeFilter", "", "needs a column"},
		{"empty column", "$__timeFilter( )", "", "needs a column"},
		{"unbalanced", "$__timeFilter(ts", "", "needs a column"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := ask.Query{SQL: c.sql, From: from, To: to, Bucket: 900}
			got, err := q.Expand([]uint32{1, 2})
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestBucket(t *testing.T) {
	for _, c := range []struct {
		name     string
		span     time.Duration
		interval time.Duration
		points   int64
		want     int64
	}{
		{"an hour", time.Hour, time.Second, 1000, 60},
		{"a day on a wide panel", 24 * time.Hour, time.Minute, 1000, 120},
		{"a day on a narrow one", 24 * time.Hour, time.Hour, 24, 3600},
		{"no hint", 24 * time.Hour, 0, 0, 60},
		{"a second each", 5 * time.Minute, 200 * time.Millisecond, 1000, 60},
		{"ten years", 10 * 365 * 24 * time.Hour, 0, 10, 31536000},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := ask.Read([]byte(`{}`), to.Add(-c.span), to, c.interval, c.points)
			require.NoError(t, err)
			require.Equal(t, c.want, q.Bucket)
			require.LessOrEqual(t, int64(c.span.Seconds())/q.Bucket, int64(2000))
		})
	}
}

// Rollups count by the minute, a person's SQL and log records by the second.
func TestFineBuckets(t *testing.T) {
	for _, c := range []struct {
		mode     string
		span     time.Duration
		interval time.Duration
		points   int64
		want     int64
	}{
		{"sql", 5 * time.Minute, 200 * time.Millisecond, 1000, 1},
		{"sql", 5 * time.Minute, 0, 100, 5},
		{"sql", 0, time.Millisecond, 100, 1},
		{"sql", -time.Hour, time.Second, 100, 1},
		{"logs", 15 * time.Minute, 1500 * time.Millisecond, 1000, 2},
		{"logs", 24 * time.Hour, time.Minute, 1000, 120},
		{"error_trend", 5 * time.Minute, time.Second, 1000, 60},
	} {
		t.Run(fmt.Sprint(c.mode, " ", c.span, " ", c.interval), func(t *testing.T) {
			q, err := ask.Read([]byte(`{"mode":"`+c.mode+`","sql":"SELECT 1"}`), to.Add(-c.span), to, c.interval, c.points)
			require.NoError(t, err)
			require.Equal(t, c.want, q.Bucket)
		})
	}
}

// Nothing that a person sends makes the reader or the macros panic.
func FuzzRead(f *testing.F) {
	f.Add(`{"mode":"sql","sql":"$__timeFilter(a'b)"}`)
	f.Add(`{"mode":"events","filters":[{"key":"a","operator":"=~","value":"("}]}`)
	f.Add(`{"project":"[\"a\"]","minDurationMs":-1}`)
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ask.Read([]byte(raw), from, to, time.Minute, 100)
		if err != nil {
			return
		}
		require.NotContains(t, strings.Join(ask.List(q.Environment), ""), "\n")
		_, _ = q.Expand(nil)
		_ = q.FilterText()
	})
}
