package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"errata/ingest/scrub"
	"errata/schema"
)

// metrics of the edge itself; the producer has its own.
type metrics struct {
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	items    *prometheus.CounterVec
	fates    *prometheus.CounterVec
	bytes    prometheus.Counter
	counted  prometheus.Counter
	panics   prometheus.Counter
	known    map[string]prometheus.Counter // Of items, by category: finding one by its labels costs more than counting.
	accepted prometheus.Gauge              // For who must know of a consumer that is down: the tables then say nothing.
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_requests_total", Help: "Requests by endpoint and status."}, []string{"endpoint", "status"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_refused_total", Help: "Refused requests by reason."}, []string{"reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "errata_ingest_request_seconds", Help: "Time until a request was answered.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .25, 1, 5},
		}, []string{"endpoint"}),
		items:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_items_total", Help: "Accepted items by category."}, []string{"category"}),
		fates:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_outcomes_total", Help: "Fates that the edge decided."}, []string{"category", "outcome", "reason"}),
		bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_body_bytes_total", Help: "Bytes of bodies as sent."}),
		panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_panics_total", Help: "Requests that ended in a defect of the edge."}),
		accepted: prometheus.NewGauge(prometheus.GaugeOpts{Name: "errata_ingest_last_accepted_timestamp_seconds", Help: "When something was last accepted; 0 where nothing was yet."}),
		counted:  prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_flood_events_total", Help: "Events that were counted without their body."}),
	}
	m.known = map[string]prometheus.Counter{}
	for _, c := range []string{schema.CategoryError, schema.CategoryTransaction, schema.CategorySpan, schema.CategoryLog} {
		m.known[c] = m.items.WithLabelValues(c)
	}
	r.MustRegister(redactions{}, m.requests, m.refused, m.seconds, m.items, m.fates, m.bytes, m.counted, m.panics, m.accepted)
	return m
}

// came counts items.
func (m *metrics) came(category string, n uint64) {
	c := m.known[category]
	if c == nil {
		c = m.items.WithLabelValues(category)
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
