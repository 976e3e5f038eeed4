// Package tag answers which values the tags of an issue have, and which of them
// its project has less of. In: a run of such a query. Out: values by count or
// lift, added up from what is kept of the parts of both rollups, by whole days.
package tag

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/catalog"
	"errata/queries/pieces"
)

// valued is what a part has of a value of a tag, by the day: its events, and
// beside them the second of the day of the newest one, where that is asked for.
type valued struct {
	pieces.Strip
	key, value string
}

// tagCount is a value of a tag in the window.
type tagCount struct {
	key, value   string
	events, last uint64
}

// tagDays are what the tables of tags are asked with: windows of whole days.
type tagDays struct {
	*asking.Asking
	first, last int64 // Days from 1970 on.
}

// daysOf are those of the window, the first one at least: one that ends at midnight
// does not have the day that begins then. It is false where the calendar of the
// tables ends, and where the window begins before what they keep.
func daysOf(a *asking.Asking) (*tagDays, bool) {
	from, to, err := a.Query.Choice(a.Bound).Ends()
	first := asking.Floor(from.UnixMilli(), asking.DayMS) / asking.DayMS
	last := asking.Floor(to.UnixMilli(), asking.DayMS) / asking.DayMS
	if to.UnixMilli()%asking.DayMS == 0 && last > first {
		last--
	}
	long, wrong := a.Query.Choice(a.Bound).Long()
	return &tagDays{a, first, last}, err == nil && wrong == nil && !long && first >= 0 && first <= last && last < 1<<16
}

// counts adds up, from what is kept of a table, the values of tags in the window;
// nil where it is to be read as a whole.
func (d *tagDays) counts(ctx context.Context, key, list, read string) (map[uint64]*tagCount, error) {
	var none int64
	source := pieces.Source[valued]{First: d.first * asking.DayMS, Last: d.last*asking.DayMS + asking.DayMS - 1, Slot: asking.DayMS, Weigh: func(v valued) int { return v.Weigh() + 1 }}
	rows, mirror, err := asking.Keep(ctx, d.Asking, key, list, read, source, &none, func(r driver.Rows) (part uint64, row pieces.Row[valued], err error) {
		var cells, newest string
		if err = r.Scan(&part, &row.Issue, &row.Value.key, &row.Value.value, &cells, &newest); err == nil {
			row.Value.Strip, err = pieces.Unpack(0, cells, newest)
		}
		return part, row, err
	})
	// Values without end are for the server, which needs not bring them over.
	var refused *clickhouse.Exception
	if errors.As(err, &refused) && refused.Code == asking.TooManyRows {
		return nil, nil
	}
	if err != nil || rows == nil {
		return nil, err
	}
	window := [2]int64{d.first, d.last}
	if x, ok := mirror.Recall(rows, window); ok {
		out, _ := x.(map[uint64]*tagCount)
		return out, nil
	}
	out := map[uint64]*tagCount{}
	for _, of := range rows.Of {
		for n := range of {
			v := &of[n].Value
			v.EachBeside(d.first, d.last, func(day int64, events, newest uint64) {
				t := out[of[n].Issue]
				if t == nil {
					t = &tagCount{key: v.key, value: v.value}
					out[of[n].Issue] = t
				}
				t.events += events
				t.last = max(t.last, uint64(day)*86400+newest) //nolint:gosec // Not before 1970.
			})
		}
	}
	mirror.Remember(rows, window, out)
	return out, nil
}

