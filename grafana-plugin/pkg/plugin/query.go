package plugin

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"errata/grafana-plugin/pkg/ask"
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
	frames, err := s.asks.Frames(ctx, &q, alert || q.Format == ask.Numeric, alert)
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
