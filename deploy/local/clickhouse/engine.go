package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// localResult mirrors struct local_result_v2 of libchdb.
type localResult struct {
	_       *byte          // Buffer.
	_       uintptr        // Its length.
	_       unsafe.Pointer // The vector behind it.
	_       float64        // Seconds.
	_       uint64         // Rows read.
	_       uint64         // Bytes read.
	message *byte
}

// runLibrary runs the engine in this process. The query that keeps it up reads
// a pipe: closing the pipe ends the query, after which the engine flushes and
// shuts its tables down, which a signal would not let it do.
func (c Child) runLibrary(stop <-chan struct{}) error {
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	query := fmt.Sprintf("SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "+
		"SELECT count() FROM file('/dev/fd/%d', 'LineAsString', 'l String') "+
		"SETTINGS max_execution_time=0, max_threads=1, storage_file_read_method='read' FORMAT Null", pipe[0])
	args := []string{
		"clickhouse-local", "--config-file", filepath.Join(c.Dir, "config.xml"),
		"--path", filepath.Join(c.Dir, "data"), "--log-level", "warning", "--query", query,
	}
	stopped := make(chan struct{})
	go func() {
		<-stop
		close(stopped)
		_ = syscall.Close(pipe[1])
		// A query that opens the pipe only now waits for a writer: be one for a
		// moment, again and again.
		for end := time.Now().Add(stopTimeout); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			hangUp()
			if fd, err := syscall.Open(fmt.Sprintf("/dev/fd/%d", pipe[0]), syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				_ = syscall.Close(fd)
			}
		}
		fmt.Fprintln(os.Stderr, "errata: cannot stop ClickHouse in", stopTimeout)
		os.Exit(1)
	}()
	go yieldMerges(os.Getpid(), stop)
	if err := call(c.Library, args); err != nil {
		return err
	}
	select {
	case <-stopped:
		return nil
	default:
		return errors.New("cannot keep ClickHouse up: its query ended")
	}
}

// hangUp ends the connections of this process: the engine would wait five
// seconds for clients that only keep theirs open.
func hangUp() {
	for fd := 3; fd < 4096; fd++ {
		if _, err := syscall.Getpeername(fd); err == nil {
			_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
		}
	}
}

// call enters the library and returns when the engine has shut down.
func call(library string, args []string) error {
	runtime.LockOSThread()
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("cannot load the embedded ClickHouse: %w", err)
	}
	symbol, err := purego.Dlsym(handle, "query_stable_v2")
	if err != nil {
		return fmt.Errorf("cannot use the embedded ClickHouse %s: %w", library, err)
	}
	var run func(argc int32, argv **byte) *localResult
	purego.RegisterFunc(&run, symbol)

	// C keeps these pointers while it runs: nothing may move.
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]*byte, len(args)+1)
	for i, a := range args {
		b := append([]byte(a), 0)
		argv[i] = &b[0]
		pin.Pin(argv[i])
	}
	pin.Pin(&argv[0])
	r := run(int32(len(args)), &argv[0])
	if r != nil && r.message != nil {
		return fmt.Errorf("cannot run the embedded ClickHouse: %s", text(r.message))
	}
	return nil
}

func text(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
