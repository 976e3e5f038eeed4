// Package backup puts the data folder of a stopped store into one file and back.
// A folder goes in, or a file; the other comes out, whole or not at all. What is
// in the file is one moment of everything: tables, the log with the consumer's
// offsets, the spool, attachments, projects, keys and passwords. So a store that
// was restored goes on exactly as one that was killed at that moment: what was
// not stored yet is stored once. It never touches a store that runs.
package backup

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"errata/deploy/local/folder"
)

// summaryName is the last entry of the file: a file without it was cut.
const summaryName = "errata-backup.json"

// engineWait is how long the database may still be ending after its store has.
const engineWait = 30 * time.Second

// Summary says what a backup holds.
type Summary struct {
	Format  int       `json:"format"` // 1.
	Created time.Time `json:"created_at"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"` // Of the files, before compression.
}

// Save writes the folder data into file, which must not exist. each, where set,
// is told how many files and bytes are in.
func Save(ctx context.Context, data, file string, each func(Summary)) (s Summary, err error) {
	if _, err := os.Stat(filepath.Join(data, "secrets.json")); err != nil {
		return s, fmt.Errorf("cannot back up %s: it holds no store; name the folder of errata up with --data DIR", data)
	}
	held, err := hold(data)
	if err != nil {
		return s, err
	}
	defer held()
	if within(data, file) {
		return s, fmt.Errorf("cannot back up into %s: it is inside of the store's folder; name a file elsewhere", file)
	}
	if _, err := os.Lstat(file); err == nil {
		return s, fmt.Errorf("cannot back up into %s: it exists; name a new file", file)
	}
	out, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.partial") // Mode 0600: passwords are in it.
	if err != nil {
		return s, fmt.Errorf("cannot write the backup: %w", err)
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(out.Name())
		}
	}()
	if s, err = write(ctx, data, out, each); err != nil {
		return s, err
	}
	if err = errors.Join(out.Sync(), out.Close()); err == nil {
		err = os.Rename(out.Name(), file)
	}
	if err != nil {
		return s, fmt.Errorf("cannot write the backup: %w", err)
	}
	return s, nil
}

// hold keeps the store, and the database that may outlive it for a moment, from
// running.
func hold(data string) (func(), error) {
	lock, err := folder.Lock(data, 0)
	if errors.Is(err, folder.ErrInUse) {
		return nil, fmt.Errorf("cannot back up %s while its store runs: stop it with Ctrl-C (clients send again what comes meanwhile), then try again", data)
	}
	if err != nil {
		return nil, err
	}
	engine := filepath.Join(data, "clickhouse")
	if _, err := os.Stat(engine); err != nil {
		return func() { _ = lock.Close() }, nil
	}
	second, err := folder.Lock(engine, engineWait)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("cannot back up %s while its database ends: try again in a moment: %w", data, err)
	}
	return func() { _, _ = second.Close(), lock.Close() }, nil
}

func within(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func write(ctx context.Context, data string, out io.Writer, each func(Summary)) (Summary, error) {
	s := Summary{Format: 1, Created: time.Now().UTC()}
	packed, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest)) // The tables are compressed already.
	if err != nil {
		return s, fmt.Errorf("cannot write the backup: %w", err)
	}
	tw := tar.NewWriter(packed)
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		name, err := filepath.Rel(data, path)
		if err != nil || name == "." {
			return err
		}
		switch {
		case name == "logs" || name == filepath.Join("clickhouse", "data", "tmp"):
			return fs.SkipDir
		case name == "addresses.json" || d.Name() == "lock" || d.Type()&^fs.ModeSymlink&^fs.ModeDir != 0:
			return nil
		}
		if err := add(tw, path, name, d, &s); err != nil {
			return err
		}
		if each != nil {
			each(s)
		}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("cannot write the backup: %w", err)
	}
	raw, err := json.Marshal(s)
	if err == nil {
		err = tw.WriteHeader(&tar.Header{Name: summaryName, Mode: 0o600, Size: int64(len(raw))})
	}
	if err == nil {
		_, err = tw.Write(raw)
	}
	if err := errors.Join(err, tw.Close(), packed.Close()); err != nil {
		return s, fmt.Errorf("cannot write the backup: %w", err)
	}
	return s, nil
}

func add(tw *tar.Writer, path, name string, d fs.DirEntry, s *Summary) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	target := ""
	if d.Type()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name = filepath.ToSlash(name)
	h.Uname, h.Gname, h.Uid, h.Gid = "", "", 0, 0
	if err := tw.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	n, err := io.Copy(tw, f)
	s.Files, s.Bytes = s.Files+1, s.Bytes+n
	return err
}
