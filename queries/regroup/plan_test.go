package regroup

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/schema/grouping"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	part := func(old, x, n uint64) Part { return Part{Old: old, New: x, Rows: n, Occurrences: n} }
	none := func(f uint64) uint64 { return f }
	cases := map[string]struct {
		parts    []Part
		survivor func(uint64) uint64
		merges   map[uint64]uint64
		moves    int
		splits   int
		reported int
	}{
		"nothing":              {[]Part{part(1, 1, 5)}, none, map[uint64]uint64{}, 0, 0, 0},
		"renamed":              {[]Part{part(1, 7, 5)}, none, map[uint64]uint64{7: 1}, 0, 0, 0},
		"two join under a new": {[]Part{part(1, 7, 5), part(2, 7, 9)}, none, map[uint64]uint64{1: 2, 7: 2}, 0, 0, 1},
		"one joins another":    {[]Part{part(1, 2, 5), part(2, 2, 3)}, none, map[uint64]uint64{2: 1}, 0, 0, 1},
		"one falls apart":      {[]Part{part(1, 7, 5), part(1, 8, 3)}, none, map[uint64]uint64{7: 1}, 1, 1, 0},
		"a part joins another": {[]Part{part(1, 1, 5), part(1, 2, 3), part(2, 2, 9)}, none, map[uint64]uint64{}, 1, 1, 0},
		"merged by hand, stays": {[]Part{part(1, 7, 5), part(2, 8, 9)}, func(f uint64) uint64 {
			if f == 2 {
				return 1
			}
			return f
		}, map[uint64]uint64{7: 1, 8: 1}, 0, 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decide(c.parts, c.survivor)
			require.Equal(t, c.merges, d.merges)
			require.Len(t, d.moves, c.moves)
			require.Len(t, d.splits, c.splits)
			require.Len(t, d.report, c.reported)
		})
	}
}

// TestHistoryAndFutureAgree: after a plan every stored event is in the issue
// that the same event would come to now, and unlike fingerprints stay apart
// unless people or the plan joined them.
func TestHistoryAndFutureAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.Uint64Range(1, 7)
		root := small.Draw(t, "root")
		joined := rapid.MapOfN(small, rapid.Just(root), 0, 3).Draw(t, "merged by hand")
		joined[root] = root
		survivor := func(f uint64) uint64 {
			if s, ok := joined[f]; ok {
				return s
			}
			return f
		}
		flows := map[flowKey]uint64{}
		for range rapid.IntRange(1, 8).Draw(t, "flows") {
			flows[flowKey{small.Draw(t, "old"), small.Draw(t, "new")}] += rapid.Uint64Range(1, 9).Draw(t, "n")
		}
		var parts []Part
		for k, n := range flows {
			parts = append(parts, Part{Old: k.old, New: k.new, Rows: n, Occurrences: n})
		}
		slices.SortFunc(parts, func(a, b Part) int { return cmp.Or(cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New)) })
		d := decide(parts, survivor)
		moved := map[flowKey]bool{}
		for _, m := range d.moves {
			moved[flowKey{m.old, m.new}] = true
		}
		after := func(f uint64) uint64 {
			if h, ok := d.merges[f]; ok {
				return h
			}
			return survivor(f)
		}
		for _, p := range parts {
			f := p.Old
			if moved[flowKey{p.Old, p.New}] {
				f = p.New
			}
			if after(f) != after(p.New) {
				t.Fatalf("events of %d that are %d now: stored ones in %d, those to come in %d\nmerges %v\nmoves %v", p.Old, p.New, after(f), after(p.New), d.merges, d.moves)
			}
			if after(after(f)) != after(f) {
				t.Fatalf("issue %d is itself merged\nmerges %v", after(f), d.merges)
			}
		}
	})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	now := grouping.Rules{InApp: "function:a -app\nfunction:b -app", Fingerprint: "type:x -> y"}
	require.Empty(t, Diff(now, grouping.SplitRules("# why\nfunction:a -app\ntype:x -> y\n\nfunction:b -app")))
	require.Equal(t, []string{"  function:a -app", "- function:b -app", "+ function:c -app", "  type:x -> y"}, Diff(now, grouping.SplitRules("function:a -app\nfunction:c -app\ntype:x -> y")))
}
