package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"
)

// Report is what a run measured. Latencies are milliseconds, from the due time
// in open loop, so that a stall counts for all that waited behind it.
type Report struct {
	Mode         string         `json:"mode"`
	Seconds      float64        `json:"seconds"`
	Sent         int            `json:"sent"`
	Accepted     int            `json:"accepted"`
	AcceptedRate float64        `json:"accepted_per_second"`
	BodyBytes    float64        `json:"body_bytes"` // Mean, before compression.
	Latency      map[string]any `json:"latency_ms"`
	Answer       map[string]any `json:"answer_ms"` // Without what a request waited in the generator.
	Statuses     map[string]int `json:"statuses"`
	Resent       int            `json:"resent"`
	Processes    []Process      `json:"processes,omitempty"`
	CPUPer1000   float64        `json:"cpu_seconds_per_1000_events,omitempty"`

	Backlog       int64    `json:"backlog_at_end"` // Accepted, not yet visible, when the load stopped.
	BacklogHalf   int64    `json:"backlog_at_half"`
	DrainSeconds  float64  `json:"drain_seconds"`
	FreshnessP50  float64  `json:"freshness_p50_seconds"`
	FreshnessMax  float64  `json:"freshness_max_seconds"`
	Verified      *Verdict `json:"verify,omitempty"`
	freshSamples  []float64
	backlogPoints []int64
}

// Verdict compares what was accepted with what is stored.
type Verdict struct {
	OK          bool   `json:"ok"`
	Accepted    int    `json:"accepted"`
	Missing     int    `json:"missing"`
	Doubled     int    `json:"doubled"`
	Counted     int    `json:"counted"`        // Of a flood: they count, their ids are not kept.
	Unknown     int    `json:"unknown"`        // The connection broke before an answer.
	UnknownKept int    `json:"unknown_stored"` // Of those, how many are stored once.
	IssueEvents uint64 `json:"issue_events"`   // sum(events) over errata.issues of the project.
	Events      uint64 `json:"events"`         // sum(weight) over errata.events of the project.
}

// Run sends, measures and, where asked, verifies.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	l, err := newLoad(&c)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	var st *store
	if c.ClickHouse != "" {
		if st, err = openStore(&c, l.project, start); err != nil {
			return nil, err
		}
		defer func() { _ = st.conn.Close() }()
	} else if c.Verify {
		return nil, fmt.Errorf("cannot verify: no ClickHouse address is given")
	}
	r := &Report{Mode: c.Mode, Statuses: map[string]int{}}
	m := newMeter(c.PIDs)
	stop, done := make(chan struct{}), make(chan struct{})
	p := &pace{}
	go every(50*time.Millisecond, stop, func() { p.note(l.accepted.Load()) })
	go func() {
		defer close(done)
		every(time.Second, stop, func() { r.watch(ctx, l, m, st, p, c.Progress, start) })
	}()
	w, took := l.run(ctx)
	close(stop)
	<-done
	r.fill(w, took)
	if st != nil {
		r.drain(ctx, &c, st, w)
	}
	procs, cpu := m.spent()
	slices.SortFunc(procs, func(a, b Process) int { return strings.Compare(a.Name, b.Name) })
	r.Processes = procs
	if r.Accepted > 0 && len(procs) > 0 {
		r.CPUPer1000 = cpu / float64(r.Accepted) * 1000
	}
	if c.Verify {
		if r.Verified, err = verify(ctx, &c, st, w); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *Report) watch(ctx context.Context, l *load, m *meter, st *store, p *pace, progress func(string), start time.Time) {
	m.sample()
	line := fmt.Sprintf("%4.0f s  %d sent, %d accepted", time.Since(start).Seconds(), l.sent.Load(), l.accepted.Load())
	if st != nil {
		if n, err := st.count(ctx); err == nil {
			r.backlogPoints = append(r.backlogPoints, l.accepted.Load()-int64(n))
			line += fmt.Sprintf(", %d stored", n)
			if f, ok := p.behind(int64(n)); ok {
				r.freshSamples = append(r.freshSamples, f.Seconds())
				line += fmt.Sprintf(", visible up to %.1f s ago", f.Seconds())
			}
		}
	}
	if progress != nil {
		progress(line)
	}
}

// quantiles are in milliseconds, of microseconds.
func quantiles(all []uint32) map[string]any {
	slices.Sort(all)
	q := func(p float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(p*float64(len(all)-1))]) / 1000
	}
	return map[string]any{"p50": q(.5), "p95": q(.95), "p99": q(.99), "max": q(1)}
}

