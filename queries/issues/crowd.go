package issues

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
)

// crowd makes visitors exact for the issues that may be among the first k by
// users. Those of a window are the union of sketches, one for each slot and
// part; more than all of them together it cannot be, so only issues whose sum is
// large enough are read. The list is sorted by that afterwards.
func (a *asked) crowd(ctx context.Context, t *tally, all []*listed, k int) error {
	if t.kept == nil { // Sketches of one fingerprint are merged then, of several not.
		var several []*listed
		for _, i := range all {
			if i.visits > 1 {
				several = append(several, i)
			}
		}
		return a.visitors(ctx, t, several)
	}
	byBound := slices.Clone(all)
	slices.SortFunc(byBound, func(x, y *listed) int { return cmp.Compare(y.visitors, x.visitors) })
	k = min(k, len(byBound))
	if k == 0 {
		return nil
	}
	var first []*listed
	for _, i := range byBound[:k] {
		if i.crowds > 1 {
			first = append(first, i)
		}
	}
	bounds := make([]uint64, len(byBound))
	for n, i := range byBound {
		bounds[n] = i.visitors
	}
	if err := a.visitors(ctx, t, first); err != nil {
		return err
	}
	best := make([]uint64, k)
	for n, i := range byBound[:k] {
		best[n] = i.visitors
	}
	least := slices.Min(best)
	var more []*listed
	for n := k; n < len(byBound) && bounds[n]+bounds[n]*sketchError/100 >= least; n++ {
		if byBound[n].crowds > 1 {
			more = append(more, byBound[n])
		}
	}
	return a.visitors(ctx, t, more)
}

// sketchError is how many percent a union may be estimated over the sum of its
// parts' estimates: nine times the standard error of a sketch.
const sketchError = 15

// visitors reads the users of these issues in the window, unless the same parts
// gave them before.
func (a *asked) visitors(ctx context.Context, t *tally, of []*listed) error {
	type key struct {
		first, last int64
		members     uint64
	}
	keys := map[uint64]key{}
	var unknown []*listed
	for _, i := range of {
		if t.kept != nil {
			keys[i.key] = key{t.kept.First, t.kept.Last, maphash.String(seed, asking.Numbers(i.members))}
			if n, ok := t.mirror.Recall(t.kept, keys[i.key]); ok {
				i.visitors, _ = n.(uint64)
				continue
			}
		}
		unknown = append(unknown, i)
	}
	return a.countVisitors(ctx, unknown, func(i *listed, server uint64) {
		if t.kept != nil && server == t.kept.Server {
			t.mirror.Remember(t.kept, keys[i.key], i.visitors)
		}
	})
}

// countVisitors reads the users of these issues in the window; where that is
// over the limit of rows of whoever asks, half of them at a time.
func (a *asked) countVisitors(ctx context.Context, of []*listed, done func(i *listed, server uint64)) error {
	var members, owners []uint64
	found := map[uint64]*listed{}
	for _, i := range of {
		found[i.key] = i
		for _, f := range i.members {
			members, owners = append(members, f), append(owners, i.key)
		}
	}
	b := a.with(map[string]string{"visitors": asking.Numbers(members), "visited": asking.Numbers(owners)})
	err := b.Ask(ctx, "visits", func(r driver.Rows) error {
		var owner, users, server uint64
		err := r.Scan(&owner, &users, &server)
		if i := found[owner]; i != nil {
			i.visitors = users
			done(i, server)
		}
		return err
	})
	var refused *clickhouse.Exception
	if len(of) < 2 || !errors.As(err, &refused) || refused.Code != asking.TooManyRows {
		return err
	}
	if err := a.countVisitors(ctx, of[:len(of)/2], done); err != nil {
		return err
	}
	return a.countVisitors(ctx, of[len(of)/2:], done)
}

// seed makes hashes of this process.
var seed = maphash.MakeSeed()
