package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// splits are the columns that a trend is split by, by the value of parameter
// by. Of an issue and of a tag it is more than a column.
var splits = []string{"project", "environment", "release", "service", "level", "handled", "protocol"}

// eventSplits are those that no rollup has: by parameter by, the text of the
// column of events.
var eventSplits = map[string]string{
	"platform": "toString(platform)", "server_name": "toString(server_name)", "transaction": "toString(transaction)", "sdk": "toString(sdk_name)",
	"type": "toString(exception_type)", "logger": "toString(logger)", "mechanism": "toString(mechanism)", "country": "toString(country)", "http_status": "toString(http_status)",
}

// Column is the column that parameter by names.
func (c Choice) Column() (string, error) {
	by, err := c.value("by")
	if !slices.Contains(splits, by) {
		return "", fmt.Errorf("it splits by %q, which is no column: %w", by, err)
	}
	if by == "project" {
		by = "project_id"
	}
	return by, err
}

// Series is the text that names a row's series, by parameter by.
func (c Choice) Series() (string, error) {
	by, err := c.value("by")
	switch {
	case slices.Contains(splits, by):
		column, err := c.Column()
		return "toString(" + column + ")", err
	case eventSplits[by] != "":
		return eventSplits[by], err
	case by == "issue":
		return "lower(leftPad(hex(" + survivor("fingerprint") + "), 16, '0'))", nil
	case by == "tag":
		return "tags[{tag_key:String}]", nil
	}
	return "'errors'", err
}

// Parts are the columns that a deep trend is counted by, Series made of them: a
// row of an issue is named once all of it is added up, not once an event.
func (c Choice) Parts() (string, error) {
	if issue, err := c.Is("by", "issue"); issue || err != nil {
		return "project_id, fingerprint", err
	}
	series, err := c.Series()
	return series + " AS series", err
}

// PartNames names Parts.
func (c Choice) PartNames() (string, error) {
	if issue, err := c.Is("by", "issue"); issue || err != nil {
		return "project_id, fingerprint", err
	}
	return "series", nil
}

// Named is Series in terms of PartNames; of an issue it stays a number, which
// Shown writes out for those that are shown.
func (c Choice) Named() (string, error) {
	if issue, err := c.Is("by", "issue"); issue || err != nil {
		return survivor("fingerprint"), err
	}
	return "series", nil
}

// Shown is what people read of column named.
func (c Choice) Shown(named string) (string, error) {
	if issue, err := c.Is("by", "issue"); issue || err != nil {
		return "lower(leftPad(hex(" + named + "), 16, '0'))", err
	}
	return named, nil
}

// Deep tells whether a trend needs more than project_minute has.
func (c Choice) Deep() (bool, error) {
	for _, name := range []string{"issue", "text", "filters"} {
		if given, err := c.Given(name); given || err != nil {
			return given, err
		}
	}
	by, err := c.value("by")
	return by == "issue" || by == "tag" || eventSplits[by] != "", err
}

// Hourly tells whether a deep trend can be read from issue_hour: its buckets are
// whole hours, and nothing is named that issue_hour does not have.
func (c Choice) Hourly() (bool, error) {
	for _, name := range []string{"text", "filters", "service", "level"} {
		if given, err := c.Given(name); given || err != nil {
			return false, err
		}
	}
	deep, err := c.Deep()
	if err != nil || !deep {
		return false, err
	}
	width, err := c.value("bucket_seconds")
	if seconds, _ := strconv.Atoi(width); seconds == 0 || seconds%3600 != 0 {
		return false, err
	}
	return c.Is("by", "", "none", "project", "environment", "release", "issue")
}

// Ranked tells whether an hourly trend is by issue, of all issues: the largest
// ones can be found first then.
func (c Choice) Ranked() (bool, error) {
	if long, err := c.Long(); long || err != nil {
		return false, err
	}
	if given, err := c.Given("issue"); given || err != nil {
		return false, err
	}
	if issue, err := c.Is("by", "issue"); !issue || err != nil {
		return false, err
	}
	return c.Hourly()
}

// Single tells whether an hourly trend is of one issue, split by nothing.
func (c Choice) Single() (bool, error) {
	if long, err := c.Long(); long || err != nil {
		return false, err
	}
	if given, err := c.Given("issue"); !given || err != nil {
		return false, err
	}
	if none, err := c.Is("by", "", "none"); !none || err != nil {
		return false, err
	}
	return c.Hourly()
}

