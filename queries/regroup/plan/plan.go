// Package plan decides what regrouping has to do. In: what each fingerprint's
// events become under other rules, and which issue a fingerprint belongs to. Out:
// which issues join, which fall apart and where each part lives on. It asks and
// writes nothing.
package plan

import (
	"cmp"
	"slices"

	"errata/schema/grouping"
)

// Part is what one fingerprint's events become: a new fingerprint, how many of
// them, one of them to look at.
type Part struct {
	Old         uint64 `json:"-"`
	New         uint64 `json:"-"`
	Rows        uint64 `json:"rows"`
	Occurrences uint64 `json:"occurrences"`
	Sample      string `json:"sample_event_id"`
	Title       string `json:"title"`
}

// Merge is several issues that would become one.
type Merge struct {
	Into        string   `json:"into"`
	From        []string `json:"from"`
	Occurrences uint64   `json:"occurrences"` // Of those that join.
	Title       string   `json:"title"`
}

// Split is one issue whose events would fall apart.
type Split struct {
	Issue string      `json:"issue"`
	Title string      `json:"title"`
	Parts []SplitPart `json:"parts"` // The first one keeps the issue.
}

// SplitPart is one of them.
type SplitPart struct {
	Issue       string `json:"issue"`
	Occurrences uint64 `json:"occurrences"`
	Sample      string `json:"sample_event_id"`
	Title       string `json:"title"`
}

// Decision is what has to be done to make a plan true.
type Decision struct {
	Merges  map[uint64]uint64 // Fingerprint to the issue that it joins.
	Moves   []Move            // Events that leave their fingerprint.
	Known   map[uint64]bool   // Fingerprints that events have now.
	Report  []Merge
	Splits  []Split
	Renamed uint64 // Issues whose fingerprint changes and nothing else.
	Kept    uint64 // Issues that stay as they are.
}

// Move is the part of one fingerprint's history that goes to another.
type Move struct {
	Old, New    uint64
	Occurrences uint64
}

// Decide finds a home for every new fingerprint. An issue stays where most of
// its occurrences stay, so that its triage state and its link live on; what
// breaks off becomes an issue under its own fingerprint. survivor says which
// issue a fingerprint belongs to now.
func Decide(parts []Part, survivor func(uint64) uint64) Decision {
	type flow struct{ issue, to uint64 }
	flows := map[flow]*Part{}
	into := map[uint64]map[uint64]uint64{}  // Issue to new fingerprints.
	from := map[uint64]map[uint64]uint64{}  // New fingerprint to issues.
	members := map[uint64]map[uint64]bool{} // Issue to old fingerprints.
	add := func(m map[uint64]map[uint64]uint64, a, b, n uint64) {
		if m[a] == nil {
			m[a] = map[uint64]uint64{}
		}
		m[a][b] += n
	}
	alias := byHand(parts, survivor)
	canon := func(x uint64) uint64 {
		if a, ok := alias[x]; ok {
			return a
		}
		return x
	}
	given := parts
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].New = canon(parts[i].New)
	}
	for _, p := range parts {
		s := survivor(p.Old)
		f := flow{s, p.New}
		if flows[f] == nil {
			flows[f] = &Part{Sample: p.Sample, Title: p.Title}
		}
		flows[f].Occurrences += p.Occurrences
		flows[f].Rows += p.Rows
		add(into, s, p.New, p.Occurrences)
		add(from, p.New, s, p.Occurrences)
		if members[s] == nil {
			members[s] = map[uint64]bool{s: true}
		}
		members[s][p.Old] = true
	}
	main := map[uint64]uint64{} // Issue to the new fingerprint of most of it.
	for s, m := range into {
		main[s] = Most(m)
	}
	fresh := map[uint64]bool{} // New fingerprints, as events get them.
	for _, p := range given {
		fresh[p.New] = true
	}
	home := map[uint64]uint64{}
	for x, m := range from {
		stay := map[uint64]uint64{}
		for s, n := range m {
			// An issue whose own fingerprint other events get cannot stay: two
			// issues would change places.
			if main[s] == x && (!fresh[s] || canon(s) == x) {
				stay[s] = n
			}
		}
		home[x] = x
		if len(stay) > 0 {
			home[x] = Most(stay)
		}
	}
	future := map[uint64]uint64{} // New fingerprint, as events get it, to its home.
	for _, p := range given {
		future[p.New] = home[canon(p.New)]
	}
	d := Decision{Merges: map[uint64]uint64{}, Known: map[uint64]bool{}}
	for _, p := range given {
		d.Known[p.Old] = true
	}
	joined := map[uint64]*Merge{}
	taken := map[uint64]bool{} // Fingerprints that other events get: those who have them now must move.
	for _, s := range Sorted(into) {
		x := main[s]
		h := home[x]
		for _, m := range Sorted(members[s]) {
			if other, ok := future[m]; ok && other != h {
				taken[m] = true
			} else if h != s {
				d.Merges[m] = h
			}
		}
		if h != s {
			if joined[h] == nil {
				joined[h] = &Merge{Into: grouping.Hex(h), Title: flows[flow{s, x}].Title}
			}
			joined[h].From = append(joined[h].From, grouping.Hex(s))
			joined[h].Occurrences += into[s][x]
		}
		switch {
		case len(into[s]) > 1 && d.split(s, into[s], home, func(x uint64) *Part { return flows[flow{s, x}] }):
		case h != s:
		case x != s:
			d.Renamed++
		default:
			d.Kept++
		}
	}
	for _, p := range given {
		if h := future[p.New]; survivor(p.New) != h {
			d.Merges[p.New] = h
		}
	}
	for i, p := range given {
		if h := home[parts[i].New]; p.Old != p.New && (h != home[main[survivor(p.Old)]] || taken[p.Old]) {
			d.Moves = append(d.Moves, Move{Old: p.Old, New: p.New, Occurrences: p.Occurrences})
		}
	}
	for _, h := range Sorted(joined) {
		d.Report = append(d.Report, *joined[h])
	}
	slices.SortFunc(d.Moves, func(a, b Move) int { return cmp.Or(cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New)) })
	return d
}

