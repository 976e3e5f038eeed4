SELECT toString(event_id), payload
FROM events
WHERE project_id = ? AND ts >= now() - toIntervalDay(?) AND payload != ''
ORDER BY ts DESC
LIMIT ?
