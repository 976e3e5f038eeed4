package broker

import (
	"net"
	"sync"

	"github.com/valyala/fasthttp/fasthttputil"
)

// inside is the broker's listener: connections over TCP and, for clients in
// this process, connections in memory. A write and the read of it over loopback
// cost more CPU than the broker's own work on them.
type inside struct {
	net.Listener // TCP.
	memory       *fasthttputil.InmemoryListener
	conns        chan net.Conn
	closed       chan struct{}
	once         sync.Once
}

func newInside(tcp net.Listener) *inside {
	l := &inside{Listener: tcp, memory: fasthttputil.NewInmemoryListener(), conns: make(chan net.Conn), closed: make(chan struct{})}
	go l.forward(tcp)
	go l.forward(l.memory)
	return l
}

// forward hands on what one listener accepts until it is closed.
func (l *inside) forward(from net.Listener) {
	for {
		c, err := from.Accept()
		if err != nil {
			return
		}
		select {
		case l.conns <- c:
		case <-l.closed:
			_ = c.Close()
		}
	}
}

// Accept returns the next connection of either kind.
func (l *inside) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends both listeners; what was dialled and not accepted is closed.
func (l *inside) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		_ = l.memory.Close()
		err = l.Listener.Close()
	})
	return err
}
