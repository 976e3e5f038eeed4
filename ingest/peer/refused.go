package peer

import (
	"io"
	"net"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// lingering is how long the end of a refused connection waits for the client's: one
	// that reads its answer stops within some round trips.
	lingering = 2 * time.Second
	// lingered bounds what is read and thrown away meanwhile.
	lingered = 64 << 20
)

// Serve has s, whose listeners are those of Listen, answer requests with h, and lets
// clients that are refused while they send read why.
func Serve(s *fasthttp.Server, h fasthttp.RequestHandler) {
	s.Handler = func(c *fasthttp.RequestCtx) {
		h(c)
		answered(c)
	}
	unreadable := s.ErrorHandler
	s.ErrorHandler = func(c *fasthttp.RequestCtx, err error) {
		unreadable(c, err)
		answered(c)
	}
	s.ConnState = func(c net.Conn, state fasthttp.ConnState) {
		// When it stops, the server closes those that wait for a request one after the
		// other, and nothing is on its way there.
		if state == fasthttp.StateIdle {
			mark(c, false)
		}
	}
}

// answered marks the connection of a client that is refused. Who was too slow sends
// nothing any more.
func answered(c *fasthttp.RequestCtx) {
	status := c.Response.StatusCode()
	mark(c.Conn(), status >= http.StatusBadRequest && status != http.StatusRequestTimeout)
}

func mark(c net.Conn, refused bool) {
	if p, ok := c.(*Conn); ok && p.refused.Load() != refused {
		p.refused.Store(refused)
	}
}

// Close ends the connection. The kernel resets one of which bytes were not read, and
// that throws away what the client has not read of its answer: so of a refused one the
// end is told first, and what still comes is read for a moment.
func (c *Conn) Close() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if ok && c.refused.Swap(false) && half.CloseWrite() == nil && c.Conn.SetReadDeadline(time.Now().Add(lingering)) == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, lingered))
	}
	return c.Conn.Close()
}
