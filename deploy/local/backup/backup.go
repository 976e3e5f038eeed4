// Package backup puts the data folder of a store into one file and back. A folder
// goes in, or a file; the other comes out, whole or not at all. What is in the
// file is one moment of everything: tables, the log with the consumer's offsets,
// the spool, attachments, projects, keys and passwords. So a store that was
// restored goes on exactly as one that was killed at that moment: what was not
// stored yet is stored once. A store that runs goes on, but for its database,
// which stands for a moment.
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
	Bytes   int64     `json:"bytes"`             // Of the files, before compression.
	HeldMS  int64     `json:"held_ms,omitempty"` // How long the database of a running store stood.
}

// Save writes the folder data into file, which must not exist. each, where set,
// is told how many files and bytes are in. helper is the command line that serves
// pause.Helper; without one, a store that runs is refused.
func Save(ctx context.Context, data, file string, helper []string, each func(Summary)) (s Summary, err error) {
	if _, err := os.Stat(filepath.Join(data, "secrets.json")); err != nil {
		return s, fmt.Errorf("cannot back up %s: it holds no store; name the folder of errata up with --data DIR", data)
	}
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
	held, err := hold(data)
	if err != nil {
		return s, err
	}
	sources := []source{{dir: data}}
	if held == nil {
		d, err := take(ctx, data, helper)
		if err != nil {
			return s, err
		}
		defer d.close()
		s.HeldMS = max(1, d.held.Milliseconds())
		sources = []source{{dir: d.dir, sizes: d.sizes}, {dir: data, below: "blobs"}}
	} else {
		defer held()
	}
	s.Format, s.Created = 1, time.Now().UTC()
	if s, err = write(ctx, s, sources, out, each); err != nil {
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
// running. It returns nothing where the store runs.
func hold(data string) (func(), error) {
	lock, err := folder.Lock(data, 0)
	if errors.Is(err, folder.ErrInUse) {
		return nil, nil //nolint:nilnil // The store runs.
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

// source is a folder whose files go into the backup.
type source struct {
	dir   string
	below string           // Only what is below this; empty: all.
	sizes map[string]int64 // How much of a file is taken, where not all of it.
}

// left says what no backup has: what a store makes anew.
func left(name string, d fs.DirEntry) bool {
	switch {
	case d.IsDir():
		return name == "logs" || name == draftName || name == filepath.Join("clickhouse", "data", "tmp")
	case name == "addresses.json" || d.Name() == "lock":
		return true
	}
	return d.Type()&^fs.ModeSymlink != 0
}

func write(ctx context.Context, s Summary, sources []source, out io.Writer, each func(Summary)) (Summary, error) {
	packed, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest)) // The tables are compressed already.
	if err != nil {
		return s, fmt.Errorf("cannot write the backup: %w", err)
	}
	tw := tar.NewWriter(packed)
	for _, from := range sources {
		if err := from.write(ctx, tw, &s, each); err != nil {
			return s, fmt.Errorf("cannot write the backup: %w", err)
		}
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

func (f source) write(ctx context.Context, tw *tar.Writer, s *Summary, each func(Summary)) error {
	return filepath.WalkDir(filepath.Join(f.dir, f.below), func(path string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return f.gone(err)
		}
		name, err := filepath.Rel(f.dir, path)
		if err != nil || name == "." {
			return err
		}
		if left(name, d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err := f.add(tw, path, name, d, s); err != nil {
			return err
		}
		if each != nil {
			each(*s)
		}
		return nil
	})
}

func (f source) add(tw *tar.Writer, path, name string, d fs.DirEntry, s *Summary) error {
	info, err := d.Info()
	if err != nil {
		return f.gone(err)
	}
	target := ""
	var content *os.File
	switch {
	case d.Type()&fs.ModeSymlink != 0:
		target, err = os.Readlink(path)
	case info.Mode().IsRegular():
		content, err = os.Open(path)
		if err == nil {
			defer func() { _ = content.Close() }()
		}
	}
	if err != nil {
		return f.gone(err)
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name = filepath.ToSlash(name)
	h.Uname, h.Gname, h.Uid, h.Gid = "", "", 0, 0
	if size, known := f.sizes[name]; known {
		h.Size = size
	}
	if err := tw.WriteHeader(h); err != nil || content == nil {
		return err
	}
	n, err := io.CopyN(tw, content, h.Size)
	s.Files, s.Bytes = s.Files+1, s.Bytes+n
	return err
}

// gone passes over what a running store has removed meanwhile.
func (f source) gone(err error) error {
	if f.below != "" {
		return gone(err)
	}
	return err
}
