package name

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRememberedNames asks for more names than there are places, from several
// goroutines at once: what is remembered is what was decided.
func TestRememberedNames(t *testing.T) {
	t.Parallel()
	n := newSet(true, nil, nil, 8)
	first := n.seen.Load()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 1000 {
				for _, k := range []string{"password", "author", fmt.Sprintf("field_%d_%d", g, i), fmt.Sprintf("token_%d", i%20), strings.Repeat("x", i%70), strings.Repeat("x", i%70) + "_password"} {
					if n.Secret(k) != (len(k) >= 3 && n.unseen(k)) {
						t.Errorf("%q is decided otherwise when it comes again", k)
						return
					}
				}
			}
		})
	}
	all.Wait()
	require.NotSame(t, first, n.seen.Load(), "names that came once do not keep the places for ever")
}
