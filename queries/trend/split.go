package trend

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// point is a fingerprint at a time.
type point struct {
	fingerprint uint64
	at          int64 // Of the hour or the day.
}

// splitting is one run of error_trend_split by issue, or of one. An issue is its survivor.
type splitting struct {
	*asking.Asking
	first, end int64 // Whole hours of the window, end not in it; milliseconds.
	width      int64 // Of a bucket.
	filters    string
	hours      *hourList
	into       map[uint32]map[uint64]uint64 // By project, where fingerprints belong that were merged.
	edges      []edge
	total      map[uint64]uint64
}

// Split is query error_trend_split. By issue, in whole hours, it asks which
// issues are the largest ones, from what is kept of days, then for the hours of
// these only; all others are what is left of all events. Else it is one statement.
func Split(ctx context.Context, a *asking.Asking) (*asking.Result, error) {
	whole := a.Query.Steps[len(a.Query.Steps)-1]
	c := a.Query.Choice(a.Bound)
	if deep, err := c.Deep(); err == nil && !deep {
		return Hours(ctx, a)
	}
	if tags, err := c.TagHours(); err == nil && tags {
		return tagTrend(ctx, a)
	}
	ranked, err := c.Ranked()
	of, wrong := c.Single()
	if err != nil || wrong != nil || !ranked && !of || !a.Single(ctx) {
		return a.Result(ctx, whole) // Which says what is wrong, where something is.
	}
	from, to, err := c.Ends()
	if err != nil {
		return nil, err
	}
	seconds, _ := strconv.ParseInt(a.Bound["bucket_seconds"], 10, 64)
	s := &splitting{Asking: a, width: seconds * 1000, filters: a.Bound["projects"] + "\x00" + a.Bound["environment"] + "\x00" + a.Bound["release"],
		first: asking.Floor(from.Truncate(time.Minute).UnixMilli()+asking.HourMS-1000, asking.HourMS), end: asking.Floor(to.UnixMilli()+1, asking.HourMS), hours: &hourList{}, into: map[uint32]map[uint64]uint64{}, total: map[uint64]uint64{}}
	// Hours are kept for 90 days, days for longer: with a minute for the question.
	if s.first >= s.end || time.Since(from) > 90*24*time.Hour+time.Minute {
		return a.Result(ctx, whole)
	}
	if of {
		return s.single(ctx)
	}
	var top []uint64
	var points map[point]uint64
	var all map[int64]uint64
	err = asking.AtOnce(ctx, func(ctx context.Context) error {
		ok, err := s.rank(ctx)
		if err != nil || !ok {
			return err
		}
		top = s.largest()
		points, err = s.points(ctx, top, nil)
		return err
	}, func(ctx context.Context) (err error) { all, err = s.all(ctx); return err })
	if err != nil || points == nil || all == nil {
		return s.orWhole(ctx, err)
	}
	for _, e := range s.edges {
		all[e.at] += e.events
		if key := s.survivor(e.project, e.fingerprint); slices.Contains(top, key) {
			points[point{key, e.at}] += e.events
		}
	}
	return s.show(points, all), nil
}

// orWhole asks for everything at once, where nothing went wrong.
func (s *splitting) orWhole(ctx context.Context, err error) (*asking.Result, error) {
	if err != nil {
		return nil, err
	}
	return s.Result(ctx, s.Query.Steps[len(s.Query.Steps)-1])
}

// hourList is the parts of issue_hour as the question found them.
type hourList struct {
	sync.Mutex
	of     pieces.List
	listed bool
}

// listHours lists these parts: what is read of the table afterwards is of one
// moment where all of it is known.
func (s *splitting) listHours(ctx context.Context) (pieces.List, error) {
	s.hours.Lock()
	defer s.hours.Unlock()
	if s.hours.listed {
		return s.hours.of, nil
	}
	var none int64
	of, err := s.PartsOf(ctx, "hour_parts", &none)
	s.hours.of, s.hours.listed = of, err == nil
	return of, err
}

func (s *splitting) survivor(project uint32, f uint64) uint64 {
	if into, ok := s.into[project][f]; ok {
		return into
	}
	return f
}

// ticks are rows of a step from what is kept.
func (s *splitting) ticks(ctx context.Context, key, list, read string, of pieces.Source[pieces.Strip]) (*pieces.Rows[pieces.Strip], *pieces.Mirror[pieces.Strip], error) {
	var none int64
	if list == "hour_parts" {
		first := true
		of.List = func(ctx context.Context) (pieces.List, error) {
			if first {
				first = false
				return s.listHours(ctx)
			}
			return s.PartsOf(ctx, list, &none)
		}
	}
	of.Weigh, of.Join = pieces.Strip.Weigh, pieces.JoinStrips
	return asking.Keep(ctx, s.Asking, "split "+read+"\x00"+key+"\x00"+s.filters, list, read, of, &none, asking.Strip)
}

