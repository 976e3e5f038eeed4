package consumer

import (
	"context"
	"time"

	kafka "github.com/segmentio/kafka-go"
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
		assigned := c.metrics.assigned()
		for k := range assigned {
			ask[k.topic] = append(ask[k.topic], kafka.LastOffsetOf(k.id))
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
				if p := assigned[partitionKey{topic, x.Partition}]; p != nil && x.Error == nil {
					p.end(x.LastOffset)
				}
			}
		}
	}
}
