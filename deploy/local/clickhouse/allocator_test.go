package clickhouse

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllocator(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"HOME=/x", "JE_MALLOC_CONF=thp:always,dirty_decay_ms:30000,oversize_threshold:1099511627776"}, allocator([]string{"HOME=/x"}))
	own := []string{"JE_MALLOC_CONF=dirty_decay_ms:0", "HOME=/x"}
	require.Equal(t, own, allocator(own), "an operator's own settings stand")
}
