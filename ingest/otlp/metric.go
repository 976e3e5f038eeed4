package otlp

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"errata/ingest/otlp/attribute"
	"errata/ingest/otlp/identity"
	"errata/schema"
)

// maxBuckets bounds one histogram point; OTel's exponential histograms have 160
// on each side by default.
const maxBuckets = 1024

// noValue is the flag of a point that marks the end of its series.
const noValue = uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)

// series is what the points of one metric share.
type series struct {
	name, unit  string
	identity    string // Of resource, scope and metric, as sent.
	res         *resource
	scope       *scope
	kind        string
	temporality uint32
	monotonic   bool
}

func (a *adapter) metrics(m *colmetrics.ExportMetricsServiceRequest, size uint64) {
	for _, rm := range m.GetResourceMetrics() {
		res := a.resource(rm.GetResource())
		from := a.content(rm.GetResource())
		for _, sm := range rm.GetScopeMetrics() {
			sc := a.scope(sm.GetScope())
			from := from + a.content(sm.GetScope())
			for _, mt := range sm.GetMetrics() {
				a.metric(mt, &series{
					name: a.named(mt.GetName(), schema.MaxTagValue), unit: a.named(mt.GetUnit(), schema.MaxTagValue),
					identity: from + a.content(&metricspb.Metric{Name: mt.GetName(), Unit: mt.GetUnit()}),
					res:      res, scope: &sc,
				})
			}
		}
	}
	if n := uint64(len(a.batch.Metrics)) + a.rejected + a.empty; n > 0 {
		a.batch.Accept(schema.CategoryMetric, n, size)
	}
	if a.empty > 0 {
		a.batch.Fate(&schema.Outcome{
			Category: schema.CategoryMetric, Outcome: schema.OutcomeDropped, Reason: "no_recorded_value", Quantity: a.empty,
			Protocol: schema.Protocol_PROTOCOL_OTLP, Detail: "a mark that a series ended carries no value",
		})
	}
}

func (a *adapter) metric(m *metricspb.Metric, s *series) {
	switch d := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		s.kind = "gauge"
		for _, p := range d.Gauge.GetDataPoints() {
			a.number(s, p)
		}
	case *metricspb.Metric_Sum:
		// A sum that can fall is a level, not a count, but its points add up
		// over series all the same; monotonic tells them apart.
		s.kind, s.monotonic, s.temporality = "counter", d.Sum.GetIsMonotonic(), known(int32(d.Sum.GetAggregationTemporality()), 2)
		for _, p := range d.Sum.GetDataPoints() {
			a.number(s, p)
		}
	case *metricspb.Metric_Histogram:
		s.kind, s.temporality = "histogram", known(int32(d.Histogram.GetAggregationTemporality()), 2)
		for _, p := range d.Histogram.GetDataPoints() {
			a.histogram(s, p)
		}
	case *metricspb.Metric_ExponentialHistogram:
		s.kind, s.temporality = "exponential_histogram", known(int32(d.ExponentialHistogram.GetAggregationTemporality()), 2)
		for _, p := range d.ExponentialHistogram.GetDataPoints() {
			a.exponential(s, p)
		}
	case *metricspb.Metric_Summary:
		s.kind = "summary"
		for _, p := range d.Summary.GetDataPoints() {
			a.summary(s, p)
		}
	}
}

// content spells a message as bytes, its length first: what is sent again is
// spelled the same, in whichever encoding it comes.
func (a *adapter) content(m proto.Message) string {
	a.scratch, _ = proto.MarshalOptions{Deterministic: true}.MarshalAppend(a.scratch[:0], m)
	return string(binary.AppendUvarint(make([]byte, 0, 4), uint64(len(a.scratch)))) + string(a.scratch)
}

// point is what all kinds of data points share.
type point interface {
	proto.Message
	GetAttributes() []*common.KeyValue
	GetStartTimeUnixNano() uint64
	GetTimeUnixNano() uint64
	GetFlags() uint32
}

// keep makes the row of a point; nil where the point is refused, or says that
// nothing was recorded.
func (a *adapter) keep(s *series, p point) *schema.Metric {
	switch {
	case s.name == "":
		a.refusePoint("no metric name")
		return nil
	case p.GetFlags()&noValue != 0:
		a.empty++
		return nil
	}
	at, original := a.when(p.GetTimeUnixNano(), maxFuture)
	room := attribute.RoomAttributes
	row := &schema.Metric{
		TimeUs: at, Protocol: schema.Protocol_PROTOCOL_OTLP, Name: s.name, Type: s.kind, Unit: s.unit,
		Service: s.res.service, Environment: s.res.environment, Release: s.res.release,
		Monotonic: s.monotonic, Temporality: s.temporality,
		Attributes: a.attributes.Tags(p.GetAttributes(), 0, &room, s.scope.metricTags...), Resource: s.res.tags,
		// Of what was sent, not of the row: times are moved by the time of receipt.
		MetricId: binary.BigEndian.Uint64(a.ids.Of("metric", s.identity, s.kind, strconv.Itoa(int(s.temporality)), strconv.FormatBool(s.monotonic), a.content(p), identity.Undated(p.GetTimeUnixNano()))[8:]),
	}
	if ns := p.GetStartTimeUnixNano(); ns != 0 && ns <= math.MaxInt64 {
		row.StartUs = int64(ns / 1000)
	}
	if original != "" {
		row.Attributes = append(row.Attributes, &schema.Tag{Key: attribute.OriginalTime, Value: original})
	}
	a.batch.Metrics = append(a.batch.Metrics, row)
	return row
}

