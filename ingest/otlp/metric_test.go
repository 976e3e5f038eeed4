package otlp

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	respb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"errata/schema"
)

func metricsOf(ms ...*metricspb.Metric) *colmetrics.ExportMetricsServiceRequest {
	return &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource:     &respb.Resource{Attributes: attrs("service.name", "shop", "service.version", "1")},
		ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: ms}},
	}}}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	cumulative := metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	delta := metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	number := func(v float64) *metricspb.NumberDataPoint {
		return &metricspb.NumberDataPoint{TimeUnixNano: at(5), StartTimeUnixNano: at(0), Attributes: attrs("a", "b"), Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: v}}
	}
	integer := &metricspb.NumberDataPoint{TimeUnixNano: at(5), Value: &metricspb.NumberDataPoint_AsInt{AsInt: 7},
		Exemplars: []*metricspb.Exemplar{{TraceId: bytes16(1), SpanId: bytes8(2)}, {}}}
	tests := map[string]struct {
		metric *metricspb.Metric
		want   string // type value count min max monotonic temporality bounds buckets trace
	}{
		"gauge": {
			&metricspb.Metric{Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{number(1.5)}}}},
			"gauge 1.5 1 1.5 1.5 false 0 [] [] ",
		},
		"sum": {
			&metricspb.Metric{Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{IsMonotonic: true, AggregationTemporality: cumulative, DataPoints: []*metricspb.NumberDataPoint{integer}}}},
			"counter 7 1 7 7 true 2 [] [] 00000000000000000000000000000001",
		},
		"histogram": {
			&metricspb.Metric{Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{AggregationTemporality: delta, DataPoints: []*metricspb.HistogramDataPoint{{
				TimeUnixNano: at(5), Count: 3, Sum: proto.Float64(12), Min: proto.Float64(1), Max: proto.Float64(9), ExplicitBounds: []float64{2, 8}, BucketCounts: []uint64{1, 1, 1},
			}}}}},
			"histogram 12 3 1 9 false 1 [2 8] [1 1 1] ",
		},
		"histogram without buckets": {
			&metricspb.Metric{Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{DataPoints: []*metricspb.HistogramDataPoint{{TimeUnixNano: at(5), Count: 2, Sum: proto.Float64(3)}}}}},
			"histogram 3 2 0 0 false 0 [] [] ",
		},
		"exponential histogram": {
			&metricspb.Metric{Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{AggregationTemporality: delta, DataPoints: []*metricspb.ExponentialHistogramDataPoint{{
				TimeUnixNano: at(5), Count: 10, Sum: proto.Float64(5), Scale: 0, ZeroCount: 4,
				Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 1, BucketCounts: []uint64{1, 2}},
				Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 0, BucketCounts: []uint64{3}},
			}}}}},
			// -2..-1 holds 3, around zero 4, 2..4 holds 1, 4..8 holds 2.
			"exponential_histogram 5 10 0 0 false 1 [-2 -1 2 4 8] [0 3 4 1 2 0] ",
		},
		"exponential histogram of positive scale": {
			&metricspb.Metric{Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{DataPoints: []*metricspb.ExponentialHistogramDataPoint{{
				TimeUnixNano: at(5), Count: 1, Scale: 1, Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 2, BucketCounts: []uint64{1, 1}},
			}}}}},
			"exponential_histogram 0 1 0 0 false 0 [2 2.82842712474619 4] [0 1 1 0] ",
		},
		"exponential histogram of zeros": {
			&metricspb.Metric{Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{DataPoints: []*metricspb.ExponentialHistogramDataPoint{{TimeUnixNano: at(5), Count: 4, ZeroCount: 4}}}}},
			"exponential_histogram 0 4 0 0 false 0 [0] [4 0] ",
		},
		"summary": {
			&metricspb.Metric{Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{{
				TimeUnixNano: at(5), Count: 4, Sum: 10, QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0, Value: 1}, {Quantile: 0.99, Value: 4}, {Quantile: 1, Value: 5}, {Quantile: 7, Value: 5}},
			}}}}},
			"summary 10 4 1 5 false 0 [1 4 5] [0 990000 1000000] ",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.metric.Name, tt.metric.Unit = "m", "ms"
			b, p := run(t, Metrics, metricsOf(tt.metric))
			require.Nil(t, p)
			require.Len(t, b.Metrics, 1)
			m := b.Metrics[0]
			require.Equal(t, tt.want, fmt.Sprintf("%s %v %d %v %v %v %d %v %v %s", m.Type, m.Value, m.Count, m.Min, m.Max, m.Monotonic, m.Temporality, m.Bounds, m.Buckets, m.TraceId))
			require.Equal(t, []string{"m", "ms", "shop", "1"}, []string{m.Name, m.Unit, m.Service, m.Release})
			require.EqualValues(t, at(5)/1000, m.TimeUs)
			var total uint64
			for _, n := range m.Buckets {
				total += n
			}
			if m.Type != "summary" && len(m.Buckets) > 0 {
				require.Len(t, m.Buckets, len(m.Bounds)+1)
			}
		})
	}
}

