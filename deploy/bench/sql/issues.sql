SELECT toUInt64(sum(events)) FROM errata.issues WHERE project_id = {project:UInt32}
