-- issue: 16 hex digits of the fingerprint that survives merges. An alias costs
-- nothing where it is not asked for.
ALTER TABLE {{local "events"}}{{onCluster}} ADD COLUMN IF NOT EXISTS issue String ALIAS lower(leftPad(hex({{issueOf "project_id" "fingerprint"}}), 16, '0')) COMMENT 'Both: 16 hex digits of the issue, merges applied.';
{{if not single}}ALTER TABLE {{name "events"}}{{onCluster}} ADD COLUMN IF NOT EXISTS issue String ALIAS lower(leftPad(hex({{issueOf "project_id" "fingerprint"}}), 16, '0')) COMMENT 'Both: 16 hex digits of the issue, merges applied.';
{{end}}
ALTER TABLE {{local "logs"}}{{onCluster}} ADD COLUMN IF NOT EXISTS issue String ALIAS if(fingerprint = 0, '', lower(leftPad(hex({{issueOf "project_id" "fingerprint"}}), 16, '0'))) COMMENT 'Both: 16 hex digits of the issue that the record made; empty where none.';
{{if not single}}ALTER TABLE {{name "logs"}}{{onCluster}} ADD COLUMN IF NOT EXISTS issue String ALIAS if(fingerprint = 0, '', lower(leftPad(hex({{issueOf "project_id" "fingerprint"}}), 16, '0'))) COMMENT 'Both: 16 hex digits of the issue that the record made; empty where none.';
{{end}}
