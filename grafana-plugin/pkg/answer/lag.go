package answer

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/edge"
	"errata/grafana-plugin/pkg/frame"
)

// lookBack is how far the newest receipt is looked for: who waits longer waits
// at least this long.
const lookBack = 24 * time.Hour

// wait is how long something that was accepted has waited for its fate.
type wait struct {
	source, name, category   string
	seconds                  float64
	items                    *int64
	lastAccepted, cameAcross *time.Time
}

// lagFrame is what waits on its way through the store. The tables themselves
// show items without a fate, where others of their minute came through. They
// show nothing where nothing comes through at all: then the edges, which do not
// need the consumer, say whether anything should have.
func (a *Asker) lagFrame(ctx context.Context, q *ask.Query, numeric, alert bool) (*data.Frame, error) {
	now := time.Now().UTC()
	waits, err := a.unbalanced(ctx, q, now)
	if err != nil {
		return nil, err
	}
	edges, err := edge.Addresses(a.store.Settings().Edges)
	if err != nil {
		return nil, err
	}
	atEdges, silent, err := a.unread(ctx, edges, now)
	if err != nil {
		return nil, err
	}
	if alert && len(silent) > 0 { // A rule that cannot look must not say that all is well.
		return nil, silent[0]
	}
	waits = append(atEdges, waits...)
	f := data.NewFrame("lag",
		data.NewField("source", nil, each(waits, func(w wait) string { return w.source })),
		data.NewField("name", nil, each(waits, func(w wait) string { return w.name })),
		data.NewField("category", nil, each(waits, func(w wait) string { return w.category })),
		data.NewField("waiting_seconds", nil, each(waits, func(w wait) float64 { return w.seconds })),
		data.NewField("items", nil, each(waits, func(w wait) *int64 { return w.items })),
		data.NewField("last_accepted", nil, each(waits, func(w wait) *time.Time { return w.lastAccepted })),
		data.NewField("newest_stored", nil, each(waits, func(w wait) *time.Time { return w.cameAcross })))
	f.Fields[3].Config = &data.FieldConfig{Unit: "s"}
	frame.Typed(f, data.FrameTypeTable)
	if numeric {
		if f, err = numericOf(f, q.Metric); err != nil {
			return nil, err
		}
	}
	for _, err := range silent {
		frame.Notice(f, data.NoticeSeverityError, err.Error())
	}
	if len(edges) == 0 {
		frame.Notice(f, data.NoticeSeverityInfo, "A consumer that is down is not seen here until the addresses of the edges are in the settings of the data source.")
	}
	return f, nil
}

// unbalanced is what the tables themselves show.
func (a *Asker) unbalanced(ctx context.Context, q *ask.Query, now time.Time) ([]wait, error) {
	ids, err := a.Projects(ctx, q.Project)
	if err != nil {
		return nil, err
	}
	if ids == nil {
		ids = []uint32{0} // All of them at once.
	}
	slug := a.Slugs(ctx)
	var out []wait
	for _, id := range ids {
		v := q.Window()
		v["project"] = IDList([]uint32{id})
		r, err := a.store.Run(ctx, "ledger_balance", v)
		if err != nil {
			return nil, err
		}
		t, at := frame.Read(r), map[string]int{} // The oldest minute comes first.
		for i := range t.Len() {
			missing := t.Int(i, "missing")
			if missing <= 0 {
				continue
			}
			w := wait{source: "project", name: slug(t.Int(i, "project_id")), category: t.Text(i, "category"), items: new(int64)}
			n, known := at[w.name+"\x00"+w.category]
			if !known {
				n = len(out)
				at[w.name+"\x00"+w.category] = n
				w.seconds = max(now.Sub(t.Time(i, "minute")).Seconds(), 0)
				out = append(out, w)
			}
			*out[n].items += missing
		}
	}
	return out, nil
}

// unread asks the edges when they last accepted something, and compares with
// the newest minute that has come through. silent are those that do not answer.
func (a *Asker) unread(ctx context.Context, edges []string, now time.Time) (out []wait, silent []error, err error) {
	if len(edges) == 0 {
		return nil, nil, nil
	}
	client, err := edge.New()
	if err != nil {
		return nil, nil, err
	}
	last, faults := make([]time.Time, len(edges)), make([]error, len(edges))
	var wg sync.WaitGroup
	for i, address := range edges {
		wg.Go(func() { last[i], faults[i] = client.LastAccepted(ctx, address) })
	}
	wg.Wait()
	// Asked after the edges, so that what came meanwhile is no lag.
	r, err := a.store.Run(ctx, "newest_receipt", map[string]string{"from": ask.Milli(now.Add(-lookBack)), "to": ask.Milli(now.Add(time.Hour))}) // Clocks differ.
	if err != nil {
		return nil, nil, err
	}
	t := frame.Read(r)
	through := now.Add(-lookBack)
	var newest *time.Time
	if at := t.Time(0, "minute"); t.Len() > 0 && at.Unix() > 0 {
		newest, through = &at, at.Add(time.Minute) // The end of that minute: what came in it may all be there.
	}
	for i, address := range edges {
		if faults[i] != nil {
			silent = append(silent, faults[i])
			continue
		}
		w := wait{source: "edge", name: strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://"), cameAcross: newest}
		if !last[i].IsZero() {
			w.lastAccepted = &last[i]
		}
		if !last[i].Before(through) {
			w.seconds = max(now.Sub(through).Seconds(), 0)
		}
		out = append(out, w)
	}
	return out, silent, nil
}
