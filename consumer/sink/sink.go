// Package sink sends blocks to ClickHouse over the native protocol and reads
// back what the windows are rebuilt from. In: column buffers and a token. Out:
// a block that is in the table once, or an error that says whether trying
// again can help. It never changes a block and never decides what is in one.
package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"errata/consumer/table"
	"errata/schema/tables/insert"
)

// Options say how to reach ClickHouse.
type Options struct {
	Addrs    []string // host:port of the native protocol; tried in turn.
	Database string   // Default: errata.
	User     string   // Default: errata.
	Password string
	TLS      *tls.Config `json:"-"` // Nil for plain TCP.
	// Compress sends blocks with LZ4. Where it is nil it is off for loopback,
	// where it only costs CPU time, and on for anything else.
	Compress *bool
	// Timeout bounds one insert or query. Default: 60 s.
	Timeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Database == "" {
		o.Database = "errata"
	}
	if o.User == "" {
		o.User = "errata"
	}
	if o.Timeout == 0 {
		o.Timeout = 60 * time.Second
	}
	return o
}

// Sink is a small pool of connections. It is safe for concurrent use.
type Sink struct {
	o    Options
	mu   sync.Mutex
	idle []*link
	turn int
}

// link is a connection. Blocks that are compressed, and those whose end is held
// back, go by the stream.
type link struct {
	*ch.Client
	stream *stream
}

// clientName is told to the server with each connection and query.
const clientName = "errata consumer"

// maxIdle bounds the connections kept open: inserts of several partitions
// overlap, more than these few only wait for the same server.
const maxIdle = 4

// New returns a sink; nothing is dialled yet.
func New(o Options) (*Sink, error) {
	if len(o.Addrs) == 0 {
		return nil, errors.New("cannot reach ClickHouse: no address is given (host:port of the native protocol)")
	}
	return &Sink{o: o.withDefaults()}, nil
}

// Close closes the idle connections.
func (s *Sink) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		_ = c.Close()
	}
	s.idle = nil
}

func (s *Sink) get(ctx context.Context) (*link, error) {
	s.mu.Lock()
	for len(s.idle) > 0 {
		c := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		if !c.IsClosed() {
			s.mu.Unlock()
			return c, nil
		}
	}
	addr := s.o.Addrs[s.turn%len(s.o.Addrs)]
	s.mu.Unlock()
	l, err := s.dial(ctx, addr)
	if err != nil {
		s.next()
		return nil, fmt.Errorf("cannot reach ClickHouse at %s: %w", addr, err)
	}
	return l, nil
}

func (s *Sink) dial(ctx context.Context, addr string) (*link, error) {
	var to ch.Dialer = &net.Dialer{Timeout: dialTimeout}
	if s.o.TLS != nil {
		to = &tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: s.o.TLS}
	}
	conn, err := to.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	o := ch.Options{Database: s.o.Database, User: s.o.User, Password: s.o.Password, Compression: ch.CompressionDisabled,
		ClientName: clientName, ReadTimeout: s.o.Timeout, HandshakeTimeout: 10 * time.Second}
	compressed := s.compress(addr)
	if compressed {
		o.Compression = ch.CompressionLZ4
	}
	stop := closeAtEnd(ctx, conn)
	c, err := ch.Connect(ctx, conn, o)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &link{Client: c, stream: newStream(conn, c.ServerInfo(), compressed)}, nil
}

const dialTimeout = 5 * time.Second

// closeAtEnd closes a connection when ctx ends, unless stop comes first: the client
// looks at ctx between two packets only, and a server that hangs sends none.
func closeAtEnd(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = conn.Close() })
}

// next makes the following dial try another address.
func (s *Sink) next() {
	s.mu.Lock()
	s.turn++
	s.mu.Unlock()
}

