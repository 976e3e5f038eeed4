// Package spool keeps messages on disk while the broker is away. In: messages.
// Out: the same messages, oldest first, until Advance says that they are
// elsewhere. Append returns only when the bytes are fsynced; after a kill -9
// the spool opens again without the torn tail. It never holds more than its
// byte cap and never loses or reorders what it took; after a kill it may give
// the last messages twice.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Message is one record on its way to a topic.
type Message struct {
	Topic string
	Key   []byte
	Value []byte
}

// Config says where and how much.
type Config struct {
	Dir          string
	MaxBytes     int64 // Unread bytes; beyond it Append gives ErrFull.
	SegmentBytes int64 // Of one file; 0 means 16 MiB.
}

// ErrFull is returned by Append when the cap is reached.
var ErrFull = errors.New("the spool is full")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the spool is closed")

const (
	frameHead = 8 // Length and CRC-32C of the body, little endian.
	// maxFrame refuses a length that no writer of ours makes.
	maxFrame = 64 << 20
	suffix   = ".seg"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type segment struct {
	id   uint64
	size int64 // Durable bytes.
}

// Position names a place in the spool: everything before it was read.
type Position struct {
	segment uint64
	offset  int64
}

// commit is one fsync that several callers wait for.
type commit struct {
	buf  []byte
	done chan struct{}
	err  error
}

// Spool is safe for concurrent use; there is one reader.
type Spool struct {
	cfg Config

	mu       sync.Mutex
	segments []segment // Ascending; the last is written to.
	file     *os.File
	pos      Position
	unread   int64 // Durable and not yet advanced over.
	pending  *commit
	closed   bool
	wake     chan struct{}
	stopped  chan struct{}

	readMu sync.Mutex
	reader *os.File
	readID uint64
}

// Open reads the folder, cuts a torn tail and starts the writer.
func Open(cfg Config) (*Spool, error) {
	if cfg.SegmentBytes <= 0 {
		cfg.SegmentBytes = 16 << 20
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make spool folder: %w", err)
	}
	s := &Spool{cfg: cfg, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	if err := s.load(); err != nil {
		return nil, err
	}
	go s.run()
	return s, nil
}

func (s *Spool) path(id uint64) string {
	return filepath.Join(s.cfg.Dir, fmt.Sprintf("%016d%s", id, suffix))
}

func (s *Spool) load() error {
	names, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("cannot read spool folder: %w", err)
	}
	for _, n := range names {
		id, err := strconv.ParseUint(strings.TrimSuffix(n.Name(), suffix), 10, 64)
		if err != nil || !strings.HasSuffix(n.Name(), suffix) {
			continue
		}
		size, err := cutTail(s.path(id))
		if err != nil {
			return err
		}
		if size == 0 {
			if err := os.Remove(s.path(id)); err != nil {
				return fmt.Errorf("cannot remove an empty spool segment: %w", err)
			}
			continue
		}
		s.segments = append(s.segments, segment{id: id, size: size})
	}
	sort.Slice(s.segments, func(i, j int) bool { return s.segments[i].id < s.segments[j].id })
	s.pos = s.readCursor()
	for len(s.segments) > 0 && s.segments[0].id < s.pos.segment {
		if err := os.Remove(s.path(s.segments[0].id)); err != nil {
			return fmt.Errorf("cannot remove a read spool segment: %w", err)
		}
		s.segments = s.segments[1:]
	}
	next := s.pos.segment + 1
	if n := len(s.segments); n > 0 {
		next = s.segments[n-1].id + 1
		if s.segments[0].id > s.pos.segment {
			s.pos = Position{segment: s.segments[0].id}
		}
	} else {
		s.pos = Position{segment: next}
	}
	for _, g := range s.segments {
		s.unread += g.size
	}
	s.unread -= s.pos.offset
	return s.rotate(next)
}

// cutTail walks the frames of a file and truncates it after the last good one.
func cutTail(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("cannot read spool segment: %w", err)
	}
	good := int64(0)
	for rest := b; ; {
		_, n, err := decode(rest)
		if err != nil {
			break
		}
		good += int64(n)
		rest = rest[n:]
	}
	if good != int64(len(b)) {
		if err := os.Truncate(path, good); err != nil {
			return 0, fmt.Errorf("cannot cut the torn end of a spool segment: %w", err)
		}
	}
	return good, nil
}

