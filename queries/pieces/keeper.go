package pieces

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Keeper holds mirrors by what they are of, those asked last first, up to a
// number of rows of all together.
type Keeper struct {
	// Most is how many rows are kept of all mirrors, and half of it of one; 0 for
	// 2.5 million, of about 40 bytes each.
	Most int

	turn  sync.Mutex // One mirror at a time is read for later.
	mu    sync.Mutex
	tick  uint64
	byKey map[string]*kept
}

type kept struct {
	mirror any
	rows   int
	used   uint64
	later  bool      // It is being read, and no question waits for that.
	until  time.Time // Before then it is not tried again.
}

// pause is how long a table that had too many rows is read as a whole.
const pause = 5 * time.Minute

// Get gives the rows of all parts of a table, from the mirror of this name.
func Get[R any](ctx context.Context, k *Keeper, key string, s Source[R]) (Rows[R], *Mirror[R], error) {
	key = fmt.Sprintf("%T\x00%s", *new(R), key) // Other rows are another mirror.
	k.mu.Lock()
	if k.byKey == nil {
		k.byKey = map[string]*kept{}
	}
	if k.Most == 0 {
		k.Most = 2_500_000
	}
	most := k.Most / 2
	x := k.byKey[key]
	if x == nil {
		x = &kept{mirror: &Mirror[R]{gate: make(chan struct{}, 1), pieces: map[uint64]piece[R]{}}}
		k.byKey[key] = x
	}
	k.tick++
	x.used = k.tick
	paused := x.later || time.Now().Before(x.until)
	k.mu.Unlock()
	m, _ := x.mirror.(*Mirror[R])
	if paused {
		return Rows[R]{}, nil, ErrWhole
	}
	out, held, err := m.Get(ctx, s, most)
	k.mu.Lock()
	defer k.mu.Unlock()
	if errors.Is(err, errLater) {
		x.later = true
		go readLater(context.WithoutCancel(ctx), k, x, m, s, most)
	}
	k.settle(x, held, err)
	return out, m, err
}

// readLater reads what the next question will find, once the one that did not
// wait for it has been answered.
func readLater[R any](ctx context.Context, k *Keeper, x *kept, m *Mirror[R], s Source[R], most int) {
	time.Sleep(later)
	k.turn.Lock()
	defer k.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s.Later = 0
	_, held, err := m.Get(ctx, s, most)
	k.mu.Lock()
	defer k.mu.Unlock()
	x.later = false
	k.settle(x, held, err)
}

// later is how long after a question: a program that asks one is gone by then.
const later = 500 * time.Millisecond

// settle writes down how much a mirror holds, and makes room for it.
func (k *Keeper) settle(x *kept, held int, err error) {
	x.rows = held
	if errors.Is(err, errLarge) {
		x.until = time.Now().Add(pause)
	}
	k.trim(x)
}

// trim drops the mirrors that were asked longest ago.
func (k *Keeper) trim(but *kept) {
	for {
		sum, oldest, n := 0, "", 0
		for key, x := range k.byKey {
			sum += x.rows
			n++
			if x != but && (oldest == "" || x.used < k.byKey[oldest].used) {
				oldest = key
			}
		}
		if oldest == "" || sum <= k.Most && n <= maxMirrors {
			return
		}
		delete(k.byKey, oldest)
	}
}

// maxMirrors bounds how many there are, however small.
const maxMirrors = 500
