SELECT toUInt64(sum(weight)) FROM errata.events WHERE project_id = {project:UInt32}
