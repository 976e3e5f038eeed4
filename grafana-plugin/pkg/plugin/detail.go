package plugin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"errata/grafana-plugin/pkg/answer"
	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/queries"
)

// What a detail shows beyond its row, as shared/types.ts has it.
type (
	tagValue struct {
		Value  string  `json:"value"`
		Events int64   `json:"events"`
		Share  float64 `json:"share"`
		Lift   float64 `json:"lift"`
	}
	tag struct {
		Key    string     `json:"key"`
		Total  int64      `json:"total"`
		Values []tagValue `json:"values"`
	}
	releaseCount struct {
		Release   string `json:"release"`
		Events    int64  `json:"events"`
		FirstSeen int64  `json:"firstSeen"`
		LastSeen  int64  `json:"lastSeen"`
	}
	affectedUser struct {
		User      string `json:"user"`
		Events    int64  `json:"events"`
		FirstSeen int64  `json:"firstSeen"`
		LastSeen  int64  `json:"lastSeen"`
	}
	action struct {
		At     int64  `json:"at"`
		Actor  string `json:"actor"`
		Action string `json:"action"`
		Detail string `json:"detail"`
	}
	grouping struct {
		Version   string   `json:"version"`
		Component string   `json:"component"`
		Reason    string   `json:"reason"`
		Hashes    []string `json:"hashes"`
	}
	detail struct {
		answer.Issue
		Fingerprints []string       `json:"fingerprints"` // What was merged into it, itself first.
		Releases     []releaseCount `json:"releases"`
		Tags         []tag          `json:"tags"`
		Trend        [][2]int64     `json:"trend"`
		History      []action       `json:"history"`
		Grouping     grouping       `json:"grouping"`
	}
)

// getIssue gathers one issue. A part that fails fails the whole: a detail
// without its history would mislead.
func (s *Source) getIssue(r *http.Request) (any, error) {
	project, err := s.projectOf(r)
	if err != nil {
		return nil, err
	}
	given := r.PathValue("issue")
	brief := r.URL.Query().Get("brief") == "true" // A row of a list, asked for again after a change.
	d, err := s.detailOf(r, project, given, brief)
	// A link to what was merged leads to what it was merged into, at once: what the
	// store knows of merges while it reads may be two seconds old.
	if err == nil && strings.EqualFold(d.Issue.Issue, given) && (brief || slices.ContainsFunc(d.History, func(a action) bool { return a.Action == queries.Merge })) {
		var into string
		if into, err = s.survivor(r, project, given); err == nil && into != "" {
			d, err = s.detailOf(r, project, into, brief)
		}
	}
	if err == nil && brief {
		return d.Issue, nil
	}
	return d, err
}

