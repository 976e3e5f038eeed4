package release

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Once a release got no number, what is kept has it as another one: nothing of
// it is used again, however often it is asked.
func TestOneReleaseTooMany(t *testing.T) {
	t.Parallel()
	d := &Numbers{}
	for n := range uint64(maxReleases) {
		require.EqualValues(t, n, d.number(n+1))
	}
	require.True(t, d.complete())
	require.EqualValues(t, 7, d.number(8))
	require.True(t, d.complete())
	d.number(maxReleases + 1)
	require.False(t, d.complete())
	d.number(1)
	require.False(t, d.complete())
}
