package catalog

import "maps"

// What is kept of tables of tags by their parts, see package asking: the same of
// the tags of an issue and of its project.
func init() {
	maps.Copy(fragments, map[string]any{"tagParts": tagParts})
}

// tagParts lists the parts of such a table.
func tagParts(table string) string {
	return `SELECT cityHash64(_part, serverUUID()) AS part, _part AS name, toInt64(toUInt16(min(day))) * 86400000 AS first, toInt64(toUInt16(max(day))) * 86400000 AS last, count() AS n, cityHash64(serverUUID()) AS server, toInt64(0) AS fresh
FROM ` + table + `
GROUP BY part, name, server`
}

// IssueTags are the days of each value in the parts that are named, of the issues
// of a page, with the second of the day of the newest event.
func (c Choice) IssueTags() (string, error) {
	return c.tagDays("issue_tag", "project_id = {project:UInt32} AND fingerprint IN {page:Array(UInt64)}", ", toUInt32(toUnixTimestamp(max(t.last_seen)) % 86400) AS l",
		"arrayStringConcat(arrayMap(l -> reinterpretAsFixedString(l), groupArray(bitOr(l, toUInt32(2147483648)))))")
}

// ProjectTags are those of the project, without that second.
func (c Choice) ProjectTags() (string, error) {
	return c.tagDays("project_tag", "project_id = {project:UInt32}", "", "''")
}

func (c Choice) tagDays(table, which, more, newest string) (string, error) {
	if given, err := c.Given("names"); !given {
		return "", err
	}
	part := ""
	if given, err := c.Given("part"); err != nil {
		return "", err
	} else if given {
		part = " AND cityHash64(CAST(t.key, 'String'), t.value) % 16 = {part:Array(UInt8)}[1]"
	}
	return `SELECT part, cityHash64(key, value) AS hash, key, value, ` + strip("toUInt16(day)", "n") + ` AS cells, ` + newest + ` AS newest
FROM (
    SELECT cityHash64(_part, serverUUID()) AS part, CAST(t.key, 'String') AS key, t.value AS value, day, sum(t.events) AS n` + more + `
    FROM ` + table + ` AS t
    WHERE ` + which + ` AND day >= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[1], 'UTC')) AND day <= toDate(fromUnixTimestamp64Milli({span:Array(Int64)}[2], 'UTC'))
        AND _part IN {names:Array(String)}` + part + `
    GROUP BY part, key, value, day)
GROUP BY part, key, value
UNION ALL
SELECT toUInt64(0), cityHash64(serverUUID()), '', '', '', ''`, nil
}
