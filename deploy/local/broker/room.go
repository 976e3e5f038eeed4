package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What is kept of the disk for commits.
const (
	commitReserve = 256 << 10 // Taken at once.
	commitLeast   = 64 << 10  // Of it, before more is taken.
	tellRoomEvery = 10 * time.Second
)

// room lets the engine take a commit only where there is room for it. The engine
// answers a commit whether or not it could write it, and what it wrote of one on a
// full disk hides all commits after it at the next start: the consumer would store
// records again that are stored. So blocks of the disk are taken for the file of
// commits before they are needed; where there are none, the commit is refused and
// the consumer asks again.
type room struct {
	path string // Of the file of commits.
	log  *slog.Logger

	mu   sync.Mutex
	file os.FileInfo // The file that has the blocks; another takes its place in time.
	upTo int64       // Its size may grow to this.
	told time.Time
}

func newRoom(dir string, log *slog.Logger) *room {
	return &room{path: filepath.Join(dir, "groups.log"), log: log}
}

// watch has the engine ask before it takes a commit.
func (r *room) watch(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(q kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req, ok := q.(*kmsg.OffsetCommitRequest)
		if !ok || r.has() {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetCommitResponse) //nolint:forcetypeassert // It is that of the request.
		for _, t := range req.Topics {
			rt := kmsg.NewOffsetCommitResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetCommitResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
}

// has says whether the next commits can be written.
func (r *room) has() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.take()
	if err != nil && time.Since(r.told) > tellRoomEvery {
		r.told = time.Now()
		r.log.Error("the broker cannot keep what was consumed; nothing more is stored until it can", "cause", err)
	}
	return err == nil
}

func (r *room) take() error {
	info, err := os.Stat(r.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return fmt.Errorf("cannot look at the file of commits: %w", err)
	case r.file != nil && os.SameFile(info, r.file) && info.Size()+commitLeast <= r.upTo:
		return writable(r.path)
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the file of commits: %w", err)
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err != nil {
		return fmt.Errorf("cannot look at the file of commits: %w", err)
	}
	if err := reserve(f, info.Size(), commitReserve); err != nil {
		return fmt.Errorf("cannot take room for commits: %w", err)
	}
	r.file, r.upTo = info, info.Size()+commitReserve
	return nil
}
