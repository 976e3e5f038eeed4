SELECT toUInt64(sum(events)) FROM errata.project_minute WHERE project_id = {project:UInt32} AND minute >= toStartOfMinute({since:DateTime('UTC')})
