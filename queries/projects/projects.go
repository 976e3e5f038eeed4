// Package projects keeps projects and their keys: rows of which the newest holds.
// In: a slug, settings, a key. Out: the project as it is stored, and its DSN.
package projects

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/schema"
)

// Errors of project administration.
var (
	ErrNoProject = errors.New("no such project (`errata project list` names them)")
	ErrNoKey     = errors.New("no such key (`errata key list PROJECT` names them)")
	ErrExists    = errors.New("a project of this slug exists already")
)

var (
	slugForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_-]{0,48}[a-z0-9])?$`)
	keyForm  = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// maxRetentionDays is ten years: the column holds 16 bits, and a time so far
// ahead that it does not fit 32 bits of seconds would expire rows at once.
const maxRetentionDays = 3650

// DSN is what an SDK is configured with. host is host:port of the edge.
func DSN(scheme, host string, projectID uint32, public string) string {
	return fmt.Sprintf("%s://%s@%s/%d", scheme, public, host, projectID)
}

// NewKey returns a random public key: 32 lower hex digits.
func NewKey() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("cannot make a key: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// Ensure returns the project of this slug and its key, and makes what is
// missing. An empty key means: the project's first enabled one, else a new one.
// A new project that is the first of the store takes OTLP requests without a
// key (OTLPDefault); the edge decides from where.
func Ensure(ctx context.Context, conn driver.Conn, slug, key string) (schema.Project, schema.Key, error) {
	p, err := BySlug(ctx, conn, slug)
	if errors.Is(err, ErrNoProject) {
		all, lerr := All(ctx, conn)
		if lerr != nil {
			return schema.Project{}, schema.Key{}, lerr
		}
		p, err = Create(ctx, conn, schema.Project{Slug: slug, OTLPDefault: len(all) == 0})
	}
	if err != nil {
		return schema.Project{}, schema.Key{}, err
	}
	keys, err := Keys(ctx, conn, p.ID)
	if err != nil {
		return schema.Project{}, schema.Key{}, err
	}
	for _, k := range keys {
		if k.Public == key || key == "" && !k.Disabled {
			return p, k, nil
		}
	}
	k, err := CreateKey(ctx, conn, schema.Key{ProjectID: p.ID, Public: key, Label: "default"})
	return p, k, err
}

// All lists all projects by id.
func All(ctx context.Context, conn driver.Conn) ([]schema.Project, error) {
	rows, err := conn.Query(ctx, `SELECT id, slug, name, platform, retention_days, otlp_default, settings, updated_at, disabled
		FROM projects FINAL ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("cannot list projects: %w", err)
	}
	defer rows.Close()
	var out []schema.Project
	for rows.Next() {
		var p schema.Project
		if err := rows.Scan(&p.ID, &p.Slug, &p.Name, &p.Platform, &p.RetentionDays, &p.OTLPDefault, &p.Settings, &p.UpdatedAt, &p.Disabled); err != nil {
			return nil, fmt.Errorf("cannot list projects: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// BySlug finds a project by slug, or by id where slug is a number.
func BySlug(ctx context.Context, conn driver.Conn, slug string) (schema.Project, error) {
	all, err := All(ctx, conn)
	if err != nil {
		return schema.Project{}, err
	}
	for _, p := range all {
		if p.Slug == slug || fmt.Sprint(p.ID) == slug {
			return p, nil
		}
	}
	return schema.Project{}, fmt.Errorf("cannot find project %q: %w", slug, ErrNoProject)
}

// Pick turns a slug or id into an id; none means the only project, or the one
// named default.
func Pick(ctx context.Context, conn driver.Conn, slug string) (uint32, error) {
	if slug != "" {
		p, err := BySlug(ctx, conn, slug)
		return p.ID, err
	}
	all, err := All(ctx, conn)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if len(all) == 1 || p.Slug == "default" {
			return p.ID, nil
		}
	}
	return 0, fmt.Errorf("cannot choose among %d projects: name one, by --project SLUG or in a query by project=SLUG (`errata project list` names them)", len(all))
}

// Create checks and stores a new project. A zero id is the next free
// one, counted up from 1.
func Create(ctx context.Context, conn driver.Conn, p schema.Project) (schema.Project, error) {
	if !slugForm.MatchString(p.Slug) || strings.Trim(p.Slug, "0123456789") == "" {
		return p, fmt.Errorf("cannot create project %q: a slug is 1 to 50 lower letters, digits, - and _, and not a number alone", p.Slug)
	}
	all, err := All(ctx, conn)
	if err != nil {
		return p, err
	}
	next := uint32(1)
	for _, q := range all {
		if q.Slug == p.Slug || p.ID != 0 && q.ID == p.ID {
			return p, fmt.Errorf("cannot create project %q: %w", p.Slug, ErrExists)
		}
		next = max(next, q.ID+1)
	}
	if p.ID == 0 {
		p.ID = next
	}
	if p.RetentionDays == 0 {
		p.RetentionDays = schema.DefaultRetentionDays
	}
	if p.Name == "" {
		p.Name = p.Slug
	}
	return Save(ctx, conn, p)
}

// Save appends the new state of a project; the newest row holds.
func Save(ctx context.Context, conn driver.Conn, p schema.Project) (schema.Project, error) {
	if p.RetentionDays < 1 || p.RetentionDays > maxRetentionDays {
		return p, fmt.Errorf("cannot save project %q: events are kept for 1 to %d days, not %d", p.Slug, maxRetentionDays, p.RetentionDays)
	}
	p.UpdatedAt = time.Now().UTC().Truncate(time.Microsecond)
	err := conn.Exec(ctx, `INSERT INTO projects (id, slug, name, platform, retention_days, otlp_default, settings, disabled, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, fromUnixTimestamp64Micro(?))`,
		p.ID, p.Slug, p.Name, p.Platform, p.RetentionDays, p.OTLPDefault, p.Settings, p.Disabled, p.UpdatedAt.UnixMicro())
	if err != nil {
		return p, fmt.Errorf("cannot save project %q: %w", p.Slug, err)
	}
	return p, nil
}

// Keys lists the keys of a project, oldest first.
func Keys(ctx context.Context, conn driver.Conn, projectID uint32) ([]schema.Key, error) {
	rows, err := conn.Query(ctx, `SELECT project_id, public, label, disabled, created_at, settings
		FROM project_keys FINAL WHERE project_id = ? ORDER BY created_at, public`, projectID)
	if err != nil {
		return nil, fmt.Errorf("cannot list keys: %w", err)
	}
	defer rows.Close()
	var out []schema.Key
	for rows.Next() {
		var k schema.Key
		if err := rows.Scan(&k.ProjectID, &k.Public, &k.Label, &k.Disabled, &k.CreatedAt, &k.Settings); err != nil {
			return nil, fmt.Errorf("cannot list keys: %w", err)
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// CreateKey checks and stores a key; an empty Public is a new random one.
func CreateKey(ctx context.Context, conn driver.Conn, k schema.Key) (schema.Key, error) {
	if k.Public == "" {
		public, err := NewKey()
		if err != nil {
			return k, err
		}
		k.Public = public
	}
	if !keyForm.MatchString(k.Public) {
		return k, errors.New("cannot create key: a public key is 32 lower hex digits")
	}
	k.CreatedAt = time.Now().UTC().Truncate(time.Millisecond)
	return k, SaveKey(ctx, conn, k)
}

// DisableKey turns a key off, or on again.
func DisableKey(ctx context.Context, conn driver.Conn, projectID uint32, public string, disabled bool) (schema.Key, error) {
	keys, err := Keys(ctx, conn, projectID)
	if err != nil {
		return schema.Key{}, err
	}
	for _, k := range keys {
		if k.Public == public {
			k.Disabled = disabled
			return k, SaveKey(ctx, conn, k)
		}
	}
	return schema.Key{}, fmt.Errorf("cannot change key: project %d has %w", projectID, ErrNoKey)
}

// SaveKey appends the new state of a key; the newest row holds.
func SaveKey(ctx context.Context, conn driver.Conn, k schema.Key) error {
	err := conn.Exec(ctx, `INSERT INTO project_keys (project_id, public, label, disabled, created_at, settings, updated_at)
		VALUES (?, ?, ?, ?, fromUnixTimestamp64Milli(?), ?, fromUnixTimestamp64Micro(?))`,
		k.ProjectID, k.Public, k.Label, k.Disabled, k.CreatedAt.UnixMilli(), k.Settings, time.Now().UnixMicro())
	if err != nil {
		return fmt.Errorf("cannot save key of project %d: %w", k.ProjectID, err)
	}
	return nil
}
