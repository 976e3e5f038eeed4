package grouping

import (
	"slices"
	"strings"
)

// members picks the exceptions that count and the main one: all of a plain
// chain, the distinct members of an exception group (RFC 0079).
func (r *run) members() {
	n := len(r.exceptions)
	if n == 0 {
		return
	}
	r.main = n - 1
	if !r.groupMembers() {
		for i := range n {
			r.order = append(r.order, i)
		}
	}
	for _, i := range r.order {
		r.anyApp = r.anyApp || r.stacks[i].app
	}
}

// groupMembers does so where there is a group with sound ids.
func (r *run) groupMembers() bool {
	tree, ok := r.tree()
	if !ok {
		return false
	}
	var top []int
	var reach func(i int)
	reach = func(i int) {
		if !r.exceptions[i].Mechanism.IsGroup || len(tree.children[i]) == 0 {
			top = append(top, i)
			return
		}
		for _, c := range tree.children[i] {
			reach(c)
		}
	}
	reach(tree.root)
	if len(top) == 0 || len(top) == 1 && top[0] == tree.root && !r.exceptions[tree.root].Mechanism.IsGroup {
		return false
	}
	// Neighbours that hash alike are one: a task group whose members fail alike
	// groups whatever their number.
	hashes := make([]uint64, len(r.exceptions))
	for _, i := range top {
		hashes[i] = r.exceptionHash(i, r.stacks[i].app, false)
	}
	slices.SortStableFunc(top, func(a, b int) int {
		if c := strings.Compare(shortType(r.exceptions[b].Type), shortType(r.exceptions[a].Type)); c != 0 {
			return c
		}
		switch {
		case hashes[a] < hashes[b]:
			return -1
		case hashes[a] > hashes[b]:
			return 1
		}
		return b - a // The first member of the group comes last in the list.
	})
	top = slices.CompactFunc(top, func(a, b int) bool { return hashes[a] == hashes[b] })
	if len(top) > 1 {
		r.order = append(append(r.order, top...), tree.root)
		r.main, r.valued = tree.root, false
		return true
	}
	// One is left: the group is forgotten, the member and its causes remain.
	r.main, r.valued = top[0], false
	for i, steps := top[0], 0; steps < len(r.exceptions); steps++ {
		r.order = append(r.order, i)
		if len(tree.children[i]) == 0 {
			break
		}
		i = tree.children[i][0]
	}
	slices.Reverse(r.order)
	return true
}

// family is a tree of exceptions by exception_id and parent_id.
type family struct {
	root     int
	children [][]int // By index, in order of id.
}

// tree reads the ids; ok is false where there is no group, or where an id is
// missing, double or its own parent.
func (r *run) tree() (t family, ok bool) {
	group := false
	for i := range r.exceptions {
		group = group || r.exceptions[i].Mechanism.IsGroup
	}
	if !group {
		return t, false
	}
	index := make(map[int]int, len(r.exceptions))
	for i := range r.exceptions {
		m := &r.exceptions[i].Mechanism
		if _, double := index[m.ID]; double || m.ID < 0 || m.ParentID == m.ID {
			return t, false
		}
		index[m.ID] = i
	}
	root, found := index[0]
	if !found {
		return t, false
	}
	t = family{root: root, children: make([][]int, len(r.exceptions))}
	for i := range r.exceptions {
		m := &r.exceptions[i].Mechanism
		if p, known := index[m.ParentID]; known && i != root && m.ParentID >= 0 {
			t.children[p] = append(t.children[p], i)
		}
	}
	for _, c := range t.children {
		slices.SortFunc(c, func(a, b int) int { return r.exceptions[a].Mechanism.ID - r.exceptions[b].Mechanism.ID })
	}
	return t, true
}
