package trend

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"errata/queries/asking"
	"errata/queries/pieces"
)

// edge is what the hours have of an issue that the window cuts at its ends.
type edge struct {
	project             uint32
	fingerprint, events uint64
	at                  int64
}

// readEdges reads these of events.
func (s *splitting) readEdges(ctx context.Context) error {
	return s.RowsAgain(ctx, "edges", func() { s.edges = nil }, func(r driver.Rows) error {
		var e edge
		var at time.Time
		err := r.Scan(&e.project, &e.fingerprint, &at, &e.events)
		e.at = at.UnixMilli()
		s.edges = append(s.edges, e)
		return err
	})
}

// readCuts is readEdges of all issues: minutes of the hours that the window cuts
// are kept, and events are read of the minute only that its end cuts.
func (s *splitting) readCuts(ctx context.Context) error {
	from, to, err := s.Query.Choice(s.Bound).Ends()
	if err != nil {
		return err
	}
	minute := asking.Floor(to.UnixMilli()+1, minuteMS)
	cut := []stretchOf{{asking.Floor(from.UnixMilli(), minuteMS), s.first}, {s.end, minute}}
	var rows []*pieces.Rows[pieces.Strip]
	last := *s
	last.edges, last.Asking = nil, s.With(map[string]string{"cuts": "[" + asking.Itoa(s.first) + "," + asking.Itoa(minute) + "]"})
	err = asking.AtOnce(ctx, func(ctx context.Context) (err error) {
		rows, err = minutesOf(ctx, s.Asking, "split minutes\x00"+s.filters, "minutes", cut, pieces.Source[pieces.Strip]{Weigh: pieces.Strip.Weigh, Join: pieces.JoinStrips}, asking.Strip)
		return err
	}, func(ctx context.Context) error {
		if minute > to.UnixMilli() {
			return nil
		}
		return last.readEdges(ctx)
	})
	if err != nil {
		return err
	}
	if rows == nil {
		return s.readEdges(ctx)
	}
	s.edges = last.edges
	for n, x := range cut {
		hour := asking.Floor(x.first, asking.HourMS)
		for _, of := range rows[n].Of {
			for i := range of {
				e := edge{project: of[i].Value.Project, fingerprint: of[i].Issue, at: asking.Floor(hour, s.width)}
				of[i].Value.Each((x.first-hour)/minuteMS, (x.end-1-hour)/minuteMS, func(_ int64, n uint64) {
					e.events = n
					s.edges = append(s.edges, e)
				})
			}
		}
	}
	return nil
}