var errShort = errors.New("no whole frame")

// decode reads one frame; n is its size. The message aliases b.
func decode(b []byte) (m Message, n int, err error) {
	if len(b) < frameHead {
		return m, 0, errShort
	}
	size := int(binary.LittleEndian.Uint32(b))
	if size > maxFrame || len(b) < frameHead+size {
		return m, 0, errShort
	}
	body := b[frameHead : frameHead+size]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return m, 0, errShort
	}
	topic, body, ok := field(body)
	if !ok {
		return m, 0, errShort
	}
	key, value, ok := field(body)
	if !ok {
		return m, 0, errShort
	}
	m = Message{Topic: string(topic), Value: value}
	if len(key) > 0 {
		m.Key = key
	}
	return m, frameHead + size, nil
}

func field(b []byte) (head, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}

func encode(b []byte, m Message) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHead)...)
	b = binary.AppendUvarint(b, uint64(len(m.Topic)))
	b = append(b, m.Topic...)
	b = binary.AppendUvarint(b, uint64(len(m.Key)))
	b = append(b, m.Key...)
	b = append(b, m.Value...)
	body := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(body, castagnoli))
	return b
}

// Append takes all messages or none; nil means fsynced. Callers that come
// together share one fsync.
func (s *Spool) Append(messages []Message) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	size := int64(0)
	for _, m := range messages {
		size += int64(len(m.Topic) + len(m.Key) + len(m.Value) + frameHead + 12)
	}
	waiting := int64(0)
	if s.pending != nil {
		waiting = int64(len(s.pending.buf))
	}
	if s.unread+waiting+size > s.cfg.MaxBytes {
		s.mu.Unlock()
		return ErrFull
	}
	if s.pending == nil {
		s.pending = &commit{done: make(chan struct{})}
	}
	c := s.pending
	for _, m := range messages {
		c.buf = encode(c.buf, m)
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	<-c.done
	return c.err
}

func (s *Spool) run() {
	defer close(s.stopped)
	for range s.wake {
		for {
			s.mu.Lock()
			c := s.pending
			s.pending = nil
			closed := s.closed
			s.mu.Unlock()
			if c == nil {
				if closed {
					return
				}
				break
			}
			c.err = s.flush(c.buf)
			close(c.done)
		}
	}
}

func (s *Spool) flush(b []byte) error {
	s.mu.Lock()
	last := s.segments[len(s.segments)-1]
	s.mu.Unlock()
	if last.size > 0 && last.size+int64(len(b)) > s.cfg.SegmentBytes {
		if err := s.rotate(last.id + 1); err != nil {
			return err
		}
		last = segment{id: last.id + 1}
	}
	_, err := s.file.WriteAt(b, last.size)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		// Bytes that nobody was promised must not be read later.
		_ = s.file.Truncate(last.size)
		return fmt.Errorf("cannot write spool: %w", err)
	}
	s.mu.Lock()
	s.segments[len(s.segments)-1].size += int64(len(b))
	s.unread += int64(len(b))
	s.mu.Unlock()
	return nil
}

// rotate starts segment id and makes its name durable.
func (s *Spool) rotate(id uint64) error {
	f, err := os.OpenFile(s.path(id), os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make spool segment: %w", err)
	}
	if err := syncDir(s.cfg.Dir); err != nil {
		_ = f.Close()
		_ = os.Remove(s.path(id)) // So that the next try can make it.
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		_ = s.file.Close()
	}
	s.file = f
	s.segments = append(s.segments, segment{id: id})
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot open spool folder: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("cannot sync spool folder: %w", err)
	}
	return nil
}

// Bytes returns how much waits to be read.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unread
}

// Close waits for the last fsync and closes the files.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	<-s.stopped
	s.readMu.Lock()
	defer s.readMu.Unlock()
	if s.reader != nil {
		_ = s.reader.Close()
		s.reader = nil
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("cannot close spool: %w", err)
	}
	return nil
}
