package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"errata/queries"
)

// question is one row of the table.
type question struct {
	title  string
	query  string
	values map[string]string
	target time.Duration // p95, warm; zero: no target.
}

func (c *command) questions(ctx context.Context, s *queries.Store) ([]question, error) {
	r, err := s.SQL(ctx, `SELECT lower(leftPad(hex(fingerprint), 16, '0')) FROM issue_rollup WHERE project_id = 1 GROUP BY fingerprint ORDER BY sum(events) DESC LIMIT 1`)
	if err != nil {
		return nil, err
	}
	issue := r.Rows[0][0].(string)
	r, err = s.SQL(ctx, `SELECT trace_id, toString(event_id), toString(received_at) FROM events WHERE project_id = 1 AND trace_id != '' AND ts > now() - INTERVAL 40 DAY AND ts < greatest(now() - INTERVAL 30 DAY, (SELECT min(ts) FROM events) + INTERVAL 1 DAY) LIMIT 1`)
	if err != nil {
		return nil, err
	}
	trace, event := r.Rows[0][0].(string), r.Rows[0][1].(string)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	q := func(title, name string, target int, pairs ...string) question {
		v := map[string]string{"project": "1"}
		for i := 0; i < len(pairs); i += 2 {
			v[pairs[i]] = pairs[i+1]
			if pairs[i+1] == "" {
				delete(v, pairs[i])
			}
		}
		return question{title, name, v, ms(target)}
	}
	by := func(pairs ...string) []string { return append([]string{"issue", issue}, pairs...) }
	return []question{
		q("issue list, 14 days, by last seen", "issue_list", 50),
		q("issue list, 14 days, by events", "issue_list", 50, "sort", "events"),
		q("issue list, 14 days, production, one release, errors, by events", "issue_list", 50, "sort", "events", "environment", "production", "release", "shop@2.95.0", "level", "fatal"),
		q("issue list, 24 hours, by events", "issue_list", 50, "sort", "events", "from", "-24h"),
		q("issue list, 14 days, unresolved, page 3", "issue_list", 50, "status", "unresolved", "offset", "100"),
		q("issue list, 14 days, by text", "issue_list", 50, "text", "charge group"),
		q("issue list, 14 days, by tag", "issue_list", 50, "tag", "tenant=tenant-77"),
		q("issue list, 14 days, by users", "issue_list", 50, "sort", "users"),
		q("issue detail", "issue_detail", 30, by()...),
		q("issue trend, 14 days by hour", "issue_trend", 30, by("from", "-14d")...),
		q("issue trend, 90 days by day", "issue_trend", 30, by("from", "-90d", "bucket", "day")...),
		q("tag distribution, 14 days, all keys", "tag_distribution", 30, by()...),
		q("tag lift, 14 days", "tag_lift", 30, by()...),
		q("latest events of the largest issue", "latest_events", 50, by()...),
		q("users affected, 14 days", "users_affected", 0, by()...),
		q("error trend, 24 hours by minute", "error_trend", 30, "bucket_seconds", "60"),
		q("error trend, 30 days by hour and service", "error_trend", 0, "from", "-30d", "by", "service"),
		q("error trend, 14 days by hour and issue", "error_trend_split", 0, "project", "", "projects", "1", "from", "-14d", "by", "issue"),
		q("error trend, 14 days by hour, of an issue", "error_trend_split", 0, "project", "", "projects", "1", "from", "-14d", "issue", issue),
		q("error trend, 14 days by hour and tag", "error_trend_split", 0, "project", "", "projects", "1", "from", "-14d", "by", "tag", "tag_key", "plan"),
		q("error trend, 24 hours by hour, regular expression on a tag, all projects", "error_trend_split", 0, "project", "", "filters", `[{"key":"tenant","operator":"=~","values":["tenant-1.*7$"]}]`),
		q("events of 24 hours, regular expression on a tag, all projects", "event_search", 0, "project", "", "filters", `[{"key":"tenant","operator":"=~","values":["tenant-1.*7$"]}]`),
		q("events of 24 hours, all projects", "event_search", 0, "project", ""),
		q("trace by id, no time hint", "trace", 50, "trace_id", trace),
		q("trace by id, any project", "trace", 50, "trace_id", trace, "project", "0"),
		q("event by id", "event_by_id", 50, "event_id", event),
		q("event by id, any project", "event_by_id", 50, "event_id", event, "project", "0"),
		q("text search, 14 days, rare word", "text_search", 100, "text", "777123"),
		q("text search, 14 days, common words", "text_search", 100, "text", "cannot charge item"),
		q("releases", "releases", 0),
		q("release comparison", "release_compare", 0),
		q("new since release", "new_since_release", 0, "release", "shop@2.95.0"),
		q("slow transactions, 24 hours", "slow_transactions", 0),
		q("service overview, 24 hours", "service_overview", 0),
		q("similar issues", "similar_issues", 0, by()...),
		q("issue list, 90 days, by last seen", "issue_list", 50, "from", "-90d"),
		q("issue list, 90 days, by events", "issue_list", 50, "from", "-90d", "sort", "events"),
		q("issue list, 90 days, by rise", "issue_list", 50, "from", "-90d", "sort", "trend"),
		q("issue list, 90 days, production, by events", "issue_list", 50, "from", "-90d", "sort", "events", "environment", "production"),
		q("issue list, 90 days, unresolved, page 3", "issue_list", 50, "from", "-90d", "status", "unresolved", "offset", "100"),
		q("issue list, 90 days, by text", "issue_list", 50, "from", "-90d", "text", "charge group"),
		q("issue list, 90 days, by tag", "issue_list", 50, "from", "-90d", "tag", "tenant=tenant-77"),
		q("issue list, 90 days, by users", "issue_list", 50, "from", "-90d", "sort", "users"),
		q("issue trend, 90 days by hour", "issue_trend", 30, by("from", "-90d")...),
		q("tag distribution, 90 days, all keys", "tag_distribution", 30, by("from", "-90d")...),
		q("tag lift, 90 days", "tag_lift", 30, by("from", "-90d")...),
		q("users affected, 90 days", "users_affected", 0, by("from", "-90d")...),
		q("error trend, 90 days by hour", "error_trend", 30, "from", "-90d"),
		q("error trend, 90 days by day and service", "error_trend", 30, "from", "-90d", "bucket_seconds", "86400", "by", "service"),
		q("error trend, 90 days by day and release", "error_trend", 30, "from", "-90d", "bucket_seconds", "86400", "by", "release"),
		q("error trend, 90 days by day and issue", "error_trend_split", 30, "project", "", "projects", "1", "from", "-90d", "bucket_seconds", "86400", "by", "issue"),
		q("error trend, 90 days by day, of an issue", "error_trend_split", 30, "project", "", "projects", "1", "from", "-90d", "bucket_seconds", "86400", "issue", issue),
		q("error trend, 90 days by day and tag", "error_trend_split", 30, "project", "", "projects", "1", "from", "-90d", "bucket_seconds", "86400", "by", "tag", "tag_key", "plan"),
		q("text search, 90 days, rare word", "text_search", 100, "from", "-90d", "text", "777123"),
		q("text search, 90 days, common words", "text_search", 100, "from", "-90d", "text", "cannot charge item"),
	}, nil
}

