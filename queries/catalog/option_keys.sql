-- name: option_keys
-- purpose: Tag keys of projects, most frequent first.
-- param projects String: Project ids with commas between; empty for all.
-- param from DateTime64 = -30d: Start, in whole days.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param limit UInt32 = 500: Rows, at most 5000.
-- column key String: The key.
-- column events UInt64: Events that carry it.
-- cost: project_tag of the window. 10 ms; never the table of events.
-- bound: 5000 rows.
SELECT CAST(key, 'String') AS key, sum(t.events) AS events
FROM project_tag AS t
WHERE <<.Projects>> AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
GROUP BY key
ORDER BY events DESC, key
LIMIT least({limit:UInt32}, 5000)
