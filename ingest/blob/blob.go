// Package blob keeps what is too large for a topic: attachments, minidumps and
// their like. In: bytes under a key. Out: the same bytes. It is a folder by
// default and any bucket of gocloud.dev/blob by URL. It never lists and never
// expires: the row with the key decides how long a blob lives.
package blob

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"mime"
	"os"
	"path/filepath"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// ErrNotFound says that there is no blob under a key.
var ErrNotFound = errors.New("no such blob")

// Store is a bucket. It is safe for concurrent use.
type Store struct{ bucket *blob.Bucket }

// Open opens the bucket of url, or the folder dir where url is empty.
func Open(ctx context.Context, url, dir string) (*Store, error) {
	if url == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("cannot open blob folder: %w", err)
		}
		if err := os.MkdirAll(abs, 0o700); err != nil {
			return nil, fmt.Errorf("cannot make blob folder: %w", err)
		}
		// Files are written beside their place and renamed, so that a kill
		// leaves no half blob under a key.
		b, err := fileblob.OpenBucket(abs, &fileblob.Options{NoTempDir: true, DirFileMode: 0o700, Metadata: fileblob.MetadataDontWrite})
		if err != nil {
			return nil, fmt.Errorf("cannot open blob folder: %w", err)
		}
		return &Store{bucket: b}, nil
	}
	b, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("cannot open blob store: %w", err)
	}
	return &Store{bucket: b}, nil
}

// Put writes the parts one after the other under key; nil means that the store
// took all of them, anything else that it has none.
func (s *Store) Put(ctx context.Context, key, contentType string, parts iter.Seq[[]byte]) error {
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		// The bucket refuses what is none; clients send anything.
		contentType = "application/octet-stream"
	}
	ctx, cancel := context.WithCancel(ctx) // Without it Close would keep a part of a blob.
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType})
	if err != nil {
		return fmt.Errorf("cannot write blob: %w", err)
	}
	for part := range parts {
		if _, err := w.Write(part); err != nil {
			cancel()
			return fmt.Errorf("cannot write blob: %w", errors.Join(err, w.Close()))
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("cannot write blob: %w", err)
	}
	return nil
}

// Get reads the blob under key.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	b, err := s.bucket.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read blob: %w", err)
	}
	return b, nil
}

// Close ends the connection.
func (s *Store) Close() error {
	if err := s.bucket.Close(); err != nil {
		return fmt.Errorf("cannot close blob store: %w", err)
	}
	return nil
}
