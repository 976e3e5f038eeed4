package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"errata/queries"
)

// triageRequest is the one body of POST triage, as shared/types.ts has it.
type triageRequest struct {
	Project       uint32   `json:"project"`
	Issues        []string `json:"issues"`
	Action        string   `json:"action"`
	InRelease     string   `json:"inRelease"`
	InNextRelease bool     `json:"inNextRelease"`
	Until         int64    `json:"until"`
	UntilEvents   uint64   `json:"untilEvents"`
	UntilUsers    uint64   `json:"untilUsers"`
	Assignee      string   `json:"assignee"`
	Comment       string   `json:"comment"`
	Into          string   `json:"into"`
}

const (
	maxBody = 64 << 10
	maxBulk = 100
)

var roleRank = map[string]int{"Viewer": 1, "Editor": 2, "Admin": 3}

// mayTriage says why not; empty means yes.
func (s *Source) mayTriage(user *backend.User) string {
	settings := s.store.Settings()
	switch {
	case settings.TriageRole == "nobody":
		return "Nobody may triage from this data source."
	case user == nil:
		return "Only a signed-in person may triage."
	case roleRank[user.Role] < roleRank[settings.TriageRole]:
		if settings.TriageRole == "Admin" {
			return "Only admins may triage. Ask an admin."
		}
		return "Your role may look, not change. Ask for the role Editor."
	case actor(user) == "":
		return "Your login is not known, so nothing could be signed with it."
	case settings.TriagePassword == "":
		return "Triage is off: its password is missing in the settings of the data source."
	}
	return ""
}

// actor is the name that an action is signed with.
func actor(user *backend.User) string {
	for _, v := range []string{user.Login, user.Email, user.Name} {
		if v = strings.TrimSpace(v); v != "" {
			return v
		}
	}
	return ""
}

func (s *Source) me(r *http.Request) (any, error) {
	user := backend.PluginConfigFromContext(r.Context()).User
	why := s.mayTriage(user)
	out := map[string]any{"login": "", "role": "", "canTriage": why == "", "reason": why}
	if user != nil {
		out["login"], out["role"] = actor(user), user.Role
	}
	return out, nil
}

// postTriage writes one row of the triage log for each issue, signed with the
// login of whoever asks. It takes JSON of our own pages only.
func (s *Source) postTriage(r *http.Request) (any, error) {
	user := backend.PluginConfigFromContext(r.Context()).User
	if why := s.mayTriage(user); why != "" {
		return nil, problem{http.StatusForbidden, why}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, problem{http.StatusUnsupportedMediaType, "Send JSON with the content type application/json."}
	}
	// Grafana has compared the host of Origin, not its port; our pages are of one origin.
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" || r.Header.Get("Origin") == "null" {
		return nil, problem{http.StatusForbidden, "The request comes from another site."}
	}
	body, err := readTriage(r.Body)
	if err != nil {
		return nil, err
	}
	change, err := body.change(actor(user))
	if err != nil {
		return nil, err
	}
	done, err := s.store.Triage(r.Context(), change)
	if err != nil {
		return nil, err
	}
	backend.Logger.FromContext(r.Context()).Info("triage", "action", change.Kind, "project", change.Project, "issues", len(change.Issues), "actor", change.Actor)
	return map[string]int{"changed": len(done.Actions)}, nil
}

func readTriage(r io.Reader) (*triageRequest, error) {
	if r == nil { // Grafana sends no body as none.
		r = strings.NewReader("")
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, problem{http.StatusBadRequest, "The body cannot be read."}
	}
	if len(raw) > maxBody {
		return nil, problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is over %d bytes.", maxBody)}
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	out := &triageRequest{}
	if err := dec.Decode(out); err != nil {
		return nil, problem{http.StatusBadRequest, "The body is not a triage request: " + err.Error() + "."}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, problem{http.StatusBadRequest, "The body holds more than one triage request."}
	}
	return out, nil
}

// change is the action of a request; what the log itself refuses is left to it.
func (b *triageRequest) change(who string) (queries.Change, error) {
	c := queries.Change{Project: b.Project, Issues: b.Issues, Actor: who, Kind: b.Action, Comment: b.Comment}
	if len(b.Issues) == 0 || len(b.Issues) > maxBulk {
		return c, problem{http.StatusBadRequest, fmt.Sprintf("Name 1 to %d issues.", maxBulk)}
	}
	switch b.Action {
	case queries.Resolve:
		switch {
		case b.InRelease != "" && b.InNextRelease:
			return c, problem{http.StatusBadRequest, "Resolve in a release or in the next one, not both."}
		case b.InRelease != "":
			c.Resolution, c.Release = queries.ResolvedInRelease, b.InRelease
		case b.InNextRelease:
			c.Resolution = queries.ResolvedInNextRelease
		}
	case queries.Ignore:
		if b.Until != 0 {
			if b.Until < 0 || b.Until > 1e14 {
				return c, problem{http.StatusBadRequest, "until must be milliseconds since the epoch."}
			}
			c.Until = time.UnixMilli(b.Until)
		}
		c.UntilEvents, c.UntilUsers = b.UntilEvents, b.UntilUsers
	case queries.Assign:
		if c.Assignee = strings.TrimSpace(b.Assignee); c.Assignee == "" {
			return c, problem{http.StatusBadRequest, "Name whom to assign to."}
		}
	case "unassign":
		c.Kind = queries.Assign
	case queries.Merge:
		c.Into = b.Into
	case queries.Unresolve, queries.Comment, queries.Split:
	default:
		return c, problem{http.StatusBadRequest, "The action must be resolve, unresolve, ignore, assign, unassign, comment, merge or split."}
	}
	return c, nil
}
