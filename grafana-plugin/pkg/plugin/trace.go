package plugin

import (
	"net/http"
	"strconv"
	"strings"

	"errata/grafana-plugin/pkg/answer"
	"errata/grafana-plugin/pkg/frame"
)

// traceItem is one thing of a trace, as shared/types.ts has it.
type traceItem struct {
	Kind       string  `json:"kind"`
	TS         float64 `json:"ts"`
	DurationMs float64 `json:"durationMs"`
	ID         string  `json:"id"`
	ParentID   string  `json:"parentId"`
	Service    string  `json:"service"`
	Name       string  `json:"name"`
	Status     string  `json:"status"`
	Protocol   string  `json:"protocol"`
	Project    int64   `json:"project"`
	Issue      string  `json:"issue"`
}

const (
	maxItems   = 2000   // How much of a trace a page shows.
	maxCounted = 10_000 // How much of it is looked at for what is shown.
)

// shownOf are the rows of a trace that are shown, in order of time, and how many
// of each kind there are among those that are counted. Errors are what a trace
// is opened for: the rest takes the room that they leave.
func shownOf(t frame.Rows, most, counted int) (rows []int, totals map[string]int) {
	totals = map[string]int{"error": 0, "span": 0, "log": 0}
	for i := range min(t.Len(), counted) {
		totals[t.Text(i, "kind")]++
	}
	room := map[bool]int{true: most, false: most - min(totals["error"], most)}
	for i := range min(t.Len(), counted) {
		failed := t.Text(i, "kind") == "error"
		if room[failed] > 0 {
			room[failed]--
			rows = append(rows, i)
		}
	}
	return rows, totals
}

func (s *Source) getTrace(r *http.Request) (any, error) {
	id := strings.ToLower(strings.ReplaceAll(r.PathValue("id"), "-", ""))
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return nil, problem{http.StatusBadRequest, "A trace id is 32 hex digits."}
	}
	v := map[string]string{"trace_id": id, "limit": strconv.Itoa(maxCounted + 1)}
	if p := r.URL.Query().Get("project"); p != "" {
		ids, err := s.asks.Projects(r.Context(), p)
		if err != nil {
			return nil, err
		}
		if len(ids) == 1 {
			v["project"] = answer.IDList(ids)
		}
	}
	res, err := s.store.Run(r.Context(), "trace", v)
	if err != nil {
		return nil, err
	}
	t := frame.Read(res)
	items := []traceItem{}
	shown, totals := shownOf(t, maxItems, maxCounted)
	for _, i := range shown {
		item := traceItem{
			Kind: t.Text(i, "kind"), TS: float64(t.Time(i, "ts").UnixMicro()) / 1000, DurationMs: float64(t.Int(i, "duration_us")) / 1000, ID: t.Text(i, "span_id"), ParentID: t.Text(i, "parent_span_id"),
			Service: t.Text(i, "service"), Name: t.Text(i, "name"), Status: t.Text(i, "status"), Protocol: t.Text(i, "protocol"), Project: t.Int(i, "project_id"), Issue: t.Text(i, "issue"),
		}
		if item.Kind != "span" { // It happened in the span: that is its parent.
			item.ID, item.ParentID = t.Text(i, "event_id"), t.Text(i, "span_id")
		}
		items = append(items, item)
	}
	return map[string]any{"items": items, "totals": totals, "truncated": t.Len() > len(items), "more": t.Len() > maxCounted}, nil
}
