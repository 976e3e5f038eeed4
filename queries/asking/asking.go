// Package asking runs the steps of a query whose answer is put together by the
// process. In: a query of the catalog with bound values, and which step is asked.
// Out: its rows, or what is kept of the parts of a table (package pieces). It
// knows no question and no column.
package asking

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"errata/queries/catalog"
	"errata/queries/pieces"
)

// Server is one ClickHouse that is asked, and what is kept of it.
type Server struct {
	Conn driver.Conn
	// Waits is how many rows of parts that are not known a question waits for; 0 for
	// a million.
	Waits uint64

	kept     pieces.Keeper
	complete complete
	local    atomic.Bool // Its tables are known to stand on that server.
}

// Asking is one run of such a query. What is bound is not changed once the
// first step was asked; see With.
type Asking struct {
	Server *Server
	Query  *catalog.Query
	Bound  map[string]string
}

// With is the same asking with more values bound.
func (a *Asking) With(values map[string]string) *Asking {
	bound := maps.Clone(a.Bound)
	maps.Copy(bound, values)
	return &Asking{a.Server, a.Query, bound}
}

// Rows asks a step and calls each for every row, which scans it. A step whose
// text is empty for these values is not asked. Rows over the limit of whoever
// asks come in parts, by fingerprint: a page has few, a project may have many.
// Some of them came before then, and come again.
func (a *Asking) Rows(ctx context.Context, name string, each func(driver.Rows) error) error {
	return a.RowsAgain(ctx, name, func() {}, each)
}

// RowsAgain is rows for whoever cannot take a row twice: again says that all of
// them come once more.
func (a *Asking) RowsAgain(ctx context.Context, name string, again func(), each func(driver.Rows) error) error {
	err := a.Ask(ctx, name, each)
	var refused *clickhouse.Exception
	if !errors.As(err, &refused) || refused.Code != TooManyRows || a.Bound["part"] != "" {
		return err
	}
	again()
	for n := range parts {
		if err := a.With(map[string]string{"part": fmt.Sprintf("[%d]", n)}).Ask(ctx, name, each); err != nil {
			return err
		}
	}
	return nil
}

// TooManyRows is ClickHouse's code for a result over max_result_rows; parts is
// how many parts it is asked for then, as the texts have it.
const (
	TooManyRows = 396
	parts       = 16
)

// Ask is Rows in one statement, whatever the limit of whoever asks.
func (a *Asking) Ask(ctx context.Context, name string, each func(driver.Rows) error) error {
	at := slices.IndexFunc(a.Query.Steps, StepNamed(name))
	if at < 0 {
		return fmt.Errorf("it has no step %s", name)
	}
	sql, err := a.Query.Statement(a.Query.Steps[at], a.Bound)
	if err != nil || sql == "" {
		return err
	}
	rows, err := a.Server.Conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(a.Bound))), sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("step %s: %w", name, err)
		}
	}
	return rows.Err()
}

// StepNamed finds a step.
func StepNamed(name string) func(catalog.Step) bool {
	return func(s catalog.Step) bool { return s.Name == name }
}

// AtOnce runs all of these at the same time.
func AtOnce(ctx context.Context, todo ...func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, do := range todo {
		g.Go(func() error { return do(ctx) })
	}
	return g.Wait()
}

// Set collects the fingerprints of a step.
func (a *Asking) Set(ctx context.Context, name string, into map[uint64]bool) error {
	return a.Rows(ctx, name, func(r driver.Rows) error {
		var f uint64
		err := r.Scan(&f)
		into[f] = true
		return err
	})
}

// Counts collects Numbers by fingerprint.
func (a *Asking) Counts(ctx context.Context, name string, into map[uint64]uint64) error {
	return a.Rows(ctx, name, func(r driver.Rows) error {
		var f, n uint64
		err := r.Scan(&f, &n)
		into[f] = n
		return err
	})
}

// Given is what the text of a step asks of a value, too.
func (a *Asking) Given(name string) bool {
	given, _ := a.Query.Choice(a.Bound).Given(name) // Not declared is not given.
	return given
}

// Answer is a result without rows, with the columns that the query declares.
func (a *Asking) Answer() *Result {
	out := &Result{Columns: slices.Clone(a.Query.Columns)}
	for n := range out.Columns {
		out.Columns[n].Purpose = ""
	}
	return out
}

// Numbers writes an array parameter.
func Numbers(values []uint64) string {
	b := make([]byte, 1, 2+21*len(values))
	b[0] = '['
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, v, 10)
	}
	return string(append(b, ']'))
}

// Texts writes an array parameter of texts.
func Texts(values []string) string {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	text, _ := catalog.ArrayText(all) // They are all texts.
	return text
}

// Itoa writes a number.
func Itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Lines reads a parameter of values, one a line; nil for all.
func (a *Asking) Lines(name string) []string {
	if !a.Given(name) {
		return nil
	}
	return strings.Split(catalog.Unescape(a.Bound[name]), "\n")
}

// Result is all that a step gives.
func (a *Asking) Result(ctx context.Context, step catalog.Step) (*Result, error) {
	sql, err := a.Query.Statement(step, a.Bound)
	if err != nil {
		return nil, err
	}
	return a.Server.Ask(ctx, sql, a.Bound)
}
