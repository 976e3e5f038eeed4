package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	_ "gocloud.dev/blob/s3blob" // s3:// for --blobs.

	"errata/command/connect"
	"errata/ingest"
	"errata/ingest/directory"
)

type ingestCmd struct {
	connect.Flags
	profileFlags
	HTTP        string `name:"http" help:"Address for Sentry and OTLP over HTTP." default:"127.0.0.1:8000" env:"ERRATA_HTTP"`
	OTLPHTTP    string `name:"otlp-http" help:"Address for OTLP over HTTP; empty: not opened." default:"127.0.0.1:4318" env:"ERRATA_OTLP_HTTP"`
	OTLPGRPC    string `name:"otlp-grpc" help:"Address for OTLP over gRPC; empty: not opened." default:"127.0.0.1:4317" env:"ERRATA_OTLP_GRPC"`
	TopicPrefix string `help:"Text before each topic's name." env:"ERRATA_TOPIC_PREFIX"`
	State       string `help:"Folder for the disk spool, the copy of the projects and blobs." default:"./errata-ingest" env:"ERRATA_STATE" type:"path"`
	Blobs       string `help:"URL of the blob store for attachments, s3://BUCKET?region=R or file:///DIR; default: a folder in --state." env:"ERRATA_BLOBS"`
	SpoolMiB    int64  `name:"spool-mib" help:"Cap of the disk spool in MiB; -1: no spool." default:"256" env:"ERRATA_SPOOL_MIB"`

	OTLPAnonymous  bool              `name:"otlp-anonymous" help:"Take OTLP without a key into the OTLP default project from anywhere, not only from loopback." env:"ERRATA_OTLP_ANONYMOUS"`
	ServiceProject map[string]uint32 `help:"OTLP without a key goes by service.name to this project id, as shop=2; may be repeated." env:"ERRATA_SERVICE_PROJECT"`
	TrustForwarded bool              `help:"Take the client's address from X-Forwarded-For; only behind a proxy that sets it." env:"ERRATA_TRUST_FORWARDED"`
	FloodPerMinute int               `help:"Events of one fingerprint kept whole in a minute; 0: up to 1,200, fewer of what comes fast, more while others bring four times as many; -1: all." env:"ERRATA_FLOOD_PER_MINUTE"`
	Concurrency    int               `help:"Connections at once." default:"4096" env:"ERRATA_CONCURRENCY"`
	MemoryMiB      int               `name:"memory-mib" help:"Soft memory limit in MiB; the process takes about 40 more." default:"220" env:"ERRATA_MEMORY_MIB"`
}

// Run serves until the context ends, then stops without losing what was
// acknowledged.
func (c *ingestCmd) Run(ctx context.Context) error {
	if err := c.serve(ctx); err != nil {
		return err
	}
	debug.SetMemoryLimit(int64(c.MemoryMiB) << 20)
	if os.Getenv("GOGC") == "" {
		// Little lives long here: a larger heap between collections saves CPU,
		// and the limit above still holds.
		debug.SetGCPercent(300)
	}
	s, err := c.edge()
	if err != nil {
		return err
	}
	if err := s.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	fmt.Printf("ingest is listening: http %s, otlp http %s, otlp grpc %s\n", s.Addr(), s.OTLPAddr(), s.GRPCAddr())
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	return s.Stop(stop)
}

// edge is what the flags say, not started yet.
func (c *ingestCmd) edge() (*ingest.Server, error) {
	ch, err := c.Login("errata")
	if err != nil {
		return nil, err
	}
	brokers, err := c.Brokers()
	if err != nil {
		return nil, err
	}
	kafkaTLS, login, err := c.KafkaSecurity()
	if err != nil {
		return nil, err
	}
	spool := c.SpoolMiB << 20
	if c.SpoolMiB < 0 {
		spool = -1
	}
	return ingest.New(ingest.Config{
		HTTP: c.HTTP, OTLPHTTP: c.OTLPHTTP, OTLPGRPC: c.OTLPGRPC,
		Kafka: brokers, KafkaTLS: kafkaTLS, KafkaSASL: login, TopicPrefix: c.TopicPrefix,
		ClickHouse: directory.ClickHouseConfig{Addr: []string{ch.Addr}, Database: ch.Database, User: ch.User, Password: ch.Password, TLS: ch.TLS},
		Data:       c.State, BlobURL: c.Blobs, SpoolBytes: spool,
		OTLPAnonymous: c.OTLPAnonymous, ServiceProjects: c.ServiceProject, TrustForwarded: c.TrustForwarded, FloodPerMinute: c.FloodPerMinute,
		Concurrency: c.Concurrency, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
}
