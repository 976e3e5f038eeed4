package ingest

import "github.com/prometheus/client_golang/prometheus"

// metrics of the edge itself; the producer has its own.
type metrics struct {
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	items    *prometheus.CounterVec
	fates    *prometheus.CounterVec
	bytes    prometheus.Counter
	counted  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_requests_total", Help: "Requests by endpoint and status."}, []string{"endpoint", "status"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_refused_total", Help: "Refused requests by reason."}, []string{"reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "errata_ingest_request_seconds", Help: "Time until a request was answered.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .25, 1, 5},
		}, []string{"endpoint"}),
		items:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_items_total", Help: "Accepted items by category."}, []string{"category"}),
		fates:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errata_ingest_outcomes_total", Help: "Fates that the edge decided."}, []string{"category", "outcome", "reason"}),
		bytes:   prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_body_bytes_total", Help: "Bytes of bodies as sent."}),
		counted: prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_flood_events_total", Help: "Events that were counted without their body."}),
	}
	r.MustRegister(m.requests, m.refused, m.seconds, m.items, m.fates, m.bytes, m.counted)
	return m
}
