package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"errata/grafana-plugin/pkg/answer"
	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
)

type option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// dimensions are keys that every event has; the rest are tags.
var dimensions = []string{"environment", "release", "level", "service", "server_name", "transaction"}

// maxOptions bounds a list for an editor, maxValues that of a variable, which a
// dashboard may want to repeat by.
const maxOptions, maxValues = 500, 5000

// getOptions lists what variables, filters and editors offer. Lists come from
// rollups, never from the table of events, and are kept for a minute.
func (s *Source) getOptions(r *http.Request) (any, error) {
	p := r.URL.Query()
	kind, key, project, text := r.PathValue("kind"), p.Get("key"), p.Get("project"), p.Get("text")
	filters := p.Get("filters")
	if len(key) > 1000 || len(text) > 1000 || len(project) > 8<<10 || len(filters) > 32<<10 {
		return nil, problem{http.StatusBadRequest, "key and text are at most 1000 bytes, project 8 KiB, filters 32 KiB."}
	}
	switch kind {
	case "environment", "release", "service", "level", "server_name", "transaction":
		kind, key = "tag_value", kind
	case "filter_value":
		kind = "tag_value"
	case "project", "tag_key", "filter_key", "tag_value", "issue":
	default:
		return nil, problem{http.StatusNotFound, "There are no options of this kind; there are project, environment, release, service, level, tag_key, tag_value, issue, filter_key and filter_value."}
	}
	if kind == "tag_value" && key == "" {
		return nil, problem{http.StatusBadRequest, "Name the key whose values to list."}
	}
	from, to, err := window(r)
	if err != nil {
		return nil, err
	}
	limit, err := count(r, "limit", maxOptions, maxValues)
	if err != nil {
		return nil, err
	}
	if filters != "" && filters != "[]" {
		switch kind {
		case "tag_value":
			return s.filteredValues(r, key, project, text, filters)
		case "filter_key":
			return s.filteredKeys(r, project, text, filters)
		}
	}
	id, err := json.Marshal([]string{kind, key, project, text, from.Format("2006-01-02"), to.Format("2006-01-02"), strconv.Itoa(limit)})
	if err != nil {
		return nil, err
	}
	values, err := s.options.get(r.Context(), string(id), func(ctx context.Context) ([]option, error) {
		return s.list(ctx, kind, key, project, text, map[string]string{"from": ask.Milli(from), "to": ask.Milli(to), "limit": strconv.Itoa(max(limit, 1))})
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"values": values}, nil
}

func (s *Source) list(ctx context.Context, kind, key, project, text string, v map[string]string) ([]option, error) {
	out := []option{}
	if kind == "project" { // All of them: who has a thousand wants to find each.
		all, err := s.store.Projects(ctx)
		for _, p := range all {
			if !p.Disabled && strings.Contains(strings.ToLower(p.Slug), strings.ToLower(text)) {
				out = append(out, option{p.Slug, strconv.FormatUint(uint64(p.ID), 10)})
			}
		}
		return out, err
	}
	if kind == "issue" {
		return s.listIssues(ctx, project, text, v)
	}
	ids, err := s.asks.Projects(ctx, project)
	if err != nil {
		return nil, err
	}
	v["projects"] = answer.IDList(ids)
	if kind == "tag_value" {
		v["key"], v["text"] = key, text
		r, err := s.store.Run(ctx, "option_values", v)
		if err != nil {
			return nil, err
		}
		for i, t := 0, frame.Read(r); i < t.Len(); i++ {
			out = append(out, option{t.Text(i, "value"), t.Text(i, "value")})
		}
		return out, nil
	}
	if kind == "filter_key" {
		out = columns()
	}
	r, err := s.store.Run(ctx, "option_keys", v)
	if err != nil {
		return nil, err
	}
	for i, t := 0, frame.Read(r); i < t.Len(); i++ {
		k := option{t.Text(i, "key"), t.Text(i, "key")}
		if !slices.Contains(dimensions, k.Value) {
			out = append(out, k)
		}
	}
	return out, nil
}

// columns are the keys that are no tags, as filters take them.
func columns() (out []option) {
	for _, d := range append(slices.Clone(dimensions), "type", "title", "user", "url", "platform", "protocol", "handled", "sdk") {
		out = append(out, option{d, d})
	}
	return out
}

// readFilters are filters in a URL.
func readFilters(text string) (given []ask.Filter, err error) {
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return nil, problem{http.StatusBadRequest, "filters must be a list of filters as JSON."}
	}
	return given, nil
}

// maxKeyEvents is how many of the newest events say which tags there are under
// other filters.
const maxKeyEvents = 1000

// filteredKeys lists the keys of the newest events that other filters select,
// most frequent first: no other key would narrow them further.
func (s *Source) filteredKeys(r *http.Request, project, text, filters string) (any, error) {
	from, to, err := window(r)
	if err != nil {
		return nil, err
	}
	given, err := readFilters(filters)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(ask.Query{Mode: ask.Events, Project: project, Filters: slices.DeleteFunc(given, func(f ask.Filter) bool { return f.Key == "" })})
	if err != nil {
		return nil, err
	}
	q, err := ask.Read(raw, from, to, 0, 0)
	if err != nil {
		return nil, err
	}
	ids, err := s.asks.Projects(r.Context(), project)
	if err != nil {
		return nil, err
	}
	v := q.Window()
	v["projects"], v["filters"], v["limit"] = answer.IDList(ids), q.FilterText(), strconv.Itoa(maxKeyEvents)
	res, err := s.store.Run(r.Context(), "event_search", v)
	if err != nil {
		return nil, err
	}
	t, events := frame.Read(res), map[string]int{}
	for i := range t.Len() {
		for key := range t.Map(i, "tags") {
			events[key]++
		}
	}
	var tags []option
	for key := range events {
		if !slices.Contains(dimensions, key) {
			tags = append(tags, option{key, key})
		}
	}
	slices.SortFunc(tags, func(a, b option) int {
		return cmp.Or(cmp.Compare(events[b.Value], events[a.Value]), cmp.Compare(a.Value, b.Value))
	})
	out := slices.DeleteFunc(append(columns(), tags...), func(o option) bool { return !strings.Contains(strings.ToLower(o.Value), strings.ToLower(text)) })
	return map[string]any{"values": out}, nil
}

