package regroup

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/uuid"

	"errata/queries"
	"errata/schema/grouping"
	"errata/schema/grouping/payload"
)

// maxReaders bounds how many slices are read at a time: the store answers
// others too.
const maxReaders = 8

// row is one stored event. It is the reader's memory: it holds until the next.
type row struct {
	fingerprint    uint64
	weight         uint32
	id             uuid.UUID
	platform, kind string
	payload        []byte
}

// worker reads stored events over a connection of its own and groups them.
type worker struct {
	client  *ch.Client
	grouper *grouping.Grouper
	payload payload.Reader

	fingerprint    proto.ColUInt64
	weight         proto.ColUInt32
	id             proto.ColUUID
	platform, kind proto.ColStr
	body           proto.ColStr
}

func newWorker(ctx context.Context, s *queries.Store, g *grouping.Grouper) (*worker, error) {
	c, err := s.Stream(ctx)
	if err != nil {
		return nil, err
	}
	return &worker{client: c, grouper: g}, nil
}

func (w *worker) close() { _ = w.client.Close() }

// Blocks of a few megabytes: large enough that their overhead does not show,
// small enough for a cache.
var readSettings = []ch.Setting{
	ch.SettingInt("max_threads", 1), ch.SettingInt("max_block_size", 2048), ch.SettingInt("preferred_block_size_bytes", 4<<20),
	ch.SettingInt("optimize_read_in_order", 0),
}

// read calls each for the events that a condition of numbers and dates picks.
func (w *worker) read(ctx context.Context, where string, each func(*row) error) error {
	var r row
	err := w.client.Do(ctx, ch.Query{
		Body:     "SELECT fingerprint, weight, event_id, CAST(platform, 'String') AS p, CAST(type, 'String') AS k, payload FROM events " + where,
		Settings: readSettings,
		Result: proto.Results{
			{Name: "fingerprint", Data: &w.fingerprint}, {Name: "weight", Data: &w.weight}, {Name: "event_id", Data: &w.id},
			{Name: "p", Data: &w.platform}, {Name: "k", Data: &w.kind}, {Name: "payload", Data: &w.body},
		},
		OnResult: func(ctx context.Context, b proto.Block) error {
			for i := range b.Rows {
				if i%64 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				r = row{
					fingerprint: w.fingerprint[i], weight: w.weight[i], id: w.id[i],
					platform: w.platform.Row(i), kind: w.kind.Row(i), payload: w.body.RowBytes(i),
				}
				if err := each(&r); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("cannot read stored events: %w", err)
	}
	return nil
}
