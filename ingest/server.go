package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
	"google.golang.org/grpc"

	"errata/ingest/blob"
	"errata/ingest/body"
	"errata/ingest/directory"
	"errata/ingest/flood"
	"errata/ingest/intake"
	"errata/ingest/judge"
	"errata/ingest/meter"
	"errata/ingest/otlp/export"
	"errata/ingest/peer"
	"errata/ingest/quota"
	"errata/ingest/refusal"
	"errata/ingest/topic"
)

// Server is the edge. Start opens its listeners, Stop ends it in an order that
// loses nothing that was acknowledged.
type Server struct {
	cfg       Config
	log       *slog.Logger
	metrics   *meter.Metrics
	directory *directory.Directory
	source    interface{ Close() error }
	producer  producer
	bodies    *body.Reader
	blobs     *blob.Store
	judge     *judge.Judge
	refusals  refusal.Sums
	quiet     chan struct{} // Closed when the edge stops.
	turns     chan struct{} // One for each request of flooding projects that is read now.
	atOnce    bool          // Events are never read by their outlines first; for tests.
	app       *fiber.App
	grpc      *grpc.Server

	http, otlpHTTP, otlpGRPC net.Listener

	stopping atomic.Bool
	serving  sync.WaitGroup
	stopOnce sync.Once
	stopErr  error
}

// producer is what the edge needs of *topic.Producer.
type producer interface {
	topic.Writer
	Ready() error
	SpoolBytes() int64
	Close(ctx context.Context) error
}

// New makes an edge; nothing listens before Start.
func New(cfg Config) (*Server, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Logger, metrics: meter.New(cfg.Registry), quiet: make(chan struct{})}
	perMinute := uint32(math.MaxUint32)
	if cfg.FloodPerMinute >= 0 {
		perMinute = uint32(cfg.FloodPerMinute)
	}
	s.judge = &judge.Judge{Quota: quota.New(), Flood: flood.New(flood.Config{PerMinute: perMinute, Send: s.sendGroups})}
	s.turns = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	s.bodies = body.New(body.Config{
		Folder: filepath.Join(cfg.Data, "bodies"), MaxRaw: int64(cfg.MaxRequestBytes), MaxBytes: cfg.MaxEnvelopeBytes, SmallBytes: cfg.BodyBytes,
		Turns: cap(s.turns), ReadTimeout: cfg.ReadTimeout, Logger: cfg.Logger, Came: func(n int) { s.metrics.Bytes.Add(float64(n)) },
	})
	var err error
	if s.blobs, err = blob.Open(context.Background(), cfg.BlobURL, filepath.Join(cfg.Data, "blobs")); err != nil {
		return nil, err
	}
	source := cfg.Projects
	if source == nil {
		ch, err := directory.NewClickHouse(cfg.ClickHouse)
		if err != nil {
			return nil, errors.Join(err, s.blobs.Close())
		}
		source, s.source = ch, ch
	}
	records := topic.Config{
		Brokers: cfg.Kafka, Prefix: cfg.TopicPrefix, Dial: cfg.KafkaDial, TLS: cfg.KafkaTLS, SASL: cfg.KafkaSASL, InFlightBytes: cfg.InFlightBytes, AckTimeout: cfg.AckTimeout,
		Logger: cfg.Logger, Metrics: topic.NewMetrics(cfg.Registry),
	}
	if cfg.SpoolBytes > 0 {
		records.SpoolDir, records.SpoolBytes = filepath.Join(cfg.Data, "spool"), cfg.SpoolBytes
	}
	if s.producer, err = topic.New(records); err != nil {
		err = errors.Join(err, s.blobs.Close())
		if s.source != nil {
			err = errors.Join(err, s.source.Close())
		}
		return nil, err
	}
	s.directory = directory.Open(directory.Config{Source: source, File: filepath.Join(cfg.Data, "projects.json"), Logger: cfg.Logger})
	s.app = s.routes()
	if cfg.OTLPGRPC != "" {
		s.grpc = export.NewServer(grpcHandler{s})
	}
	return s, nil
}

