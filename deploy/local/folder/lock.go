// Package folder keeps two processes out of one data folder. A path comes in; a
// lock goes out that the kernel gives back when its holder ends, by whatever
// means: nothing has to be removed after a crash.
package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse is returned where another process holds the folder.
var ErrInUse = errors.New("the folder is in use by another process")

// Lock takes DIR/lock, waiting at most that long for another process to give
// it back. Closing the file gives it back.
func Lock(dir string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	for deadline := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || !time.Now().Before(deadline) {
			break
		}
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrInUse
	}
	return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
}
