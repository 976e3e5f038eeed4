package schema

import (
	"errors"
	"fmt"
	"slices"
)

// WireVersion is what this build writes into Record.version.
const WireVersion = 1

// ErrWireVersion is returned for a record of a newer, incompatible version.
var ErrWireVersion = errors.New("unknown record version")

// EncodeRecord returns the bytes of r for a topic and stamps the version.
func EncodeRecord(r *Record) ([]byte, error) { return AppendRecord(nil, r) }

// AppendRecord is EncodeRecord into the memory behind b.
func AppendRecord(b []byte, r *Record) ([]byte, error) {
	r.Version = WireVersion
	at, n := len(b), r.SizeVT()
	b = slices.Grow(b, n)[:at+n]
	if _, err := r.MarshalToSizedBufferVT(b[at:]); err != nil {
		return nil, fmt.Errorf("cannot encode record: %w", err)
	}
	return b, nil
}

// DecodeRecord reads a message of a topic into r. Strings and byte fields of r
// alias b: the caller keeps b unchanged as long as r is used.
func DecodeRecord(r *Record, b []byte) error {
	if err := r.UnmarshalVTUnsafe(b); err != nil {
		return fmt.Errorf("cannot decode record: %w", err)
	}
	if r.Version == 0 || r.Version > WireVersion {
		return fmt.Errorf("%w: %d, this build reads 1 to %d", ErrWireVersion, r.Version, WireVersion)
	}
	return nil
}
