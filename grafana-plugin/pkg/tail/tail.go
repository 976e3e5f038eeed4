// Package tail follows log records: in comes the query of a panel, out goes a
// channel that Grafana subscribes to, with the records as they come. It keeps
// what a tail has shown as long as the tail runs.
package tail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/answer"
	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/frame"
	"errata/grafana-plugin/pkg/store"
	"errata/queries"
)

// Bounds of a live tail.
const (
	liveEvery   = 2 * time.Second  // Between two questions.
	liveSlowest = 30 * time.Second // The same, while the store does not answer.
	liveBack    = time.Minute      // What the tail begins with.
	liveLate    = 30 * time.Second // A record may arrive this long after it was written.
	liveOutage  = 10 * time.Minute // What is made up for after the store was away.
	liveRows    = 500              // New records of one question that are shown.
	liveStreams = 20               // Tails of one data source at once.
	liveBytes   = 16 << 10         // Of the query.
	liveFirst   = 5 * time.Second  // For the records that a subscriber begins with.
)

var _ backend.StreamHandler = (*Streams)(nil)

// Streams are the live tails of one data source.
type Streams struct {
	store *store.Store
	asks  *answer.Asker
	links frame.Links

	slots chan struct{} // One for each tail that runs.
	life  context.Context
	end   context.CancelFunc
}

// New makes the tails of a store; none runs yet.
func New(asked *store.Store, asks *answer.Asker, links frame.Links) *Streams {
	s := &Streams{store: asked, asks: asks, links: links, slots: make(chan struct{}, liveStreams)}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the tails that run.
func (s *Streams) Close() { s.end() }

// readLive reads the query of a tail: that of a panel, of which only what
// selects log records counts.
func readLive(raw []byte) (ask.Query, error) {
	if len(raw) > liveBytes {
		return ask.Query{}, fmt.Errorf("%w: the query of a live tail is %d bytes, the limit is %d", ask.ErrQuery, len(raw), liveBytes)
	}
	now := time.Now()
	q, err := ask.Read(raw, now.Add(-liveBack), now, 0, 0)
	if err != nil {
		return q, err
	}
	if q.Mode != ask.Logs {
		return q, fmt.Errorf("%w: only logs can be followed live, not %s", ask.ErrQuery, q.Mode)
	}
	return ask.Query{
		Mode: ask.Logs, Project: q.Project, Environment: q.Environment, Service: q.Service, Level: q.Level, Text: q.Text, TraceID: q.TraceID, Filters: q.Filters,
	}, nil
}

// livePath is the channel of a query: whoever asks the same shares it, and
// nobody gets another query's records, since each subscription is checked
// against it.
func livePath(q ask.Query) (string, error) {
	raw, err := json.Marshal(q)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return "logs/" + hex.EncodeToString(sum[:]), nil
}

// Channel checks the query of a tail and says where to subscribe to it.
func (s *Streams) Channel(ctx context.Context, query string) (map[string]any, error) {
	q, err := readLive([]byte(query))
	if err != nil {
		return nil, err
	}
	if _, err := s.asks.Projects(ctx, q.Project); err != nil {
		return nil, err
	}
	path, err := livePath(q)
	return map[string]any{"path": path, "data": q}, err
}

// subscribed is the query of a channel, where its data belong to its path.
func subscribed(path string, raw []byte) (ask.Query, bool) {
	q, err := readLive(raw)
	if err != nil {
		return q, false
	}
	want, err := livePath(q)
	return q, err == nil && want == path
}

// SubscribeStream admits whoever may query the data source, which Grafana has
// checked, to the channel that the query in the data belongs to. Who joins a
// tail that runs, or comes back to it, begins with the last minute too; pages
// show a record once.
func (s *Streams) SubscribeStream(ctx context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	q, ok := subscribed(req.Path, req.Data)
	if !ok {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	out := &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK}
	ctx, cancel := context.WithTimeout(store.WithComment(ctx, store.Comment{Resource: "live", Mode: q.Mode}), liveFirst)
	defer cancel()
	begin := tail{source: s, query: q, seen: map[uuid.UUID]time.Time{}}
	f, err := begin.next(ctx)
	if err != nil {
		return out, nil //nolint:nilerr // The tail itself says what is wrong, and goes on.
	}
	if out.InitialData, err = backend.NewInitialFrame(f, data.IncludeAll); err != nil {
		return nil, fmt.Errorf("cannot write log records: %w", err)
	}
	return out, nil
}

// PublishStream refuses: only the store says what was logged.
func (s *Streams) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream follows the logs of a query for all who look at it, until the last
// of them leaves or the data source changes.
func (s *Streams) RunStream(ctx context.Context, req *backend.RunStreamRequest, sender *backend.StreamSender) error {
	q, ok := subscribed(req.Path, req.Data)
	if !ok {
		return backend.DownstreamErrorf("there is no live tail at this path")
	}
	ctx, cancel := context.WithCancel(store.WithComment(ctx, store.Comment{Resource: "live", Mode: q.Mode}))
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	follow := tail{source: s, query: q, seen: map[uuid.UUID]time.Time{}}
	select {
	case s.slots <- struct{}{}:
	default:
		f := follow.frame(ctx, &queries.Result{})
		frame.Notice(f, data.NoticeSeverityWarning, fmt.Sprintf("%d live tails run already: this one begins when another ends. Close one that nobody looks at.", liveStreams))
		if err := sender.SendFrame(f, data.IncludeAll); err != nil {
			return fmt.Errorf("cannot send log records: %w", err)
		}
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
	}
	defer func() { <-s.slots }()
	pause := time.NewTimer(0)
	defer pause.Stop()
	wait, said := liveEvery, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		f, err := follow.next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			wait = min(2*wait, liveSlowest)
			f = follow.frame(ctx, &queries.Result{})
			frame.Notice(f, data.NoticeSeverityError, s.store.Fault(err).Sentence)
		default:
			wait = liveEvery
		}
		pause.Reset(wait)
		// The first answer says that the tail runs, the first fault why it rests.
		if rows, _ := f.RowLen(); rows > 0 || !said || err != nil && wait == 2*liveEvery {
			said = true
			if err := sender.SendFrame(f, data.IncludeAll); err != nil {
				return fmt.Errorf("cannot send log records: %w", err)
			}
		}
	}
}

