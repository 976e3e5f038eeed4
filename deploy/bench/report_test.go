package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	ids := func(n ...byte) (out []id) {
		for _, x := range n {
			out = append(out, id{x})
		}
		return
	}
	for _, tc := range []struct {
		name              string
		accepted, unknown []id
		stored            map[id]int
		counted           int
		want              Verdict
	}{
		{"all once", ids(1, 2), nil, map[id]int{{1}: 1, {2}: 1}, 0, Verdict{}},
		{"one lost", ids(1, 2), nil, map[id]int{{1}: 1}, 0, Verdict{Missing: 1}},
		{"one twice", ids(1, 2), nil, map[id]int{{1}: 1, {2}: 2}, 0, Verdict{Doubled: 1}},
		{"a flood", ids(1, 2, 3), nil, map[id]int{{1}: 1, {9}: 1}, 2, Verdict{Counted: 2}},
		{"a flood of which one is lost", ids(1, 2, 3), nil, map[id]int{{1}: 1}, 1, Verdict{Counted: 1, Missing: 1}},
		{"a flood of which one counts twice", ids(1, 2), nil, map[id]int{{1}: 1}, 2, Verdict{Counted: 1, Doubled: 1}},
		{"no answer, stored and not", nil, ids(1, 2), map[id]int{{1}: 1}, 0, Verdict{UnknownKept: 1}},
		{"no answer, counted", ids(1), ids(2, 3), map[id]int{{1}: 1}, 1, Verdict{Counted: 1, UnknownKept: 1}},
		{"no answer, stored twice", nil, ids(1), map[id]int{{1}: 2}, 0, Verdict{Doubled: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v Verdict
			v.compare(tc.accepted, tc.unknown, tc.stored, tc.counted)
			require.Equal(t, tc.want, v)
		})
	}
}
