package pieces_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/queries/pieces"
)

const slot = 10

// table is one whose parts are inserted, merged and dropped while it is read.
type table struct {
	sync.Mutex
	r      *rand.Rand
	next   uint64
	parts  map[uint64][]pieces.Row[int]
	server uint64
	// seen are the sums that it had since they were last forgotten.
	seen  []map[[2]int64]int
	reads int
	limit int // Rows that one read may give, else it begins anew.
	still bool
}

func (t *table) sums(first, last int64) map[[2]int64]int {
	out := map[[2]int64]int{}
	for _, rows := range t.parts {
		for _, r := range rows {
			if r.At >= first && r.At <= last {
				out[[2]int64{int64(r.Issue), r.At}] += r.Value //nolint:gosec // Small.
			}
		}
	}
	return out
}

// change does one of the things that happen to a table.
func (t *table) change(first, last int64) {
	if t.still {
		return
	}
	ids := slices.Sorted(maps.Keys(t.parts))
	t.next++
	switch n := t.r.IntN(10); {
	case n < 4 || len(ids) < 3:
		var rows []pieces.Row[int]
		for range t.r.IntN(6) { // None: of another project only.
			rows = append(rows, pieces.Row[int]{Issue: uint64(t.r.IntN(9)), At: int64(t.r.IntN(30)) * slot, Value: 1}) //nolint:gosec // Small.
		}
		t.parts[t.next] = rows
	case n < 8: // A merge.
		a, b := ids[t.r.IntN(len(ids))], ids[t.r.IntN(len(ids))]
		if a == b {
			return
		}
		t.parts[t.next] = slices.Concat(t.parts[a], t.parts[b])
		delete(t.parts, a)
		delete(t.parts, b)
	case n < 9: // A mutation.
		a := ids[t.r.IntN(len(ids))]
		rows := slices.Clone(t.parts[a])
		for i := range rows {
			rows[i].Value++
		}
		t.parts[t.next] = rows
		delete(t.parts, a)
	default:
		delete(t.parts, ids[t.r.IntN(len(ids))])
	}
	t.seen = append(t.seen, t.sums(first, last))
}

func (t *table) source(first, last int64) pieces.Source[int] {
	return pieces.Source[int]{
		First: first, Last: last, Slot: slot, Chunk: 4,
		List: func(context.Context) (pieces.List, error) {
			t.Lock()
			defer t.Unlock()
			if t.r.IntN(2) == 0 {
				t.change(first, last)
			}
			out := pieces.List{Server: t.server}
			for id, rows := range t.parts {
				p := pieces.Part{ID: id, Name: fmt.Sprint(id), First: 1 << 40, Last: -1, Rows: uint64(len(rows))}
				for _, r := range rows {
					p.First, p.Last = min(p.First, r.At), max(p.Last, r.At)
				}
				if len(rows) == 0 {
					p.First, p.Last = 0, 1000
				}
				out.Parts = append(out.Parts, p)
			}
			return out, nil
		},
		Read: func(_ context.Context, names []string, from, to int64, again func(), each func(uint64, pieces.Row[int])) (uint64, error) {
			t.Lock()
			defer t.Unlock()
			t.reads++
			if t.r.IntN(3) == 0 {
				t.change(first, last)
			}
			n := 0
			for id, rows := range t.parts {
				if !slices.Contains(names, fmt.Sprint(id)) {
					continue
				}
				for _, r := range rows {
					if r.At < from || r.At > to {
						continue
					}
					if n++; t.limit > 0 && n == t.limit {
						again()
						t.limit = 0
						for id, rows := range t.parts {
							for _, r := range rows {
								if r.At >= from && r.At <= to && slices.Contains(names, fmt.Sprint(id)) {
									each(id, r)
								}
							}
						}
						return t.server, nil
					}
					each(id, r)
				}
			}
			return t.server, nil
		},
	}
}

