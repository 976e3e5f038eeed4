package catalog

import (
	"strings"
	"time"
)

// Rollups by the minute and the hour keep 90 days, a project may keep more: of a
// window that begins before them, what is older is counted from events.

// Long tells whether the window begins before those rollups do. An hour more than
// they keep is none: lists of "the last 90 days" stay as cheap as they are.
func (c Choice) Long() (bool, error) {
	from, _, err := c.Ends()
	return time.Since(from) > 90*24*time.Hour+time.Hour, err
}

// FirstKept is the first hour that such rollups have all of.
func (c Choice) FirstKept() string {
	return "(toStartOfHour(now('UTC') - INTERVAL 90 DAY) + INTERVAL 1 HOUR)"
}

// Minutes names project_minute, or where the window is long what has its columns.
func (c Choice) Minutes() (string, error) {
	if long, err := c.Long(); !long || err != nil {
		return "project_minute", err
	}
	of := c.Project
	if _, ok := c.known["projects"]; ok {
		of = c.Projects
	}
	projects, err := of()
	columns := make([]string, 0, len(splits))
	for _, name := range splits[1:] { // All but the project.
		columns = append(columns, "toString("+name+") AS "+name)
	}
	text := strings.Join(columns, ", ")
	return `(
    SELECT project_id, minute, ` + text + `, k.events AS events
    FROM project_minute AS k
    WHERE ` + projects + ` AND minute >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND minute <= {to:DateTime64(3, 'UTC')} AND minute >= ` + c.FirstKept() + `
    UNION ALL
    SELECT project_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, ` + text + `, toUInt64(weight) AS events
    FROM events
    WHERE ` + projects + ` AND ts >= toStartOfMinute({from:DateTime64(3, 'UTC')}) AND ts <= {to:DateTime64(3, 'UTC')} AND ts < ` + c.FirstKept() + `)`, err
}