// byHand keeps what people merged together: where a fingerprint was merged into
// an issue by hand, the new fingerprint of most of it stands for that of the
// issue, unless another issue has the same.
func byHand(parts []Part, survivor func(uint64) uint64) map[uint64]uint64 {
	flows, total := map[uint64]map[uint64]uint64{}, map[uint64]uint64{}
	for _, p := range parts {
		if flows[p.Old] == nil {
			flows[p.Old] = map[uint64]uint64{}
		}
		flows[p.Old][p.New] += p.Occurrences
		total[p.Old] += p.Occurrences
	}
	largest := map[uint64]uint64{}         // Issue to its largest fingerprint.
	owners := map[uint64]map[uint64]bool{} // New fingerprint to the issues of which a fingerprint becomes it.
	for _, f := range Sorted(flows) {
		s, x := survivor(f), Most(flows[f])
		if l, ok := largest[s]; !ok || total[f] > total[l] {
			largest[s] = f
		}
		if owners[x] == nil {
			owners[x] = map[uint64]bool{}
		}
		owners[x][s] = true
	}
	alias := map[uint64]uint64{}
	for _, f := range Sorted(flows) {
		x, rep := Most(flows[f]), Most(flows[largest[survivor(f)]])
		if x != rep && len(owners[x]) == 1 {
			alias[x] = rep
		}
	}
	return alias
}

// split notes an issue whose parts find different homes.
func (d *Decision) split(s uint64, m map[uint64]uint64, home map[uint64]uint64, of func(uint64) *Part) bool {
	keep := home[Most(m)]
	byHome := map[uint64]*SplitPart{}
	for x := range m {
		h := home[x]
		p := of(x)
		if byHome[h] == nil {
			byHome[h] = &SplitPart{Issue: grouping.Hex(h), Sample: p.Sample, Title: p.Title}
		}
		byHome[h].Occurrences += p.Occurrences
	}
	if len(byHome) < 2 {
		return false
	}
	sp := Split{Issue: grouping.Hex(s), Title: byHome[keep].Title, Parts: []SplitPart{*byHome[keep]}}
	for _, h := range Sorted(byHome) {
		if h != keep {
			sp.Parts = append(sp.Parts, *byHome[h])
		}
	}
	d.Splits = append(d.Splits, sp)
	return true
}

// Most is the key of the largest count, of equal ones the smallest.
func Most(m map[uint64]uint64) (best uint64) {
	first := true
	for k, n := range m {
		if first || n > m[best] || n == m[best] && k < best {
			best, first = k, false
		}
	}
	return best
}

// Sorted are the keys of a map in order.
func Sorted[V any](m map[uint64]V) []uint64 {
	out := make([]uint64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
