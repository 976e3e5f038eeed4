package backup

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// Restore makes the folder data from a file of Save. data must be empty or not
// there. It appears when all is in place: a restore that is interrupted leaves
// nothing that a store would start on.
func Restore(ctx context.Context, file, data string, each func(Summary)) (s Summary, err error) {
	if there, err := os.ReadDir(data); err == nil && len(there) > 0 {
		return s, fmt.Errorf("cannot restore into %s: it is not empty; name a new folder with --data DIR", data)
	}
	in, err := os.Open(file)
	if err != nil {
		return s, fmt.Errorf("cannot read the backup: %w", err)
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(filepath.Dir(data), 0o700); err != nil {
		return s, fmt.Errorf("cannot make the folder: %w", err)
	}
	draft, err := os.MkdirTemp(filepath.Dir(data), filepath.Base(data)+".*.partial")
	if err != nil {
		return s, fmt.Errorf("cannot make the folder: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(draft)
		}
	}()
	if s, err = read(ctx, in, draft, each); err != nil {
		return s, fmt.Errorf("cannot restore from %s: %w", file, err)
	}
	_ = os.Remove(data) // Empty, or not there.
	if err := os.Rename(draft, data); err != nil {
		return s, fmt.Errorf("cannot place the folder: %w", err)
	}
	return s, nil
}

// errNoBackup is what a file is called that Save did not write, or not to its
// end.
var errNoBackup = errors.New("it is not a whole backup of errata; take another copy of it")

func read(ctx context.Context, in io.Reader, dir string, each func(Summary)) (Summary, error) {
	var got, want Summary
	packed, err := zstd.NewReader(in)
	if err != nil {
		return got, fmt.Errorf("%w: %w", errNoBackup, err)
	}
	defer packed.Close()
	// Names and links that lead out of the folder are refused by the root.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return got, err
	}
	defer func() { _ = root.Close() }()
	tr := tar.NewReader(packed)
	for {
		if err := ctx.Err(); err != nil {
			return got, err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return got, fmt.Errorf("%w: %w", errNoBackup, err)
		}
		if h.Name == summaryName {
			if err := json.NewDecoder(tr).Decode(&want); err != nil {
				return got, fmt.Errorf("%w: %w", errNoBackup, err)
			}
			continue
		}
		if err := place(root, h, tr, &got); err != nil {
			return got, err
		}
		if each != nil {
			each(got)
		}
	}
	// The checksum follows the last byte of the content: who stops before it takes
	// a damaged file for a good one.
	if n, err := io.Copy(io.Discard, packed); err != nil || n > 0 {
		return got, errors.Join(errNoBackup, err)
	}
	switch {
	case want.Format == 0 || want.Files != got.Files || want.Bytes != got.Bytes:
		return got, errNoBackup
	case want.Format != 1:
		return got, fmt.Errorf("it has format %d, which a newer errata wrote; restore with that one", want.Format)
	}
	return want, nil
}

func place(root *os.Root, h *tar.Header, content io.Reader, s *Summary) error {
	name := filepath.FromSlash(h.Name)
	mode := os.FileMode(h.Mode).Perm()
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700)
	case tar.TypeSymlink:
		if !filepath.IsLocal(filepath.Join(filepath.Dir(name), h.Linkname)) || filepath.IsAbs(h.Linkname) {
			return fmt.Errorf("%w: the link %s leads out of the folder", errNoBackup, h.Name)
		}
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
	default:
		return fmt.Errorf("%w: %s is neither file, folder nor link", errNoBackup, h.Name)
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, content)
	s.Files, s.Bytes = s.Files+1, s.Bytes+n
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%w: %w", errNoBackup, err)
	}
	return nil
}
