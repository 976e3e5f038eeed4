package queries

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// trend is what was read of the events of some fingerprints over time.
type trend struct {
	of     map[uint64]bool
	points map[point]uint64
}

type point struct {
	fingerprint uint64
	at          int64 // Of the hour or the day.
}

// add says that these fingerprints are read.
func (t *trend) add(of []uint64) {
	if t.of == nil {
		t.of, t.points = map[uint64]bool{}, map[point]uint64{}
	}
	for _, f := range of {
		t.of[f] = true
	}
}

// readTrend reads the trend of these fingerprints.
func (a *asking) readTrend(ctx context.Context, of []uint64, into *trend) error {
	into.add(of)
	return a.with(map[string]string{"page": numbers(of)}).rows(ctx, "trend", func(r driver.Rows) error {
		var f, n uint64
		var at time.Time
		err := r.Scan(&f, &at, &n)
		into.points[point{f, at.Unix()}] = n // A row may come twice: see rows.
		return err
	})
}

// trends are events of the window by the hour in 24 equal parts, or by day, of
// the issues at place, whose fingerprints are members; what is known is not
// read again.
func (a *asking) trends(ctx context.Context, log *triageLog, place map[uint64]int, members []uint64, known *trend, into [][]uint64) error {
	hourly, err := a.query.Choice(a.bound).Within(72)
	if err != nil {
		return err
	}
	from, to, err := a.query.Choice(a.bound).Ends()
	if err != nil {
		return err
	}
	const day = 24 * time.Hour
	slots, start, span := 24, from.Truncate(time.Hour), max(to.Unix()-from.Unix(), 1)
	if !hourly {
		start = from.Truncate(day)
		slots = min(int(to.Truncate(day).Sub(start)/day)+1, 400)
	}
	for n := range into {
		into[n] = make([]uint64, slots)
	}
	missing := slices.DeleteFunc(slices.Clone(members), func(f uint64) bool { return known.of[f] })
	if len(missing) > 0 {
		if err := a.readTrend(ctx, missing, known); err != nil {
			return err
		}
	}
	for x, n := range known.points {
		slot := int(time.Unix(x.at, 0).Sub(start) / day)
		if hourly {
			slot = min(int((x.at-start.Unix())*24/span), 23)
		}
		if p, ok := place[log.survivor(x.fingerprint)]; ok && slot >= 0 && slot < slots {
			into[p][slot] += n
		}
	}
	return nil
}

// maxPages bounds how many pages are remembered: 50 fingerprints each, as a rule.
const maxPages = 500

// pages are the fingerprints that were on pages when they were asked for last.
type pages struct {
	sync.Mutex
	byKey map[pageKey][]uint64
}

type pageKey [sha256.Size]byte

func (p *pages) last(key pageKey) []uint64 {
	p.Lock()
	defer p.Unlock()
	return p.byKey[key]
}

func (p *pages) keep(key pageKey, fingerprints []uint64) {
	p.Lock()
	defer p.Unlock()
	if p.byKey == nil || len(p.byKey) >= maxPages {
		p.byKey = map[pageKey][]uint64{}
	}
	p.byKey[key] = fingerprints
}

// pageKey is what is asked for, but for when.
func (a *asking) pageKey() pageKey {
	var b strings.Builder
	for _, p := range a.query.Params {
		if p.Name != "from" && p.Name != "to" {
			b.WriteString(a.bound[p.Name] + "\x00")
		}
	}
	return sha256.Sum256([]byte(b.String()))
}
