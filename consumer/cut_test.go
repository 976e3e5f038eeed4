package consumer_test

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// cutRecords are n records of a topic, of which only the events and metrics are
// known again by an id.
func cutRecords(topic string, n uint64) []*schema.Record {
	var all []*schema.Record
	for i := range n {
		at := epoch.UnixMilli()
		r := &schema.Record{ProjectId: 1, ReceivedAt: at}
		accept := func(category string) {
			r.Receipts = append(r.Receipts, &schema.Receipt{Category: category, Quantity: 1})
		}
		switch topic {
		case schema.TopicEvents:
			r = anEvent(i)
			r.ProjectId, r.ReceivedAt = 1, at
		case schema.TopicSessions:
			r.CheckIns = []*schema.CheckIn{{CheckInId: id16(i), Monitor: "nightly", Status: "ok", Timestamp: at}}
			r.Metrics = []*schema.Metric{{MetricId: 1 + i, Name: "queue", TimeUs: at * 1000}}
			accept(r.CheckIns[0].Category())
			accept(r.Metrics[0].Category())
		case schema.TopicSpans:
			r.Spans = []*schema.Span{{Name: "no ids", StartUs: at * 1000}}
			accept(r.Spans[0].Category())
		case schema.TopicOutcomes:
			accept(schema.CategoryAttachment)
			r.Outcomes = []*schema.Outcome{{Category: schema.CategoryAttachment, Outcome: schema.OutcomeRateLimited, Quantity: 1}}
		}
		all = append(all, r)
	}
	return all
}

// cutTopics are topics with what reads how many of their records are rows.
var cutTopics = map[string][]string{
	schema.TopicEvents: {"events"}, schema.TopicSpans: {"spans"}, schema.TopicSessions: {"check_ins", "metrics"}, schema.TopicOutcomes: nil,
}

// cutCategories count the records of a topic in the ledger.
var cutCategories = map[string]string{
	schema.TopicEvents: schema.CategoryError, schema.TopicSpans: schema.CategorySpan, schema.TopicSessions: schema.CategoryMonitor, schema.TopicOutcomes: schema.CategoryAttachment,
}

// A consumer dies within a block that it has announced, and the log loses the
// beginning of that block, or all of it and more, until the next one comes. What
// the log still has is stored, no row and no sum twice, and each record is in the
// ledger once: by its fate, or as lost.
func TestAnnouncedRangeIsCut(t *testing.T) {
	t.Parallel()
	const before, last, all = 2, 50, 70
	server := clickhousetest.StartIn(t, t.TempDir()) // Five databases more are too much for the shared one.
	for i, x := range []struct {
		died   string
		begins int64
	}{{"before its rows", 12}, {"before its ledger", 12}, {"before its ledger", last + 7}, {"before its commit", 12}, {"before its commit", last + 7}} {
		t.Run(fmt.Sprintf("%s, log from %d", x.died, x.begins), func(t *testing.T) {
			s := newStoreOn(t, server, 1, fmt.Sprintf("errata_%d", i))
			defer func() { require.NoError(t, s.conn.Exec(context.Background(), "DROP DATABASE "+s.database+" SYNC")) }()
			cfg := s.config()
			send := func(from, to int) {
				for topic := range cutTopics {
					s.send(topic, "a", cutRecords(topic, all)[from:to]...)
				}
			}
			send(0, before)
			stop := s.start(cfg)
			s.drained(cfg.Group, func() {})
			stop()
			send(before, last)
			s.dieWithin(t, x.died, last)
			send(last, all)
			for topic := range cutTopics {
				s.forget(topic, x.begins)
			}
			defer s.start(cfg)()
			s.drained(cfg.Group, func() {})

			lost := x.begins - before // Of each topic, by the ledger.
			if x.died == "before its commit" {
				lost = x.begins - min(x.begins, last)
			}
			for topic, tables := range cutTopics {
				for _, table := range tables {
					rows := all - lost
					if x.died == "before its ledger" {
						rows = all - (x.begins - min(x.begins, last))
					}
					require.EqualValues(t, rows, s.number("SELECT count() FROM "+table), table)
				}
				for _, outcome := range []string{"= 'accepted'", "!= 'accepted'"} {
					require.EqualValues(t, all-lost, s.number("SELECT sum(quantity) FROM outcomes WHERE category = ? AND outcome "+outcome, cutCategories[topic]), topic)
				}
				require.EqualValues(t, lost, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'offset_gap' AND reason = ?", topic), topic)
			}
			require.Equal(t, s.number("SELECT count() FROM events"), s.number("SELECT sum(events) FROM issue_rollup"))
		})
	}
}

// dieWithin runs a consumer until it is at a place within the blocks that it has
// announced. From there on none of its commits succeeds.
func (s *store) dieWithin(t *testing.T, died string, last uint64) {
	t.Helper()
	exec := func(q string) { require.NoError(s.t, s.conn.Exec(context.Background(), q)) }
	away := map[string][]string{"before its rows": {"events", "spans", "check_ins", "metrics", "outcomes"}, "before its ledger": {"outcomes"}}[died]
	for _, table := range away {
		exec("ALTER TABLE " + table + " MODIFY SETTING parts_to_throw_insert = 1") // Each has a part.
	}
	var mu sync.Mutex
	dying, announced := true, map[string]bool{}
	s.cluster.ControlKey(int16(kmsg.OffsetCommit), func(q kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		topic := q.(*kmsg.OffsetCommitRequest).Topics[0].Topic //nolint:forcetypeassert // It is that of the key.
		if !dying || !announced[topic] {
			announced[topic] = true
			return nil, nil, false
		}
		return nil, io.ErrUnexpectedEOF, true
	})
	c := &child{t: t, cfg: s.config(), output: filepath.Join(t.TempDir(), "output")}
	c.cfg.Log = nil
	c.start()
	defer c.kill()
	for topic, tables := range cutTopics {
		require.Eventually(s.t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return announced[topic]
		}, 90*time.Second, 10*time.Millisecond)
		if died != "before its rows" {
			for _, table := range tables {
				s.eventually(last, "SELECT count() FROM "+table)
			}
		}
		if died == "before its commit" {
			s.eventually(last, "SELECT sum(quantity) FROM outcomes WHERE category = ? AND outcome = 'accepted'", cutCategories[topic])
		}
	}
	c.kill()
	s.eventually(0, "SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND current_database = currentDatabase()")
	for _, table := range away {
		exec("ALTER TABLE " + table + " RESET SETTING parts_to_throw_insert")
	}
	mu.Lock()
	dying = false
	mu.Unlock()
}
