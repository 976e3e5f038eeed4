package answer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
)

// rowless are statements that the server answers with nothing at all.
var rowless = regexp.MustCompile(`(?i)^\s*(SET|USE)\s`)

// sqlFrame runs a person's own SQL as the read-only user.
func (a *Asker) sqlFrame(ctx context.Context, q *ask.Query, numeric, alert bool) (*data.Frame, error) {
	ids, err := a.Projects(ctx, q.Project)
	if err != nil {
		return nil, err
	}
	text, err := q.Expand(ids)
	if err != nil {
		return nil, err
	}
	limit := a.store.Settings().MaxRows
	if q.Limit > 0 {
		limit = min(q.Limit, maxRows)
	}
	r, more, err := a.store.SQL(ctx, text, limit)
	if errors.Is(err, io.EOF) && rowless.MatchString(text) { // Else the connection broke.
		return nil, fmt.Errorf("%w: SET and USE give no rows and hold for no other question: write SETTINGS after the SELECT, and the database before the table", ask.ErrQuery)
	}
	if err != nil {
		return nil, err
	}
	f := frame.FromResult(r)
	f, err = a.shape(f, q, numeric, alert)
	if err != nil {
		return nil, err
	}
	f.Meta.ExecutedQueryString = text
	if more {
		frame.Notice(f, data.NoticeSeverityWarning, fmt.Sprintf("Truncated: only the first %d rows are shown. Add a LIMIT, aggregate, or raise the limit.", limit))
	}
	if len(q.Filters) > 0 {
		frame.Notice(f, data.NoticeSeverityInfo, "Ad hoc filters do not apply to SQL. Write them in the WHERE clause.")
	}
	return f, nil
}

// shape gives SQL's table the form that was asked for.
func (a *Asker) shape(f *data.Frame, q *ask.Query, numeric, alert bool) (*data.Frame, error) {
	schema := f.TimeSeriesSchema()
	rows, err := f.RowLen()
	if err != nil {
		return nil, fmt.Errorf("%w: the columns differ in length", ask.ErrQuery)
	}
	if q.Format == ask.Numeric || numeric && (schema.Type == data.TimeSeriesTypeNot || q.Format == ask.Table) {
		n, left, err := frame.ToNumeric(f, q.Metric)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ask.ErrQuery, err)
		}
		if len(left) > 0 {
			frame.Notice(n, data.NoticeSeverityInfo, "A rule takes one number: left out are "+strings.Join(left, ", ")+".")
		}
		return n, nil
	}
	if q.Format != ask.TimeSeries && !alert {
		return f, nil
	}
	switch {
	case rows == 0:
		return frame.Typed(f, data.FrameTypeTimeSeriesWide), nil
	case schema.Type == data.TimeSeriesTypeNot:
		return nil, fmt.Errorf("%w: a time series needs a column of times and one of numbers; choose the format table", ask.ErrQuery)
	case schema.Type == data.TimeSeriesTypeLong:
		wide, err := data.LongToWide(f, nil)
		if err != nil {
			return nil, fmt.Errorf("%w: %w; add ORDER BY the time column", ask.ErrQuery, err)
		}
		return frame.Typed(wide, data.FrameTypeTimeSeriesWide), nil
	}
	return frame.Typed(f, data.FrameTypeTimeSeriesWide), nil
}
