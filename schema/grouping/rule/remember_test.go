package rule

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// What is remembered of paths must never change a decision: every stack gets
// the same one from a set that tries its patterns each time, the first time and
// later, beside others, and with more paths than are kept.
func TestRememberedPathsDecideAlike(t *testing.T) {
	t.Parallel()
	const base = `path:**/site-packages/** -app
family:python path:**/lib/python[23].[0-9]/** -app
path:/usr/{lib,share}/** -app
path:*internal* -group
path:main.py +app`
	const own = `path:**/shop/** +app
!path:**/shop/** path:**/stock/** -group
[path:**/routing.py] | path:**/shop/** ^-group
path:**/cursor.py | [path:**/pool.py] v-app
path:c:/app/** category=app
category:app function:run -group`
	shared, err := ParseFrames(base)
	require.NoError(t, err)
	more, err := ParseFrames(own)
	require.NoError(t, err)
	for name, set := range map[string]*Set{"shared": shared, "with rules of a project": shared.With(more)} {
		forgetful := &Set{rules: set.rules, exception: set.exception}
		folders := []string{"/srv/shop", "/srv/stock", "/usr/lib", "/usr/share/x", "/venv/lib/python3.9/site-packages/fastapi", "", `C:\App`, "/SRV/Shop", "internal"}
		files := []string{"main.py", "routing.py", "cursor.py", "pool.py", strings.Repeat("long", 80) + ".py"}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wg sync.WaitGroup
			for seed := range uint64(4) {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(1, seed))
					for range 1500 {
						frames := make([]schema.Frame, 1+r.IntN(8))
						for i := range frames {
							frames[i] = schema.Frame{AbsPath: folders[r.IntN(len(folders))] + "/" + files[r.IntN(len(files))], Function: "run"}
							if r.IntN(4) == 0 {
								frames[i].AbsPath = fmt.Sprintf("%s/%d.py", folders[r.IntN(len(folders))], r.IntN(5000))
							}
							if r.IntN(5) == 0 {
								frames[i] = schema.Frame{File: files[r.IntN(len(files))]}
							}
						}
						want, got := make([]Decision, len(frames)), make([]Decision, len(frames))
						sub := Subject{Platform: "python"}
						if wantStack := forgetful.Apply(sub, frames, want); wantStack != set.Apply(sub, frames, got) {
							t.Error("the stack was decided differently")
						}
						for i := range want {
							if want[i] != got[i] {
								t.Errorf("frame %d of %v: %v, want %v", i, frames, got[i], want[i])
								return
							}
						}
					}
				})
			}
			wg.Wait()
			m := set.paths.Load()
			require.NotNil(t, m)
			kept := 0
			for i := range m.slots {
				if f := m.slots[i].fit.Load(); f != nil {
					kept++
					require.LessOrEqual(t, len(f.path), maxRemembered)
				}
			}
			require.Positive(t, kept)
			require.LessOrEqual(t, kept, set.slots)
		})
	}
}
