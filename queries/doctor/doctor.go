// Package doctor looks a store over. In: the connections of an operator. Out:
// findings, each with the next step where something is wrong. It changes
// nothing.
package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"

	"errata/queries"
	"errata/queries/projects"
	"errata/schema/tables"
)

// Verdicts of a finding.
const (
	OK   = "ok"
	Warn = "warn"
	Fail = "fail"
)

// Finding is what one check said.
type Finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
	Next    string `json:"next,omitempty"` // What to do; empty where all is well.
}

// Target is the store to look over.
type Target struct {
	Store       *queries.Store // As the owner.
	Away        error          // Why ClickHouse cannot be asked; then only the rest is looked over.
	Schema      tables.Options
	Edge        string         // host:port of the edge; empty: not asked.
	Brokers     []string       // Empty: not asked.
	TLS         *tls.Config    // Of connections to brokers; nil for plain ones.
	SASL        sasl.Mechanism // How to log in to them; nil: nobody does.
	Group       string         // Consumer group.
	TopicPrefix string
	Settled     time.Duration // How old a minute must be for its ledger to be balanced.
}

// maxParts is how many active parts of one partition mean that merges fall
// behind: ClickHouse slows inserts at 1000.
const maxParts = 300

// Examine runs every check.
func Examine(ctx context.Context, t Target) []Finding {
	var out []Finding
	for _, check := range []struct {
		name string
		run  func(context.Context, Target) Finding
	}{
		{"clickhouse", server}, {"schema", schemaCurrent}, {"deduplication", deduplication}, {"dictionary", dictionary}, {"disk", disk}, {"parts", parts},
		{"projects", haveProjects}, {"edge", edge}, {"lag", lag}, {"freshness", freshness}, {"ledger", ledger}, {"dead letters", deadLetters},
	} {
		if t.Away != nil && !slices.Contains([]string{"clickhouse", "edge", "lag"}, check.name) {
			continue // They ask it.
		}
		f := check.run(ctx, t)
		if f.Verdict == "" {
			continue // Not asked.
		}
		f.Check = check.name
		out = append(out, f)
	}
	return out
}

func failed(err error, next string) Finding {
	return Finding{Verdict: Fail, Detail: err.Error(), Next: next}
}

func server(ctx context.Context, t Target) Finding {
	if t.Away != nil {
		return failed(t.Away, "start ClickHouse, or check --clickhouse and the password")
	}
	r, err := t.Store.SQL(ctx, `SELECT version(), uptime(), (SELECT sum(value) FROM system.metrics WHERE metric = 'MemoryTracking')`)
	if err != nil {
		return failed(err, "start ClickHouse, or check --clickhouse and the password")
	}
	row := r.Rows[0]
	return Finding{Verdict: OK, Detail: fmt.Sprintf("version %v, up %v s, %.0f MiB in use", row[0], row[1], toFloat(row[2])/(1<<20))}
}

func schemaCurrent(ctx context.Context, t Target) Finding {
	pending, err := tables.Pending(ctx, t.Store.Conn(), t.Schema)
	if err != nil {
		return failed(err, "run `errata migrate`")
	}
	if len(pending) > 0 {
		return Finding{Verdict: Fail, Detail: "not applied: " + strings.Join(pending, ", "), Next: "run `errata migrate`"}
	}
	return Finding{Verdict: OK, Detail: "all migrations applied"}
}

func deduplication(ctx context.Context, t Target) Finding {
	r, err := t.Store.SQL(ctx, `SELECT count(), groupArrayIf(name, NOT match(create_table_query, 'replicated_deduplication_window = [1-9][0-9]{4,}'))
		FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'migrations'`)
	if err != nil {
		return failed(err, "give the owner's password")
	}
	if bad, _ := r.Rows[0][1].([]string); len(bad) > 0 {
		return Finding{Verdict: Fail, Detail: "no window of 10,000 tokens on " + strings.Join(bad, ", "),
			Next: "ALTER TABLE ... MODIFY SETTING non_replicated_deduplication_window = 10000: a retried block would count twice"}
	}
	return Finding{Verdict: OK, Detail: fmt.Sprintf("%v tables remember 10,000 tokens", r.Rows[0][0])}
}

func dictionary(ctx context.Context, t Target) Finding {
	// Reload, then compare with the log: a wrong password in its source shows here.
	if err := t.Store.Conn().Exec(ctx, "SYSTEM RELOAD DICTIONARY issue_of"); err != nil {
		return failed(err, "run `errata migrate`: it writes the present password into the dictionary")
	}
	r, err := t.Store.SQL(ctx, "SELECT (SELECT count() FROM issue_merges), (SELECT element_count FROM system.dictionaries WHERE database = currentDatabase() AND name = 'issue_of')")
	if err != nil {
		return failed(err, "run `errata migrate`")
	}
	return Finding{Verdict: OK, Detail: fmt.Sprintf("%v merged fingerprints known", r.Rows[0][0])}
}

