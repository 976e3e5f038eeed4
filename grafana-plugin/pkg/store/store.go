// Package store asks ClickHouse for the data source. In: names of the catalog
// with their values, a person's SQL, or a triage action. Out: columns and rows,
// or an error that says whose fault it is. It bounds time, rows and queries at
// once, and names the panel that asks; it builds no SQL.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/singleflight"

	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
)

// ErrTimeout is the cause of a question that was given up.
var ErrTimeout = errors.New("the question took too long")

// ErrTriageOff is returned where no triage password is set.
var ErrTriageOff = errors.New("triage is not set up: give the triage password in the settings of the data source")

// Store is the connections of one data source, opened when first needed.
type Store struct {
	settings Settings
	fault    error // Of the settings.
	slots    chan struct{}

	mu     sync.Mutex
	open   map[string]*queries.Store // By user.
	flight singleflight.Group

	projectsAt time.Time
	projects   []schema.Project
}

// atOnce bounds the questions of one data source: the reader's profile takes
// 16 for all who use it.
const atOnce = 6

// New makes a store; fault is what is wrong with its settings, and what every
// question is answered with.
func New(s Settings, fault error) *Store {
	return &Store{settings: s, fault: fault, slots: make(chan struct{}, atOnce), open: map[string]*queries.Store{}}
}

// Settings of the data source.
func (s *Store) Settings() Settings { return s.settings }

// Close ends the connections.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for user, c := range s.open {
		_ = c.Close()
		delete(s.open, user)
	}
}

func (s *Store) connect(ctx context.Context, user, password string) (*queries.Store, error) {
	if s.fault != nil {
		return nil, s.fault
	}
	s.mu.Lock()
	c := s.open[user]
	s.mu.Unlock()
	if c != nil {
		return c, nil
	}
	v, err, _ := s.flight.Do(user, func() (any, error) {
		secure, err := s.settings.tls()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		// Without settings of the connection: a ping of a limited user may not change any.
		c, err := queries.Open(undated{ctx}, queries.Config{Addr: s.settings.Address, Database: s.settings.Database, User: user, Password: password, TLS: secure,
			Settings: map[string]any{"max_execution_time": s.settings.TimeoutSeconds}})
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.open[user] = c
		s.mu.Unlock()
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*queries.Store), nil
}

// undated hides a deadline: the driver would ask the server for five seconds
// more than the reader may have.
type undated struct{ context.Context }

func (undated) Deadline() (time.Time, bool) { return time.Time{}, false }

type commentKey struct{}

// Comment says who asks; it is found in system.query_log and system.processes.
type Comment struct {
	App       string `json:"app"`
	Dashboard string `json:"dashboard,omitempty"`
	Panel     string `json:"panel,omitempty"`
	Rule      string `json:"rule,omitempty"`
	Ref       string `json:"ref,omitempty"`
	Mode      string `json:"mode,omitempty"`
	Resource  string `json:"resource,omitempty"`
}

// WithComment names who asks.
func WithComment(ctx context.Context, c Comment) context.Context {
	c.App = "errata-grafana"
	for _, v := range []*string{&c.Dashboard, &c.Panel, &c.Rule, &c.Ref, &c.Mode, &c.Resource} {
		if len(*v) > 100 {
			*v = (*v)[:100]
		}
	}
	return context.WithValue(ctx, commentKey{}, c)
}

// bounded is a context for one question: cancelled with ctx, after the time of
// the settings, and with what the server should know.
func (s *Store) bounded(ctx context.Context, more clickhouse.Settings) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(s.settings.Timeout(), func() { cancel(ErrTimeout) })
	settings := clickhouse.Settings{"max_execution_time": s.settings.TimeoutSeconds}
	if c, ok := ctx.Value(commentKey{}).(Comment); ok {
		if text, err := json.Marshal(c); err == nil {
			settings["log_comment"] = string(text)
		}
	}
	maps.Copy(settings, more)
	return clickhouse.Context(undated{ctx}, clickhouse.WithSettings(settings)), func() { timer.Stop(); cancel(nil) }
}

// ask runs one question within the bounds.
func (s *Store) ask(ctx context.Context, more clickhouse.Settings, question func(context.Context, *queries.Store) (*queries.Result, error)) (*queries.Result, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c, err := s.connect(ctx, s.settings.Username, s.settings.Password)
	if err != nil {
		return nil, err
	}
	inner, cancel := s.bounded(ctx, more)
	defer cancel()
	r, err := question(inner, c)
	if err != nil && inner.Err() != nil {
		return nil, fmt.Errorf("%w (%w)", context.Cause(inner), err)
	}
	return r, err
}

// Run asks a query of the catalog as the reader.
func (s *Store) Run(ctx context.Context, name string, values map[string]string) (*queries.Result, error) {
	return s.ask(ctx, nil, func(ctx context.Context, c *queries.Store) (*queries.Result, error) { return c.Run(ctx, name, values) })
}

// SQL runs a person's own statement as the reader, which may not write. At most
// rows rows come back; more says whether there were more.
func (s *Store) SQL(ctx context.Context, sql string, rows int) (r *queries.Result, more bool, err error) {
	limits := clickhouse.Settings{"max_result_rows": rows + 1, "result_overflow_mode": "break"}
	r, err = s.ask(ctx, limits, func(ctx context.Context, c *queries.Store) (*queries.Result, error) { return c.SQL(ctx, sql) })
	if err == nil && len(r.Rows) > rows {
		r.Rows, more = r.Rows[:rows], true
	}
	return r, more, err
}

// Triage appends a change to the triage log and returns how many actions it
// made.
func (s *Store) Triage(ctx context.Context, change queries.Change) (queries.Done, error) {
	if s.settings.TriagePassword == "" {
		return queries.Done{}, ErrTriageOff
	}
	c, err := s.connect(ctx, s.settings.TriageUsername, s.settings.TriagePassword)
	if err != nil {
		return queries.Done{}, err
	}
	ctx, cancel := s.bounded(ctx, nil)
	defer cancel()
	return c.Triage(ctx, change)
}

// projectsFor is how long a list of projects is good.
const projectsFor = 10 * time.Second

// Projects lists the projects of the store, as of a few seconds ago.
func (s *Store) Projects(ctx context.Context) ([]schema.Project, error) {
	s.mu.Lock()
	known, at := s.projects, s.projectsAt
	s.mu.Unlock()
	if time.Since(at) < projectsFor {
		return known, nil
	}
	var all []schema.Project
	_, err := s.ask(ctx, nil, func(ctx context.Context, c *queries.Store) (_ *queries.Result, err error) {
		all, err = projects.All(ctx, c.Conn())
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.projects, s.projectsAt = all, time.Now()
	s.mu.Unlock()
	return all, nil
}

// CanTriage says whether the triage user can log in.
func (s *Store) CanTriage(ctx context.Context) error {
	_, err := s.connect(ctx, s.settings.TriageUsername, s.settings.TriagePassword)
	return err
}
