package clickhouse

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// The embedded engine aborts when it refuses a native connection: an unknown
// user, a wrong password or a database that does not exist ends the process.
// The gate stands before its port, reads the client's hello, answers a wrong one
// itself and passes the others on byte for byte.

const (
	helloTimeout = 10 * time.Second
	maxHelloText = 4 << 10 // Bytes of one text of a hello: names and passwords are short.

	codeUnknownDatabase = 81
	codeAuthentication  = 516
	codeUnexpected      = 102
)

// gate accepts native connections for a server behind it.
type gate struct {
	listener net.Listener
	behind   string // Address of the engine.
	password func(user string) (password string, known bool)
	exists   func(ctx context.Context, database string) error // Nil where the database is there.

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
	done   sync.WaitGroup
}

func (g *gate) serve() {
	g.open = make(map[net.Conn]struct{})
	g.done.Go(func() {
		for {
			conn, err := g.listener.Accept()
			if err != nil {
				return
			}
			if !g.track(conn) {
				return
			}
			g.done.Go(func() {
				defer g.drop(conn)
				g.handle(conn)
			})
		}
	})
}

func (g *gate) track(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		_ = conn.Close()
		return false
	}
	g.open[conn] = struct{}{}
	return true
}

func (g *gate) drop(conn net.Conn) {
	g.mu.Lock()
	delete(g.open, conn)
	g.mu.Unlock()
	_ = conn.Close()
}

// stop ends every connection and returns when nothing runs any more.
func (g *gate) stop() {
	_ = g.listener.Close()
	g.mu.Lock()
	g.closed = true
	for conn := range g.open {
		_ = conn.Close()
	}
	g.mu.Unlock()
	g.done.Wait()
}

func (g *gate) handle(client net.Conn) {
	_ = client.SetDeadline(time.Now().Add(helloTimeout))
	h, err := readHello(bufio.NewReaderSize(client, 1<<10))
	if err != nil {
		if errors.Is(err, errNotHello) {
			_, _ = client.Write(exception(codeUnexpected, "this port speaks ClickHouse's native protocol; HTTP has a port of its own"))
		}
		return
	}
	if code, sentence := g.judge(h); code != 0 {
		_, _ = client.Write(exception(code, sentence))
		return
	}
	server, err := net.DialTimeout("tcp", g.behind, helloTimeout)
	if err != nil {
		return // It is being started again; clients try again.
	}
	if !g.track(server) {
		return
	}
	defer g.drop(server)
	_ = client.SetDeadline(time.Time{})
	if _, err := server.Write(h.raw); err != nil {
		return
	}
	g.done.Go(func() {
		// The kernel moves the bytes between two TCP connections.
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(client, server)
}

// judge says why the engine would refuse a hello; code 0 means that it would
// not.
func (g *gate) judge(h hello) (code int32, sentence string) {
	password, known := g.password(h.user)
	if !known || subtle.ConstantTimeCompare([]byte(password), []byte(h.password)) != 1 {
		return codeAuthentication, h.user + ": Authentication failed: password is incorrect, or there is no user with such name"
	}
	if h.database == "" || h.database == "default" || h.database == "system" {
		return 0, ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), helloTimeout)
	defer cancel()
	if err := g.exists(ctx, h.database); err != nil {
		return codeUnknownDatabase, err.Error()
	}
	return 0, ""
}

// hello is a client's first packet.
type hello struct {
	raw                      []byte // As it came, to be passed on.
	database, user, password string
}

var errNotHello = errors.New("not a hello of the native protocol")

// readHello reads one hello and what came with it.
func readHello(r *bufio.Reader) (hello, error) {
	var h hello
	number := func() (uint64, error) {
		n, err := binary.ReadUvarint(r)
		if err == nil {
			h.raw = binary.AppendUvarint(h.raw, n)
		}
		return n, err
	}
	text := func() (string, error) {
		n, err := number()
		if err != nil {
			return "", err
		}
		if n > maxHelloText {
			return "", errNotHello
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		h.raw = append(h.raw, b...)
		return string(b), nil
	}
	kind, err := number()
	if err != nil {
		return h, err
	}
	if kind != 0 {
		return h, errNotHello
	}
	if _, err := text(); err != nil { // Name of the client.
		return h, err
	}
	for range 3 { // Version and revision.
		if _, err := number(); err != nil {
			return h, err
		}
	}
	for _, at := range []*string{&h.database, &h.user, &h.password} {
		if *at, err = text(); err != nil {
			return h, err
		}
	}
	early, err := r.Peek(r.Buffered()) // Sent before the server answered.
	h.raw = append(h.raw, early...)
	return h, err
}

// exception is the server's packet that refuses.
func exception(code int32, sentence string) []byte {
	text := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b := binary.AppendUvarint(nil, 2)
	b = binary.LittleEndian.AppendUint32(b, uint32(code))
	b = text(b, "DB::Exception")
	b = text(b, sentence)
	b = text(b, "")
	return append(b, 0) // Nothing nested.
}