func disk(ctx context.Context, t Target) Finding {
	r, err := t.Store.SQL(ctx, `SELECT min(free_space), min(free_space / total_space), (SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase() AND active) FROM system.disks`)
	if err != nil {
		return failed(err, "give the owner's password")
	}
	free, share := toFloat(r.Rows[0][0]), toFloat(r.Rows[0][1])
	f := Finding{Verdict: OK, Detail: fmt.Sprintf("%.1f GiB free (%.0f %%), %.2f GiB of tables", free/(1<<30), share*100, toFloat(r.Rows[0][2])/(1<<30))}
	if share < 0.1 || free < 2<<30 {
		f.Verdict, f.Next = Warn, "make room, or lower retention (`errata query disk_report` shows what takes the space)"
	}
	return f
}

func parts(ctx context.Context, t Target) Finding {
	r, err := t.Store.SQL(ctx, `SELECT max(n), argMax(table, n), sum(n) FROM (SELECT table, partition, count() AS n FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table, partition)`)
	if err != nil {
		return failed(err, "give the owner's password")
	}
	f := Finding{Verdict: OK, Detail: fmt.Sprintf("%v active parts, %v at most in one partition (%v)", r.Rows[0][2], r.Rows[0][0], r.Rows[0][1])}
	if toFloat(r.Rows[0][0]) > maxParts {
		f.Verdict, f.Next = Warn, "merges fall behind: let the consumer write larger blocks (--batch-rows, --max-age), or give ClickHouse more background threads"
	}
	return f
}

func haveProjects(ctx context.Context, t Target) Finding {
	all, err := projects.All(ctx, t.Store.Conn())
	if err != nil {
		return failed(err, "run `errata migrate`")
	}
	usable := 0
	for _, p := range all {
		keys, err := projects.Keys(ctx, t.Store.Conn(), p.ID)
		if err != nil {
			return failed(err, "run `errata migrate`")
		}
		for _, k := range keys {
			if !k.Disabled && !p.Disabled {
				usable++
				break
			}
		}
	}
	if usable == 0 {
		return Finding{Verdict: Fail, Detail: fmt.Sprintf("%d projects, none with a key that works", len(all)), Next: "run `errata project create SLUG`"}
	}
	return Finding{Verdict: OK, Detail: fmt.Sprintf("%d projects, %d with a key that works", len(all), usable)}
}

func edge(ctx context.Context, t Target) Finding {
	if t.Edge == "" {
		return Finding{}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.Edge+"/readyz", nil)
	if err != nil {
		return failed(err, "check the address of the edge")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return failed(err, "start the edge: `errata up` or `errata ingest`")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // The status says enough where it cannot be read.
		return Finding{Verdict: Fail, Detail: strings.TrimSpace(fmt.Sprintf("http://%s/readyz answers %s %s", t.Edge, resp.Status, why)),
			Next: "do what it says, or look at the log of the edge: it cannot reach Kafka, or its spool or its disk is full"}
	}
	return Finding{Verdict: OK, Detail: "ready at http://" + t.Edge}
}

func freshness(ctx context.Context, t Target) Finding {
	r, err := t.Store.SQL(ctx, "SELECT count(), if(count() > 0, dateDiff('second', max(received_at), now64(3)), 0) FROM events WHERE received_at > now() - INTERVAL 1 DAY AND ts > now() - INTERVAL 2 DAY")
	if err != nil {
		return failed(err, "run `errata migrate`")
	}
	if toFloat(r.Rows[0][0]) == 0 {
		return Finding{Verdict: Warn, Detail: "no event came in the last day", Next: "send one: the README has a line for each SDK; then `errata where EVENT_ID`"}
	}
	return Finding{Verdict: OK, Detail: fmt.Sprintf("%v events in the last day, the newest came %v s ago", r.Rows[0][0], r.Rows[0][1])}
}

func ledger(ctx context.Context, t Target) Finding {
	settled := t.Settled
	if settled == 0 {
		settled = 2 * time.Minute
	}
	r, err := t.Store.Run(ctx, "ledger_balance", map[string]string{"to": fmt.Sprintf("-%ds", int(settled.Seconds()))})
	if err != nil {
		return failed(err, "run `errata migrate`")
	}
	if len(r.Rows) == 0 {
		return Finding{Verdict: OK, Detail: "every accepted item has its fate"}
	}
	missing := 0.0
	for _, v := range r.Column("missing") {
		missing += toFloat(v)
	}
	return Finding{Verdict: Fail, Detail: fmt.Sprintf("%d minutes are out of balance, %+.0f items in all", len(r.Rows), missing),
		Next: "`errata query ledger_balance` lists them; with lag above zero wait until the consumer has caught up"}
}

func deadLetters(ctx context.Context, t Target) Finding {
	r, err := t.Store.SQL(ctx, "SELECT sum(quantity) FROM outcomes WHERE outcome IN ('dead_letter', 'offset_gap') AND minute > now() - INTERVAL 7 DAY")
	if err != nil {
		return failed(err, "run `errata migrate`")
	}
	if n := toFloat(r.Rows[0][0]); n > 0 {
		return Finding{Verdict: Warn, Detail: fmt.Sprintf("%.0f items were refused or lost in the last 7 days", n), Next: "`errata query outcomes --param from=-7d` says why; `errata replay` sends dead letters again"}
	}
	return Finding{Verdict: OK, Detail: "none in the last 7 days"}
}

func toFloat(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case uint32:
		return float64(v)
	case int32:
		return float64(v)
	case uint8:
		return float64(v)
	}
	return 0
}
