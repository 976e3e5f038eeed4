package answer

import (
	"context"
	"fmt"
	"strconv"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
)

// wholeBuckets is what a frame says of itself where it counts more than the
// range of the panel: from the start of the first point to the end of the last.
var wholeBuckets = map[string]string{"buckets": "whole"}

// trendFrame is errors over time, a series for each value of a dimension.
func (a *Asker) trendFrame(ctx context.Context, given *ask.Query, numeric, alert bool) (*data.Frame, error) {
	q := given
	if !numeric && !alert { // Who counts, counts the range itself.
		q = given.Whole()
	}
	v, err := a.common(ctx, q)
	if err != nil {
		return nil, err
	}
	by, series := q.By, min(max(q.Limit, 0), maxSeries)
	if by == "" {
		by = "none"
	}
	if series == 0 {
		series = 10
	}
	v["by"], v["tag_key"], v["issue"], v["text"], v["filters"] = by, q.TagKey, q.Issue, q.Text, q.FilterText()
	v["environment"], v["release"], v["service"], v["level"] = ask.Lines(q.Environment), ask.Lines(q.Release), ask.Lines(q.Service), ask.Lines(q.Level)
	v["bucket_seconds"], v["series"] = strconv.FormatInt(q.Bucket, 10), strconv.Itoa(series)
	r, err := a.store.Run(ctx, "error_trend_split", v)
	if err != nil {
		return nil, err
	}
	label := map[string]string{"none": "", "tag": q.TagKey}
	name, ok := label[by]
	if !ok {
		name = by
	}
	if by == "project" {
		slug := a.Slugs(ctx)
		for _, row := range r.Rows {
			if id, ok := row[1].(string); ok && id != "other" {
				n, _ := strconv.ParseInt(id, 10, 64)
				row[1] = slug(n)
			}
		}
	}
	t := frame.Read(r)
	f := frame.Series(t, "errors", name, q.From, q.To, q.Bucket)
	if q != given {
		f.Meta.Custom = wholeBuckets
	}
	if t.Len() > 0 && int(t.Int(0, "all_series")) > series {
		frame.Notice(f, data.NoticeSeverityInfo, fmt.Sprintf("Truncated: the %d largest of %d series are shown, the rest is summed up as other.", series, t.Int(0, "all_series")))
	}
	if numeric {
		return frame.Totals(f, "errors", name), nil
	}
	return f, nil
}