// Start opens the listeners and returns; ctx ends the edge like Stop does.
func (s *Server) Start(ctx context.Context) error {
	for _, l := range []struct {
		addr string
		at   *net.Listener
	}{{s.cfg.HTTP, &s.http}, {s.cfg.OTLPHTTP, &s.otlpHTTP}, {s.cfg.OTLPGRPC, &s.otlpGRPC}} {
		if l.addr == "" {
			continue
		}
		var err error
		if *l.at, err = net.Listen("tcp", l.addr); err != nil {
			return errors.Join(fmt.Errorf("cannot listen on %s: %w", l.addr, err), s.Stop(ctx))
		}
	}
	serve := func(name string, f func() error) {
		s.serving.Go(func() {
			if err := f(); err != nil && !s.stopping.Load() {
				s.log.Error("a listener ended", "listener", name, "error", err)
			}
		})
	}
	write := func(ctx context.Context, m []topic.Message) error { return s.producer.Write(ctx, m) } // Tests change the producer.
	s.serving.Go(func() { s.refusals.Run(s.quiet, write, s.log) })
	// Handler builds the route tree before two listeners share the server.
	peer.Serve(s.app.Server(), anyMethod(s.app.Handler()))
	serve("http", func() error { return s.app.Server().Serve(peer.Listen(s.http)) })
	if s.otlpHTTP != nil {
		serve("otlp_http", func() error { return s.app.Server().Serve(peer.Listen(s.otlpHTTP)) })
	}
	if s.grpc != nil {
		serve("otlp_grpc", func() error { return s.grpc.Serve(s.otlpGRPC) })
	}
	context.AfterFunc(ctx, func() {
		stop, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Stop(stop)
	})
	return nil
}

// Addr is the address of the HTTP listener, OTLPAddr and GRPCAddr are those of
// the OTLP ones; empty where a listener is not open.
func (s *Server) Addr() string { return addrOf(s.http) }

// OTLPAddr is the address of OTLP over HTTP.
func (s *Server) OTLPAddr() string { return addrOf(s.otlpHTTP) }

// GRPCAddr is the address of OTLP over gRPC.
func (s *Server) GRPCAddr() string { return addrOf(s.otlpGRPC) }

func addrOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

func (s *Server) closeListeners() {
	for _, l := range []net.Listener{s.http, s.otlpHTTP, s.otlpGRPC} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// Stop ends in this order: not ready, listeners closed, requests in flight answered, producer
// flushed, spool synced. Further calls return what the first one did.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopping.Store(true)
		if s.grpc != nil {
			stopped := make(chan struct{})
			go func() { s.grpc.GracefulStop(); close(stopped) }()
			select {
			case <-stopped:
			case <-ctx.Done():
				s.grpc.Stop()
				<-stopped
			}
		}
		if err := s.app.Server().ShutdownWithContext(ctx); err != nil {
			s.stopErr = fmt.Errorf("cannot finish the requests in flight: %w", err)
		}
		s.closeListeners()
		close(s.quiet)
		s.serving.Wait()
		s.judge.Flood.Close()
		s.refusals.Tell(ctx, s.producer.Write, s.log)
		s.stopErr = errors.Join(s.stopErr, s.producer.Close(ctx))
		s.directory.Close()
		if s.source != nil {
			s.stopErr = errors.Join(s.stopErr, s.source.Close())
		}
		s.stopErr = errors.Join(s.stopErr, s.blobs.Close())
	})
	return s.stopErr
}

// ready says why the edge should get no traffic; nil means it should.
func (s *Server) ready() error {
	if s.stopping.Load() {
		return errors.New("shutting down")
	}
	if !s.directory.Loaded() {
		return errors.New("projects are not loaded yet")
	}
	if why := s.full(); why != "" {
		return errors.New(why)
	}
	return s.producer.Ready()
}

// full says why nothing can be accepted now, empty where it can.
func (s *Server) full() string {
	if s.cfg.Full == nil {
		return ""
	}
	return s.cfg.Full()
}

// request copies what the adapters may know of an HTTP request.
func (s *Server) request(c *fiber.Ctx) *intake.Request {
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" || origin == "null" {
		origin = refererOrigin(c.Get(fiber.HeaderReferer))
	}
	return &intake.Request{
		ReceivedAt: time.Now(),
		ClientIP:   s.clientIP(c),
		UserAgent:  utils.CopyString(c.Get(fiber.HeaderUserAgent)),
		Origin:     utils.CopyString(origin),
		Query:      func(name string) string { return utils.CopyString(c.Query(name)) },
	}
}

// refererOrigin cuts the path off a referer.
func refererOrigin(r string) string {
	i := strings.Index(r, "://")
	if i < 0 {
		return ""
	}
	if j := strings.IndexByte(r[i+3:], '/'); j >= 0 {
		return r[:i+3+j]
	}
	return r
}
