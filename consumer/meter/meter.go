// Package meter is what an operator watches of a consumer: how far it is, how fresh
// its rows are, what it stored and what it gave up. In: what happens to partitions.
// Out: metrics for Prometheus. It decides nothing.
package meter

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"errata/consumer/block"
)

// Metrics are those of a process. All are labelled by topic and
// partition.
type Metrics struct {
	lag, age, freshness                               *prometheus.GaugeVec
	rows                                              *prometheus.HistogramVec
	seconds                                           *prometheus.HistogramVec
	storedRows, duplicates, twins, dead, lost, replay *prometheus.CounterVec
	failures, blocks, blockedCount, aheadCount        *prometheus.CounterVec

	mu         sync.Mutex
	partitions map[Key]*Partition
}

// Key names a partition of a topic, with its prefix.
type Key struct {
	Topic string
	ID    int
}

// New makes metrics that nobody registered yet.
func New() *Metrics {
	labels := []string{"topic", "partition"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "errata", Subsystem: "consumer", Name: name, Help: help}, labels)
	}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "errata", Subsystem: "consumer", Name: name, Help: help}, labels)
	}
	return &Metrics{
		partitions: map[Key]*Partition{},
		lag:        gauge("lag_records", "Records in the topic that are not committed."),
		age:        gauge("oldest_uncommitted_seconds", "Age of the oldest record read and not committed; 0 where none waits."),
		freshness:  gauge("freshness_seconds", "Age of the oldest record of the last block when it was stored."),
		rows: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "errata", Subsystem: "consumer", Name: "block_rows",
			Help: "Rows of a block over all tables.", Buckets: prometheus.ExponentialBuckets(1, 4, 9)}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "errata", Subsystem: "consumer", Name: "insert_seconds",
			Help: "Time to insert a block into all its tables.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 12)}, labels),
		storedRows:   counter("stored_rows_total", "Rows of items stored."),
		duplicates:   counter("duplicates_total", "Items not stored because they are stored already."),
		twins:        counter("twins_total", "Events stored as further witnesses."),
		dead:         counter("dead_letters_total", "Records or rows sent to the dead letters."),
		lost:         counter("offset_gap_records_total", "Records deleted from the topic before they were read."),
		replay:       counter("announced_ranges_rebuilt_total", "Ranges that were announced by an earlier life and built again; ClickHouse drops the ones it has."),
		failures:     counter("failed_attempts_total", "Attempts on Kafka or ClickHouse that failed and are tried again."),
		blocks:       counter("blocks_total", "Blocks stored."),
		aheadCount:   counter("blocks_ahead_total", "Blocks that were sent, but for their end, while the one before was stored."),
		blockedCount: counter("blocked_total", "Blocks refused by a view, which wait for an operator."),
	}
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.lag, m.age, m.freshness, m.rows, m.seconds, m.storedRows, m.duplicates, m.twins, m.dead, m.lost, m.replay, m.failures, m.blocks, m.blockedCount, m.aheadCount}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector. Ages are those of this moment.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	for _, p := range m.partitions {
		if p.alive {
			p.showAge()
		}
	}
	m.mu.Unlock()
	for _, c := range m.all() {
		c.Collect(ch)
	}
}

// Partition is the metrics of one partition.
type Partition struct {
	m        *Metrics
	labels   prometheus.Labels
	last     atomic.Int64 // End of the log.
	position atomic.Int64 // Committed.
	// Unix milliseconds of the oldest record of the block that gathers and of
	// the one that is being stored; 0 where there is none.
	Gathering, Storing atomic.Int64
	alive              bool // Whether this process has the partition; under m.mu.
}

// Partition is the same for all lives of a partition in this process.
func (m *Metrics) Partition(topic string, id int) *Partition {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := Key{topic, id}
	p := m.partitions[k]
	if p == nil {
		p = &Partition{m: m, labels: prometheus.Labels{"topic": topic, "partition": strconv.Itoa(id)}}
		m.partitions[k] = p
	}
	p.alive = true
	return p
}

// Assigned are the partitions that this process has.
func (m *Metrics) Assigned() map[Key]*Partition {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[Key]*Partition{}
	for k, p := range m.partitions {
		if p.alive {
			out[k] = p
		}
	}
	return out
}

// Gone forgets what a life of the partition held.
func (p *Partition) Gone() {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	p.alive = false
	p.Gathering.Store(0)
	p.Storing.Store(0)
	p.m.lag.Delete(p.labels)
	p.m.age.Delete(p.labels)
}

func (p *Partition) showAge() {
	oldest := int64(0)
	for _, at := range []int64{p.Gathering.Load(), p.Storing.Load()} {
		if at > 0 && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	age := 0.0
	if oldest > 0 {
		age = max(time.Since(time.UnixMilli(oldest)).Seconds(), 0)
	}
	p.m.age.With(p.labels).Set(age)
}

// End notes the end of the log.
func (p *Partition) End(offset int64) { p.last.Store(offset); p.showLag() }

// Committed notes the offset up to which all is stored.
func (p *Partition) Committed(offset int64) { p.position.Store(offset); p.showLag() }

func (p *Partition) showLag() {
	p.m.lag.With(p.labels).Set(float64(max(p.last.Load()-p.position.Load(), 0)))
}

// Stored counts what a block was, and how long it took to insert.
func (p *Partition) Stored(b *block.Block, d time.Duration) {
	p.m.rows.With(p.labels).Observe(float64(b.Set.Rows()))
	p.m.seconds.With(p.labels).Observe(d.Seconds())
	p.m.freshness.With(p.labels).Set(max(time.Since(b.Oldest).Seconds(), 0))
	p.m.storedRows.With(p.labels).Add(float64(b.Stats.Stored))
	p.m.duplicates.With(p.labels).Add(float64(b.Stats.Duplicates))
	p.m.twins.With(p.labels).Add(float64(b.Stats.Twins))
	p.m.dead.With(p.labels).Add(float64(b.Stats.Dead))
	p.m.blocks.With(p.labels).Inc()
}

// Gap counts records that the topic lost.
func (p *Partition) Gap(n int64) { p.m.lost.With(p.labels).Add(float64(n)) }

// Replayed counts a range that is built again.
func (p *Partition) Replayed() { p.m.replay.With(p.labels).Inc() }

// Failed counts an attempt that is made again.
func (p *Partition) Failed() { p.m.failures.With(p.labels).Inc() }

// Blocked counts a block that waits for an operator.
func (p *Partition) Blocked() { p.m.blockedCount.With(p.labels).Inc() }

// Ahead counts a block that is sent, but for its end, before its turn.
func (p *Partition) Ahead() { p.m.aheadCount.With(p.labels).Inc() }