func (s *splitting) readMerged(ctx context.Context) error {
	return s.Rows(ctx, "merged", func(r driver.Rows) error {
		var project uint32
		var f, survivor uint64
		err := r.Scan(&project, &f, &survivor)
		if s.into[project] == nil {
			s.into[project] = map[uint64]uint64{}
		}
		s.into[project][f] = survivor
		return err
	})
}

// single is the trend of one issue: its hours from what is kept, events of the
// hours that the window cuts.
func (s *splitting) single(ctx context.Context) (*asking.Result, error) {
	issue, err := strconv.ParseUint(s.Bound["issue"], 16, 64)
	if err != nil {
		return s.orWhole(ctx, nil)
	}
	var points map[point]uint64
	// It, or the issue that it was merged into in a project. Hours are of the
	// fingerprints that belong to either.
	own := func(project uint32, key uint64) bool { return key == s.survivor(project, issue) }
	err = asking.AtOnce(ctx, s.readEdges, func(ctx context.Context) (err error) {
		if err = s.readMerged(ctx); err == nil {
			top := []uint64{issue}
			for project := range s.into {
				top = append(top, s.survivor(project, issue))
			}
			points, err = s.points(ctx, top, own)
		}
		return err
	})
	if err != nil || points == nil {
		return s.orWhole(ctx, err)
	}
	at, total := map[momentOf]uint64{}, map[string]uint64{}
	add := func(when int64, n uint64) {
		at[momentOf{"errors", when}] += n
		total["errors"] += n
	}
	for p, n := range points {
		add(p.at, n)
	}
	for _, e := range s.edges {
		if own(e.project, s.survivor(e.project, e.fingerprint)) {
			add(e.at, e.events)
		}
	}
	return ranked(s.Asking, at, total), nil
}

// rank adds up the events of each issue in the window: whole days of it, hours
// of the days that it cuts, and events of the hours that it cuts.
func (s *splitting) rank(ctx context.Context) (bool, error) {
	type span struct {
		rows        *pieces.Rows[pieces.Strip]
		mirror      *pieces.Mirror[pieces.Strip]
		first, last int64 // Slots.
	}
	var spans []*span
	var todo []func(context.Context) error
	add := func(first, end int64, key, list, read string, of pieces.Source[pieces.Strip]) {
		if first >= end {
			return
		}
		x := &span{first: first / of.Slot, last: (end - 1) / of.Slot}
		spans = append(spans, x)
		todo = append(todo, func(ctx context.Context) (err error) {
			x.rows, x.mirror, err = s.ticks(ctx, key, list, read, of)
			return err
		})
	}
	hours := func(first, end int64) {
		day := asking.Floor(first, asking.DayMS)
		add(first, end, asking.Itoa(day), "hour_parts", "hours", pieces.Source[pieces.Strip]{First: day, Last: day + asking.DayMS - 1, Slot: asking.HourMS, Chunk: 400_000})
	}
	firstDay, endDay := asking.Floor(s.first+asking.DayMS-1, asking.DayMS), asking.Floor(s.end, asking.DayMS)
	hours(s.first, min(firstDay, s.end))
	days := len(spans)
	add(firstDay, endDay, "", "day_parts", "days", pieces.Source[pieces.Strip]{First: firstDay, Last: endDay - 1, Slot: asking.DayMS, Chunk: 400_000, Later: s.Waits()})
	hours(max(endDay, firstDay), s.end)
	err := asking.AtOnce(ctx, append(todo, s.readMerged, s.readCuts)...)
	if err != nil {
		return false, err
	}
	for n, x := range spans {
		if x.rows == nil {
			if n == days && firstDay < endDay {
				if err := s.sumDays(ctx, firstDay, endDay-1); err != nil {
					return false, err
				}
				continue
			}
			return false, nil
		}
		for of, n := range added(x.rows, x.mirror, x.first, x.last) {
			s.total[s.survivor(of.project, of.fingerprint)] += n
		}
	}
	for _, e := range s.edges {
		s.total[s.survivor(e.project, e.fingerprint)] += e.events
	}
	return true, nil
}

// sumDays adds up whole days where they are more than a question waits for: the
// sums alone take a tenth of what the days themselves do.
func (s *splitting) sumDays(ctx context.Context, first, last int64) error {
	sums := map[owned]uint64{}
	b := s.With(map[string]string{"span": "[" + asking.Itoa(first) + "," + asking.Itoa(last) + "]"})
	err := b.Rows(ctx, "day_sums", func(r driver.Rows) error {
		var of owned
		var n uint64
		err := r.Scan(&of.project, &of.fingerprint, &n)
		sums[of] = n
		return err
	})
	for of, n := range sums {
		s.total[s.survivor(of.project, of.fingerprint)] += n
	}
	return err
}

