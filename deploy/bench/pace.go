package bench

import (
	"sort"
	"sync"
	"time"
)

// pace remembers when how many events had been accepted, so that a count of
// stored ones says how old the newest visible event is.
type pace struct {
	mu     sync.Mutex
	points []point
}

type point struct {
	at       time.Time
	accepted int64
}

func (p *pace) note(accepted int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.points = append(p.points, point{time.Now(), accepted})
}

// behind is the time since as many events had been accepted as are stored now.
func (p *pace) behind(stored int64) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := sort.Search(len(p.points), func(i int) bool { return p.points[i].accepted > stored })
	switch {
	case len(p.points) == 0 || stored <= 0:
		return 0, false
	case i == len(p.points):
		return 0, true // All that was accepted is visible.
	}
	return time.Since(p.points[i].at), true
}
