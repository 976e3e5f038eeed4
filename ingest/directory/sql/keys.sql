SELECT project_id, public, label, disabled, created_at, settings
FROM project_keys FINAL
ORDER BY project_id, public
