package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPaceSaysHowOldTheNewestVisibleEventIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stored int64
		age    time.Duration
		known  bool
	}{
		"nothing stored yet":  {0, 0, false},
		"the first hundred":   {100, 3 * time.Second, true},
		"between two samples": {250, 2 * time.Second, true},
		"everything":          {300, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			p := &pace{points: []point{{now.Add(-4 * time.Second), 100}, {now.Add(-3 * time.Second), 200}, {now.Add(-2 * time.Second), 300}}}
			age, known := p.behind(tc.stored)
			require.Equal(t, tc.known, known)
			require.GreaterOrEqual(t, age, tc.age)
			require.LessOrEqual(t, age, tc.age+time.Since(now), "no older than the time that went by says")
		})
	}
}
