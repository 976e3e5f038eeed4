package catalog

import (
	"strconv"
	"strings"
	"time"
)

// Rollups by the minute and the hour keep 90 days, a project may keep more: of a
// window that begins before them, what is older is counted from events.

// KeptLonger is bound to "0" where no project that is asked for keeps more than those
// rollups do: a year of such a project is as cheap as its 90 days.
const KeptLonger = "kept_longer"

// Long tells whether the window begins before those rollups do, and rows that are
// older may be there.
func (c Choice) Long() (bool, error) {
	old, err := c.old()
	return old && c.bound[KeptLonger] != "0", err
}

// old tells whether the window begins before those rollups do. An hour more than
// they keep is none: lists of "the last 90 days" stay as cheap as they are.
func (c Choice) old() (bool, error) {
	from, _, err := c.Ends()
	return time.Since(from) > 90*24*time.Hour+time.Hour, err
}

// AskKeptLonger is the statement that has a row where a project that is asked for has
// rows that are kept for more than 90 days, by the partitions of their classes of
// retention. It is empty where the window asks for none.
func (q *Query) AskKeptLonger(bound map[string]string) string {
	c := q.Choice(bound)
	if old, err := c.old(); !old || err != nil { // Without a window there is no long one.
		return ""
	}
	projects, err := c.owners()
	if err != nil {
		projects = "1"
	}
	var each []string
	for _, table := range []string{"events", "spans", "logs"} {
		each = append(each, "SELECT 1 FROM "+table+" WHERE retention_days > 90 AND "+projects+" LIMIT 1")
	}
	return strings.Join(each, "\nUNION ALL\n")
}

// ByHours tells whether a list of issues counts hours: up to 3 days, where the rollup
// by the hour still has them; days are kept longer.
func (c Choice) ByHours() (bool, error) {
	if old, err := c.old(); old || err != nil {
		return false, err
	}
	return c.Within(72)
}

// FirstKept is the first hour that such rollups have all of.
func (c Choice) FirstKept() string {
	return "(toStartOfHour(now('UTC') - INTERVAL 90 DAY) + INTERVAL 1 HOUR)"
}

// Minutes names project_minute, or where the window is long what has its columns.
// Buckets that are not whole minutes are counted from events. Who asks cuts the first
// hour as it means it.
func (c Choice) Minutes() (string, error) {
	long, err := c.Long()
	if err != nil {
		return "", err
	}
	odd := false
	if _, ok := c.known["bucket_seconds"]; ok {
		whole, err := c.Minutely()
		if err != nil {
			return "", err
		}
		width, _ := strconv.Atoi(c.bound["bucket_seconds"])
		odd = !whole && width > 60
	}
	if !long && !odd {
		return "project_minute", nil
	}
	projects, err := c.owners()
	columns := make([]string, 0, len(splits))
	for _, name := range splits[1:] { // All but the project.
		columns = append(columns, "toString("+name+") AS "+name)
	}
	text := strings.Join(columns, ", ")
	if odd {
		return `(
    SELECT project_id, toDateTime(ts, 'UTC') AS minute, ` + text + `, toUInt64(weight) AS events
    FROM events
    WHERE ` + projects + ` AND ts >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')})`, err
	}
	return `(
    SELECT project_id, minute, ` + text + `, k.events AS events
    FROM project_minute AS k
    WHERE ` + projects + ` AND minute >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')} AND minute >= ` + c.FirstKept() + `
    UNION ALL
    SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, ` + text + `, toUInt64(weight) AS events
    FROM events
    WHERE ` + projects + ` AND ts >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND ts < least(` + c.FirstKept() + `, toStartOfMinute({to:DateTime64(3, 'UTC')}) + INTERVAL 1 MINUTE))`, err
}

// owners compares with parameter project or projects, whichever there is.
func (c Choice) owners() (string, error) {
	if _, ok := c.known["projects"]; ok {
		return c.Projects()
	}
	return c.Project()
}

// FirstDay is the first day that rollups by the day of tags and traces have all of.
func (c Choice) FirstDay() string { return "(greatest(today(), toDate(now('UTC'))) - 89)" }

