// Package plugin is the Errata data source: in come Grafana's questions,
// health checks and resource calls, out go frames and JSON. Every question is
// one of the catalog, asked as the reader; the only thing it ever writes is the
// triage log. It keeps no state but short-lived lists for editors.
package plugin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/store"
)

// Source is one data source: an instance for each set of settings.
type Source struct {
	backend.CallResourceHandler
	store   *store.Store
	links   frame.Links
	options *cache

	tails chan struct{} // One for each live tail that runs.
	life  context.Context
	end   context.CancelFunc
}

// New makes a data source of its settings. It does not connect: what is wrong
// is said when the data source is asked.
func New(_ context.Context, given backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	settings, fault := store.ReadSettings(given)
	s := &Source{
		store:   store.New(settings, fault),
		links:   frame.Links{UID: given.UID, Name: given.Name, Traces: settings.TracesUID},
		options: newCache(),
		tails:   make(chan struct{}, liveStreams),
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.CallResourceHandler = httpadapter.New(s.routes())
	return s, nil
}

// Dispose ends live tails and connections when the settings change.
func (s *Source) Dispose() {
	s.end()
	s.store.Close()
}

// maxProjects is how many projects a list that asks them one at a time takes:
// those with most errors in the window.
const maxProjects = 100

// projects resolves a project field, ids or slugs, to ids. No ids mean that the
// field is empty: all projects.
func (s *Source) projects(ctx context.Context, given string) ([]uint32, error) {
	wanted := ask.List(given)
	if len(wanted) == 0 || len(wanted) == 1 && wanted[0] == "all" {
		return nil, nil
	}
	all, err := s.store.Projects(ctx)
	if err != nil {
		return nil, err
	}
	var out []uint32
	for _, w := range wanted {
		found := false
		for _, p := range all {
			if p.Slug == w || strconv.FormatUint(uint64(p.ID), 10) == w {
				out, found = append(out, p.ID), true
			}
		}
		if !found {
			if len(w) > 60 {
				w = w[:60]
			}
			return nil, fmt.Errorf("%w: there is no project %q", ask.ErrQuery, w)
		}
	}
	return out, nil
}

// eachProject is the projects that an issue list asks: those named, or all that
// have errors in the window. left says how many it leaves out.
func (s *Source) eachProject(ctx context.Context, q *ask.Query) (ids []uint32, left int, err error) {
	ids, err = s.projects(ctx, q.Project)
	if err != nil {
		return nil, 0, err
	}
	if ids != nil {
		return ids[:min(len(ids), maxProjects)], max(len(ids)-maxProjects, 0), nil
	}
	v := q.Window()
	v["limit"] = strconv.Itoa(maxProjects)
	r, err := s.store.Run(ctx, "active_projects", v)
	if err != nil {
		return nil, 0, err
	}
	t := frame.Read(r)
	for i := range t.Len() {
		ids = append(ids, uint32(t.Int(i, "project_id"))) //nolint:gosec // The column's type.
		left = int(t.Int(i, "all_projects")) - t.Len()
	}
	return ids, left, nil
}

// leftOut says that projects were not asked; empty where all were.
func leftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("Only the %d projects with most errors were asked, %d were not. Name projects to see theirs.", maxProjects, n)
}

// slugs names projects by id; an unknown one by its number.
func (s *Source) slugs(ctx context.Context) func(int64) string {
	names := map[int64]string{}
	if all, err := s.store.Projects(ctx); err == nil {
		for _, p := range all {
			names[int64(p.ID)] = p.Slug
		}
	}
	return func(id int64) string {
		if n, ok := names[id]; ok {
			return n
		}
		return strconv.FormatInt(id, 10)
	}
}

// idList is ids as the catalog takes them.
func idList(ids []uint32) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatUint(uint64(id), 10)
	}
	return strings.Join(parts, ",")
}

// CheckHealth says in one sentence whether the store can be asked, and what to
// do where it cannot.
func (s *Source) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	ctx = store.WithComment(ctx, store.Comment{Resource: "health"})
	failed := func(err error) (*backend.CheckHealthResult, error) {
		backend.Logger.FromContext(ctx).Info("the store cannot be asked", "status", s.store.Fault(err).Status)
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: s.store.Fault(err).Sentence}, nil
	}
	all, err := s.store.Projects(ctx)
	if err != nil {
		return failed(err)
	}
	// The schema is there where the catalog can be asked of it.
	if _, err := s.store.Run(ctx, "outcomes", map[string]string{"from": "-1h"}); err != nil {
		return failed(err)
	}
	said := fmt.Sprintf("The store answers: %d projects.", len(all))
	if len(all) == 1 {
		said = "The store answers: 1 project."
	}
	switch settings := s.store.Settings(); {
	case len(all) == 0:
		said = "The store answers and has no project yet: make one with `errata project create`."
	case settings.TriageRole == "nobody":
		said += " Nobody may triage from here."
	case settings.TriagePassword == "":
		said += " Triage is off until the triage password is given."
	default:
		if err := s.store.CanTriage(ctx); err != nil {
			return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: "The store answers, but not to the triage user: " + s.store.Fault(err).Sentence}, nil
		}
		said += " Triage is on."
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: said}, nil
}

// header finds a header of a query, whichever way Grafana forwards it.
func header(h map[string]string, name string) string {
	for _, key := range []string{name, "http_" + name, "http_" + http.CanonicalHeaderKey(name), http.CanonicalHeaderKey(name)} {
		if v := h[key]; v != "" {
			return v
		}
	}
	return ""
}
