package schema

import "time"

// Project is what edge and consumer need to know of a tenant. Ids are positive:
// SDKs refuse anything else.
type Project struct {
	ID            uint32
	Slug          string
	Name          string
	Platform      string
	RetentionDays uint32
	OTLPDefault   bool   // Takes OTLP requests without a key.
	Settings      string // JSON: filters, quotas, scrubbing, grouping rules. Empty means defaults.
	UpdatedAt     time.Time
	Disabled      bool
}

// Key is a DSN's public key: 32 lower hex digits.
type Key struct {
	ProjectID uint32
	Public    string
	Label     string
	Disabled  bool
	CreatedAt time.Time
	Settings  string // JSON: rate limits of this key. Empty means none.
}

// DefaultRetentionDays holds where a project names none.
const DefaultRetentionDays = 90