// owned is a fingerprint of a project.
type owned struct {
	project     uint32
	fingerprint uint64
}

// added adds up slots first to last of each fingerprint; of the same parts it is
// the same.
func added(rows *pieces.Rows[pieces.Strip], mirror *pieces.Mirror[pieces.Strip], first, last int64) map[owned]uint64 {
	window := [2]int64{first, last}
	if x, ok := mirror.Recall(rows, window); ok {
		out, _ := x.(map[owned]uint64)
		return out
	}
	out := map[owned]uint64{}
	for _, of := range rows.Of {
		for n := range of {
			if sum := of[n].Value.Sum(first, last); sum.Slots > 0 {
				out[owned{of[n].Value.Project, of[n].Issue}] += sum.Count
			}
		}
	}
	mirror.Remember(rows, window, out)
	return out
}

// largest are the issues that are shown by name.
func (s *splitting) largest() []uint64 {
	series, _ := strconv.Atoi(s.Bound["series"])
	all := make([]uint64, 0, len(s.total))
	for key := range s.total {
		all = append(all, key)
	}
	order := func(x, y uint64) int { return cmp.Or(cmp.Compare(s.total[y], s.total[x]), cmp.Compare(x, y)) }
	if series >= len(all) || series > 100 {
		slices.SortFunc(all, order)
		return all[:min(series, len(all))]
	}
	var out []uint64
	for _, key := range all {
		if len(out) == series && (series == 0 || order(key, out[series-1]) > 0) {
			continue
		}
		at, _ := slices.BinarySearchFunc(out, key, order)
		out = slices.Insert(out, at, key)
		out = out[:min(len(out), series)]
	}
	return out
}

// points are events of these issues by bucket, in the projects where own keeps them;
// nil where they are to be read with all others.
func (s *splitting) points(ctx context.Context, top []uint64, own func(project uint32, key uint64) bool) (map[point]uint64, error) {
	out := map[point]uint64{}
	if len(top) == 0 {
		return out, nil
	}
	of := slices.Clone(top)
	shown := make(map[uint64]bool, len(top))
	for _, key := range top {
		shown[key] = true
	}
	for _, into := range s.into {
		for f, survivor := range into {
			if shown[survivor] {
				of = append(of, f)
			}
		}
	}
	slices.Sort(of)
	page := asking.Numbers(slices.Compact(of))
	b := *s
	b.Asking = s.With(map[string]string{"page": page})
	rows, _, err := b.ticks(ctx, page, "hour_parts", "points", pieces.Source[pieces.Strip]{First: s.first, Last: s.end - 1, Slot: asking.HourMS})
	if err != nil || rows == nil {
		return nil, err
	}
	for _, of := range rows.Of {
		for n := range of {
			if key := s.survivor(of[n].Value.Project, of[n].Issue); shown[key] && (own == nil || own(of[n].Value.Project, key)) {
				of[n].Value.Each(s.first/asking.HourMS, (s.end-1)/asking.HourMS, func(hour int64, n uint64) { out[point{key, asking.Floor(hour*asking.HourMS, s.width)}] += n })
			}
		}
	}
	return out, nil
}

// all are the events of all issues by bucket; nil as for points.
func (s *splitting) all(ctx context.Context) (map[int64]uint64, error) {
	rows, _, err := s.ticks(ctx, "", "hour_parts", "totals", pieces.Source[pieces.Strip]{First: s.first, Last: s.end - 1, Slot: asking.HourMS})
	if err != nil || rows == nil {
		return nil, err
	}
	out := map[int64]uint64{}
	for _, of := range rows.Of {
		for n := range of {
			of[n].Value.Each(s.first/asking.HourMS, (s.end-1)/asking.HourMS, func(hour int64, n uint64) { out[asking.Floor(hour*asking.HourMS, s.width)] += n })
		}
	}
	return out, nil
}

// show makes rows of the points, and of what is left at each time.
func (s *splitting) show(points map[point]uint64, all map[int64]uint64) *asking.Result {
	out := s.Answer()
	row := func(at int64, series string, n uint64) {
		out.Rows = append(out.Rows, []any{time.UnixMilli(at).UTC(), series, n, uint64(len(s.total))})
	}
	for p, n := range points {
		row(p.at, fmt.Sprintf("%016x", p.fingerprint), n)
		all[p.at] -= min(n, all[p.at])
	}
	for at, n := range all {
		if n > 0 {
			row(at, "other", n)
		}
	}
	slices.SortFunc(out.Rows, func(x, y []any) int {
		return cmp.Or(x[0].(time.Time).Compare(y[0].(time.Time)), cmp.Compare(x[1].(string), y[1].(string)))
	})
	return out
}
