package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/valyala/fasthttp"
)

// id names one event in the store: its event id, or its trace id over OTLP.
type id [16]byte

// worker holds one connection's counts; they are merged at the end.
type worker struct {
	accepted  []id     // Answered 200.
	unknown   []id     // The connection broke: stored or not, but never twice.
	latencies []uint32 // Microseconds from the due time to the answer.
	answers   []uint32 // The same from the moment of sending: what is not in it the request waited in the generator.
	statuses  map[string]int
	resent    int
	bytes     int64
}

// load drives a store until time or count is up.
type load struct {
	cfg          *Config
	base         string
	key, project string
	sentry       []*template
	tracebacks   []*template
	sent         atomic.Int64
	accepted     atomic.Int64
	client       *fasthttp.Client
}

func newLoad(c *Config) (*load, error) {
	base, key, project, err := c.target()
	if err != nil {
		return nil, err
	}
	l := &load{cfg: c, base: base, key: key, project: project, client: &fasthttp.Client{
		Name: "errata-bench/1", MaxConnsPerHost: c.Callers + 4, ReadTimeout: 15 * time.Second, WriteTimeout: 15 * time.Second,
		MaxIdemponentCallAttempts: 1, RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		DisablePathNormalizing: true, NoDefaultUserAgentHeader: false, DialDualStack: true,
	}}
	for k := range c.Fingerprints {
		l.sentry = append(l.sentry, sentryTemplate(k))
		l.tracebacks = append(l.tracebacks, tracebackTemplate(k))
	}
	return l, nil
}

// run sends and returns the merged counts and the time that it took.
func (l *load) run(ctx context.Context) (*worker, time.Duration) {
	c := l.cfg
	ctx, cancel := context.WithTimeout(ctx, c.Duration)
	defer cancel()
	start := time.Now()
	var next atomic.Int64 // Number of the next request, which open loop turns into its due time.
	workers := make([]*worker, c.Callers)
	var wg sync.WaitGroup
	for i := range workers {
		w := &worker{statuses: map[string]int{}}
		workers[i] = w
		wg.Go(func() { l.work(ctx, w, start, &next, uint64(i)) })
	}
	wg.Wait()
	total := &worker{statuses: map[string]int{}}
	for _, w := range workers {
		total.accepted = append(total.accepted, w.accepted...)
		total.unknown = append(total.unknown, w.unknown...)
		total.latencies = append(total.latencies, w.latencies...)
		total.answers = append(total.answers, w.answers...)
		total.resent += w.resent
		total.bytes += w.bytes
		for s, n := range w.statuses {
			total.statuses[s] += n
		}
	}
	return total, time.Since(start)
}

func (l *load) work(ctx context.Context, w *worker, start time.Time, next *atomic.Int64, seed uint64) {
	c := l.cfg
	r := rand.New(rand.NewPCG(uint64(start.UnixNano()), seed)) //nolint:gosec // Load needs speed, not secrecy.
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	per := 1
	if c.Mode == "otlp" {
		per = c.Batch
	}
	var body, packed []byte
	zip := gzip.NewWriter(nil)
	batch := make([]occurrence, per)
	for ctx.Err() == nil {
		n := next.Add(1) - 1
		if c.Events > 0 && int(n)*per >= c.Events {
			return
		}
		due := time.Now()
		if c.Rate > 0 {
			due = start.Add(time.Duration(float64(n) * float64(per) / c.Rate * float64(time.Second)))
			if wait := time.Until(due); wait > 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
			}
		}
		if c.Duplicates > 0 && len(w.accepted) > 0 && per == 1 && c.Mode != "otlp" && r.Float64() < c.Duplicates {
			// The last request once more, byte for byte, as a client does whose answer was lost.
			_ = l.client.Do(req, resp)
			w.resent++
		}
		for i := range batch {
			batch[i] = newOccurrence(r, c.Users, time.Now())
		}
		body = l.body(body[:0], batch, r)
		w.bytes += int64(len(body))
		out := body
		if c.Gzip {
			buf := bytes.NewBuffer(packed[:0])
			zip.Reset(buf)
			_, _ = zip.Write(body)
			_ = zip.Close()
			packed = buf.Bytes()
			out = packed
		}
		l.prepare(req, out)
		l.sent.Add(int64(per))
		begun := time.Now()
		err := l.client.Do(req, resp)
		ended := time.Now()
		w.latencies = append(w.latencies, micros(ended.Sub(due)))
		w.answers = append(w.answers, micros(ended.Sub(begun)))
		status := "connection error"
		switch {
		case err != nil:
		case resp.StatusCode() == fasthttp.StatusOK:
			status = "200"
		default:
			status = fmt.Sprint(resp.StatusCode())
		}
		w.statuses[status] += per
		for i := range batch {
			key := id(batch[i].id)
			if c.Mode == "otlp" {
				key = batch[i].trace
			}
			switch {
			case status == "200":
				w.accepted = append(w.accepted, key)
			case err != nil || resp.StatusCode() >= 500:
				w.unknown = append(w.unknown, key)
			}
		}
		if status == "200" {
			l.accepted.Add(int64(per))
		} else if ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond) // A store that is away comes back sooner when it is not hammered.
		}
	}
}

func micros(d time.Duration) uint32 { return uint32(min(d.Microseconds(), 1<<32-1)) }

// body makes one request's body.
func (l *load) body(b []byte, batch []occurrence, r *rand.Rand) []byte {
	switch l.cfg.Mode {
	case "otlp":
		return append(b, otlpBody(otlpSpans(l.tracebacks, batch, r), l.cfg.JSON)...)
	case "store":
		return l.sentry[r.IntN(len(l.sentry))].append(b, &batch[0], r)
	}
	o := &batch[0]
	b = append(b, `{"event_id":"`...)
	b = appendHex(b, o.id[:])
	b = append(b, `","sent_at":"`...)
	b = o.at.AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	b = append(b, `","trace":{"trace_id":"`...)
	b = appendHex(b, o.trace[:])
	b = append(b, "\",\"environment\":\"production\"}}\n{\"type\":\"event\",\"content_type\":\"application/json\"}\n"...)
	b = l.sentry[r.IntN(len(l.sentry))].append(b, o, r)
	return append(b, '\n')
}

func (l *load) prepare(req *fasthttp.Request, body []byte) {
	req.Reset()
	req.Header.SetMethod(fasthttp.MethodPost)
	switch l.cfg.Mode {
	case "otlp":
		req.SetRequestURI(l.cfg.OTLP + "/v1/traces")
		req.Header.SetContentType("application/x-protobuf")
		if l.cfg.JSON {
			req.Header.SetContentType("application/json")
		}
		req.Header.Set("X-Sentry-Auth", "Sentry sentry_key="+l.key)
	case "store":
		req.SetRequestURI(l.base + "/api/" + l.project + "/store/")
		req.Header.SetContentType("application/json")
	default:
		req.SetRequestURI(l.base + "/api/" + l.project + "/envelope/")
		req.Header.SetContentType("application/x-sentry-envelope")
	}
	if l.cfg.Mode != "otlp" {
		req.Header.Set("X-Sentry-Auth", "Sentry sentry_key="+l.key+", sentry_version=7, sentry_client=errata-bench/1")
	}
	if l.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	req.SetBodyRaw(body)
}