func TestRefusedPoints(t *testing.T) {
	t.Parallel()
	point := func() *metricspb.NumberDataPoint {
		return &metricspb.NumberDataPoint{TimeUnixNano: at(0), Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}}
	}
	gone := point()
	gone.Flags = 1
	b, p := run(t, Metrics, metricsOf(
		&metricspb.Metric{Name: "good", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{point(), gone, gone}}}},
		&metricspb.Metric{Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{point(), point()}}}},
		&metricspb.Metric{Name: "bounds", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{DataPoints: []*metricspb.HistogramDataPoint{{BucketCounts: []uint64{1, 2, 3}}}}}},
		&metricspb.Metric{Name: "scale", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{DataPoints: []*metricspb.ExponentialHistogramDataPoint{{Scale: math.MaxInt32}}}}},
		&metricspb.Metric{Name: "value", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{{TimeUnixNano: at(0)}}}}},
		&metricspb.Metric{Name: "nothing"},
	))
	require.Len(t, b.Metrics, 1)
	require.Equal(t, &Partial{Rejected: 5, Message: "5 data points refused: 2 with no metric name, 1 with buckets that do not fit their bounds, 1 with too many buckets or an unknown scale, 1 with no value"}, p)
	require.Equal(t, []string{
		"trace_metric invalid no_metric_name 2",
		"trace_metric invalid buckets_that_do_not_fit_their_bounds 1",
		"trace_metric invalid too_many_buckets_or_an_unknown_scale 1",
		"trace_metric invalid no_value 1",
		"trace_metric accepted_and_dropped no_recorded_value 2",
	}, fates(b))
	require.EqualValues(t, 8, b.Receipts[0].Quantity)
	require.Equal(t, schema.CategoryMetric, b.Receipts[0].Category)
}

// TestPointsThatDifferAreNoDuplicates sends points in requests of their own, in
// either encoding: only what is the same in all parts has the same id.
func TestPointsThatDifferAreNoDuplicates(t *testing.T) {
	t.Parallel()
	sum := func(points ...*metricspb.NumberDataPoint) *metricspb.Metric {
		return &metricspb.Metric{Name: "orders", Unit: "1", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{AggregationTemporality: 1, IsMonotonic: true, DataPoints: points}}}
	}
	point := func() *metricspb.NumberDataPoint {
		return &metricspb.NumberDataPoint{TimeUnixNano: at(5), StartTimeUnixNano: at(0), Attributes: attrs("shop", "a"), Value: &metricspb.NumberDataPoint_AsInt{AsInt: 7}}
	}
	old := point() // So far back that the time of receipt counts.
	old.TimeUnixNano = 1
	ids := func(m *colmetrics.ExportMetricsServiceRequest) (out []uint64) {
		b, _ := run(t, Metrics, m)
		for _, x := range b.Metrics {
			require.NotZero(t, x.MetricId)
			out = append(out, x.MetricId)
		}
		return out
	}
	first := ids(metricsOf(sum(point(), point(), old)))
	require.Len(t, first, 3)
	require.Equal(t, first, ids(metricsOf(sum(point(), point(), old))), "sent again")
	require.NotEqual(t, first[0], first[1], "two equal points of one request are two")
	text, err := protojson.Marshal(metricsOf(sum(point(), point(), old)))
	require.NoError(t, err)
	b, _, err := Metrics(request(t), text, "application/json")
	require.NoError(t, err)
	require.Equal(t, first[0], b.Metrics[0].MetricId, "the same as JSON")

	for name, change := range map[string]func(*colmetrics.ExportMetricsServiceRequest, *metricspb.Metric, *metricspb.NumberDataPoint){
		"time": func(_ *colmetrics.ExportMetricsServiceRequest, _ *metricspb.Metric, p *metricspb.NumberDataPoint) {
			p.TimeUnixNano++
		},
		"start": func(_ *colmetrics.ExportMetricsServiceRequest, _ *metricspb.Metric, p *metricspb.NumberDataPoint) {
			p.StartTimeUnixNano++
		},
		"value": func(_ *colmetrics.ExportMetricsServiceRequest, _ *metricspb.Metric, p *metricspb.NumberDataPoint) {
			p.Value = &metricspb.NumberDataPoint_AsInt{AsInt: 8}
		},
		"attribute": func(_ *colmetrics.ExportMetricsServiceRequest, _ *metricspb.Metric, p *metricspb.NumberDataPoint) {
			p.Attributes = attrs("shop", "b")
		},
		"name": func(_ *colmetrics.ExportMetricsServiceRequest, m *metricspb.Metric, _ *metricspb.NumberDataPoint) {
			m.Name = "o"
		},
		"unit": func(_ *colmetrics.ExportMetricsServiceRequest, m *metricspb.Metric, _ *metricspb.NumberDataPoint) {
			m.Unit = "ms"
		},
		"kind": func(_ *colmetrics.ExportMetricsServiceRequest, m *metricspb.Metric, p *metricspb.NumberDataPoint) {
			m.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{p}}}
		},
		"monotonic": func(_ *colmetrics.ExportMetricsServiceRequest, m *metricspb.Metric, _ *metricspb.NumberDataPoint) {
			m.GetSum().IsMonotonic = false
		},
		"instance": func(r *colmetrics.ExportMetricsServiceRequest, _ *metricspb.Metric, _ *metricspb.NumberDataPoint) {
			r.ResourceMetrics[0].Resource.Attributes = attrs("service.name", "shop", "service.version", "1", "host.name", "b")
		},
		"scope": func(r *colmetrics.ExportMetricsServiceRequest, _ *metricspb.Metric, _ *metricspb.NumberDataPoint) {
			r.ResourceMetrics[0].ScopeMetrics[0].Scope = &common.InstrumentationScope{Name: "x"}
		},
	} {
		m := sum(point())
		r := metricsOf(m)
		change(r, m, m.GetSum().DataPoints[0])
		require.NotEqual(t, first[0], ids(r)[0], name)
	}
}
