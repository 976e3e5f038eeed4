// Package mapping holds a request body that is too large for memory. In: its
// bytes, in parts. Out: all of them as one slice, which is the mapped file. The
// file has no name, so that nothing is left of it whatever ends the process.
package mapping

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrDisk says that the disk did not take or give a body.
var ErrDisk = errors.New("the disk cannot hold a large body")

// File is a body on disk. It has one owner.
type File struct {
	file *os.File
	size int64
	data []byte
}

// New makes an empty one in the folder dir, which it makes, too.
func New(dir string) (*File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	f, err := os.CreateTemp(dir, "body-*")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrDisk, err), f.Close())
	}
	return &File{file: f}, nil
}

// Write adds bytes.
func (f *File) Write(b []byte) (int, error) {
	n, err := f.file.Write(b)
	f.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return n, nil
}

// Map returns what was written, until Close.
func (f *File) Map() ([]byte, error) {
	if f.size == 0 || f.size > math.MaxInt32 {
		return nil, nil
	}
	data, err := unix.Mmap(int(f.file.Fd()), 0, int(f.size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	mu.Lock()
	defer mu.Unlock()
	f.data = data
	mapped[f] = true
	return data, nil
}

// Close ends the file; what Map returned must not be touched after it. A nil
// File has nothing to end.
func (f *File) Close() {
	if f == nil {
		return
	}
	mu.Lock()
	if f.data != nil {
		delete(mapped, f)
		_ = unix.Munmap(f.data)
		f.data = nil
	}
	mu.Unlock()
	_ = f.file.Close()
}

var (
	mu     sync.Mutex
	mapped = map[*File]bool{}
)

// partBytes is how much of a body is in memory while all of it is read.
const partBytes = 1 << 20

// Parts cuts b, in which a part of a mapped file may lie or not, for who reads
// all of it once: what was read leaves the memory of the process before the next
// part comes, and comes again where it is read again. A body has many pages.
func Parts(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			part := b[:min(len(b), partBytes)]
			b = b[len(part):]
			more := yield(part)
			if len(part) == partBytes {
				giveBack(part)
			}
			if !more {
				return
			}
		}
	}
}

// Reader reads bytes that Parts is for.
type Reader interface {
	io.Reader
	io.ByteReader
}

// NewReader returns a reader of b.
func NewReader(b []byte) Reader {
	if len(b) <= partBytes {
		return bytes.NewReader(b)
	}
	return bufio.NewReaderSize(&givingReader{all: b}, 64<<10)
}

// givingReader gives back what it has read.
type givingReader struct {
	all         []byte
	read, given int
}

func (r *givingReader) Read(b []byte) (int, error) {
	n := copy(b, r.all[r.read:])
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	if r.read += n; r.read-r.given >= partBytes {
		giveBack(r.all[r.given:r.read])
		r.given = r.read
	}
	return n, nil
}

// Index is bytes.Index for large b that Parts is for.
func Index(b, sep []byte) int {
	if len(b) <= partBytes {
		return bytes.Index(b, sep)
	}
	at := 0
	for part := range Parts(b) {
		// What begins in this part may end in the next one.
		window := b[at:min(len(b), at+len(part)+len(sep)-1)]
		if i := bytes.Index(window, sep); i >= 0 {
			return at + i
		}
		at += len(part)
	}
	return -1
}

// giveBack takes the pages of b from the process where they are a mapped file's;
// any others would lose what they hold.
func giveBack(b []byte) {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	mu.Lock()
	defer mu.Unlock()
	for f := range mapped {
		start := uintptr(unsafe.Pointer(unsafe.SliceData(f.data)))
		if from < start || from+uintptr(len(b)) > start+uintptr(len(f.data)) {
			continue
		}
		page := uintptr(os.Getpagesize())
		first, last := (from-start)/page*page, min((from-start+uintptr(len(b))+page-1)/page*page, uintptr(len(f.data)))
		_ = unix.Madvise(f.data[first:last], unix.MADV_DONTNEED)
	}
}
