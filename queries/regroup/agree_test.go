package regroup

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/queries/regroup/plan"
	"errata/schema/grouping"
)

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
		var parts []plan.Part
		for k, n := range flows {
			parts = append(parts, plan.Part{Old: k.old, New: k.new, Rows: n, Occurrences: n})
		}
		slices.SortFunc(parts, func(a, b plan.Part) int { return cmp.Or(cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New)) })
		d := plan.Decide(parts, survivor)
		moved := map[flowKey]bool{}
		for _, m := range d.Moves {
			moved[flowKey{m.Old, m.New}] = true
		}
		after := func(f uint64) uint64 {
			if h, ok := d.Merges[f]; ok {
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
				t.Fatalf("events of %d that are %d now: stored ones in %d, those to come in %d\nmerges %v\nmoves %v", p.Old, p.New, after(f), after(p.New), d.Merges, d.Moves)
			}
			if after(after(f)) != after(f) {
				t.Fatalf("issue %d is itself merged\nmerges %v", after(f), d.Merges)
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
