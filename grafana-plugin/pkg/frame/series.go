package frame

import (
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Series makes a wide time series of rows time, series, events: a point for
// each bucket of the range, zero where nothing happened. label is the name of
// the dimension, as in {release="1.2"}.
func Series(t Rows, name, label string, from, to time.Time, bucket int64) *data.Frame {
	first := from.Unix() / bucket * bucket
	n := int((to.Unix()-first)/bucket) + 1
	times := make([]time.Time, n)
	for i := range times {
		times[i] = time.Unix(first+int64(i)*bucket, 0).UTC()
	}
	values := map[string][]float64{}
	totals := map[string]float64{}
	for row := range t.Len() {
		series := t.Text(row, "series")
		if values[series] == nil {
			values[series] = make([]float64, n)
		}
		at := t.Time(row, "time")
		i := int((at.Unix() - first) / bucket)
		if at.IsZero() || i < 0 || i >= n {
			continue
		}
		values[series][i] += float64(t.Int(row, "events"))
		totals[series] += float64(t.Int(row, "events"))
	}
	names := sortedKeys(values)
	slices.SortStableFunc(names, func(a, b string) int { // The largest first, other last.
		switch {
		case (a == "other") != (b == "other"):
			if a == "other" {
				return 1
			}
			return -1
		case totals[a] > totals[b]:
			return -1
		case totals[a] < totals[b]:
			return 1
		}
		return 0
	})
	if len(names) == 0 && label != "" {
		// Times without a number are an error to a chart, no rows are no data.
		f := data.NewFrame(name, data.NewField("time", nil, []time.Time{}), data.NewField(name, nil, []float64{}))
		f.Fields[1].Config = &data.FieldConfig{DisplayNameFromDS: name}
		f.Meta = &data.FrameMeta{PreferredVisualization: data.VisTypeGraph}
		return Typed(f, data.FrameTypeTimeSeriesWide)
	}
	f := data.NewFrame(name, data.NewField("time", nil, times))
	if len(names) == 0 && label == "" {
		names = []string{name}
		values[name] = make([]float64, n) // An empty store draws a line at zero.
	}
	for _, s := range names {
		field := data.NewField(name, nil, values[s])
		field.Config = &data.FieldConfig{DisplayNameFromDS: s}
		if label != "" {
			field.Labels = data.Labels{label: s}
			if s == "" {
				field.Config.DisplayNameFromDS = "none"
				field.Labels = data.Labels{label: "none"}
			}
		}
		f.Fields = append(f.Fields, field)
	}
	f.Meta = &data.FrameMeta{PreferredVisualization: data.VisTypeGraph}
	return Typed(f, data.FrameTypeTimeSeriesWide)
}

// Totals sums each series of a wide frame into one row: its numeric form.
func Totals(wide *data.Frame, name, label string) *data.Frame {
	if label == "" {
		label = "series"
	}
	labels, sums := []string{}, []float64{}
	for _, f := range wide.Fields {
		if f.Type() != data.FieldTypeFloat64 {
			continue
		}
		sum := 0.0
		for i := range f.Len() {
			sum += f.At(i).(float64)
		}
		l := f.Labels[label]
		if l == "" {
			l = f.Config.DisplayNameFromDS
		}
		labels, sums = append(labels, l), append(sums, sum)
	}
	return Typed(data.NewFrame(name, data.NewField(label, nil, labels), data.NewField(name, nil, sums)), data.FrameTypeNumericLong)
}