func sum(rows pieces.Rows[int]) map[[2]int64]int {
	out := map[[2]int64]int{}
	for _, of := range rows.Of {
		for _, r := range of {
			if r.At >= rows.First && r.At <= rows.Last {
				out[[2]int64{int64(r.Issue), r.At}] += r.Value //nolint:gosec // Small.
			}
		}
	}
	return out
}

// Whatever happens to parts while they are listed and read, the answer is what
// the table had at a moment between question and answer.
func TestAnswersAreOfAMomentOfTheQuestion(t *testing.T) {
	t.Parallel()
	for n := range 120 {
		x := &table{r: rand.New(rand.NewPCG(uint64(n), 1)), parts: map[uint64][]pieces.Row[int]{}, server: 7}
		k := &pieces.Keeper{}
		whole := 0
		for range 40 {
			first := int64(x.r.IntN(20)) * slot
			last := first + int64(x.r.IntN(12))*slot
			x.limit = x.r.IntN(8)
			x.seen = []map[[2]int64]int{x.sums(first, last)}
			rows, m, err := pieces.Get(t.Context(), k, "key", x.source(first, last))
			if err != nil {
				require.ErrorIs(t, err, pieces.ErrWhole)
				whole++
				continue
			}
			require.Contains(t, x.seen, sum(rows), "seed %d", n)
			if was, ok := m.Recall(&rows, [2]int64{first, last}); ok {
				require.Equal(t, was, sum(rows), "the same parts say the same")
			}
			m.Remember(&rows, [2]int64{first, last}, sum(rows))
		}
		require.Less(t, whole, 30, "nearly all of them are answered")
	}
}

// What is known is not read again.
func TestKnownPartsAreNotReadAgain(t *testing.T) {
	t.Parallel()
	x := &table{r: rand.New(rand.NewPCG(1, 2)), parts: map[uint64][]pieces.Row[int]{}, server: 7}
	for len(x.parts) < 5 {
		x.change(0, 0)
	}
	x.still = true
	k := &pieces.Keeper{}
	for _, c := range []struct {
		name        string
		first, last int64
		read        bool
	}{
		{"the first time", 100, 200, true},
		{"again", 100, 200, false},
		{"a part of it", 120, 150, false},
		{"more", 0, 300, true},
		{"all of that", 50, 290, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := x.reads
			rows, _, err := pieces.Get(t.Context(), k, "key", x.source(c.first, c.last))
			require.NoError(t, err)
			require.Equal(t, x.sums(c.first, c.last), sum(rows))
			require.Equal(t, c.read, x.reads > before)
		})
	}
}

// Another server than the one that listed the parts may not have them.
func TestAnotherServerIsNotBelieved(t *testing.T) {
	t.Parallel()
	x := &table{r: rand.New(rand.NewPCG(1, 2)), parts: map[uint64][]pieces.Row[int]{1: {{Issue: 1, Value: 1}}}, server: 7, still: true}
	s := x.source(0, 100)
	read := s.Read
	s.Read = func(ctx context.Context, names []string, first, last int64, again func(), each func(uint64, pieces.Row[int])) (uint64, error) {
		_, err := read(ctx, []string{"none"}, first, last, again, each)
		return 8, err
	}
	_, _, err := pieces.Get(t.Context(), &pieces.Keeper{}, "key", s)
	require.ErrorIs(t, err, pieces.ErrWhole)
}

// Rows are bounded: one table that has too many is read as a whole, and of many
// those asked longest ago are dropped.
func TestRowsAreBounded(t *testing.T) {
	t.Parallel()
	of := func(n int) *table {
		rows := make([]pieces.Row[int], n)
		return &table{r: rand.New(rand.NewPCG(1, 2)), parts: map[uint64][]pieces.Row[int]{1: rows}, server: 7, still: true}
	}
	k := &pieces.Keeper{Most: 100}
	large := of(51)
	for range 2 {
		_, _, err := pieces.Get(t.Context(), k, "large", large.source(0, 0))
		require.ErrorIs(t, err, pieces.ErrWhole)
	}
	require.Equal(t, 1, large.reads, "it is not tried again at once")
	small := map[string]*table{}
	ask := func(key string) int {
		if small[key] == nil {
			small[key] = of(40)
		}
		_, _, err := pieces.Get(t.Context(), k, key, small[key].source(0, 0))
		require.NoError(t, err)
		return small[key].reads
	}
	require.Equal(t, 1, ask("a"))
	require.Equal(t, 1, ask("b"))
	require.Equal(t, 1, ask("a"))
	require.Equal(t, 1, ask("c"), "b is dropped")
	require.Equal(t, 1, ask("a"))
	require.Equal(t, 2, ask("b"))
}

