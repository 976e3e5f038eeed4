package queries

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/ch-go"
)

// Stream opens a connection of its own for reading very many rows: columns come
// as they are, without a copy or a boxed value for each row. It is not packed
// where the store is on this machine. The caller closes it.
func (s *Store) Stream(ctx context.Context) (*ch.Client, error) {
	if s.config.Addr == "" {
		return nil, errors.New("cannot open another connection to ClickHouse: this store was made from an open one")
	}
	compression := ch.CompressionLZ4
	if host, _, err := net.SplitHostPort(s.config.Addr); err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback()) {
		compression = ch.CompressionDisabled
	}
	c, err := ch.Dial(ctx, ch.Options{
		Address: s.config.Addr, Database: s.config.database(), User: s.config.User, Password: s.config.Password, TLS: s.config.TLS,
		Compression: compression, DialTimeout: 5 * time.Second, ReadTimeout: time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot reach ClickHouse at %s as %s (is the store running?): %w", s.config.Addr, s.config.User, err)
	}
	return c, nil
}
