package broker

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// segment is one file of a partition's log.
type segment struct {
	base  int64 // Offset of its first record.
	bytes int64
}

// keep syncs, trims and guards until Stop.
func (b *Broker) keep() {
	defer b.done.Done()
	syncs, trims := time.NewTicker(b.cfg.SyncEvery), time.NewTicker(b.cfg.TrimEvery)
	defer syncs.Stop()
	defer trims.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-b.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		var err error
		select {
		case <-b.stop:
			return
		case <-syncs.C:
			if !b.cfg.SyncWrites {
				err = b.syncFiles()
			}
		case <-trims.C:
			err = b.keepOnce(ctx)
		}
		if err != nil && ctx.Err() == nil {
			b.cfg.Logger.Error("cannot look after the broker's log", "error", err)
		}
	}
}

// keepOnce trims what was committed and measures what is left.
func (b *Broker) keepOnce(ctx context.Context) error {
	committed, _, err := b.committed(ctx)
	if err != nil {
		return err
	}
	logs, err := b.segments()
	if err != nil {
		return err
	}
	var total int64
	for p, segments := range logs {
		to := trimTo(segments, committed[p])
		if to > segments[0].base {
			// What stays must be on disk before what goes is gone: the end of
			// the log is known from the last segment alone.
			if err := b.syncFiles(); err != nil {
				return err
			}
			if err := b.deleteBefore(ctx, p, to); err != nil {
				return err
			}
		}
		for _, s := range segments {
			if s.base >= to {
				total += s.bytes
			}
		}
	}
	b.bytes.Store(total)
	return b.judge(total)
}

// judge says whether more may be written.
func (b *Broker) judge(total int64) error {
	free, err := freeBytes(b.cfg.Dir)
	if err != nil {
		return fmt.Errorf("cannot ask how much room the disk has: %w", err)
	}
	was, why := b.full.Load(), ""
	switch least, most := b.cfg.LeastFree, b.cfg.MaxBytes; {
	case free < least || was != nil && free < least/4*5:
		why = fmt.Sprintf("the disk is full: %d MiB are free and the store needs %d to go on", free>>20, least>>20)
	case total >= most || was != nil && total >= most/10*9:
		why = "the broker is full of records that are not stored yet"
	}
	if why == "" {
		b.full.Store(nil)
	} else {
		b.full.Store(&why)
	}
	log := b.cfg.Logger.With("bytes", total, "limit", b.cfg.MaxBytes, "free", free)
	switch {
	case why == "" && was != nil:
		log.Info("the broker has room again")
	case why != "" && was == nil:
		log.Warn("nothing more is accepted: " + why)
	}
	return nil
}

// trimTo is the first offset to keep. A segment goes when all of it was read
// and the next one holds a record that was read as well: a partition without
// any record would start again at offset 0 after a crash.
func trimTo(segments []segment, committed int64) int64 {
	to := segments[0].base
	for _, s := range segments {
		if s.base < committed {
			to = max(to, s.base)
		}
	}
	return to
}

// segments lists the log files of every partition, oldest first.
func (b *Broker) segments() (map[place][]segment, error) {
	out := make(map[place][]segment)
	root := filepath.Join(b.cfg.Dir, "partitions")
	folders, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list the broker's log: %w", err)
	}
	for _, f := range folders {
		i := strings.LastIndexByte(f.Name(), '-')
		if i < 0 {
			continue
		}
		topic, err := url.PathUnescape(f.Name()[:i])
		partition, err2 := strconv.ParseInt(f.Name()[i+1:], 10, 32)
		if err != nil || err2 != nil {
			continue
		}
		files, err := os.ReadDir(filepath.Join(root, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("cannot list the broker's log: %w", err)
		}
		var list []segment
		for _, file := range files {
			base, isLog := strings.CutSuffix(file.Name(), ".dat")
			offset, err := strconv.ParseInt(base, 10, 64)
			if !isLog || err != nil {
				continue
			}
			info, err := file.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // Trimmed meanwhile.
			}
			if err != nil {
				return nil, fmt.Errorf("cannot list the broker's log: %w", err)
			}
			list = append(list, segment{offset, info.Size()})
		}
		if len(list) > 0 {
			slices.SortFunc(list, func(a, b segment) int { return cmp.Compare(a.base, b.base) })
			out[place{topic, int32(partition)}] = list
		}
	}
	return out, nil
}

// syncFiles puts every file that grew since the last time on disk: the log
// first, then what was committed, so that a commit does not outlive its
// records for long.
func (b *Broker) syncFiles() error {
	var files []string
	err := filepath.WalkDir(filepath.Join(b.cfg.Dir, "partitions"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot list the broker's log: %w", err)
	}
	for _, name := range []string{"groups.log", "topics.json", "meta.json"} {
		files = append(files, filepath.Join(b.cfg.Dir, name))
	}
	now := make(map[string]int64, len(files))
	for _, file := range files {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot sync the broker's log: %w", err)
		}
		size, known := b.synced[file]
		if !known || size != info.Size() {
			if err := syncFile(file); err != nil {
				return err
			}
			if !known {
				// A new file is there after a power cut only when its folder says so.
				if err := syncFile(filepath.Dir(file)); err != nil {
					return err
				}
			}
		}
		now[file] = info.Size()
	}
	b.synced = now
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot sync the broker's log: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cannot sync the broker's log: %w", err)
	}
	return nil
}

// behind is a partition whose log ends before what the group has committed, or has
// announced to store.
type behind struct {
	place
	end, committed int64
}

func (b *Broker) behindCommits(ctx context.Context) ([]behind, error) {
	committed, announced, err := b.committed(ctx)
	if err != nil || len(committed) == 0 {
		return nil, err
	}
	ends, err := b.ends(ctx, committed)
	if err != nil {
		return nil, err
	}
	var out []behind
	for p, c := range committed {
		c = max(c, announced[p])
		if end, known := ends[p]; known && end < c {
			out = append(out, behind{p, end, c})
		}
	}
	return out, nil
}

// moveEnd appends a segment with one batch just below the commit, which holds no
// record: the group may have announced to read there. The engine must be closed.
func (b *Broker) moveEnd(p behind) error {
	dir := filepath.Join(b.cfg.Dir, "partitions", fmt.Sprintf("%s-%d", url.PathEscape(p.topic), p.partition))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot move the end of %s-%d: %w", p.topic, p.partition, err)
	}
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{
		FirstOffset: p.committed - 1, Magic: 2, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	}
	raw := batch.AppendTo(nil)
	// Length covers what follows offset and length, the checksum what follows
	// itself.
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	path := filepath.Join(dir, strconv.FormatInt(p.committed-1, 10)+".dat")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		return fmt.Errorf("cannot move the end of %s-%d: %w", p.topic, p.partition, err)
	}
	// It describes the log as it was.
	if err := os.Remove(filepath.Join(dir, "snapshot.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot move the end of %s-%d: %w", p.topic, p.partition, err)
	}
	return syncFile(path)
}
