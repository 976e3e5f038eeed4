package catalog

import (
	"maps"
	"strings"
)

// The state of issues, in pieces that a question takes as many of as it needs.
// The views issue_state and issue_state_of say what a state is, in one text;
// planning that text costs more than all else that a page of issues asks, and
// most issues need little of it. A test compares the pieces with the view.
func init() {
	maps.Copy(fragments, map[string]any{
		"acts": acts, "kind": func() string { return kind },
		"reopened": reopened, "reopeners": func() string { return reopeners }, "reopenersOf": reopenersOf,
	})
}

// notUndone are the actions that still stand, of the issues that which keeps.
func notUndone(which string) string {
	return "project_id = {project:UInt32} AND " + which + ` AND action NOT IN ('undo', 'merge', 'split')
        AND action_id NOT IN (SELECT target_action FROM issue_actions WHERE project_id = {project:UInt32} AND action = 'undo')`
}

const newestState = "(at, action_id), action IN ('resolve', 'unresolve', 'ignore')"

// acts is what people said last of the issues that which keeps: fingerprint, s
// (action, at, resolution, until, events and users that end an ignore with 0
// for none, action_id, in_release, actor) and who it is assigned to. more are
// other columns.
func acts(which string, more ...string) string {
	columns := append([]string{
		"fingerprint",
		"argMaxIf((toString(action), at, toString(resolution), until, if(until_events > 0, base_events + until_events, 0), if(until_users > 0, base_users + until_users, 0), action_id, in_release, actor), " + newestState + ") AS s",
		"argMaxIf(assignee, (at, action_id), action = 'assign') AS who",
	}, more...)
	return "SELECT " + strings.Join(columns, ", ") + `
    FROM issue_actions
    WHERE ` + notUndone(which) + `
    GROUP BY fingerprint`
}

// kind is what s alone says of the state: 'at_once' is resolved and still asks
// whether an event came after it, 'in_release' whether one came in a release that
// it does not cover, and 'ignored' whether too many events or users came. Of an
// issue that belongs to another one no event is its own.
const kind = `multiIf(s.1 = 'resolve', if(s.3 IN ('in_release', 'in_next_release'), 'in_release', 'at_once'),
        s.1 = 'ignore', if(s.4 > toDateTime64(0, 3, 'UTC') AND s.4 <= now64(3), 'ongoing', 'ignored'),
        s.1 = '', '', 'ongoing')`

// reopeners are the resolutions in a release of a project.
var reopeners = `SELECT fingerprint, r.1 AS at, r.2 AS resolution, r.3 AS in_release, r.4 AS in_package, r.5 AS in_version
            FROM (
                SELECT fingerprint, argMaxIf((at, if(action = 'resolve', toString(resolution), ''), in_release, in_package, in_version), ` + newestState + `) AS r
                FROM issue_actions
                WHERE ` + notUndone("1") + `
                GROUP BY fingerprint)
            WHERE resolution IN ('in_release', 'in_next_release')`

// reopenersOf are those with these action ids.
func reopenersOf(issues, ids string) string {
	return "SELECT fingerprint, at, resolution, in_release, in_package, in_version FROM issue_actions WHERE project_id = {project:UInt32} AND fingerprint IN (" + issues + ") AND action_id IN (" + ids + ")"
}

// reopened are the issues resolved in a release, as from gives them, that an
// event came to afterwards in a release that the resolution does not cover.
// which keeps their fingerprints.
func reopened(from, which string) string {
	return `SELECT DISTINCT a.fingerprint AS fingerprint
        FROM (
            ` + from + `) AS a
        INNER JOIN (
            SELECT ` + survivor("fingerprint") + ` AS survivor, CAST(release, 'String') AS release, max(last_seen) AS seen
            FROM issue_release
            WHERE project_id = {project:UInt32} AND ` + which + `
            GROUP BY survivor, release) AS i ON i.survivor = a.fingerprint
        LEFT JOIN (
            SELECT release, min(first_seen) AS born, any(package) AS package, any(version) AS version
            FROM release_rollup WHERE project_id = {project:UInt32}
            GROUP BY release) AS b ON b.release = i.release
        LEFT JOIN (
            SELECT release, min(first_seen) AS born
            FROM release_rollup WHERE project_id = {project:UInt32}
            GROUP BY release) AS fixed ON fixed.release = a.in_release
        WHERE i.seen > a.at AND if(b.version.1 = 1 AND a.in_version.1 = 1 AND b.package = a.in_package,
            if(a.resolution = 'in_release', b.version >= a.in_version, b.version > a.in_version),
            if(a.resolution = 'in_release', i.release = a.in_release OR fixed.born > toDateTime64(0, 3, 'UTC') AND b.born >= fixed.born,
                i.release != a.in_release AND b.born > fixed.born))`
}
