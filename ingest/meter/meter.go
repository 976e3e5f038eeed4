// Package meter is what an operator watches of an edge: requests, items, fates. The
// producer has metrics of its own. It decides nothing.
package meter

import (
	"github.com/prometheus/client_golang/prometheus"

	"errata/ingest/scrub"
	"errata/schema"
)

// Metrics are those of a process.
type Metrics struct {
	Requests *prometheus.CounterVec
	Refused  *prometheus.CounterVec
	Seconds  *prometheus.HistogramVec
	Items    *prometheus.CounterVec
	Fates    *prometheus.CounterVec
	Bytes    prometheus.Counter
	Counted  prometheus.Counter
	Panics   prometheus.Counter
	known    map[string]prometheus.Counter // Of items, by category: finding one by its labels costs more than counting.
	Accepted prometheus.Gauge              // For who must know of a consumer that is down: the tables then say nothing.
}

// New makes metrics and registers them.
func New(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		Requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_requests_total", Help: "Requests by endpoint and status."}, []string{"endpoint", "status"}),
		Refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_refused_total", Help: "Refused requests by reason."}, []string{"reason"}),
		Seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "errata_ingest_request_seconds", Help: "Time until a request was answered.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .25, 1, 5},
		}, []string{"endpoint"}),
		Items:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_items_total", Help: "Accepted items by category."}, []string{"category"}),
		Fates:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_outcomes_total", Help: "Fates that the edge decided."}, []string{"category", "outcome", "reason"}),
		Bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_body_bytes_total", Help: "Bytes of bodies as sent."}),
		Panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_panics_total", Help: "Requests that ended in a defect of the edge."}),
		Accepted: prometheus.NewGauge(prometheus.GaugeOpts{Name: "errata_ingest_last_accepted_timestamp_seconds", Help: "When something was last accepted; 0 where nothing was yet."}),
		Counted:  prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_flood_events_total", Help: "Events that were counted without their body."}),
	}
	m.known = map[string]prometheus.Counter{}
	for _, c := range []string{schema.CategoryError, schema.CategoryTransaction, schema.CategorySpan, schema.CategoryLog} {
		m.known[c] = m.Items.WithLabelValues(c)
	}
	r.MustRegister(redactions{}, m.Requests, m.Refused, m.Seconds, m.Items, m.Fates, m.Bytes, m.Counted, m.Panics, m.Accepted)
	return m
}

// Came counts items.
func (m *Metrics) Came(category string, n uint64) {
	c := m.known[category]
	if c == nil {
		c = m.Items.WithLabelValues(category)
	}
	c.Add(float64(n))
}

var redactionsDesc = prometheus.NewDesc("errata_ingest_redactions_total", "Secrets taken out before the topic, by rule.", []string{"rule"}, nil)

// redactions reads the counts of the scrub package.
type redactions struct{}

// Describe implements prometheus.Collector.
func (redactions) Describe(ch chan<- *prometheus.Desc) { ch <- redactionsDesc }

// Collect implements prometheus.Collector.
func (redactions) Collect(ch chan<- prometheus.Metric) {
	for rule, n := range scrub.Totals() {
		ch <- prometheus.MustNewConstMetric(redactionsDesc, prometheus.CounterValue, float64(n), rule)
	}
}
