package detect

import (
	"sync"
	"sync/atomic"
)

// Counts is the number of redactions by rule name.
type Counts map[string]int

// totals counts redactions of this process by rule. Redactions are rare, and
// the counts of one event do not outlive it.
var totals sync.Map // string -> *atomic.Uint64

// Totals returns the redactions of this process by rule.
func Totals() map[string]uint64 {
	out := map[string]uint64{}
	totals.Range(func(k, v any) bool {
		out[k.(string)] = v.(*atomic.Uint64).Load()
		return true
	})
	return out
}

// held is the rule of no redaction: while it is there the totals do not know of
// the others.
const held = ""

// Hold keeps further redactions from the totals.
func (c Counts) Hold() { c[held] = 0 }

// Tell gives redactions that were held to the totals.
func (c Counts) Tell() {
	for rule, n := range c {
		if rule != held {
			total(rule, n)
		}
	}
}

// Add counts a redaction.
func (c Counts) Add(rule string) {
	if c != nil {
		c[rule]++
		if _, hold := c[held]; hold {
			return
		}
	}
	total(rule, 1)
}

func total(rule string, by int) {
	n, ok := totals.Load(rule)
	if !ok {
		n, _ = totals.LoadOrStore(rule, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(uint64(by))
}