// detailOf is one issue; brief leaves out all but its row.
func (s *Source) detailOf(r *http.Request, project, issue string, brief bool) (*detail, error) {
	from, to, err := window(r)
	if err != nil {
		return nil, err
	}
	id, _ := strconv.ParseInt(project, 10, 64)
	base := map[string]string{"project": project, "issue": issue}
	with := func(more ...string) map[string]string {
		v := map[string]string{"project": base["project"], "issue": base["issue"]}
		for i := 0; i+1 < len(more); i += 2 {
			v[more[i]] = more[i+1]
		}
		return v
	}
	res, err := s.store.Run(r.Context(), "issue_detail", base)
	if err != nil {
		return nil, err
	}
	if len(res.Rows) == 0 {
		return nil, problem{http.StatusNotFound, "There is no such issue in this project. Its events may be older than the project keeps them."}
	}
	d := &detail{Issue: answer.ReadIssue(frame.Read(res), 0, id), Fingerprints: frame.Read(res).List(0, "fingerprints")}
	if brief {
		return d, nil
	}
	days := []string{"from", ask.Milli(from), "to", ask.Milli(to)}
	bucket := "hour"
	switch span := to.Sub(from).Hours(); {
	case span > 24*7:
		bucket = "day"
	case span <= 3:
		bucket = "minute"
	}
	lifts := map[[2]string]float64{}
	g, ctx := errgroup.WithContext(r.Context())
	part := func(name string, v map[string]string, read func(frame.Rows)) {
		g.Go(func() error {
			res, err := s.store.Run(ctx, name, v)
			if err == nil {
				read(frame.Read(res))
			}
			return err
		})
	}
	part("issue_trend", with(append(days, "bucket", bucket)...), func(t frame.Rows) { d.Trend, d.EventsInRange = readTrend(t) })
	part("issue_releases", base, func(t frame.Rows) { d.Releases = readReleases(t) })
	part("issue_history", base, func(t frame.Rows) { d.History = readHistory(t) })
	part("issue_grouping", base, func(t frame.Rows) { d.Grouping = readGrouping(t) })
	part("tag_distribution", with(days...), func(t frame.Rows) { d.Tags = readTags(t) })
	part("tag_lift", with(append(days, "min_support", "0.01", "limit", "1000")...), func(t frame.Rows) {
		for i := range t.Len() {
			if l := t.Float(i, "lift"); l != nil {
				lifts[[2]string{t.Text(i, "key"), t.Text(i, "value")}] = *l
			}
		}
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := range d.Tags {
		for n, v := range d.Tags[i].Values {
			d.Tags[i].Values[n].Lift = lifts[[2]string{d.Tags[i].Key, v.Value}]
		}
	}
	return d, nil
}

// survivor is the issue that this one was merged into; empty where it was not.
func (s *Source) survivor(r *http.Request, project, issue string) (string, error) {
	given, err := strconv.ParseUint(issue, 16, 64)
	if err != nil {
		return "", nil //nolint:nilerr // No id at all, as the catalog has said.
	}
	res, err := s.store.Run(r.Context(), "triage_members", map[string]string{"project": project, "fingerprints": fmt.Sprintf("%016x", given)})
	if err != nil {
		return "", err
	}
	t := frame.Read(res)
	for i := range t.Len() {
		of, _ := t.Value(i, "fingerprint").(uint64)
		into, _ := t.Value(i, "survivor").(uint64)
		if of == given && into != given {
			return fmt.Sprintf("%016x", into), nil
		}
	}
	return "", nil
}

// getUsers lists whom an issue hit in a time range, those with most events
// first, and how many there are in all.
func (s *Source) getUsers(r *http.Request) (any, error) {
	project, err := s.projectOf(r)
	if err != nil {
		return nil, err
	}
	from, to, err := window(r)
	if err != nil {
		return nil, err
	}
	limit, err := count(r, "limit", 100, 1000)
	if err != nil {
		return nil, err
	}
	res, err := s.store.Run(r.Context(), "users_affected", map[string]string{
		"project": project, "issue": r.PathValue("issue"), "from": ask.Milli(from), "to": ask.Milli(to), "limit": strconv.Itoa(limit),
	})
	if err != nil {
		return nil, err
	}
	t := frame.Read(res)
	users, all := []affectedUser{}, int64(0)
	for i := range t.Len() {
		users = append(users, affectedUser{t.Text(i, "user"), t.Int(i, "events"), t.Milli(i, "first_seen"), t.Milli(i, "last_seen")})
		all = t.Int(i, "all_users")
	}
	return map[string]any{"users": users, "all": max(all, int64(len(users)))}, nil
}

func readTrend(t frame.Rows) ([][2]int64, int64) {
	out, sum := make([][2]int64, 0, t.Len()), int64(0)
	for i := range t.Len() {
		out = append(out, [2]int64{t.Milli(i, "time"), t.Int(i, "events")})
		sum += t.Int(i, "events")
	}
	return out, sum
}

func readReleases(t frame.Rows) []releaseCount {
	out := []releaseCount{}
	for i := range t.Len() {
		out = append(out, releaseCount{t.Text(i, "release"), t.Int(i, "events"), t.Milli(i, "first_seen"), t.Milli(i, "last_seen")})
	}
	return out
}

// readHistory is newest first; a comment is the detail where there is no other.
func readHistory(t frame.Rows) []action {
	out := []action{}
	for i := range t.Len() {
		a := action{t.Milli(i, "at"), t.Text(i, "actor"), t.Text(i, "action"), t.Text(i, "detail")}
		if c := t.Text(i, "comment"); c != "" {
			if a.Detail != "" {
				a.Detail += ": "
			}
			a.Detail += c
		}
		if t.Int(i, "undone") > 0 {
			a.Detail += " (undone)"
		}
		out = append(out, a)
	}
	slices.SortStableFunc(out, func(a, b action) int { return cmp.Compare(b.At, a.At) })
	return out
}

func readGrouping(t frame.Rows) grouping {
	if t.Len() == 0 {
		return grouping{Hashes: []string{}}
	}
	return grouping{t.Text(0, "grouping_version"), t.Text(0, "component"), t.Text(0, "reason"), t.List(0, "hashes")}
}

func readTags(t frame.Rows) []tag {
	out := []tag{}
	for i := range t.Len() {
		key := t.Text(i, "key")
		if len(out) == 0 || out[len(out)-1].Key != key {
			out = append(out, tag{Key: key, Values: []tagValue{}})
		}
		last := &out[len(out)-1]
		v := tagValue{Value: t.Text(i, "value"), Events: t.Int(i, "events")}
		if f := t.Float(i, "share"); f != nil {
			v.Share = *f
			if v.Share > 0 && last.Total == 0 {
				last.Total = int64(float64(v.Events)/v.Share + 0.5)
			}
		}
		last.Values = append(last.Values, v)
	}
	return out
}
