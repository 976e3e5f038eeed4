package directory

import (
	"context"
	"strings"
	"time"
)

const (
	maxStrange = 1024 // Unknown keys that are remembered.
	maxWaiters = 64
)

// ByKey returns the key's entry, or a *Disabled. An unknown key is looked for at the source,
// at most twice a second for all of them together. Who brings one first waits for
// that, so that a key works from its creation on.
func (d *Directory) ByKey(ctx context.Context, key string) (*Entry, error) {
	if s := d.snap.Load(); s != nil {
		if e := s.byKey[key]; e != nil {
			return e, nil
		}
	}
	d.find(ctx, key)
	s := d.snap.Load()
	if s == nil {
		return nil, ErrNotLoaded
	}
	if e := s.byKey[key]; e != nil {
		return e, nil
	}
	if off := s.off[key]; off != nil {
		return nil, off
	}
	return nil, ErrUnknown
}

// younger waits for a listing whose load began after now: what was created before
// is in it. A load that runs may have begun before, and one may have ended a moment ago.
func (d *Directory) younger(ctx context.Context) {
	asked := time.Now()
	for ctx.Err() == nil {
		d.mu.Lock()
		if d.flight == nil && !d.started.Before(asked) {
			d.mu.Unlock()
			return
		}
		var soon <-chan time.Time
		if d.flight == nil {
			if left := d.pause() - time.Since(d.started); left > 0 {
				soon = time.After(left)
			} else {
				d.fly()
			}
		}
		flight := d.flight // Nil, and so never ready, while the pause lasts.
		d.mu.Unlock()
		select {
		case <-flight:
		case <-soon:
		case <-ctx.Done():
		}
	}
}

// meet says whether a request with this unknown key waits for a younger listing:
// once for each key, and few at a time, so that a flood of wrong keys is refused at once.
func (d *Directory) meet(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, met := d.strange[key]; met || d.waiters >= maxWaiters {
		return false
	}
	if d.strange == nil || len(d.strange) >= maxStrange {
		d.strange = map[string]struct{}{}
	}
	d.strange[strings.Clone(key)] = struct{}{} // What a request holds ends with it.
	d.waiters++
	return true
}

// find looks for an unknown key at the source.
func (d *Directory) find(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Waiting)
	defer cancel()
	if !d.meet(key) {
		d.refresh(ctx, false)
		return
	}
	d.younger(ctx)
	d.mu.Lock()
	d.waiters--
	d.mu.Unlock()
}
