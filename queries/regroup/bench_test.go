package regroup

import (
	"testing"

	"errata/schema/grouping"
)

// BenchmarkTake is the cost of grouping one stored event of 6.5 KB again.
func BenchmarkTake(b *testing.B) {
	g, err := grouping.New(grouping.Rules{})
	if err != nil {
		b.Fatal(err)
	}
	r := row{fingerprint: 1, weight: 1, platform: "python", kind: "error", payload: large("f", "eu")}
	c, w := newCounts(), &worker{grouper: g}
	b.ReportAllocs()
	for b.Loop() {
		c.take(w, &r)
	}
}
