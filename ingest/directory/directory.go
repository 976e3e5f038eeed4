// Package directory knows the projects and their keys. In: a Source, usually
// ClickHouse, asked every few seconds and at once (within bounds) for a key
// that is not known yet. Out: ready-to-use projects by key or id. The last good
// copy is a file, so that the edge starts and runs while the source is away. It
// never asks the source on behalf of a key that is known.
package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"errata/ingest/intake"
	"errata/schema"
)

// Listing is all projects and keys at one moment.
type Listing struct {
	Projects []schema.Project `json:"projects"`
	Keys     []schema.Key     `json:"keys"`
}

// Source gives the current listing.
type Source interface {
	Load(ctx context.Context) (Listing, error)
}

// Config says how the directory is kept fresh.
type Config struct {
	Source  Source
	File    string        // Last good copy, mode 0600; empty: none.
	Every   time.Duration // Between refreshes; 0 means 3 s.
	Missing time.Duration // At least this between refreshes for unknown keys; 0 means 500 ms.
	Waiting time.Duration // At most so long a request with an unknown key waits for a refresh; 0 means 1 s.
	Logger  *slog.Logger
}

// Entry is a key with its project.
type Entry struct {
	Key      schema.Key
	Settings *intake.KeySettings
	Project  *intake.Project
}

// Reasons for not having a project.
var (
	// ErrUnknown says that there is no such key or project, or that it is disabled.
	ErrUnknown = errors.New("no such project or key")
	// ErrNotLoaded says that no listing was ever read: the caller shall answer 503.
	ErrNotLoaded = errors.New("projects are not loaded yet")
)

// Disabled is the ErrUnknown of a key or project that is there and turned off:
// what it sends is refused, but its project may be told.
type Disabled struct {
	Project uint32
	Key     bool // The key is off; else its project is.
}

// Error says what is off.
func (d *Disabled) Error() string {
	if d.Key {
		return "the key is disabled"
	}
	return "the project is disabled"
}

// Is makes it an ErrUnknown.
func (d *Disabled) Is(target error) bool { return target == ErrUnknown }

type snapshot struct {
	listing Listing
	byKey   map[string]*Entry
	byID    map[uint32]*intake.Project
	otlp    *intake.Project
	off     map[string]*Disabled // By key.
}

// Directory is safe for concurrent use.
type Directory struct {
	cfg  Config
	log  *slog.Logger
	snap atomic.Pointer[snapshot]

	mu      sync.Mutex
	flight  chan struct{}       // Open while a refresh runs.
	started time.Time           // Of the last refresh.
	failed  bool                // The last refresh failed.
	strange map[string]struct{} // Unknown keys that were met: one waits for a listing that is younger than itself once only.
	waiters int                 // Requests that wait for such a listing now.
	age     atomic.Int64        // Unix nanoseconds of the last good refresh.

	cancel context.CancelFunc
	done   chan struct{}
}