// Many ask at once: what one of them reads the others find.
func TestManyAskAtOnce(t *testing.T) {
	t.Parallel()
	x := &table{r: rand.New(rand.NewPCG(1, 2)), parts: map[uint64][]pieces.Row[int]{1: {{Issue: 1, Value: 1}}}, server: 7, still: true}
	k := &pieces.Keeper{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			rows, m, err := pieces.Get(t.Context(), k, "key", x.source(0, 5))
			if err != nil || len(sum(rows)) != 1 {
				t.Error("no answer", err)
				return
			}
			m.Remember(&rows, "x", 1)
			m.Recall(&rows, "x")
		})
	}
	wg.Wait()
	require.Equal(t, 1, x.reads)
}

// A question does not wait for many rows that are not known: they are read after
// it, and the next one finds them.
func TestManyRowsAreReadLater(t *testing.T) {
	t.Parallel()
	x := &table{r: rand.New(rand.NewPCG(1, 2)), parts: map[uint64][]pieces.Row[int]{1: {}, 2: {}}, server: 7, still: true}
	for n := range 20 {
		x.parts[1] = append(x.parts[1], pieces.Row[int]{Issue: 1, At: int64(n) * slot, Value: 1})
	}
	k := &pieces.Keeper{}
	ask := func(first, last int64, most uint64) error {
		s := x.source(first, last)
		s.Later = most
		rows, _, err := pieces.Get(t.Context(), k, "key", s)
		if err == nil {
			require.Equal(t, x.sums(first, last), sum(rows))
		}
		return err
	}
	require.NoError(t, ask(0, 5*slot, 10), "of the window they are few")
	require.ErrorIs(t, ask(0, 200, 10), pieces.ErrWhole)
	require.ErrorIs(t, ask(0, 200, 0), pieces.ErrWhole, "nobody waits for what is being read")
	require.Eventually(t, func() bool { return ask(0, 200, 10) == nil }, 20*time.Second, 10*time.Millisecond)
}

// Two tables whose mirrors have the same name, by what their questions' values
// happen to be, do not take each other's place.
func TestOtherRowsAreAnotherMirror(t *testing.T) {
	t.Parallel()
	k := &pieces.Keeper{}
	list := func(context.Context) (pieces.List, error) {
		return pieces.List{Server: 1, Parts: []pieces.Part{{ID: 1, Name: "one", Rows: 1}}}, nil
	}
	for range 2 {
		counts, _, err := pieces.Get(t.Context(), k, "days", pieces.Source[int]{List: list, Read: func(_ context.Context, _ []string, _, _ int64, _ func(), each func(uint64, pieces.Row[int])) (uint64, error) {
			each(1, pieces.Row[int]{Issue: 7, Value: 3})
			return 1, nil
		}})
		require.NoError(t, err)
		require.Equal(t, [][]pieces.Row[int]{{{Issue: 7, Value: 3}}}, counts.Of)
		names, _, err := pieces.Get(t.Context(), k, "days", pieces.Source[string]{List: list, Read: func(_ context.Context, _ []string, _, _ int64, _ func(), each func(uint64, pieces.Row[string])) (uint64, error) {
			each(1, pieces.Row[string]{Issue: 7, Value: "shop"})
			return 1, nil
		}})
		require.NoError(t, err)
		require.Equal(t, [][]pieces.Row[string]{{{Issue: 7, Value: "shop"}}}, names.Of)
	}
}