func (a *adapter) refusePoint(reason string) {
	a.reject(schema.CategoryMetric, reason, schema.Protocol_PROTOCOL_OTLP)
}

func (a *adapter) number(s *series, p *metricspb.NumberDataPoint) {
	var v float64
	switch x := p.GetValue().(type) {
	case nil:
		if s.name != "" && p.GetFlags()&noValue == 0 {
			a.refusePoint("no value") // Not 0, which is one.
			return
		}
	case *metricspb.NumberDataPoint_AsInt:
		v = float64(x.AsInt)
	case *metricspb.NumberDataPoint_AsDouble:
		v = x.AsDouble
	}
	if row := a.keep(s, p); row != nil {
		row.Value, row.Min, row.Max, row.Count = v, v, v, 1
		exemplar(row, p.GetExemplars())
	}
}

func (a *adapter) histogram(s *series, p *metricspb.HistogramDataPoint) {
	if len(p.GetBucketCounts()) > maxBuckets || len(p.GetBucketCounts()) > 0 && len(p.GetBucketCounts()) != len(p.GetExplicitBounds())+1 {
		a.refusePoint("buckets that do not fit their bounds")
		return
	}
	if row := a.keep(s, p); row != nil {
		row.Value, row.Count, row.Min, row.Max = p.GetSum(), p.GetCount(), p.GetMin(), p.GetMax()
		row.Bounds, row.Buckets = p.GetExplicitBounds(), p.GetBucketCounts()
		exemplar(row, p.GetExemplars())
	}
}

// exponential writes an exponential histogram out as explicit bounds: bucket i
// of scale s lies in (base^i, base^(i+1)] with base = 2^(2^-s). Negative buckets
// come first, then the one around zero, then the positive ones.
func (a *adapter) exponential(s *series, p *metricspb.ExponentialHistogramDataPoint) {
	pos, neg := p.GetPositive(), p.GetNegative()
	np, nn := len(pos.GetBucketCounts()), len(neg.GetBucketCounts())
	if np+nn > maxBuckets || p.GetScale() > 20 || p.GetScale() < -20 {
		a.refusePoint("too many buckets or an unknown scale")
		return
	}
	row := a.keep(s, p)
	if row == nil {
		return
	}
	row.Value, row.Count, row.Min, row.Max = p.GetSum(), p.GetCount(), p.GetMin(), p.GetMax()
	exemplar(row, p.GetExemplars())
	bound := func(i int64) float64 { return math.Exp2(math.Ldexp(float64(i), int(-p.GetScale()))) }
	var bounds []float64
	var counts []uint64
	if nn > 0 {
		off := int64(neg.GetOffset())
		bounds, counts = append(bounds, -bound(off+int64(nn))), append(counts, 0)
		for i := nn - 1; i >= 0; i-- {
			bounds, counts = append(bounds, -bound(off+int64(i))), append(counts, neg.GetBucketCounts()[i])
		}
	}
	if np > 0 {
		off := int64(pos.GetOffset())
		bounds, counts = append(bounds, bound(off)), append(counts, p.GetZeroCount())
		for i := range np {
			bounds, counts = append(bounds, bound(off+int64(i)+1)), append(counts, pos.GetBucketCounts()[i])
		}
	} else {
		bounds, counts = append(bounds, p.GetZeroThreshold()), append(counts, p.GetZeroCount())
	}
	counts = append(counts, 0)
	row.Bounds, row.Buckets = bounds, counts
}

// summary keeps quantiles in the fields of buckets: bounds are the values, and
// buckets the quantiles in millionths.
func (a *adapter) summary(s *series, p *metricspb.SummaryDataPoint) {
	if len(p.GetQuantileValues()) > maxBuckets {
		a.refusePoint("too many quantiles")
		return
	}
	row := a.keep(s, p)
	if row == nil {
		return
	}
	row.Value, row.Count = p.GetSum(), p.GetCount()
	for _, q := range p.GetQuantileValues() {
		if q.GetQuantile() < 0 || q.GetQuantile() > 1 || math.IsNaN(q.GetQuantile()) {
			continue
		}
		switch q.GetQuantile() {
		case 0:
			row.Min = q.GetValue()
		case 1:
			row.Max = q.GetValue()
		}
		row.Bounds = append(row.Bounds, q.GetValue())
		row.Buckets = append(row.Buckets, uint64(math.Round(q.GetQuantile()*1e6)))
	}
}

// exemplar links a point to the trace of its last exemplar, where it has one.
func exemplar(row *schema.Metric, es []*metricspb.Exemplar) {
	for _, e := range slices.Backward(es) {
		if trace, ok := identity.TraceID(e.GetTraceId()); ok {
			row.TraceId = trace
			row.SpanId, _ = identity.SpanID(e.GetSpanId())
			return
		}
	}
}
