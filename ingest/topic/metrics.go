package topic

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what the producer does.
type Metrics struct {
	Acked, Spooled, Replayed, SpoolLost, Busy, Refused prometheus.Counter
	SpoolBytes, BrokerUp                               prometheus.Gauge
	AckSeconds                                         prometheus.Histogram
}

// NewMetrics makes the metrics and registers them where r is not nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "errata_ingest_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "errata_ingest_" + name, Help: help})
	}
	m := &Metrics{
		Acked:      counter("records_acked_total", "Records that the broker acknowledged with acks=all."),
		Spooled:    counter("records_spooled_total", "Records that went to the disk spool."),
		Replayed:   counter("records_replayed_total", "Spooled records that the broker has taken."),
		SpoolLost:  counter("spool_lost_total", "Spooled batches that could not be read or were refused for good."),
		Busy:       counter("busy_total", "Writes refused because too many bytes were in flight."),
		Refused:    counter("unavailable_total", "Writes refused because neither broker nor spool could keep them."),
		SpoolBytes: gauge("spool_bytes", "Bytes that wait in the disk spool."),
		BrokerUp:   gauge("broker_up", "1 while the broker answers."),
		AckSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "errata_ingest_ack_seconds", Help: "Time until the broker acknowledged a request's records.",
			Buckets: []float64{.001, .002, .004, .008, .016, .032, .064, .125, .25, .5, 1},
		}),
	}
	m.BrokerUp.Set(1)
	if r != nil {
		r.MustRegister(m.Acked, m.Spooled, m.Replayed, m.SpoolLost, m.Busy, m.Refused, m.SpoolBytes, m.BrokerUp, m.AckSeconds)
	}
	return m
}
