// Package peer has the connections of clients. A listener comes in and one goes out
// whose connections know their client's address as text, and whose deadlines cost
// nothing as long as they are met: the runtime's timer is moved only when it ends or
// when one is asked for that is sooner. A server that sets three for each request
// pays a hundredth of it for them otherwise (docs/adr/059). Who is refused before all
// of a request was read gets the answer, and not the reset that would overtake it
// (docs/adr/081).
package peer

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Listen wraps what l accepts as Conn.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, ip: IP(c)}, nil
}

// IP is the client's address; empty where it has none.
func IP(c net.Conn) string {
	if p, ok := c.(*Conn); ok {
		return p.ip
	}
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	ip, ok := netip.AddrFromSlice(t.IP)
	if !ok {
		return ""
	}
	return ip.Unmap().String()
}

// Conn is one client's connection.
type Conn struct {
	net.Conn
	ip          string
	read, write deadline
	refused     atomic.Bool // See Close.
}

// Read reads until the deadline that was asked for last.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !late(err) || !c.read.moved(c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write writes until the deadline that was asked for last.
func (c *Conn) Write(p []byte) (int, error) {
	done := 0
	for {
		n, err := c.Conn.Write(p[done:])
		done += n
		if !late(err) || !c.write.moved(c.Conn.SetWriteDeadline) {
			return done, err
		}
	}
}

// SetDeadline asks for both.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline asks for the end of reads; zero is none.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.read.ask(t, c.Conn.SetReadDeadline) }

// SetWriteDeadline asks for the end of writes; zero is none.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.write.ask(t, c.Conn.SetWriteDeadline) }

func late(err error) bool {
	if err == nil {
		return false
	}
	slow, ok := errors.AsType[net.Error](err)
	return ok && slow.Timeout()
}

// deadline is one direction's.
type deadline struct {
	mu    sync.Mutex
	asked time.Time
	set   time.Time // What the runtime has; never later than asked.
}

func (d *deadline) ask(t time.Time, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = t
	if !d.set.IsZero() && (t.IsZero() || !t.Before(d.set)) {
		return nil
	}
	d.set = t
	return set(t)
}

// moved moves the runtime's deadline, which has come, to what was asked for where
// that has not.
func (d *deadline) moved(set func(time.Time) error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.asked.IsZero() && !time.Now().Before(d.asked) {
		return false
	}
	d.set = d.asked
	return set(d.set) == nil
}
