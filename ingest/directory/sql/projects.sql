SELECT id, slug, name, platform, retention_days, otlp_default, settings, disabled, updated_at
FROM projects FINAL
ORDER BY id