// ofIssue are the tags of the issue; nil as for counts.
func (d *tagDays) ofIssue(ctx context.Context) (map[uint64]*tagCount, error) {
	var members []uint64
	err := d.Ask(ctx, "members", func(r driver.Rows) error {
		var f uint64
		err := r.Scan(&f)
		members = append(members, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(members)
	page := asking.Numbers(slices.Compact(members))
	b := &tagDays{d.With(map[string]string{"page": page}), d.first, d.last}
	return b.counts(ctx, "tags\x00"+d.Bound["project"]+"\x00"+page, "tag_parts", "tags")
}

// Distribution is query tag_distribution, from what is kept of issue_tag.
func Distribution(ctx context.Context, a *asking.Asking) (*asking.Result, error) {
	whole := a.Query.Steps[len(a.Query.Steps)-1]
	d, ok := daysOf(a)
	if !ok || !a.Single(ctx) {
		return a.Result(ctx, whole)
	}
	counts, err := d.ofIssue(ctx)
	if err != nil {
		return nil, err
	}
	if counts == nil {
		return a.Result(ctx, whole)
	}
	asked := catalog.Unescape(a.Bound["key"])
	byKey, total := map[string][]*tagCount{}, map[string]uint64{}
	var keys []string
	for _, t := range counts {
		if t.events == 0 || asked != "" && t.key != asked {
			continue
		}
		if byKey[t.key] == nil {
			keys = append(keys, t.key)
		}
		byKey[t.key] = append(byKey[t.key], t)
		total[t.key] += t.events
	}
	slices.SortFunc(keys, func(x, y string) int { return cmp.Or(cmp.Compare(total[y], total[x]), cmp.Compare(x, y)) })
	top, _ := strconv.Atoi(a.Bound["top"])
	out := a.Answer()
	for _, key := range keys {
		values := byKey[key]
		slices.SortFunc(values, func(x, y *tagCount) int {
			return cmp.Or(cmp.Compare(y.events, x.events), cmp.Compare(x.value, y.value))
		})
		for _, t := range values[:min(len(values), top, 1000)] {
			if len(out.Rows) == 10_000 {
				return out, nil
			}
			out.Rows = append(out.Rows, []any{key, t.value, t.events, float64(t.events) / float64(total[key]), uint64(len(values)), time.Unix(int64(t.last), 0).UTC()}) //nolint:gosec // A moment.
		}
	}
	return out, nil
}

// Lift is query tag_lift, from what is kept of issue_tag and project_tag.
func Lift(ctx context.Context, a *asking.Asking) (*asking.Result, error) {
	whole := a.Query.Steps[len(a.Query.Steps)-1]
	least, err := strconv.ParseFloat(a.Bound["min_support"], 64)
	d, ok := daysOf(a)
	if !ok || err != nil || !a.Single(ctx) {
		return a.Result(ctx, whole)
	}
	var issue, project map[uint64]*tagCount
	err = asking.AtOnce(ctx, func(ctx context.Context) (err error) { issue, err = d.ofIssue(ctx); return err },
		func(ctx context.Context) (err error) {
			project, err = d.counts(ctx, "project tags\x00"+d.Bound["project"], "project_parts", "project_tags")
			return err
		})
	if err != nil {
		return nil, err
	}
	if issue == nil || project == nil {
		return a.Result(ctx, whole)
	}
	// Every event has a level.
	own, all := uint64(0), uint64(0)
	for _, t := range issue {
		if t.key == "level" {
			own += t.events
		}
	}
	for _, t := range project {
		if t.key == "level" {
			all += t.events
		}
	}
	out := a.Answer()
	for hash, t := range issue {
		if t.events == 0 || float64(t.events) < least*float64(own) {
			continue
		}
		support, share := float64(t.events)/float64(own), 0.0
		if p := project[hash]; p != nil {
			share = float64(p.events) / float64(all)
		}
		out.Rows = append(out.Rows, []any{t.key, t.value, t.events, support, share, support / share})
	}
	slices.SortFunc(out.Rows, func(x, y []any) int {
		return cmp.Or(cmp.Compare(y[5].(float64), x[5].(float64)), cmp.Compare(y[3].(float64), x[3].(float64)), cmp.Compare(x[0].(string), y[0].(string)), cmp.Compare(x[1].(string), y[1].(string)))
	})
	limit, _ := strconv.Atoi(a.Bound["limit"])
	out.Rows = out.Rows[:min(len(out.Rows), limit, 1000)]
	return out, nil
}