func (s *Sink) compress(addr string) bool {
	if s.o.Compress != nil {
		return *s.o.Compress
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "localhost" {
		return host != "localhost"
	}
	ip := net.ParseIP(host)
	return ip == nil || !ip.IsLoopback()
}

func (s *Sink) put(c *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) >= maxIdle {
		_ = c.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// do runs one query. After any error the connection is dropped: its state is
// not known.
func (s *Sink) do(ctx context.Context, q ch.Query) error { return s.doHeld(ctx, q, nil) }

func (s *Sink) doHeld(ctx context.Context, q ch.Query, hold <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	c, err := s.get(ctx)
	if err != nil {
		return err
	}
	if len(q.Input) > 0 && (c.stream.frames != nil || hold != nil) {
		err = c.stream.insert(ctx, q, hold)
	} else {
		stop := closeAtEnd(ctx, c.stream.conn)
		if err = c.Do(ctx, q); !stop() {
			err = errors.Join(ctx.Err(), err)
		}
	}
	if err != nil {
		_ = c.Close()
		if !ch.IsException(err) {
			s.next()
		}
		return err
	}
	s.put(c)
	return nil
}

// Insert sends t as one block. A token that the table knows makes the server
// drop the block, in the table and in all views that feed on it, so an insert
// may be tried again until it succeeds. The settings are explicit because
// their defaults changed between versions of ClickHouse.
func (s *Sink) Insert(ctx context.Context, t *table.Table, token string) error {
	return named(t, s.do(ctx, insertion(t, token)))
}

func named(t *table.Table, err error) error {
	if err != nil {
		return fmt.Errorf("cannot insert %d rows into %s: %w", t.Rows(), t.Table, err)
	}
	return nil
}

// Ahead is an insert that is sent but for its end. Either Commit or Drop must be
// called, once; nothing may change the rows before.
type Ahead struct {
	t       *table.Table
	release chan struct{}
	cancel  context.CancelFunc
	done    chan error
}

// Send sends t as Insert does, while something else is being inserted, and keeps
// its end back: the server reads the rows, which is a fifth of what an insert
// takes, and has nothing that it could store.
func (s *Sink) Send(ctx context.Context, t *table.Table, token string) *Ahead {
	ctx, cancel := context.WithCancel(ctx)
	a := &Ahead{t: t, release: make(chan struct{}), cancel: cancel, done: make(chan error, 1)}
	go func() { a.done <- s.doHeld(ctx, insertion(t, token), a.release) }()
	return a
}

// Commit sends the end. After an error the rows may be inserted again.
func (a *Ahead) Commit() error {
	defer a.cancel()
	close(a.release)
	return named(a.t, <-a.done)
}

// Drop gives the insert up: the server keeps nothing of it.
func (a *Ahead) Drop() {
	a.cancel()
	<-a.done //nolint:errcheck // It was given up.
}

func insertion(t *table.Table, token string) ch.Query {
	must := func(k, v string) ch.Setting { return ch.Setting{Key: k, Value: v, Important: true} }
	return ch.Query{Body: t.SQL, Input: t.Input(), Settings: []ch.Setting{
		must("insert_deduplication_token", token),
		must("async_insert", "0"),
		must("insert_deduplicate", "1"),
		must("deduplicate_blocks_in_dependent_materialized_views", "1"),
		must("max_insert_block_size", "10000000"),
		must("min_insert_block_size_rows", "10000000"),
		must("min_insert_block_size_bytes", "4000000000"),
		must("max_partitions_per_insert_block", "0"),
		must("materialized_views_ignore_errors", "0"),
		must("distributed_foreground_insert", "1"),
		{Key: "deduplicate_insert", Value: "enable"}, // From 26.2 on; older servers skip it.
		// What follows only saves CPU time. A young part is small enough to be read
		// for its words; the first merge makes its index of text.
		{Key: "exclude_materialize_skip_indexes_on_insert", Value: "ix_text, ix_body"},
		// Views group what they write; nothing is left to sum up in a block.
		{Key: "optimize_on_insert", Value: "0"},
		{Key: "compile_expressions", Value: "0"},
		{Key: "compile_aggregate_expressions", Value: "0"},
	}}
}

// Types asks for the column types of all tables that the consumer writes to.
func (s *Sink) Types(ctx context.Context) (table.Types, error) {
	types := table.Types{}
	var tables, names, kinds proto.ColStr
	err := s.do(ctx, ch.Query{
		Body:   "SELECT table, name, type FROM system.columns WHERE database = currentDatabase()",
		Result: proto.Results{{Name: "table", Data: &tables}, {Name: "name", Data: &names}, {Name: "type", Data: &kinds}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range tables.Rows() {
				t := tables.Row(i)
				if types[t] == nil {
					types[t] = map[string]string{}
				}
				types[t][names.Row(i)] = kinds.Row(i)
			}
			return nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the columns of the tables: %w", err)
	}
	for _, t := range insert.All {
		if types[t] == nil {
			return nil, fmt.Errorf("cannot find table %s.%s: %w", s.o.Database, t, table.ErrColumn)
		}
	}
	return types, nil
}
