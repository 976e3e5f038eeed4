package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"errata/consumer/block"
	"errata/consumer/mark"
	"errata/schema"
)

// errFenced says that this member does not own the partition any more: drop
// everything and wait for the next generation.
var errFenced = errors.New("the partition belongs to another member now")

// readPosition reads the committed pair. A partition that never had one starts
// at the beginning of its log, as a new life of it. Where the log begins is noted:
// it may be within an announced range, or after it.
func (p *partition) readPosition(ctx context.Context) (mark.Position, error) {
	r, err := p.c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: p.gen.GroupID, Topics: map[string][]int{p.topic: {p.id}}})
	if err != nil {
		return mark.Position{}, fmt.Errorf("cannot read the committed offset: %w", err)
	}
	if r.Error != nil {
		return mark.Position{}, fmt.Errorf("cannot read the committed offset: %w", r.Error)
	}
	if len(r.Topics[p.topic]) == 0 {
		return mark.Position{}, errors.New("cannot read the committed offset: the broker did not tell it")
	}
	st := r.Topics[p.topic][0]
	if st.Error != nil {
		return mark.Position{}, fmt.Errorf("cannot read the committed offset: %w", st.Error)
	}
	first, last, err := p.bounds(ctx)
	if err != nil {
		return mark.Position{}, err
	}
	p.metrics.End(last)
	m, known, err := mark.Read(st.Metadata)
	if err != nil {
		return mark.Position{}, err
	}
	if !known { // The partition is new, or an operator has set the group to an offset.
		m = mark.Mark{Log: mark.NewLog()}
	}
	pos := mark.Position{Offset: st.CommittedOffset, Mark: m}
	switch {
	case st.CommittedOffset < 0:
		pos = mark.Position{Offset: first, Mark: mark.Mark{Log: mark.NewLog()}}
	case max(st.CommittedOffset, m.End, m.Gap) > last:
		// A new leader may tell an old end for a moment.
		if p.beyond.IsZero() {
			p.beyond = time.Now()
		}
		if time.Since(p.beyond) < beyondPatience {
			return mark.Position{}, fmt.Errorf("cannot read on from offset %d: the topic ends at %d; if it was made anew it is read from its start in %s",
				max(st.CommittedOffset, m.End), last, beyondPatience-time.Since(p.beyond).Round(time.Second))
		}
		p.log.Error("the topic ends before the committed offset: it was made anew, or lost its newest records; reading it from its start, without what is stored already",
			"committed", st.CommittedOffset, "announced", m.End, "end", last)
		pos = mark.Position{Offset: first, Mark: mark.Mark{Log: mark.NewLog(), Known: max(st.CommittedOffset, m.End, m.Known)}}
	case m.End == 0 && (st.CommittedOffset < first || m.Gap > 0):
		return p.skipGap(ctx, pos, first)
	}
	p.beyond, p.first = time.Time{}, first
	return pos, nil
}

// beyondPatience is how long a log must end before the committed offset until
// it is taken for a new one.
const beyondPatience = 30 * time.Second

// bounds asks for the first offset of the log and the one after its last.
func (p *partition) bounds(ctx context.Context) (first, last int64, err error) {
	r, err := p.c.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		p.topic: {kafka.FirstOffsetOf(p.id), kafka.LastOffsetOf(p.id)}}})
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the bounds of the log: %w", err)
	}
	for _, x := range r.Topics[p.topic] {
		if x.Partition == p.id {
			if x.Error != nil {
				return 0, 0, fmt.Errorf("cannot read the bounds of the log: %w", x.Error)
			}
			return x.FirstOffset, x.LastOffset, nil
		}
	}
	return 0, 0, errors.New("cannot read the bounds of the log: the broker did not tell them")
}

// skipGap goes on where the log begins: records before it were deleted before
// they were read. Their number becomes an outcome of project 0. What is counted is
// announced: the log may lose more before the count is committed.
func (p *partition) skipGap(ctx context.Context, pos mark.Position, first int64) (mark.Position, error) {
	p.first = first
	if pos.Mark.Gap > 0 {
		first = pos.Mark.Gap
	} else {
		pos.Mark.Gap = first
		if err := p.commit(ctx, pos); err != nil {
			return mark.Position{}, err
		}
	}
	lost := first - pos.Offset
	p.log.Error("records were deleted before they were read: raise the retention of the topic or add consumers", "from", pos.Offset, "to", first, "lost", lost)
	p.metrics.Gap(lost)
	if err := p.writeGap(ctx, pos, first, lost); err != nil {
		return mark.Position{}, err
	}
	next := pos.At(first)
	return next, p.commit(ctx, next)
}

