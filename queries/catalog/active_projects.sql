-- name: active_projects
-- purpose: Projects that have errors in a time window, those with most first: whom a list over all projects has to ask.
-- param from DateTime64 = -14d: Start; whole days.
-- param to DateTime64 = now: End; a whole minute is not itself counted.
-- param limit UInt32 = 1000: Rows, at most 10000.
-- column project_id UInt32: Project.
-- column events UInt64: Errors of the days of the window.
-- column all_projects UInt64: Projects that have errors in the window.
-- cost: Two columns of issue_day of the window.
-- bound: 10,000 rows; days, not events.
SELECT project_id, sum(d.events) AS events, count() OVER () AS all_projects
FROM issue_day AS d
WHERE day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')})
GROUP BY project_id
ORDER BY events DESC, project_id
LIMIT least({limit:UInt32}, 10000)
