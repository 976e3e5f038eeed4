package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/uuid"
)

// frameBytes is how much of a block is compressed at a time: what the server's
// own clients take, so that it has memory of that size ready.
const frameBytes = 1 << 20

// frames compresses what is written into frames of ClickHouse's protocol. The
// client would make all of a block first, and then its compressed form, beside
// one another: 300 MB for a block of a backlog. Frames may end anywhere.
type frames struct {
	to   io.Writer
	raw  []byte // Waits for the rest of its frame.
	pack *compress.Writer
}

func newFrames(to io.Writer) *frames {
	return &frames{to: to, pack: compress.NewWriter(compress.LevelZero, compress.LZ4)}
}

func (f *frames) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(f.raw) == 0 && len(p) >= frameBytes {
			if err := f.frame(p[:frameBytes]); err != nil {
				return n - len(p), err
			}
			p = p[frameBytes:]
			continue
		}
		take := min(len(p), frameBytes-len(f.raw))
		f.raw = append(f.raw, p[:take]...)
		p = p[take:]
		if len(f.raw) == frameBytes {
			if err := f.end(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

// end writes what waits as a frame.
func (f *frames) end() error {
	if len(f.raw) == 0 {
		return nil
	}
	err := f.frame(f.raw)
	f.raw = f.raw[:0]
	return err
}

func (f *frames) frame(raw []byte) error {
	if err := f.pack.Compress(raw); err != nil {
		return fmt.Errorf("cannot compress a block: %w", err)
	}
	_, err := f.to.Write(f.pack.Data)
	return err
}

// outlet gathers what is written in few writes. It keeps the end of it back
// until it is flushed, at least a byte of what was written last.
type outlet struct {
	to  io.Writer
	buf []byte
}

const outletBytes = 128 << 10

func (o *outlet) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(o.buf) == outletBytes {
			if err := o.flush(); err != nil {
				return n - len(p), err
			}
		}
		take := min(len(p), outletBytes-len(o.buf))
		o.buf = append(o.buf, p[:take]...)
		p = p[take:]
	}
	return n, nil
}