// cpuCount sums what the server says of the processor time of its queries: on a
// machine that does other work too it is the steadier figure.
type cpuCount struct{ micros atomic.Int64 }

func (c *cpuCount) watch(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithProfileEvents(func(events []clickhouse.ProfileEvent) {
		for _, e := range events {
			if e.Name == "OSCPUVirtualTimeMicroseconds" && e.Type == "increment" {
				c.micros.Add(e.Value)
			}
		}
	}))
}

// processCPU is what a process used of processors so far, its live threads
// summed: unlike what the server says of a query it has the planning in it.
func processCPU(pid int) time.Duration {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var sum time.Duration
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue // The thread ended.
		}
		var ns int64
		if _, err := fmt.Sscan(string(raw), &ns); err == nil {
			sum += time.Duration(ns)
		}
	}
	return sum
}

// measure asks each question once, which it tells apart, then Runs times.
func (c *command) measure(ctx context.Context, s *queries.Store) error {
	all, err := c.questions(ctx, s)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	row := func(cells ...string) {
		if c.Markdown {
			fmt.Printf("| %s |\n", strings.Join(cells, " | "))
			return
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	row("question", "query", "rows", "first ms", "p50 ms", "p95 ms", "cpu ms", "target ms", "verdict")
	if c.Markdown {
		row("---", "---", "---", "---", "---", "---", "---", "---", "---")
	}
	for _, q := range all {
		if !strings.Contains(q.query, c.Only) || !strings.Contains(q.title, c.Titled) {
			continue
		}
		var took []time.Duration
		var first time.Duration // What nothing is kept for yet, but for questions before it.
		cpu := cpuCount{}
		n := 0
		var before time.Duration
		for i := range c.Runs + 1 {
			if i == 1 {
				before = processCPU(c.Pid)
			}
			begin := time.Now()
			r, err := s.Run(cpu.watch(ctx), q.query, q.values)
			if err != nil {
				return err
			}
			n = len(r.Rows)
			if i == 0 {
				// What is kept may be read behind it, and what that lets go read again.
				first = time.Since(begin)
				time.Sleep(min(4*time.Second, 20*first))
				if _, err = s.Run(ctx, q.query, q.values); err != nil {
					return err
				}
				continue
			}
			took = append(took, time.Since(begin))
		}
		spent := float64(cpu.micros.Load()) / 1000 / float64(c.Runs+1)
		if c.Pid > 0 {
			spent = float64((processCPU(c.Pid) - before).Microseconds()) / 1000 / float64(c.Runs)
		}
		slices.Sort(took)
		p50, p95 := took[len(took)/2], took[min(len(took)-1, len(took)*95/100)]
		target, verdict := "", ""
		if q.target > 0 {
			target, verdict = fmt.Sprint(q.target.Milliseconds()), "ok"
			if p95 > q.target {
				verdict = "over"
			}
		}
		row(q.title, q.query, fmt.Sprint(n), fmt.Sprint(first.Milliseconds()), fmt.Sprintf("%.1f", float64(p50.Microseconds())/1000), fmt.Sprintf("%.1f", float64(p95.Microseconds())/1000), fmt.Sprintf("%.1f", spent), target, verdict)
	}
	return tw.Flush()
}