// splittable are keys that a trend is split by; others are tags, and those that
// are neither are listed whatever the filters.
var splittable = []string{"environment", "release", "level", "service", "protocol", "handled"}

// maxNarrowed is how many values other filters leave to choose from.
const maxNarrowed = 200

// filteredValues lists values of events that other filters select, most
// frequent first: it reads what a panel with these filters reads.
func (s *Source) filteredValues(r *http.Request, key, project, text, filters string) (any, error) {
	from, to, err := window(r)
	if err != nil {
		return nil, err
	}
	given, err := readFilters(filters)
	if err != nil {
		return nil, err
	}
	given = slices.DeleteFunc(given, func(f ask.Filter) bool { return f.Key == key || f.Key == "" })
	by := "tag"
	if slices.Contains(splittable, key) {
		by = key
	}
	raw, err := json.Marshal(ask.Query{Mode: ask.ErrorTrend, Project: project, By: by, TagKey: key, Filters: given})
	if err != nil {
		return nil, err
	}
	q, err := ask.Read(raw, from, to, to.Sub(from), 1)
	if err != nil {
		return nil, err
	}
	column := slices.Contains([]string{"server_name", "transaction", "type", "title", "user", "url", "platform", "sdk", "trace_id"}, key)
	if len(given) == 0 || column { // Nothing narrows, or no trend splits by it.
		within := q.Window()
		within["limit"] = strconv.Itoa(maxOptions)
		values, err := s.list(r.Context(), "tag_value", key, project, text, within)
		return map[string]any{"values": values}, err
	}
	ids, err := s.asks.Projects(r.Context(), project)
	if err != nil {
		return nil, err
	}
	v := q.Window()
	v["projects"], v["by"], v["tag_key"], v["filters"] = answer.IDList(ids), by, key, q.FilterText()
	v["bucket_seconds"], v["series"] = strconv.FormatInt(q.Bucket, 10), strconv.Itoa(maxNarrowed)
	res, err := s.store.Run(r.Context(), "error_trend_split", v)
	if err != nil {
		return nil, err
	}
	t, sums := frame.Read(res), map[string]int64{}
	for i := range t.Len() {
		sums[t.Text(i, "series")] += t.Int(i, "events")
	}
	out := []option{}
	for value := range sums {
		rest := value == "other" && len(sums) > maxNarrowed
		if value != "" && !rest && strings.Contains(strings.ToLower(value), strings.ToLower(text)) {
			out = append(out, option{value, value})
		}
	}
	slices.SortFunc(out, func(a, b option) int {
		return cmp.Or(cmp.Compare(sums[b.Value], sums[a.Value]), cmp.Compare(a.Value, b.Value))
	})
	return map[string]any{"values": out}, nil
}

func (s *Source) listIssues(ctx context.Context, project, text string, v map[string]string) ([]option, error) {
	raw, err := json.Marshal(ask.Query{Mode: ask.Issues, Project: project, Text: text})
	if err != nil {
		return nil, err
	}
	from, _ := strconv.ParseInt(v["from"], 10, 64)
	to, _ := strconv.ParseInt(v["to"], 10, 64)
	q, err := ask.Read(raw, time.UnixMilli(from), time.UnixMilli(to), 0, 0)
	if err != nil {
		return nil, err
	}
	list, _, _, err := s.asks.IssueList(ctx, &q, 200)
	out := []option{}
	for _, i := range list {
		out = append(out, option{i.Title, i.Issue})
	}
	return out, err
}

// getLogContext is what the same service wrote just before or after a record,
// as one frame.
func (s *Source) getLogContext(r *http.Request) (any, error) {
	p := r.URL.Query()
	id, err := uuid.Parse(p.Get("id"))
	if err != nil {
		return nil, problem{http.StatusBadRequest, "id must be the id of a log record."}
	}
	ns, err := strconv.ParseInt(p.Get("ts"), 10, 64)
	if err != nil || ns < 0 {
		return nil, problem{http.StatusBadRequest, "ts must be nanoseconds since the epoch."}
	}
	labels := map[string]string{}
	if err := json.Unmarshal([]byte(p.Get("labels")), &labels); err != nil || len(p.Get("labels")) > 64<<10 {
		return nil, problem{http.StatusBadRequest, "labels must be the labels of the record as JSON."}
	}
	limit, err := count(r, "limit", 10, 1000)
	if err != nil {
		return nil, err
	}
	direction := p.Get("direction")
	if direction != "forward" {
		direction = "backward"
	}
	res, err := s.store.Run(r.Context(), "log_context", map[string]string{
		"project": labels["project_id"], "service": labels["service"], "at_us": strconv.FormatInt(ns/1000, 10), "log_id": id.String(), "direction": direction, "limit": strconv.Itoa(limit),
	})
	if err != nil {
		return nil, err
	}
	f := frame.Logs(frame.Read(res), s.links, s.asks.Slugs(r.Context()))
	return f, nil
}
