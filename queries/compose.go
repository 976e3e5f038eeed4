package queries

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"errata/queries/catalog"
)

// composed are the queries whose steps are plain reads that are put together
// here: planning one statement that does the same costs the server more than
// all of them, or which one is asked depends on what another gave.
var composed = map[string]func(context.Context, *asking) (*Result, error){
	"issue_list": listIssues, "event_search": listNewest, "text_search": listNewest, "releases": listReleases, "release_compare": compareReleases,
	"error_trend": hourTrend, "issue_trend": issueTrend, "tag_distribution": tagDistribution, "tag_lift": tagLift, "error_trend_split": splitTrend,
}

// asking is one run of such a query. What is bound is not changed once the
// first step was asked; see with.
type asking struct {
	store *Store
	query *catalog.Query
	bound map[string]string
}

// with is the same asking with more values bound.
func (a *asking) with(values map[string]string) *asking {
	bound := maps.Clone(a.bound)
	maps.Copy(bound, values)
	return &asking{a.store, a.query, bound}
}

// rows asks a step and calls each for every row, which scans it. A step whose
// text is empty for these values is not asked. Rows over the limit of whoever
// asks come in parts, by fingerprint: a page has few, a project may have many.
// Some of them came before then, and come again.
func (a *asking) rows(ctx context.Context, name string, each func(driver.Rows) error) error {
	return a.rowsAgain(ctx, name, func() {}, each)
}

// rowsAgain is rows for whoever cannot take a row twice: again says that all of
// them come once more.
func (a *asking) rowsAgain(ctx context.Context, name string, again func(), each func(driver.Rows) error) error {
	err := a.ask(ctx, name, each)
	var refused *clickhouse.Exception
	if !errors.As(err, &refused) || refused.Code != tooManyRows || a.bound["part"] != "" {
		return err
	}
	again()
	for n := range parts {
		if err := a.with(map[string]string{"part": fmt.Sprintf("[%d]", n)}).ask(ctx, name, each); err != nil {
			return err
		}
	}
	return nil
}

// tooManyRows is ClickHouse's code for a result over max_result_rows; parts is
// how many parts it is asked for then, as the texts have it.
const (
	tooManyRows = 396
	parts       = 16
)

func (a *asking) ask(ctx context.Context, name string, each func(driver.Rows) error) error {
	at := slices.IndexFunc(a.query.Steps, stepNamed(name))
	if at < 0 {
		return fmt.Errorf("it has no step %s", name)
	}
	sql, err := a.query.Statement(a.query.Steps[at], a.bound)
	if err != nil || sql == "" {
		return err
	}
	rows, err := a.store.conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(a.bound))), sql)
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

func stepNamed(name string) func(catalog.Step) bool {
	return func(s catalog.Step) bool { return s.Name == name }
}

// atOnce runs all of these at the same time.
func atOnce(ctx context.Context, todo ...func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, do := range todo {
		g.Go(func() error { return do(ctx) })
	}
	return g.Wait()
}

// set collects the fingerprints of a step.
func (a *asking) set(ctx context.Context, name string, into map[uint64]bool) error {
	return a.rows(ctx, name, func(r driver.Rows) error {
		var f uint64
		err := r.Scan(&f)
		into[f] = true
		return err
	})
}

// counts collects numbers by fingerprint.
func (a *asking) counts(ctx context.Context, name string, into map[uint64]uint64) error {
	return a.rows(ctx, name, func(r driver.Rows) error {
		var f, n uint64
		err := r.Scan(&f, &n)
		into[f] = n
		return err
	})
}

// given is what the text of a step asks of a value, too.
func (a *asking) given(name string) bool {
	given, _ := a.query.Choice(a.bound).Given(name) // Not declared is not given.
	return given
}

// answer is a result without rows, with the columns that the query declares.
func (a *asking) answer() *Result {
	out := &Result{Columns: slices.Clone(a.query.Columns)}
	for n := range out.Columns {
		out.Columns[n].Purpose = ""
	}
	return out
}

// numbers writes an array parameter.
func numbers(values []uint64) string {
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

// texts writes an array parameter of texts.
func texts(values []string) string {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	text, _ := catalog.ArrayText(all) // They are all texts.
	return text
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// lines reads a parameter of values, one a line; nil for all.
func (a *asking) lines(name string) []string {
	if !a.given(name) {
		return nil
	}
	return strings.Split(catalog.Unescape(a.bound[name]), "\n")
}
