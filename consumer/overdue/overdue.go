// Package overdue stores the check-ins that nobody sent: missed ones, and timeouts
// of runs that never ended. In: what is stored of monitors, and how far the group
// has stored their topic. Out: check-ins, each once. It is the one part of the
// consumer that goes by a clock, and what it writes is no row of any record. It
// judges only what was received before an instant up to which all of the topic is
// stored, so that a consumer that lags finds nothing missing. Each member of the
// group does it; equal finds are stored once.
package overdue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"errata/consumer/monitor"
	"errata/consumer/sink"
	"errata/consumer/table"
	"errata/schema/tables/insert"
)

// overlap is how far a round looks back before the last one: edges' clocks
// differ a little from ours.
const overlap = 5 * time.Minute

// forgotten is how long a monitor that reports nothing any more is still told
// to be late; those of longer periods get three of them.
const forgotten = 30 * 24 * time.Hour

// Watch says of what, and how often.
type Watch struct {
	Client *kafka.Client
	Sink   *sink.Sink
	Types  func() table.Types // Columns of the tables.
	Topic  string             // That of check-ins, with its prefix.
	Group  string             // Whose committed offsets say what is stored.
	Every  time.Duration
	Log    *slog.Logger
}

// rounds are what the rounds of a watch know of each other.
type rounds struct {
	Watch
	seen   map[place]*monitor.Reports
	known  time.Time       // Up to here everything was stored at the last round.
	warned map[string]bool // Schedules that cannot be read, told once.
}

// place is one environment of a monitor.
type place struct {
	sink.MonitorKey
	environment string
}

// Run judges until ctx ends.
func (w Watch) Run(ctx context.Context) {
	o := &rounds{Watch: w, seen: map[place]*monitor.Reports{}, warned: map[string]bool{}}
	for ctx.Err() == nil {
		at := time.Now()
		ends, err := o.ends(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(w.Every):
		}
		if err == nil {
			var stored bool
			if stored, err = o.stored(ctx, ends); err == nil && stored {
				err = o.round(ctx, at)
			}
		}
		if err != nil && ctx.Err() == nil {
			w.Log.Info("monitors are not judged now", "cause", err)
		}
	}
}

// ends are the ends of the topic of check-ins, by partition.
func (o *rounds) ends(ctx context.Context) (map[int]int64, error) {
	m, err := o.Client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{o.Topic}})
	if err != nil {
		return nil, fmt.Errorf("cannot read the partitions of %s: %w", o.Topic, err)
	}
	var ask []kafka.OffsetRequest
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			ask = append(ask, kafka.LastOffsetOf(p.ID))
		}
	}
	r, err := o.Client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{o.Topic: ask}})
	if err != nil {
		return nil, fmt.Errorf("cannot read the ends of %s: %w", o.Topic, err)
	}
	ends := map[int]int64{}
	for _, p := range r.Topics[o.Topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("cannot read the end of %s: %w", o.Topic, p.Error)
		}
		ends[p.Partition] = p.LastOffset
	}
	return ends, nil
}

// stored says whether the group has stored the topic up to these ends.
func (o *rounds) stored(ctx context.Context, ends map[int]int64) (bool, error) {
	ids := make([]int, 0, len(ends))
	for id := range ends {
		ids = append(ids, id)
	}
	r, err := o.Client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: o.Group, Topics: map[string][]int{o.Topic: ids}})
	if err == nil {
		err = r.Error
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the committed offsets of %s: %w", o.Topic, err)
	}
	for _, p := range r.Topics[o.Topic] {
		if p.Error != nil {
			return false, fmt.Errorf("cannot read a committed offset of %s: %w", o.Topic, p.Error)
		}
		if p.CommittedOffset < ends[p.Partition] && ends[p.Partition] > 0 {
			return false, nil
		}
	}
	return len(ends) > 0, nil
}

// round finds and stores what is overdue at an instant.
func (o *rounds) round(ctx context.Context, known time.Time) error {
	since := time.Time{}
	if !o.known.IsZero() {
		since = o.known.Add(-overlap)
	}
	if err := o.Sink.CheckIns(ctx, since, o.note); err != nil {
		return err
	}
	o.known = known
	configs, err := o.Sink.Monitors(ctx)
	if err != nil || len(configs) == 0 {
		return err
	}
	found := o.late(configs, known)
	runtime := time.Duration(0)
	for _, c := range configs {
		runtime = max(runtime, c.MaxRuntime())
	}
	if err := o.Sink.Runs(ctx, known.Add(-runtime-2*monitor.Patience), func(k sink.MonitorKey, r *monitor.Run) {
		if c := configs[k]; c != nil {
			if f := monitor.Unended(c, r, known); f != nil {
				found = append(found, *f)
			}
		}
	}); err != nil {
		return err
	}
	return o.store(ctx, found)
}

func (o *rounds) note(k sink.MonitorKey, environment string, more monitor.Reports) {
	p := place{k, environment}
	r := o.seen[p]
	if r == nil {
		r = &monitor.Reports{}
		o.seen[p] = r
	}
	r.Came, r.Started, r.Newest = later(r.Came, more.Came), later(r.Started, more.Started), later(r.Newest, more.Newest)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// late finds what was missed in all places.
func (o *rounds) late(configs map[sink.MonitorKey]*monitor.Config, known time.Time) []monitor.Found {
	var found []monitor.Found
	for p, r := range o.seen {
		c := configs[p.MonitorKey]
		if c == nil || r.Newest.IsZero() {
			continue
		}
		gone, err := monitor.Gone(c, r.Came, known, forgotten)
		var more []monitor.Found
		if err == nil && !gone {
			more, err = monitor.Late(c, p.environment, *r, known)
		}
		if err != nil && !o.warned[c.Schedule+c.Timezone] {
			o.warned[c.Schedule+c.Timezone] = true
			o.Log.Warn("a monitor has a schedule that cannot be read", "cause", err)
		}
		found = append(found, more...)
	}
	return found
}

// store inserts each find as a block of its own, which the table takes once.
func (o *rounds) store(ctx context.Context, found []monitor.Found) error {
	if len(found) == 0 {
		return nil
	}
	set, err := table.NewSet(o.Types())
	if err != nil {
		return err
	}
	for i := range found {
		f := &found[i]
		set.Reset()
		set.CheckIn(&table.Origin{ProjectID: f.Config.ProjectID, ReceivedAt: f.At.UnixMilli(), RetentionDays: f.Config.RetentionDays}, f.CheckIn)
		if err := o.Sink.Insert(ctx, set.Table(insert.CheckIns), f.Token()); err != nil {
			return err
		}
		if f.CheckIn.Status == monitor.Missed {
			at := time.UnixMilli(f.CheckIn.ExpectedAt)
			o.note(sink.MonitorKey{ProjectID: f.Config.ProjectID, Slug: f.Config.Slug}, f.CheckIn.Environment, monitor.Reports{Newest: at})
		}
	}
	return nil
}