// Open reads the file copy, starts a first refresh and keeps refreshing until
// Close.
func Open(cfg Config) *Directory {
	if cfg.Every <= 0 {
		cfg.Every = 3 * time.Second
	}
	if cfg.Missing <= 0 {
		cfg.Missing = 500 * time.Millisecond
	}
	if cfg.Waiting <= 0 {
		cfg.Waiting = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Directory{cfg: cfg, log: cfg.Logger, done: make(chan struct{})}
	if b, err := os.ReadFile(cfg.File); cfg.File != "" && err == nil {
		var l Listing
		if err := json.Unmarshal(b, &l); err != nil {
			d.log.Warn("cannot read the saved projects", "error", err)
		} else {
			d.use(l)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go d.run(ctx)
	return d
}

// Close stops refreshing.
func (d *Directory) Close() {
	d.cancel()
	<-d.done
	d.mu.Lock()
	flight := d.flight
	d.mu.Unlock()
	if flight != nil {
		<-flight
	}
}

func (d *Directory) run(ctx context.Context) {
	defer close(d.done)
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	for {
		d.refresh(ctx, true)
		wait := tick.C
		if d.snap.Load() == nil {
			// Nothing to serve from: try much more often.
			fast := time.NewTimer(200 * time.Millisecond)
			select {
			case <-ctx.Done():
				fast.Stop()
				return
			case <-fast.C:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-wait:
		}
	}
}

// refresh runs one load, or waits for the one that runs. Without force it does
// nothing when the last one began a moment ago.
func (d *Directory) refresh(ctx context.Context, force bool) {
	d.mu.Lock()
	if d.flight == nil {
		if !force && time.Since(d.started) < d.pause() {
			d.mu.Unlock()
			return
		}
		d.fly()
	}
	flight := d.flight
	d.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
	}
}

// fly starts a load, under the lock.
func (d *Directory) fly() {
	d.flight, d.started = make(chan struct{}), time.Now()
	go d.load(d.flight)
}

// pause is the time between refreshes for unknown keys, under the lock: an
// absent source must not be asked for each wrong key.
func (d *Directory) pause() time.Duration {
	if d.failed {
		return 4 * d.cfg.Missing
	}
	return d.cfg.Missing
}

func (d *Directory) load(flight chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	l, err := d.cfg.Source.Load(ctx)
	if err == nil {
		d.age.Store(time.Now().UnixNano())
		d.use(l)
		err = d.save(l)
	}
	d.mu.Lock()
	if failed := err != nil; failed != d.failed {
		d.failed = failed
		if failed {
			d.log.Warn("cannot refresh projects, the last good copy holds", "error", err)
		} else {
			d.log.Info("projects are fresh again")
		}
	}
	d.flight = nil
	d.mu.Unlock()
	close(flight)
}

// use builds the snapshot; what did not change keeps its compiled rules.
func (d *Directory) use(l Listing) {
	old := d.snap.Load()
	if old != nil && reflect.DeepEqual(old.listing, l) {
		return
	}
	s := &snapshot{listing: l, byKey: make(map[string]*Entry, len(l.Keys)), byID: make(map[uint32]*intake.Project, len(l.Projects)), off: map[string]*Disabled{}}
	disabled := map[uint32]bool{}
	for _, p := range l.Projects {
		if p.Disabled || p.ID == 0 {
			disabled[p.ID] = p.Disabled
			continue
		}
		var ready *intake.Project
		if old != nil && old.byID[p.ID] != nil && reflect.DeepEqual(old.byID[p.ID].Project, p) {
			ready = old.byID[p.ID]
		} else {
			var err error
			if ready, err = intake.NewProject(p); err != nil {
				d.log.Error("cannot use project settings", "project", p.ID, "error", err)
			}
			if ready == nil {
				continue
			}
		}
		s.byID[p.ID] = ready
		if p.OTLPDefault && (s.otlp == nil || p.ID < s.otlp.ID) {
			s.otlp = ready
		}
	}
	for _, k := range l.Keys {
		if k.Disabled && s.byID[k.ProjectID] != nil || disabled[k.ProjectID] {
			s.off[k.Public] = &Disabled{Project: k.ProjectID, Key: !disabled[k.ProjectID]}
			continue
		}
		if s.byID[k.ProjectID] == nil {
			continue
		}
		settings, err := intake.ParseKeySettings(k.Settings)
		if err != nil {
			d.log.Error("cannot use key settings", "project", k.ProjectID, "error", err)
			settings = &intake.KeySettings{}
		}
		s.byKey[k.Public] = &Entry{Key: k, Settings: settings, Project: s.byID[k.ProjectID]}
	}
	d.snap.Store(s)
}

// save replaces the file copy when it differs.
func (d *Directory) save(l Listing) error {
	if d.cfg.File == "" {
		return nil
	}
	b, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("cannot encode projects: %w", err)
	}
	if old, err := os.ReadFile(d.cfg.File); err == nil && string(old) == string(b) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(d.cfg.File), 0o700); err != nil {
		return fmt.Errorf("cannot make folder for projects: %w", err)
	}
	tmp := d.cfg.File + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("cannot save projects: %w", err)
	}
	if err := os.Rename(tmp, d.cfg.File); err != nil {
		return fmt.Errorf("cannot save projects: %w", err)
	}
	return nil
}

// ByID returns a project that is not disabled.
func (d *Directory) ByID(id uint32) (*intake.Project, error) {
	s := d.snap.Load()
	if s == nil {
		return nil, ErrNotLoaded
	}
	if p := s.byID[id]; p != nil {
		return p, nil
	}
	return nil, ErrUnknown
}

// OTLPDefault returns the project that takes OTLP requests without a key.
func (d *Directory) OTLPDefault() (*intake.Project, error) {
	s := d.snap.Load()
	if s == nil {
		return nil, ErrNotLoaded
	}
	if s.otlp == nil {
		return nil, ErrUnknown
	}
	return s.otlp, nil
}

// Loaded reports whether any listing was read, from the source or the file.
func (d *Directory) Loaded() bool { return d.snap.Load() != nil }

// Refreshed returns the time of the last good refresh; zero when there was none.
func (d *Directory) Refreshed() time.Time {
	if n := d.age.Load(); n > 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}
