// Package plugin is the Errata data source: in come Grafana's questions,
// health checks and resource calls, out go frames and JSON. Every question is
// one of the catalog, asked as the reader; the only thing it ever writes is the
// triage log. It keeps no state but short-lived lists for editors.
package plugin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"

	"errata/grafana-plugin/pkg/answer"
	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/store"
	"errata/grafana-plugin/pkg/tail"
)

// Source is one data source: an instance for each set of settings.
type Source struct {
	backend.CallResourceHandler
	store   *store.Store
	asks    *answer.Asker
	links   frame.Links
	options *cache

	*tail.Streams
}

// New makes a data source of its settings. It does not connect: what is wrong
// is said when the data source is asked.
func New(_ context.Context, given backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	settings, fault := store.ReadSettings(given)
	links, asked := frame.Links{UID: given.UID, Name: given.Name, Traces: settings.TracesUID, TracesKind: settings.TracesKind}, store.New(settings, fault)
	s := &Source{
		store:   asked,
		asks:    answer.New(asked, links),
		links:   links,
		options: newCache(),
		Streams: tail.New(asked, answer.New(asked, links), links),
	}
	s.CallResourceHandler = httpadapter.New(s.handler())
	return s, nil
}

// Dispose ends live tails and connections when the settings change.
func (s *Source) Dispose() {
	s.Streams.Close()
	s.store.Close()
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
