// Package ingest is the edge: bytes to events to topics. In: HTTP and gRPC
// requests of Sentry clients and OpenTelemetry exporters. Out: records on Kafka,
// and an answer that is 200 only once they are durable. It never reads a table
// but those of projects and keys, and never keeps a request waiting for a broker
// that is away.
package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go/sasl"

	"errata/ingest/directory"
	"errata/ingest/route"
)

// Config says where the edge listens and what it leans on. Zero values of
// limits mean their defaults.
type Config struct {
	HTTP     string // Sentry and OTLP; port 0 is any free port. Required.
	OTLPHTTP string // OTLP over HTTP on its usual port; empty: not opened.
	OTLPGRPC string // OTLP over gRPC; empty: not opened.

	Kafka []string // Bootstrap brokers. Required.
	// KafkaDial connects to a broker; nil means over TCP.
	KafkaDial   func(ctx context.Context, network, addr string) (net.Conn, error)
	KafkaTLS    *tls.Config    // Nil for plain connections.
	KafkaSASL   sasl.Mechanism // Nil: nobody logs in.
	TopicPrefix string

	ClickHouse directory.ClickHouseConfig // Holds projects and keys.
	Projects   directory.Source           // Replaces ClickHouse where not nil.

	Data       string // Folder for spool, blobs and the copy of the projects. Required.
	BlobURL    string // gocloud.dev/blob URL; empty: the folder blobs under Data.
	SpoolBytes int64  // Cap of the disk spool; 0 means 256 MiB, negative: no spool.

	// Full, where set, says why the broker can take no more records, empty while it
	// can: until then requests are refused with 503.
	Full func() string

	// OTLPAnonymous lets OTLP requests without a key into the OTLP default
	// project from anywhere; without it only from loopback.
	OTLPAnonymous bool
	// ServiceProjects sends OTLP without a key to projects by
	// service.name, where the OTLP default project may be used at all.
	ServiceProjects route.Rules
	// TrustForwarded takes the client's address from X-Forwarded-For. Set it
	// only behind a proxy that writes the header itself.
	TrustForwarded bool

	// FloodPerMinute is how many events of one fingerprint are kept whole in a
	// minute where a project says nothing; 0 means as many as others allow (see
	// package flood), negative: all.
	FloodPerMinute int

	MaxRequestBytes  int   // Of a body as sent; 0 means as much as it may have inflated.
	MaxEnvelopeBytes int64 // Of an envelope or attachment upload, inflated; 0 means 200 MiB.
	BodyBytes        int64 // Memory for inflated bodies up to 4 MiB; 0 means 64 MiB.
	InFlightBytes    int64 // Records sent and not acknowledged; 0 means 64 MiB.
	Concurrency      int   // Connections; 0 means 4096.

	ReadTimeout  time.Duration // Of a whole request; 0 means 20 s.
	WriteTimeout time.Duration // Of an answer; 0 means 10 s.
	IdleTimeout  time.Duration // Of a kept-alive connection; 0 means 60 s.
	AckTimeout   time.Duration // How long a silent broker may hold a request; 0 means 1 s.

	Logger   *slog.Logger
	Registry *prometheus.Registry // Served at /metrics; nil: a new one.
}

// Limits of one request, inflated. Source: relay's defaults.
const (
	maxEventBytes = 1 << 20  // Store, security reports, check-ins.
	maxOTLPBytes  = 12 << 20 // OTLP.
)

// fill checks what is required and sets defaults.
func (c *Config) fill() error {
	switch {
	case c.HTTP == "":
		return errors.New("cannot start ingest: no HTTP address is set")
	case len(c.Kafka) == 0:
		return errors.New("cannot start ingest: no Kafka broker is named")
	case c.Data == "":
		return errors.New("cannot start ingest: no data folder is set")
	case c.Projects == nil && len(c.ClickHouse.Addr) == 0:
		return errors.New("cannot start ingest: no ClickHouse address is set, projects and keys are read from it")
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"read_timeout", c.ReadTimeout}, {"write_timeout", c.WriteTimeout}, {"idle_timeout", c.IdleTimeout}, {"ack_timeout", c.AckTimeout}} {
		if d.value < 0 {
			return fmt.Errorf("cannot start ingest: %s is negative", d.name)
		}
	}
	set(&c.SpoolBytes, 256<<20)
	set(&c.MaxEnvelopeBytes, 200<<20)
	set(&c.MaxRequestBytes, int(c.MaxEnvelopeBytes)+1024) // Nothing grows by more when it is compressed.
	set(&c.BodyBytes, 64<<20)
	set(&c.InFlightBytes, 64<<20)
	set(&c.Concurrency, 4096)
	set(&c.ReadTimeout, 20*time.Second)
	set(&c.WriteTimeout, 10*time.Second)
	set(&c.IdleTimeout, 60*time.Second)
	set(&c.AckTimeout, time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	return nil
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
