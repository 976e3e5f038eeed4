package consumer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/consumer/replay"
	"errata/deploy/local/clickhousetest"
	"errata/schema"
)

// TestKilledAmongRefusedRows kills and stops consumers while ClickHouse refuses rows at
// the borders of blocks, whole blocks of them, and poison between them; then
// sends the dead letters again in runs that are cut off. Each event is stored
// once in the end, and each of its records has one fate.
func TestKilledAmongRefusedRows(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds: not with -short")
	}
	s := newStoreOn(t, clickhousetest.Shared(t), 3, "refused")
	exec := func(q string) { require.NoError(t, s.conn.Exec(context.Background(), q)) }
	exec("ALTER TABLE events ADD CONSTRAINT sane CHECK title != 'bad'")
	exec("ALTER TABLE attachments ADD CONSTRAINT sane CHECK name != 'bad'")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const block = 50
	var all []kafka.Message
	bad, badFiles, poison, n := 0, 0, 0, uint64(0)
	for n < 1500 {
		key := []byte(fmt.Sprint(r.IntN(40)))
		run := 1
		refused := r.IntN(40) == 0
		if refused && r.IntN(4) == 0 {
			run = block * (1 + r.IntN(3)) // Whole blocks of them.
		}
		for range run {
			e := anEvent(n)
			if r.IntN(4) == 0 {
				e.Attachments = []*schema.Attachment{{EventId: e.Event.EventId, Name: "good", Size: 5, Timestamp: e.ReceivedAt, ItemType: "attachment"}}
				e.Receipts = append(e.Receipts, &schema.Receipt{Category: schema.CategoryAttachment, Quantity: 1})
				if r.IntN(30) == 0 {
					e.Attachments[0].Name = "bad"
					badFiles++
				}
			}
			if refused {
				e.Event.Title = "bad"
				bad++
			}
			n++
			v, err := schema.EncodeRecord(e)
			require.NoError(t, err)
			all = append(all, kafka.Message{Topic: schema.TopicEvents, Key: key, Value: v})
			if r.IntN(30) == 0 {
				poison++
				all = append(all, kafka.Message{Topic: schema.TopicEvents, Key: key, Value: []byte("\xff poison")})
			}
		}
	}
	cfg := s.config()
	cfg.Log = nil
	cfg.BatchRows, cfg.MinAge, cfg.MaxAge = block, 20*time.Millisecond, 40*time.Millisecond
	outputs := t.TempDir()
	var children []*child
	for i := range 2 {
		c := &child{t: t, cfg: cfg, output: filepath.Join(outputs, fmt.Sprint(i))}
		children = append(children, c)
		c.start()
		defer c.kill()
	}
	x := &stall{server: clickhousetest.Shared(t), children: children}
	trouble := func(times int) {
		for range times {
			time.Sleep(time.Duration(100+r.IntN(900)) * time.Millisecond)
			c := children[r.IntN(2)]
			if r.IntN(3) == 0 {
				pause(c.cmd.Process.Pid, cfg.SessionTimeout+time.Duration(r.IntN(1500))*time.Millisecond)()
				continue
			}
			c.kill()
			c.start()
		}
	}
	for i := 0; i < len(all); i += 250 {
		require.NoError(t, s.writer.WriteMessages(context.Background(), all[i:min(i+250, len(all))]...))
		trouble(1)
	}
	s.drained(cfg.Group, func() { x.tell(t, s, cfg.Group) })
	require.EqualValues(t, int(n)-bad, s.number("SELECT count() FROM events"))
	require.EqualValues(t, int(n)-bad, s.number("SELECT uniqExact(event_id) FROM events"))
	require.EqualValues(t, bad+badFiles+poison, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter'"))
	require.EqualValues(t, bad, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'dead_letter' AND category = 'error'"))
	s.balanced()

	exec("ALTER TABLE events DROP CONSTRAINT sane")
	exec("ALTER TABLE attachments DROP CONSTRAINT sane")
	for range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+r.IntN(600))*time.Millisecond)
		_, err := replay.Run(ctx, replay.Config{Brokers: s.brokers})
		cancel()
		t.Logf("a replay that is cut off: %v", err)
		trouble(1)
	}
	s.replay()
	_, err := replay.Run(t.Context(), replay.Config{Brokers: s.brokers, Again: true})
	require.NoError(t, err)
	trouble(3)
	s.drained(cfg.Group, func() { x.tell(t, s, cfg.Group) })
	require.Equal(t, n, s.number("SELECT uniqExact(event_id) FROM events"), "all are stored")
	require.Equal(t, n, s.number("SELECT count() FROM events"), "and once")
	require.Equal(t, n, s.number("SELECT sum(events) FROM issue_rollup"))
	require.Equal(t, n, s.number("SELECT sum(quantity) FROM outcomes WHERE category = 'error' AND outcome = 'stored'"))
	require.Equal(t, s.number("SELECT count() FROM attachments"), s.number("SELECT uniqExact(event_id) FROM attachments"))
	require.Zero(t, s.number("SELECT count() FROM attachments WHERE event_id NOT IN (SELECT event_id FROM events)"))
	s.balanced()
}