// TagHours tells whether a trend can be read from tag_trend in buckets of whole
// hours.
func (c Choice) TagHours() (bool, error) {
	if hours, err := c.Hours(); !hours || err != nil {
		return false, err
	}
	if deep, err := c.Deep(); !deep || err != nil {
		return false, err
	}
	if hourly, err := c.Hourly(); hourly || err != nil {
		return false, err
	}
	return c.Tagged()
}

// Hours tells whether a trend by columns of project_minute has buckets of whole
// hours.
func (c Choice) Hours() (bool, error) { return c.buckets(3600) }

// Kept is how wide the slots are, in seconds, in which a trend by columns of
// project_minute is kept: an hour where its buckets are whole hours; a minute
// where they are whole minutes of a short window; 0 where it is read.
func (c Choice) Kept() (int, error) {
	if long, err := c.Long(); long || err != nil {
		return 0, err
	}
	if hourly, err := c.Hours(); hourly || err != nil {
		return 3600, err
	}
	short, err := c.Within(26)
	if minutely, wrong := c.Minutely(); wrong != nil || err != nil || !short || !minutely {
		return 0, errors.Join(err, wrong)
	}
	return 60, nil
}

// KeptSlot is the start of such a slot.
func (c Choice) KeptSlot() (string, error) {
	width, err := c.Kept()
	if width == 60 {
		return "minute", err
	}
	return "toStartOfHour(minute)", err
}

// Shallow is Kept where project_minute has all that is named.
func (c Choice) Shallow() (bool, error) {
	if deep, err := c.Deep(); deep || err != nil {
		return false, err
	}
	width, err := c.Kept()
	return width > 0, err
}

// Sized tells whether an hourly trend can be read from stored_size, which has no
// row for each release and environment: it is split and filtered by neither,
// and its window is whole hours.
func (c Choice) Sized() (bool, error) {
	if long, err := c.Long(); long || err != nil {
		return false, err
	}
	for _, name := range []string{"environment", "release"} {
		if given, err := c.Given(name); given || err != nil {
			return false, err
		}
	}
	if fits, err := c.Is("by", "", "none", "project", "issue"); !fits || err != nil {
		return false, err
	}
	if hourly, err := c.Hourly(); !hourly || err != nil {
		return false, err
	}
	return c.Whole(3600)
}

// Tagged tells whether a deep trend can be read from tag_trend: its buckets are
// whole five minutes, and one tag is all that is named.
func (c Choice) Tagged() (bool, error) {
	for _, name := range []string{"issue", "text", "release", "service", "level"} {
		if given, err := c.Given(name); given || err != nil {
			return false, err
		}
	}
	width, err := c.value("bucket_seconds")
	if seconds, _ := strconv.Atoi(width); seconds == 0 || seconds%300 != 0 || err != nil {
		return false, err
	}
	if fits, err := c.Is("by", "", "none", "project", "environment", "tag"); !fits || err != nil {
		return false, err
	}
	list, err := c.list()
	if err != nil {
		return false, err
	}
	split, err := c.Is("by", "tag")
	if len(list) == 0 || err != nil {
		return split, err
	}
	_, column := eventKeys[list[0].Key]
	return len(list) == 1 && !column && (!split || c.bound["tag_key"] == list[0].Key), nil
}

// TagKey is the key that a trend from tag_trend reads.
func (c Choice) TagKey() (string, error) {
	split, err := c.Is("by", "tag")
	if split {
		return "{tag_key:String}", err
	}
	return "JSONExtractString({filters:String}, 1, 'key')", err
}

// OfIssue compares with parameter issue, empty for all; of one that was merged away,
// with the issue that it went into, in the projects where it did. The set is what the
// primary key is read by.
func (c Choice) OfIssue() (string, error) {
	if given, err := c.Given("issue"); !given {
		return "1", err
	}
	const went = "SELECT survivor FROM issue_of WHERE fingerprint = " + namedIssue
	return "fingerprint IN (SELECT " + namedIssue + " AS fingerprint UNION ALL " + went + " UNION ALL SELECT fingerprint FROM issue_of WHERE survivor = " + namedIssue + " OR survivor IN (" + went + ")) AND " +
		survivor("fingerprint") + " = " + survivor(namedIssue), nil
}
