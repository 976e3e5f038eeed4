package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"errata/grafana-plugin/pkg/answer"
	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/store"
)

// route is one resource. Its pattern is also the name in the log of the store.
type route struct {
	method, path string
	handle       func(*http.Request) (any, error)
}

// routes are the resources that panel, pages and editors call. Who may ask the
// data source may read them all; the one that writes checks the role itself,
// since Grafana lets every Viewer call any method.
func (s *Source) routes() []route {
	return []route{
		{http.MethodGet, "me", s.me},
		{http.MethodGet, "issues", s.getIssues},
		{http.MethodGet, "issues/{project}/{issue}", s.getIssue},
		{http.MethodGet, "issues/{project}/{issue}/event", s.getIssueEvent},
		{http.MethodGet, "issues/{project}/{issue}/events", s.getEvents},
		{http.MethodGet, "issues/{project}/{issue}/users", s.getUsers},
		{http.MethodGet, "events/{project}/{id}", s.getEvent},
		{http.MethodGet, "traces/{id}", s.getTrace},
		{http.MethodGet, "options/{kind}", s.getOptions},
		{http.MethodGet, "catalog", s.getCatalog},
		{http.MethodGet, "log_context", s.getLogContext},
		{http.MethodGet, "live", s.getLive},
		{http.MethodPost, "triage", s.postTriage},
	}
}

func (s *Source) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.method+" /"+r.path, s.reply(r.path, r.handle))
	}
	return mux
}

// getCatalog lists the queries that the mode catalog asks.
func (s *Source) getCatalog(*http.Request) (any, error) {
	all, err := answer.Queries()
	return map[string]any{"queries": all}, err
}

// getLive checks the query of a live tail and says where to subscribe to it.
func (s *Source) getLive(r *http.Request) (any, error) {
	return s.Channel(r.Context(), r.URL.Query().Get("query"))
}

// problem is an error with a status of our own.
type problem struct {
	status   int
	sentence string
}

func (p problem) Error() string { return p.sentence }

// reply writes what h answers as JSON, or its error as one sentence.
func (s *Source) reply(name string, h func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := store.WithComment(r.Context(), store.Comment{Resource: name})
		v, err := guarded(h, r.WithContext(ctx))
		status := http.StatusOK
		var own problem
		switch {
		case errors.As(err, &own):
			status, v = own.status, map[string]string{"message": own.sentence}
		case err != nil:
			f := s.store.Fault(err)
			if f.Source == backend.ErrorSourcePlugin {
				backend.Logger.FromContext(ctx).Error("cannot answer a resource call", "resource", name, "error", err)
			}
			status, v = f.Status, map[string]string{"message": f.Sentence}
		}
		body, err := json.Marshal(v)
		if err != nil {
			status, body = http.StatusInternalServerError, []byte(`{"message":"The answer cannot be written as JSON."}`)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

// guarded turns a panic into an error: it ends one call, not the process.
func guarded(h func(*http.Request) (any, error), r *http.Request) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the plugin failed on this call: %v", p)
		}
	}()
	return h(r)
}

// asked reads the filter of an issue list from the URL, with the checks of a
// query.
func asked(r *http.Request) (*ask.Query, error) {
	p := r.URL.Query()
	from, to, err := window(r)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(ask.Query{
		Mode: ask.Issues, Project: p.Get("project"), Status: p.Get("status"), Text: p.Get("q"), Environment: p.Get("environment"),
		Release: p.Get("release"), Level: p.Get("level"), Assignee: p.Get("assignee"), Sort: p.Get("sort"),
	})
	if err != nil {
		return nil, err
	}
	q, err := ask.Read(raw, from, to, 0, 0)
	return &q, err
}

// window is the time range of a resource call; the last 14 days by default.
func window(r *http.Request) (from, to time.Time, err error) {
	to = time.Now()
	from = to.Add(-14 * 24 * time.Hour)
	for name, t := range map[string]*time.Time{"from": &from, "to": &to} {
		v := r.URL.Query().Get(name)
		if v == "" {
			continue
		}
		ms, perr := strconv.ParseInt(v, 10, 64)
		if perr != nil || ms < 0 || ms > 1e14 {
			return from, to, problem{http.StatusBadRequest, name + " must be milliseconds since the epoch."}
		}
		*t = time.UnixMilli(ms)
	}
	if to.Before(from) {
		return from, to, problem{http.StatusBadRequest, "The time range ends before it begins."}
	}
	return from, to, nil
}

// count reads a number of the URL between 0 and most.
func count(r *http.Request, name string, fallback, most int) (int, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, problem{http.StatusBadRequest, name + " must be a number from 0."}
	}
	return min(n, most), nil
}

func (s *Source) getIssues(r *http.Request) (any, error) {
	q, err := asked(r)
	if err != nil {
		return nil, err
	}
	limit, err := count(r, "limit", 50, 200)
	if err != nil {
		return nil, err
	}
	if q.Offset, err = count(r, "offset", 0, answer.MaxIssues); err != nil {
		return nil, err
	}
	page, more, left, err := s.asks.IssueList(r.Context(), q, max(limit, 1))
	if err != nil {
		return nil, err
	}
	if page == nil {
		page = []answer.Issue{}
	}
	notice := answer.LeftOut(left)
	if len(page) > 0 && q.Offset+len(page) >= answer.MaxIssues {
		notice = strings.TrimSpace(notice + fmt.Sprintf(" A list holds %d issues at most. Narrow it by project, status, time or words to see others.", answer.MaxIssues))
	}
	return map[string]any{"issues": page, "truncated": more, "notice": notice}, nil
}

// projectOf is the project named in a path.
func (s *Source) projectOf(r *http.Request) (string, error) {
	given := r.PathValue("project")
	if n, err := strconv.ParseUint(given, 10, 32); err == nil {
		return strconv.FormatUint(n, 10), nil
	}
	ids, err := s.asks.Projects(r.Context(), given)
	if err != nil {
		return "", err
	}
	if len(ids) != 1 {
		return "", problem{http.StatusBadRequest, "Name one project."}
	}
	return answer.IDList(ids), nil
}