// begins is where what is left of an announced range begins: the log may have lost
// its first records, or all of it.
func (p *partition) begins(pos mark.Position) int64 {
	return max(pos.Offset, min(p.first, pos.Mark.End))
}

// commit makes pos the committed pair, trying again until the broker answers.
func (p *partition) commit(ctx context.Context, pos mark.Position) error {
	return p.retry(ctx, "commit", func() error {
		r, err := p.c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: p.gen.GroupID, GenerationID: int(p.gen.ID), MemberID: p.gen.MemberID,
			Topics: map[string][]kafka.OffsetCommit{p.topic: {{Partition: p.id, Offset: pos.Offset, Metadata: pos.Mark.Encode()}}}})
		if err == nil && len(r.Topics[p.topic]) > 0 {
			err = r.Topics[p.topic][0].Error
		}
		switch {
		case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId), errors.Is(err, kafka.RebalanceInProgress):
			return fmt.Errorf("%w: %w", errFenced, err)
		case err != nil:
			return fmt.Errorf("cannot commit offset %d of %s/%d: %w", pos.Offset, p.topic, p.id, err)
		}
		p.metrics.Committed(pos.Offset)
		return nil
	})
}

// announce is pos with the range [pos.Offset, end) announced under the windows
// that the partition uses.
func (p *partition) announce(pos mark.Position, end int64) mark.Position {
	pos.Mark.End = end
	pos.Mark.DuplicateRecords, pos.Mark.DuplicateRows = p.win.Events.Limits()
	pos.Mark.TwinRecords = p.win.Twins.Records()
	return pos
}

// sizes are those of a partition's windows.
type sizes struct {
	duplicateRecords int64
	duplicateRows    int
	twinRecords      int64
}

// leastWindow is what a partition's windows have at least, however many
// partitions share them.
const leastWindow = 10_000

// share is the size of the windows of one of n partitions: the configured ones
// are those of a topic, and its partitions have equal parts of them. So the
// windows reach back over the same time and take the same memory, however many
// partitions a topic has.
func (c *Config) share(n int) sizes {
	part := func(v int64) int64 { return max(min(v, leastWindow), (v+int64(n)-1)/int64(n)) }
	return sizes{part(c.DuplicateRecords), int(part(int64(c.DuplicateRows))), part(c.TwinRecords)}
}

// share sets the sizes of the partition's windows from now on.
func (p *partition) share(ctx context.Context) error {
	r, err := p.c.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{p.topic}})
	if err == nil && (len(r.Topics) != 1 || len(r.Topics[0].Partitions) == 0) {
		err = errors.New("the broker did not tell them")
	}
	if err == nil {
		err = r.Topics[0].Error
	}
	if err != nil {
		return fmt.Errorf("cannot read the partitions of %s: %w", p.topic, err)
	}
	p.sizes = p.c.cfg.share(len(r.Topics[0].Partitions))
	return nil
}

// loadWindows rebuilds what the next records are decided by from the stored
// rows before the position. A range that was announced is decided with the
// sizes of its windows then.
func (p *partition) loadWindows(ctx context.Context, pos mark.Position) error {
	if err := p.share(ctx); err != nil {
		return err
	}
	records, rows, twins := p.sizes.duplicateRecords, p.sizes.duplicateRows, p.sizes.twinRecords
	if pos.Mark.End > 0 {
		records, rows, twins = pos.Mark.DuplicateRecords, pos.Mark.DuplicateRows, pos.Mark.TwinRecords
	}
	w := block.NewWindows(p.kind(), records, rows, twins)
	high := pos.Offset
	if pos.Mark.End > 0 {
		high = p.begins(pos)
	}
	high = max(high, pos.Mark.Known)
	err := p.loadLetters(ctx, w, high)
	if err != nil {
		return err
	}
	switch p.kind() {
	case schema.TopicEvents:
		err = p.c.loadEvents(ctx, w, p.id, high)
	case schema.TopicSpans:
		err = p.c.loadSeen(ctx, w.Spans, p.id, high, p.c.sink.Spans)
	case schema.TopicLogs:
		err = p.c.loadSeen(ctx, w.Logs, p.id, high, p.c.sink.Logs)
	case schema.TopicSessions:
		err = errors.Join(p.c.loadSessions(ctx, w.Sessions, p.id, high),
			p.c.loadSeen(ctx, w.Metrics, p.id, high, p.c.sink.Metrics))
	}
	if err != nil {
		return err
	}
	p.win = w
	return nil
}
