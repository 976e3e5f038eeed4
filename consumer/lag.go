package consumer

import (
	"context"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"errata/consumer/meter"
)

// lagInterval is how often the ends of the logs are asked for. Fetches tell
// them too, but nothing is fetched while ClickHouse is away.
const lagInterval = 2 * time.Second

// watchLag keeps the lag true until ctx ends.
func (c *Consumer) watchLag(ctx context.Context) {
	for {
		sleep(ctx, lagInterval)
		if ctx.Err() != nil {
			return
		}
		ask := map[string][]kafka.OffsetRequest{}
		assigned := c.metrics.Assigned()
		for k := range assigned {
			ask[k.Topic] = append(ask[k.Topic], kafka.LastOffsetOf(k.ID))
		}
		if len(ask) == 0 {
			continue
		}
		r, err := c.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: ask})
		if err != nil {
			continue // The broker is away: there is nothing new to tell.
		}
		for topic, all := range r.Topics {
			for _, x := range all {
				if p := assigned[meter.Key{Topic: topic, ID: x.Partition}]; p != nil && x.Error == nil {
					p.End(x.LastOffset)
				}
			}
		}
	}
}
