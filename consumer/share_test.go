package consumer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the windows of all partitions hold together must not grow with their
// number beyond the least that each of them has.
func TestPartitionsShareTheWindows(t *testing.T) {
	cfg := Defaults()
	for name, c := range map[string]struct {
		cfg        Config
		partitions int
		want       sizes
	}{
		"one partition has all":      {cfg, 1, sizes{200_000, 200_000, 100_000}},
		"three have a third each":    {cfg, 3, sizes{66_667, 66_667, 33_334}},
		"many have the least":        {cfg, 64, sizes{10_000, 10_000, 10_000}},
		"small windows stay whole":   {Config{DuplicateRecords: 300, DuplicateRows: 200, TwinRecords: 250}, 3, sizes{300, 200, 250}},
		"what is off stays off":      {Config{DuplicateRows: 1}, 3, sizes{0, 1, 0}},
		"one record less is rounded": {Config{DuplicateRecords: 100_001, DuplicateRows: 100_001, TwinRecords: 100_001}, 2, sizes{50_001, 50_001, 50_001}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.cfg.share(c.partitions)) })
	}
}