// Segments names segment_hour, or where the window is long what has its columns.
func (c Choice) Segments() (string, error) {
	if long, err := c.Long(); !long || err != nil {
		return "segment_hour", err
	}
	projects, err := c.owners()
	return `(
    SELECT project_id, hour, service, name, environment, segments, failed, estimated, sum_us, duration
    FROM segment_hour
    WHERE ` + projects + ` AND hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour <= {to:DateTime64(3, 'UTC')} AND hour >= ` + c.FirstKept() + `
    UNION ALL
    SELECT project_id, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, service, name, environment, count() AS segments, countIf(status = 'error') AS failed,
        sum(toFloat64(sample_weight)) AS estimated, sum(duration_us) AS sum_us, quantilesTDigestState(0.5, 0.75, 0.95, 0.99)(duration_us) AS duration
    FROM spans
    WHERE ` + projects + ` AND is_segment AND ts >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND ts < least(` + c.FirstKept() + `, toStartOfHour({to:DateTime64(3, 'UTC')}) + INTERVAL 1 HOUR)
    GROUP BY project_id, hour, service, name, environment)`, err
}

// TagRows names a table of tags by day, or where the window is long what has its
// columns; which keeps the rows that are asked for.
func (c Choice) TagRows(table, which string) (string, error) {
	if long, err := c.Long(); !long || err != nil {
		return table, err
	}
	first := "toDate({from:DateTime64(3, 'UTC')})"
	mark, newest := "fingerprint, ", ", last_seen"
	if table == "project_tag" {
		mark, newest = "", ""
	}
	text := `(
    SELECT project_id, ` + mark + `CAST(key, 'String') AS key, day, value, events` + newest + `
    FROM ` + table + `
    WHERE ` + which + ` AND day >= ` + first + ` AND day >= ` + c.FirstDay() + `
    UNION ALL
    SELECT project_id, ` + mark + `kv.1 AS key, toDate(ts) AS day, kv.2 AS value, toUInt64(weight)` + strings.ReplaceAll(newest, "last_seen", "toDateTime(ts, 'UTC')") + `
    FROM events
    ` + tagsOf + ` AS kv
    WHERE ` + which + ` AND toDate(ts) >= ` + first + ` AND toDate(ts) < ` + c.FirstDay() + ` AND kv.2 != '' AND length(kv.2) <= 200 AND weight > 0)`
	return text, nil
}

// tagsOf are the tags of an event as issue_tag has them: 011_dimensions.sql.
const tagsOf = `ARRAY JOIN arrayConcat(
        arrayFilter(t -> t.1 NOT IN ('environment', 'release', 'level', 'server_name', 'transaction', 'service'), CAST(tags, 'Array(Tuple(String, String))')),
        [('environment', toString(environment)), ('release', toString(release)), ('level', toString(level)),
         ('server_name', toString(server_name)), ('transaction', toString(transaction)), ('service', toString(service))])`

// TraceRows names trace_index, or where the window is long what has the columns that
// lists of traces read, of the traces ids.
func (c Choice) TraceRows() (string, error) {
	if long, err := c.Long(); !long || err != nil {
		return "trace_index", err
	}
	projects, err := c.owners()
	of := func(table string) string {
		return "\n    FROM " + table + "\n    WHERE " + projects + " AND trace_id IN {ids:Array(String)} AND toDate(ts) < " + c.FirstDay()
	}
	const none = "toUInt64(0)"
	return `(
    SELECT trace_id, project_id, min_ts, max_ts, errors, spans, logs, services, issues, roots
    FROM trace_index
    WHERE ` + projects + ` AND trace_id IN {ids:Array(String)} AND day >= ` + c.FirstDay() + `
    UNION ALL
    SELECT trace_id, project_id, ts, ts, toUInt64(weight), ` + none + `, ` + none + `, arrayFilter(s -> s != '', [CAST(service, 'String')]), [fingerprint], emptyArrayString()` + of("events") + `
    UNION ALL
    SELECT trace_id, project_id, toDateTime64(ts, 3, 'UTC'), toDateTime64(ts + toIntervalMicrosecond(duration_us), 3, 'UTC'), ` + none + `, toUInt64(1), ` + none + `, arrayFilter(s -> s != '', [CAST(service, 'String')]), emptyArrayUInt64(), if(parent_span_id = '', [name], [])` + of("spans") + `
    UNION ALL
    SELECT trace_id, project_id, toDateTime64(ts, 3, 'UTC'), toDateTime64(ts, 3, 'UTC'), ` + none + `, ` + none + `, toUInt64(1), arrayFilter(s -> s != '', [CAST(service, 'String')]), emptyArrayUInt64(), emptyArrayString()` + of("logs") + `)`, err
}
