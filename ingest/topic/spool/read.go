package spool

import (
	"fmt"
	"os"
	"path/filepath"
)

// Peek returns the oldest messages, about max bytes of them and at least one,
// and the position after them. None are left when messages is empty.
func (s *Spool) Peek(max int) (messages []Message, next Position, err error) {
	s.readMu.Lock()
	defer s.readMu.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, s.pos, ErrClosed
	}
	at := s.pos
	i := 0
	for i < len(s.segments)-1 && (s.segments[i].id < at.segment || s.segments[i].id == at.segment && at.offset >= s.segments[i].size) {
		i++
	}
	seg := s.segments[i]
	s.mu.Unlock()
	if seg.id != at.segment {
		at = Position{segment: seg.id}
	}
	left := seg.size - at.offset
	if left <= 0 {
		return nil, at, nil
	}
	if s.reader == nil || s.readID != seg.id {
		if s.reader != nil {
			_ = s.reader.Close()
			s.reader = nil
		}
		if s.reader, err = os.Open(s.path(seg.id)); err != nil {
			s.reader = nil
			return nil, at, fmt.Errorf("cannot open spool segment: %w", err)
		}
		s.readID = seg.id
	}
	b := make([]byte, min(left, int64(max)))
	for {
		if _, err := s.reader.ReadAt(b, at.offset); err != nil {
			return nil, at, fmt.Errorf("cannot read spool segment: %w", err)
		}
		used := 0
		for {
			m, n, err := decode(b[used:])
			if err != nil {
				break
			}
			messages = append(messages, m)
			used += n
		}
		if used > 0 {
			at.offset += int64(used)
			return messages, at, nil
		}
		if int64(len(b)) == left {
			// Bit rot in the middle of a file: what follows cannot be framed.
			return nil, Position{segment: seg.id, offset: seg.size}, fmt.Errorf("cannot read spool segment %d at byte %d: checksum differs", seg.id, at.offset)
		}
		b = make([]byte, min(left, int64(2*len(b))))
	}
}

// Advance forgets everything before p and removes files that were read to
// their end.
func (s *Spool) Advance(p Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.segments) > 1 && s.segments[0].id < p.segment {
		g := s.segments[0]
		s.unread -= g.size
		if g.id == s.pos.segment {
			s.unread += s.pos.offset
		}
		_ = os.Remove(s.path(g.id))
		s.segments = s.segments[1:]
	}
	if p.segment == s.pos.segment {
		s.unread -= p.offset - s.pos.offset
	} else {
		s.unread -= p.offset
	}
	s.pos = p
	return s.writeCursor()
}

func (s *Spool) cursorPath() string { return filepath.Join(s.cfg.Dir, "cursor") }

// writeCursor replaces the file in one step. It is not fsynced: an old cursor
// repeats messages, which the consumer absorbs by event id.
func (s *Spool) writeCursor() error {
	tmp := s.cursorPath() + ".new"
	text := fmt.Sprintf("%d %d\n", s.pos.segment, s.pos.offset)
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return fmt.Errorf("cannot write spool cursor: %w", err)
	}
	if err := os.Rename(tmp, s.cursorPath()); err != nil {
		return fmt.Errorf("cannot replace spool cursor: %w", err)
	}
	return nil
}

func (s *Spool) readCursor() Position {
	b, err := os.ReadFile(s.cursorPath())
	if err != nil {
		return Position{}
	}
	var p Position
	if _, err := fmt.Sscanf(string(b), "%d %d", &p.segment, &p.offset); err != nil || p.offset < 0 {
		return Position{}
	}
	for _, g := range s.segments {
		if g.id == p.segment && p.offset > g.size {
			// The cursor outlived the bytes (a power loss): start the file again.
			p.offset = 0
		}
	}
	return p
}
