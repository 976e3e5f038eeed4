package plugin

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"errata/grafana-plugin/pkg/frame"
)

// Ends of an issue's events: no event lies beyond them, whatever its clock.
const (
	beforeAll = 0
	afterAll  = 4102444800000 // 2100.
)

// place is an event to go on from: its time in milliseconds and its id, since
// several may have the same time. The zero place is the end that one comes from.
type place struct {
	ts int64
	id string
}

// mark is a place as it travels in a URL.
func mark(e eventRow) string { return strconv.FormatInt(e.TS, 10) + "_" + e.EventID }

// readPlace reads what mark wrote.
func readPlace(text string) (place, error) {
	ts, id, _ := strings.Cut(text, "_")
	parsed, err := uuid.Parse(id)
	ms, terr := strconv.ParseInt(ts, 10, 64)
	if err != nil || terr != nil || ms < beforeAll || ms > afterAll {
		return place{}, problem{http.StatusBadRequest, "older and newer take what a page of events gave as its older and newer."}
	}
	return place{ms, parsed.String()}, nil
}

// eventsFrom lists events older or newer than a place, nearest first.
func (s *Source) eventsFrom(r *http.Request, project, direction string, from place, limit int) ([]eventRow, error) {
	if from.id == "" {
		from = place{afterAll, uuid.Nil.String()}
		if direction == "newer" {
			from.ts = beforeAll
		}
	}
	res, err := s.store.Run(r.Context(), "issue_events", map[string]string{
		"project": project, "issue": r.PathValue("issue"), "direction": direction, "before": time.UnixMilli(from.ts).UTC().Format(time.RFC3339Nano), "event_id": from.id, "limit": strconv.Itoa(limit),
	})
	if err != nil {
		return nil, err
	}
	t := frame.Read(res)
	events := make([]eventRow, 0, t.Len())
	for i := range t.Len() {
		events = append(events, readEventRow(t, i))
	}
	return events, nil
}

// getEvents is a page of an issue's events, newest first: the newest, the
// oldest, or those older or newer than the place that another page gave. Places
// stay where they are while new events come. Empty means that nothing is there.
func (s *Source) getEvents(r *http.Request) (any, error) {
	project, err := s.projectOf(r)
	if err != nil {
		return nil, err
	}
	limit, err := count(r, "limit", 50, 200)
	if err != nil {
		return nil, err
	}
	limit = max(limit, 1)
	q := r.URL.Query()
	direction, from := "older", place{}
	switch older, newer, oldest := q.Get("older"), q.Get("newer"), q.Get("oldest") == "true"; {
	case older != "" && newer != "" || oldest && older+newer != "":
		return nil, problem{http.StatusBadRequest, "Give one of older, newer and oldest."}
	case older != "":
		from, err = readPlace(older)
	case newer != "":
		direction = "newer"
		from, err = readPlace(newer)
	case oldest:
		direction = "newer"
	}
	if err != nil {
		return nil, err
	}
	// One more than is shown says whether there are more; what was come from is there.
	events, err := s.eventsFrom(r, project, direction, from, limit+1)
	if err != nil {
		return nil, err
	}
	ahead, behind := len(events) > limit, from.id != ""
	events = events[:min(len(events), limit)]
	if direction == "newer" {
		slices.Reverse(events)
		ahead, behind = behind, ahead
	}
	out := map[string]any{"events": events, "older": "", "newer": ""}
	if n := len(events); n > 0 && ahead {
		out["older"] = mark(events[n-1])
	}
	if len(events) > 0 && behind {
		out["newer"] = mark(events[0])
	}
	return out, nil
}

// getIssueEvent is one event of an issue and the ids of its neighbours: that
// named by event, else the newest or, where at is oldest, the oldest. No event
// at all is no error: an issue outlives its events.
func (s *Source) getIssueEvent(r *http.Request) (any, error) {
	project, err := s.projectOf(r)
	if err != nil {
		return nil, err
	}
	id := r.URL.Query().Get("event")
	if id == "" {
		direction := "older"
		switch r.URL.Query().Get("at") {
		case "", "newest":
		case "oldest":
			direction = "newer"
		default:
			return nil, problem{http.StatusBadRequest, "at is newest or oldest."}
		}
		events, err := s.eventsFrom(r, project, direction, place{}, 1)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			return map[string]any{"event": nil, "older": "", "newer": ""}, nil
		}
		id = events[0].EventID
	}
	event, issue, err := s.eventByID(r, project, id)
	if err != nil {
		return nil, err
	}
	if issue != r.PathValue("issue") {
		return nil, problem{http.StatusNotFound, "This event belongs to another issue: " + issue + "."}
	}
	out := map[string]any{"event": event, "older": "", "newer": ""}
	from := place{event.Row.TS, event.Row.EventID}
	var older, newer []eventRow
	g, ctx := errgroup.WithContext(r.Context())
	r = r.WithContext(ctx)
	g.Go(func() (err error) { older, err = s.eventsFrom(r, project, "older", from, 1); return err })
	g.Go(func() (err error) { newer, err = s.eventsFrom(r, project, "newer", from, 1); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if len(older) > 0 {
		out["older"] = older[0].EventID
	}
	if len(newer) > 0 {
		out["newer"] = newer[0].EventID
	}
	return out, nil
}

// eventRow is one event of a list, as shared/types.ts has it.
type eventRow struct {
	EventID     string `json:"eventId"`
	TS          int64  `json:"ts"`
	Title       string `json:"title"`
	Environment string `json:"environment"`
	Release     string `json:"release"`
	User        string `json:"user"`
	Protocol    string `json:"protocol"`
	TraceID     string `json:"traceId"`
	TwinOf      string `json:"twinOf"`
}

func readEventRow(t frame.Rows, i int) eventRow {
	return eventRow{
		EventID: t.Text(i, "event_id"), TS: t.Milli(i, "ts"), Title: t.Text(i, "title"), Environment: t.Text(i, "environment"), Release: t.Text(i, "release"),
		User: t.Text(i, "user_id"), Protocol: t.Text(i, "protocol"), TraceID: t.Text(i, "trace_id"), TwinOf: t.Text(i, "twin_of"),
	}
}

// fullEvent is an event with its payload.
type fullEvent struct {
	Row     eventRow        `json:"row"`
	Payload json.RawMessage `json:"payload"`
}

// eventByID is an event of a project and the issue that it is in.
func (s *Source) eventByID(r *http.Request, project, id string) (*fullEvent, string, error) {
	res, err := s.store.Run(r.Context(), "event_by_id", map[string]string{"project": project, "event_id": id})
	if err != nil {
		return nil, "", err
	}
	t := frame.Read(res)
	if t.Len() == 0 {
		return nil, "", problem{http.StatusNotFound, "There is no such event in this project. It may be older than the project keeps events."}
	}
	payload := json.RawMessage(t.Text(0, "payload"))
	if !json.Valid(payload) {
		payload = json.RawMessage("{}") // A counted flood row has none.
	}
	return &fullEvent{readEventRow(t, 0), payload}, t.Text(0, "issue"), nil
}

func (s *Source) getEvent(r *http.Request) (any, error) {
	project, err := s.projectOf(r)
	if err != nil {
		return nil, err
	}
	event, _, err := s.eventByID(r, project, r.PathValue("id"))
	return event, err
}
