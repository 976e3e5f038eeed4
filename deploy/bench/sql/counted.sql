SELECT toUInt64(sum(weight)) FROM errata.events WHERE project_id = {project:UInt32} AND received_at >= {since:DateTime('UTC')} AND ts >= now() - INTERVAL 1 DAY AND weight > 0 AND payload_bytes = 0
