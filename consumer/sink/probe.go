package sink

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go"

	"errata/consumer/table"
)

// Probe is a table that checks rows as another one does, and keeps none.
type Probe struct {
	s    *Sink
	name string
}

// Probe makes the probe of a table: its columns and constraints over an engine
// that stores nothing and has no views. Who names those who look at the same time:
// each has a probe of its own, and finds what a killed life of it left.
func (s *Sink) Probe(ctx context.Context, of, who string) (*Probe, error) {
	p := &Probe{s: s, name: "`probe_" + of + "_" + strings.NewReplacer("`", "", "\\", "").Replace(who) + "`"}
	for _, q := range []string{"DROP TABLE IF EXISTS " + p.name, "CREATE TABLE " + p.name + " AS " + of + " ENGINE = Null"} {
		if err := s.do(ctx, ch.Query{Body: q}); err != nil {
			return nil, fmt.Errorf("cannot make a table to try rows of %s on: %w", of, err)
		}
	}
	return p, nil
}

// Search returns the rows that are refused, by halving, and removes the probe.
func (p *Probe) Search(ctx context.Context, t *table.Table) ([]int, error) {
	defer func() { _ = p.s.do(context.WithoutCancel(ctx), ch.Query{Body: "DROP TABLE IF EXISTS " + p.name}) }()
	return p.search(ctx, t, 0, t.Rows())
}

func (p *Probe) search(ctx context.Context, t *table.Table, from, to int) ([]int, error) {
	part, err := t.Slice(from, to)
	if err != nil {
		return nil, err
	}
	part.SQL = "INSERT INTO " + p.name + " " + part.Input().Columns() + " VALUES"
	err = p.s.do(ctx, ch.Query{Body: part.SQL, Input: part.Input(), Settings: []ch.Setting{{Key: "async_insert", Value: "0"}}})
	if err == nil {
		return nil, nil
	}
	if _, refused := Refused(err); !refused {
		return nil, fmt.Errorf("cannot try rows of %s: %w", t.Table, err)
	}
	if to-from == 1 {
		return []int{from}, nil
	}
	middle := (from + to) / 2
	left, err := p.search(ctx, t, from, middle)
	if err != nil {
		return nil, err
	}
	right, err := p.search(ctx, t, middle, to)
	if err != nil {
		return nil, err
	}
	if len(left)+len(right) == 0 {
		return nil, fmt.Errorf("cannot find the refused rows of %s: rows %d to %d are refused together only", t.Table, from, to)
	}
	return append(left, right...), nil
}