// tail is what a live tail has shown.
type tail struct {
	source *Streams
	query  ask.Query
	asked  time.Time               // When the store last answered.
	seen   map[uuid.UUID]time.Time // Records that a question may give again.
}

// next is the records that have come since the last question, oldest first.
// What arrives late has an older time than what was shown: each question looks
// back a while and leaves out what it has seen.
func (t *tail) next(ctx context.Context) (*data.Frame, error) {
	now := time.Now()
	from := now.Add(-liveBack)
	if !t.asked.IsZero() { // Longer after an outage, within bounds.
		from = t.asked.Add(-liveLate)
		if oldest := now.Add(-liveOutage); from.Before(oldest) {
			from = oldest
		}
	}
	t.query.From, t.query.To = from, now.Add(liveBack) // Clocks of clients differ.
	v, err := t.source.asks.LogValues(ctx, &t.query)
	if err != nil {
		return nil, err
	}
	v["limit"] = strconv.Itoa(liveRows + 1)
	r, err := t.source.store.Run(ctx, "log_lines", v)
	if err != nil {
		return nil, err
	}
	t.asked = now
	cut := len(r.Rows) > liveRows
	rows := frame.Read(r)
	fresh := &queries.Result{Columns: r.Columns}
	for i := min(rows.Len(), liveRows) - 1; i >= 0; i-- {
		id, _ := rows.Value(i, "log_id").(uuid.UUID)
		if _, known := t.seen[id]; !known {
			fresh.Rows = append(fresh.Rows, r.Rows[i])
		}
		t.seen[id] = rows.Time(i, "ts")
	}
	for id, at := range t.seen {
		if at.Before(from) {
			delete(t.seen, id)
		}
	}
	f := t.frame(ctx, fresh)
	if cut && len(fresh.Rows) == liveRows {
		frame.Notice(f, data.NoticeSeverityWarning, fmt.Sprintf("Truncated: over %d log records came at once, only the newest are shown. Narrow the query.", liveRows))
	}
	return f, nil
}

// frame is log records as a panel shows them.
func (t *tail) frame(ctx context.Context, r *queries.Result) *data.Frame {
	slug := func(int64) string { return "" }
	if len(r.Rows) > 0 {
		slug = t.source.asks.Slugs(ctx)
	}
	return frame.Logs(frame.Read(r), t.source.links, slug)
}
