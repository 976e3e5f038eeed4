package newest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/queries/pieces"
)

// What is kept is bounded by bytes, of one list and of all: rows may be long.
func TestKeptIsBounded(t *testing.T) {
	t.Parallel()
	fill := func(l *list, rows, long int) {
		k := known{ceiling: 1 << 40}
		for n := range rows {
			k.rows = append(k.rows, row{at: int64(1000 - n), cells: []any{strings.Repeat("x", long), map[string]string{"k": "v"}}})
		}
		l.parts[1] = k
		l.trim(2 * rows)
	}
	var k Kept
	for n := range 3 * maxLists {
		l := k.of(fmt.Sprint(n))
		fill(l, 10, 100_000)
		k.settle(l)
		sum := int64(0)
		for _, l := range k.lists {
			sum += l.held.Load()
		}
		require.LessOrEqual(t, sum, int64(maxHeld))
		require.LessOrEqual(t, len(k.lists), maxLists)
		require.NotNil(t, k.lists[fmt.Sprint(n)])
	}
	l := k.of("large")
	fill(l, 1000, 100_000)
	require.Empty(t, l.parts)
	require.Zero(t, l.held.Load())
	fill(l, 100, 10)
	l.trim(10)
	require.Len(t, l.parts[1].rows, 10)
	require.EqualValues(t, 991, l.parts[1].floor.at)
}

// Of many events of one time a page has some: what is known up to its last row is
// not read again.
func TestManyEventsOfATime(t *testing.T) {
	t.Parallel()
	parts := []pieces.Part{{ID: 1, First: 3, Last: 5}}
	last := row{at: 5, id: [16]byte{8: 7}}
	l := &list{parts: map[uint64]known{1: {floor: last, ceiling: 1 << 40}}}
	q := &question{to: 9}
	require.Empty(t, q.missing(l, parts, &last))
	require.Empty(t, q.missing(l, parts, &row{at: 5, id: [16]byte{8: 6}}))
	require.Len(t, q.missing(l, parts, &row{at: 5, id: [16]byte{8: 8}}), 1)
	of := since(5)
	require.Len(t, q.missing(l, parts, &of), 1)
	l.parts[1] = known{floor: of, ceiling: 1 << 40}
	require.Empty(t, q.missing(l, parts, &of))
	require.Len(t, q.missing(l, parts, &row{at: 4}), 1)
	l.parts[1] = known{floor: since(2), ceiling: 1 << 40}
	require.Empty(t, q.missing(l, parts, &row{at: 1}))
}
