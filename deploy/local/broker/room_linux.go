package broker

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const keepSize = 1 // FALLOC_FL_KEEP_SIZE: the file is as long as before.

// reserve takes blocks of the disk for n bytes after size, or, where the file system
// knows no such thing, sees that it has many more.
func reserve(f *os.File, size, n int64) error {
	err := syscall.Fallocate(int(f.Fd()), keepSize, size, n)
	for errors.Is(err, syscall.EINTR) {
		err = syscall.Fallocate(int(f.Fd()), keepSize, size, n)
	}
	if !errors.Is(err, syscall.EOPNOTSUPP) && !errors.Is(err, syscall.ENOSYS) {
		return err
	}
	free, err := freeBytes(f.Name())
	if err == nil && free < 16*n {
		err = fmt.Errorf("%w: %d bytes are free", syscall.ENOSPC, free)
	}
	return err
}

// writable tells a file system that became read-only.
func writable(path string) error {
	const write = 2
	return syscall.Access(path, write)
}

// freeBytes is what the file system of path has left for this process.
func freeBytes(path string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(s.Bavail) * s.Bsize, nil
}
