package block

import (
	"cmp"
	"slices"
	"strings"

	"errata/consumer/table"
	"errata/schema"
)

// ledger sums the fates of a block's items.
type ledger map[account]*total

type account struct {
	project  uint32
	minute   int64
	category string
	outcome  string
	reason   string
	protocol schema.Protocol
}

type total struct{ quantity, bytes uint64 }

const minuteMillis = 60_000

// add counts items. Strings of a may alias a message: a new account gets its
// own.
func (l ledger) add(a account, quantity, bytes uint64) {
	a.minute -= a.minute % minuteMillis
	t := l[a]
	if t == nil {
		a.category, a.outcome, a.reason = strings.Clone(a.category), strings.Clone(a.outcome), strings.Clone(a.reason)
		t = &total{}
		l[a] = t
	}
	t.quantity += quantity
	t.bytes += bytes
}

// write appends the sums to the block, in an order that depends on nothing but
// them.
func (l ledger) write(s *table.Set) {
	all := make([]account, 0, len(l))
	for a := range l {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b account) int {
		return cmp.Or(cmp.Compare(a.project, b.project), cmp.Compare(a.minute, b.minute), cmp.Compare(a.category, b.category),
			cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.reason, b.reason), cmp.Compare(a.protocol, b.protocol))
	})
	for _, a := range all {
		t := l[a]
		s.Outcome(&table.Sum{ProjectID: a.project, Minute: a.minute, Category: a.category, Outcome: a.outcome,
			Reason: a.reason, Protocol: a.protocol, Quantity: t.quantity, Bytes: t.bytes})
	}
}
