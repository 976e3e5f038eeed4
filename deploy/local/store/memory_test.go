package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/consumer"
)

func TestBlocksFitClickHouse(t *testing.T) {
	t.Parallel()
	most := consumer.Defaults().BatchBytes
	for name, c := range map[string]struct {
		memory int64
		want   int
	}{
		"by default, the largest blocks": {0, most},
		"more memory, no larger blocks":  {8 << 30, most},
		"1 GiB":                          {1 << 30, 128 << 20},
		"512 MiB":                        {512 << 20, 64 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, blockBytes(most, c.memory))
		})
	}
}
