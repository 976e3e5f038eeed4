package plugin

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// cache keeps lists for editors for a short time, so that opening a dashboard
// with ten variables asks each list once.
type cache struct {
	mu     sync.Mutex
	kept   map[string]kept
	flight singleflight.Group
}

type kept struct {
	at     time.Time
	values []option
}

const (
	keepFor  = time.Minute
	keepMost = 100
)

func newCache() *cache { return &cache{kept: map[string]kept{}} }

func (c *cache) get(ctx context.Context, key string, load func(context.Context) ([]option, error)) ([]option, error) {
	c.mu.Lock()
	k, ok := c.kept[key]
	c.mu.Unlock()
	if ok && time.Since(k.at) < keepFor {
		return k.values, nil
	}
	// One who leaves does not take the others' answer along.
	v, err, _ := c.flight.Do(key, func() (any, error) { return load(context.WithoutCancel(ctx)) })
	if err != nil {
		return nil, err
	}
	values := v.([]option)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= keepMost {
		clear(c.kept)
	}
	c.kept[key] = kept{time.Now(), values}
	return values, nil
}
