package issues

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// card is what a page shows of an issue beside its window and its state.
type card struct {
	counted, named                                                bool      // Whether each of both reads knew it.
	versions                                                      [2]uint64 // Of which parts each of them read.
	firstSeen, lastSeen                                           time.Time
	events, users                                                 uint64
	level, title, culprit, kind, firstRelease, lastRelease, trace string
	sample                                                        uuid.UUID
	protocols, environments                                       []string
}

// people reads what has plain numbers, and the users, of the issues at place.
func (a *asked) people(ctx context.Context, place map[uint64]int, into []*card) error {
	return a.Rows(ctx, "people", func(r driver.Rows) error {
		var owner uint64
		c := card{counted: true}
		err := r.Scan(&owner, &c.firstSeen, &c.lastSeen, &c.events, &c.level, &c.users, &c.versions[0])
		if n, ok := place[owner]; ok {
			x := into[n]
			x.counted, x.firstSeen, x.lastSeen, x.events, x.level, x.users, x.versions[0] = true, c.firstSeen, c.lastSeen, c.events, c.level, c.users, c.versions[0]
		}
		return err
	})
}

// newest reads what the newest and the oldest event of the issues at place say.
func (a *asked) newest(ctx context.Context, place map[uint64]int, into []*card) error {
	return a.Rows(ctx, "result", func(r driver.Rows) error {
		var owner, version uint64
		var protocols uint8
		var environments []string
		var last, first []any
		if err := r.Scan(&owner, &protocols, &environments, &last, &first, &version); err != nil {
			return err
		}
		n, ok := place[owner]
		if !ok {
			return nil
		}
		x := into[n]
		x.named, x.versions[1], x.protocols = true, version, []string{}
		for bit, name := range []string{"sentry", "otlp"} {
			if protocols&(1<<bit) != 0 {
				x.protocols = append(x.protocols, name)
			}
		}
		slices.Sort(environments)
		x.environments = slices.DeleteFunc(environments, func(e string) bool { return e == "" })
		text := func(v any) string { s, _ := v.(string); return s }
		x.title, x.culprit, x.kind, x.lastRelease, x.trace, x.firstRelease = text(last[0]), text(last[1]), text(last[2]), text(last[5]), text(last[7]), text(first[0])
		x.sample, _ = last[6].(uuid.UUID)
		return nil
	})
}

// maxCards bounds how many are kept: about 10 MB.
const maxCards = 20_000

// Cards keeps what was read of issues. Sketches of users and titles are most of
// what a page costs, and stand in parts of a table that never change: an issue
// that the same parts know is the same. Which parts know it is read with every
// page and by every read that is kept, so that nothing old is shown, whichever
// replica answers.
type Cards struct {
	mu      sync.Mutex
	byIssue map[cardKey]*card
}

type cardKey struct {
	project        string
	issue, version uint64
}

// known are the cards of a page, nil for what must be read.
func (c *Cards) known(project string, page []*listed) []*card {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*card, len(page))
	for n, i := range page {
		out[n] = c.byIssue[cardKey{project, i.key, i.version}]
	}
	return out
}

// keep remembers what both reads had of the same parts as the page.
func (c *Cards) keep(project string, page []*listed, read []*card) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byIssue)+len(page) > maxCards || c.byIssue == nil {
		c.byIssue = make(map[cardKey]*card, len(page))
	}
	for n, i := range page {
		if read[n].counted && read[n].named && read[n].versions == [2]uint64{i.version, i.version} {
			c.byIssue[cardKey{project, i.key, i.version}] = read[n]
		}
	}
}
