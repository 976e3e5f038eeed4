package plugin

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/store"
)

// maxQueries bounds one request.
const maxQueries = 100

// QueryData answers each query by itself: one that fails does not take the
// others along.
func (s *Source) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	if len(req.Queries) > maxQueries {
		return nil, backend.DownstreamErrorf("the request holds %d queries, the limit is %d", len(req.Queries), maxQueries)
	}
	out := backend.NewQueryDataResponse()
	var mu sync.Mutex
	var wg sync.WaitGroup
	alert := header(req.Headers, backend.FromAlertHeaderName) == "true"
	for _, one := range req.Queries {
		wg.Go(func() {
			answer := s.answer(ctx, req, one, alert)
			mu.Lock()
			out.Responses[one.RefID] = answer
			mu.Unlock()
		})
	}
	wg.Wait()
	return out, nil
}

func (s *Source) answer(ctx context.Context, req *backend.QueryDataRequest, one backend.DataQuery, alert bool) (res backend.DataResponse) {
	defer func() {
		if p := recover(); p != nil {
			backend.Logger.FromContext(ctx).Error("a query panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			res = backend.ErrDataResponseWithSource(backend.StatusInternal, backend.ErrorSourcePlugin, "The plugin failed on this query; its log says where.")
		}
	}()
	q, err := ask.Read(one.JSON, one.TimeRange.From, one.TimeRange.To, one.Interval, one.MaxDataPoints)
	if err != nil {
		return s.failed(ctx, err)
	}
	ctx = store.WithComment(ctx, store.Comment{
		Dashboard: header(req.Headers, "X-Dashboard-Uid"), Panel: header(req.Headers, "X-Panel-Id"), Rule: header(req.Headers, "X-Rule-Uid"), Ref: one.RefID, Mode: q.Mode,
	})
	frames, err := s.frames(ctx, &q, alert || q.Format == ask.Numeric, alert)
	if err != nil {
		return s.failed(ctx, err)
	}
	for _, f := range frames {
		f.RefID = one.RefID
	}
	return backend.DataResponse{Frames: frames, Status: backend.StatusOK}
}

func (s *Source) failed(ctx context.Context, err error) backend.DataResponse {
	f := s.store.Fault(err)
	if f.Source == backend.ErrorSourcePlugin {
		backend.Logger.FromContext(ctx).Error("cannot answer a query", "error", err)
	}
	return backend.ErrDataResponseWithSource(backend.Status(f.Status), f.Source, f.Sentence)
}

// frames answers one query. numeric asks for texts and one number without
// times; alert says that an alert rule asks, which also takes wide series.
func (s *Source) frames(ctx context.Context, q *ask.Query, numeric, alert bool) (data.Frames, error) {
	series := numeric && !alert // What is a series stays one for a rule.
	switch q.Mode {
	case ask.Issues:
		return one(s.issueFrame(ctx, q, numeric, alert))
	case ask.Events:
		return one(s.eventFrame(ctx, q, numeric, alert))
	case ask.ErrorTrend:
		return one(s.trendFrame(ctx, q, series))
	case ask.Logs:
		if q.Volume || numeric {
			return s.volumeFrames(ctx, q, series, alert)
		}
		return one(s.logFrame(ctx, q))
	case ask.Trace:
		return one(s.traceFrame(ctx, q, numeric))
	case ask.TraceSearch:
		return one(s.traceSearchFrame(ctx, q, numeric))
	case ask.Releases:
		return one(s.releaseFrame(ctx, q, numeric))
	case ask.Outcomes:
		return one(s.outcomeFrame(ctx, q, numeric, alert))
	case ask.Annotations:
		return one(s.markFrame(ctx, q, numeric, alert))
	}
	return one(s.sqlFrame(ctx, q, numeric, alert))
}

func one(f *data.Frame, err error) (data.Frames, error) {
	if err != nil {
		return nil, err
	}
	return data.Frames{f}, nil
}

// limit is how many rows to ask for, and whether fewer came because of it is
// told by truncated: one more than shown is asked.
func (s *Source) limit(q *ask.Query, normal, hard int) int {
	n := q.Limit
	if n == 0 {
		n = normal
	}
	return min(n, hard, max(s.store.Settings().MaxRows, normal))
}

// cut keeps n rows of a table and says so.
func cut(f *data.Frame, n int, what string) (*data.Frame, error) {
	if rows, err := f.RowLen(); err != nil || rows <= n {
		return f, err
	}
	short := f.EmptyCopy()
	for i, x := range f.Fields {
		short.Fields[i].Config = x.Config
	}
	for row := range n {
		short.AppendRow(f.RowCopy(row)...)
	}
	short.Meta = f.Meta
	frame.Notice(short, data.NoticeSeverityWarning, fmt.Sprintf("Truncated: only the first %d %s are shown. Narrow the query, or raise its limit.", n, what))
	return short, nil
}

// common are the values that most queries of the catalog share.
func (s *Source) common(ctx context.Context, q *ask.Query) (map[string]string, error) {
	ids, err := s.projects(ctx, q.Project)
	if err != nil {
		return nil, err
	}
	v := q.Window()
	v["projects"] = idList(ids)
	return v, nil
}
