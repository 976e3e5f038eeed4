package scan

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// The innermost and the outermost halves of a deep stack are kept, in order.
func TestFrameHalves(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, schema.MaxFrames - 1, schema.MaxFrames, schema.MaxFrames + 1, 2*schema.MaxFrames + 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var l Frames
			for i := range n {
				l.Add(schema.Frame{Line: uint32(i)})
				require.Equal(t, uint32(i), l.Last().Line)
			}
			got := l.OldestFirst()
			require.Len(t, got, min(n, schema.MaxFrames))
			for i, f := range got {
				want := i
				if i >= halfFrames && n > schema.MaxFrames {
					want = n - (schema.MaxFrames - i)
				}
				require.Equal(t, uint32(want), f.Line)
			}
		})
	}
}