func (o *outlet) flush() error {
	_, err := o.to.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

// stream is a connection's own way to insert: the client does the handshake and
// all queries, and between two of them nothing is under way that it reads.
type stream struct {
	conn    net.Conn
	reader  *proto.Reader
	buf     proto.Buffer
	outlet  *outlet
	frames  *frames // Nil where blocks are not compressed.
	version int     // Of the protocol, as the handshake settled it.
}

func newStream(conn net.Conn, server proto.ServerHello, compressed bool) *stream {
	s := &stream{conn: conn, reader: proto.NewReader(conn), outlet: &outlet{to: conn}, version: min(proto.Version, server.Revision)}
	if compressed {
		s.frames = newFrames(s.outlet)
	}
	return s
}

// insert sends the query and its input as one block. The end of the block is sent
// once hold is closed, where there is one: until then the server has no block that
// it could store. After any error the connection is of no more use.
func (s *stream) insert(ctx context.Context, q ch.Query, hold <-chan struct{}) error {
	deadline, _ := ctx.Deadline() // None is none here, too.
	if err := s.conn.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	ready, answer := make(chan struct{}), make(chan error, 1)
	go func() { answer <- s.listen(ready) }()
	err := s.query(q)
	if err == nil {
		select {
		case <-ready:
			err = s.data(q.Input, q.Input[0].Data.Rows())
		case err := <-answer: // Before it asked for rows.
			return errors.Join(ctx.Err(), early(err))
		}
	}
	if err == nil && hold != nil {
		select {
		case <-hold:
		case err := <-answer:
			return errors.Join(ctx.Err(), early(err))
		}
	}
	if err == nil {
		err = s.end()
	}
	if err != nil {
		// What the server said before it hung up says more than that it did.
		_ = s.conn.SetReadDeadline(time.Now().Add(time.Second))
		if said := <-answer; ch.IsException(said) {
			return said
		}
		return errors.Join(ctx.Err(), err)
	}
	if err = <-answer; err != nil && !ch.IsException(err) {
		return errors.Join(ctx.Err(), err)
	}
	if err == nil && !stop() {
		return ctx.Err() // The deadline is that of the end.
	}
	if err == nil {
		err = s.conn.SetDeadline(time.Time{})
	}
	return err
}

func early(err error) error {
	if err == nil {
		err = errors.New("the server ended an insert before its rows")
	}
	return err
}

func (s *stream) query(q ch.Query) error {
	settings := make([]proto.Setting, len(q.Settings))
	for i, x := range q.Settings {
		settings[i] = proto.Setting{Key: x.Key, Value: x.Value, Important: x.Important, Custom: x.Custom}
	}
	compression := proto.CompressionDisabled
	if s.frames != nil {
		compression = proto.CompressionEnabled
	}
	s.buf.Reset()
	proto.Query{
		ID: uuid.NewString(), Body: q.Body, Stage: proto.StageComplete, Compression: compression, Settings: settings,
		Info: proto.ClientInfo{ProtocolVersion: s.version, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial,
			InitialAddress: s.conn.LocalAddr().String(), ClientName: clientName},
	}.EncodeAware(&s.buf, s.version)
	if err := s.data(nil, 0); err != nil { // No external tables.
		return err
	}
	return s.outlet.flush()
}

// end sends the end of the rows, and that there are no more.
func (s *stream) end() error {
	if err := s.outlet.flush(); err != nil {
		return err
	}
	s.buf.Reset()
	if err := s.data(nil, 0); err != nil {
		return err
	}
	return s.outlet.flush()
}

// data sends what the buffer has, and a block after it, the end of which stays in
// the outlet.
func (s *stream) data(input proto.Input, rows int) error {
	proto.ClientCodeData.Encode(&s.buf)
	proto.ClientData{}.EncodeAware(&s.buf, s.version)
	if _, err := s.conn.Write(s.buf.Buf); err != nil {
		return err
	}
	var to io.Writer = s.outlet
	if s.frames != nil {
		to = s.frames
	}
	b := proto.Block{Columns: len(input), Rows: rows}
	if len(input) > 0 {
		b.Info.BucketNum = -1
	}
	s.buf.Reset()
	w := proto.NewWriter(to, &s.buf)
	if err := b.WriteBlock(w, s.version, input); err != nil {
		return err
	}
	if _, err := w.Flush(); err != nil {
		return err
	}
	if s.frames != nil {
		return s.frames.end()
	}
	return nil
}

// listen reads what the server says to an insert until its end. It closes ready
// when the server asks for rows.
func (s *stream) listen(ready chan<- struct{}) error {
	for {
		n, err := s.reader.UVarInt()
		if err != nil {
			return err
		}
		switch code := proto.ServerCode(n); code {
		case proto.ServerCodeEndOfStream:
			return nil
		case proto.ServerCodeException:
			var e proto.Exception
			if err := e.DecodeAware(s.reader, s.version); err != nil {
				return err
			}
			return &ch.Exception{Code: e.Code, Name: e.Name, Message: e.Message, Stack: e.Stack}
		case proto.ServerCodeData:
			var columns proto.ColInfoInput // The names and types of what is to be sent.
			if err := s.decode(&columns, s.frames != nil); err != nil {
				return err
			}
			if ready != nil {
				close(ready)
				ready = nil
			}
		case proto.ServerCodeLog:
			var logs proto.Logs
			err = s.decode(logs.Result(), false)
		case proto.ServerProfileEvents:
			var events proto.ProfileEvents
			err = s.decode(events.Result(), false)
		case proto.ServerCodeProgress:
			err = (&proto.Progress{}).DecodeAware(s.reader, s.version)
		case proto.ServerCodeProfile:
			err = (&proto.Profile{}).DecodeAware(s.reader, s.version)
		case proto.ServerCodeTableColumns:
			err = (&proto.TableColumns{}).DecodeAware(s.reader, s.version)
		default:
			return fmt.Errorf("the server answers an insert with a packet %q", code)
		}
		if err != nil {
			return err
		}
	}
}

// decode reads a block into to.
func (s *stream) decode(to proto.Result, compressed bool) error {
	if proto.FeatureTempTables.In(s.version) {
		if _, err := s.reader.Str(); err != nil {
			return err
		}
	}
	if compressed {
		s.reader.EnableCompression()
		defer s.reader.DisableCompression()
	}
	var b proto.Block
	return b.DecodeBlock(s.reader, s.version, to)
}