func (r *Report) fill(w *worker, took time.Duration) {
	r.Seconds, r.Accepted, r.Resent, r.Statuses = took.Seconds(), len(w.accepted), w.resent, w.statuses
	for _, n := range w.statuses {
		r.Sent += n
	}
	r.AcceptedRate = float64(r.Accepted) / took.Seconds()
	if r.Sent > 0 {
		r.BodyBytes = float64(w.bytes) / float64(r.Sent)
	}
	r.Latency, r.Answer = quantiles(w.latencies), quantiles(w.answers)
	if n := len(r.backlogPoints); n > 0 {
		r.BacklogHalf, r.Backlog = r.backlogPoints[n/2], r.backlogPoints[n-1]
	}
	if n := len(r.freshSamples); n > 0 {
		s := slices.Sorted(slices.Values(r.freshSamples))
		r.FreshnessP50, r.FreshnessMax = s[n/2], s[n-1]
	}
}

// drain waits until everything accepted is visible, so that the CPU of the
// whole way is counted.
func (r *Report) drain(ctx context.Context, c *Config, st *store, w *worker) {
	start := time.Now()
	for time.Since(start) < c.Wait && ctx.Err() == nil {
		if n, err := st.count(ctx); err == nil && n >= uint64(len(w.accepted)) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.DrainSeconds = time.Since(start).Seconds()
}

// verify waits for the last accepted event and compares every id.
func verify(ctx context.Context, c *Config, st *store, w *worker) (*Verdict, error) {
	v := &Verdict{Accepted: len(w.accepted), Unknown: len(w.unknown)}
	deadline := time.Now().Add(c.Wait)
	for {
		stored, err := st.ids(ctx)
		if err == nil {
			var counted int
			if counted, err = st.counted(ctx); err == nil {
				v.compare(w.accepted, w.unknown, stored, counted)
			}
		}
		if err == nil {
			if v.IssueEvents, v.Events, err = st.issueEvents(ctx); err == nil && v.Missing == 0 && v.IssueEvents == v.Events { // Views follow their table within the insert, not before it.
				break
			}
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			if err != nil {
				return v, err
			}
			break
		}
		time.Sleep(300 * time.Millisecond)
	}
	v.OK = v.Missing == 0 && v.Doubled == 0 && v.IssueEvents == v.Events
	return v, nil
}

// compare looks up every id; counted is how many events the store counts without
// their ids, which are some of those that are not found.
func (v *Verdict) compare(accepted, unknown []id, stored map[id]int, counted int) {
	v.Missing, v.Doubled, v.UnknownKept = 0, 0, 0
	for _, key := range accepted {
		switch n := stored[key]; {
		case n == 0:
			v.Missing++
		case n > 1:
			v.Doubled++
		}
	}
	for _, key := range unknown {
		switch n := stored[key]; {
		case n == 1:
			v.UnknownKept++
		case n > 1:
			v.Doubled++
		}
	}
	v.Counted = min(counted, v.Missing)
	v.Missing -= v.Counted
	// One that had no answer may have been counted, too.
	more := min(counted-v.Counted, len(unknown)-v.UnknownKept)
	v.Counted, v.UnknownKept = v.Counted+more, v.UnknownKept+more
	v.Doubled += counted - v.Counted
}

// Print writes the report for a person.
func (r *Report) Print(out io.Writer) {
	p := func(format string, a ...any) { _, _ = fmt.Fprintf(out, format+"\n", a...) }
	p("mode            %s, mean body %.0f bytes", r.Mode, r.BodyBytes)
	p("accepted        %d of %d in %.1f s = %.0f/s", r.Accepted, r.Sent, r.Seconds, r.AcceptedRate)
	line := func(name string, q map[string]any) {
		p("%-15s p50 %.2f  p95 %.2f  p99 %.2f  max %.2f", name, q["p50"], q["p95"], q["p99"], q["max"])
	}
	line("latency ms", r.Latency)
	line("of it, answer", r.Answer)
	names := make([]string, 0, len(r.Statuses))
	for s := range r.Statuses {
		names = append(names, s)
	}
	sort.Strings(names)
	for _, s := range names {
		if s != "200" {
			p("errors          %s: %d", s, r.Statuses[s])
		}
	}
	if r.Resent > 0 {
		p("sent twice      %d", r.Resent)
	}
	if len(r.backlogPoints) > 0 {
		p("backlog         %d at half time, %d at the end, drained in %.1f s", r.BacklogHalf, r.Backlog, r.DrainSeconds)
		p("freshness s     p50 %.2f  max %.2f", r.FreshnessP50, r.FreshnessMax)
	}
	for _, x := range r.Processes {
		p("process         %-12s %.2f CPU s, peak %d MB", x.Name, x.CPUSeconds, x.PeakBytes>>20)
	}
	if r.CPUPer1000 > 0 {
		p("cost            %.3f CPU s per 1000 events, all processes but the generator", r.CPUPer1000)
	}
	if v := r.Verified; v != nil {
		p("verify          %d accepted: %d missing, %d doubled; %d unanswered, of which %d stored; issues say %d events, events say %d", v.Accepted, v.Missing, v.Doubled, v.Unknown, v.UnknownKept, v.IssueEvents, v.Events)
		if v.Counted > 0 {
			p("                %d of them came in a flood and are counted without their bodies and ids", v.Counted)
		}
	}
}
