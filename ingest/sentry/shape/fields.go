// Package shape brings the many forms of an event's attributes to one: old
// names, bare lists, lists of pairs, texts in place of objects. In: a parsed
// event and the client's address. Out: the same tree, changed in place where it
// had to be, with its attributes found and its problems named. It reads no
// column and writes no JSON.
package shape

import (
	"maps"
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/tree"
)

// Field numbers the top-level attributes that are read; the order is that of
// the payload written.
type Field uint8

// Values of Field.
const (
	EventID Field = iota
	Timestamp
	StartTimestamp
	Received
	Platform
	Level
	Type
	Logger
	Transaction
	TransactionInfo
	ServerName
	Release
	Dist
	Environment
	Site
	SDK
	Culprit
	Message
	Logentry
	Exception
	Threads
	Stacktrace
	Template
	Request
	User
	Tags
	Contexts
	Breadcrumbs
	Extra
	Modules
	Fingerprint
	Checksum
	DebugMeta
	CSP
	HPKP
	ExpectCT
	ExpectStaple
	NEL
	Spans
	Measurements
	Breakdowns
	DSN
	Errors
	Meta
	count
)

var names = [count]string{
	"event_id", "timestamp", "start_timestamp", "received", "platform", "level", "type", "logger", "transaction", "transaction_info",
	"server_name", "release", "dist", "environment", "site", "sdk", "culprit", "message", "logentry", "exception", "threads", "stacktrace",
	"template", "request", "user", "tags", "contexts", "breadcrumbs", "extra", "modules", "fingerprint", "checksum",
	"debug_meta", "csp", "hpkp", "expectct", "expectstaple", "nel", "spans", "measurements", "breakdowns", "dsn", "errors", "_meta",
}

// legacyNames are older spellings of attributes.
var legacyNames = map[string]Field{
	"id": EventID, "sentry.interfaces.Exception": Exception, "sentry.interfaces.Stacktrace": Stacktrace,
	"sentry.interfaces.User": User, "sentry.interfaces.Http": Request, "sentry.interfaces.Message": Logentry,
	"sentry.interfaces.Breadcrumbs": Breadcrumbs, "sentry.interfaces.Contexts": Contexts, "sentry.interfaces.Template": Template,
	"sentry.interfaces.Csp": CSP, "sentry.interfaces.Hpkp": HPKP, "sentry.interfaces.ExpectCT": ExpectCT,
	"sentry.interfaces.ExpectStaple": ExpectStaple, "sentry.interfaces.Threads": Threads, "sentry.interfaces.Sdk": SDK,
	"sentry.interfaces.DebugMeta": DebugMeta,
}

var byName = func() map[string]Field {
	m := make(map[string]Field, len(legacyNames)+int(count))
	maps.Copy(m, legacyNames)
	for i, n := range names {
		m[n] = Field(i)
	}
	return m
}()

// Name is the attribute's name in an event.
func (i Field) Name() string { return names[i] }

// Event is one event's tree with its attributes found. It is used again for
// many events: Open starts, Reset ends.
type Event struct {
	Doc      *tree.Doc
	Problems []Problem
	Other    []*node.Member // Unknown attributes; they hold until the tree itself gets or loses a member.
	v        [count]*node.Value
	legacy   bool // Some attribute has an old name.
	changed  bool // Some attribute was replaced or dropped.
	client   string
	raw      bool          // The tree is not scrubbed yet.
	refused  []*node.Value // Values of problems found before scrubbing, in their order.
}

// Problem is one entry of the payload's errors.
type Problem struct {
	Kind, Name, Reason string
	Value              []byte // JSON of the refused value, cut; nil for none.
	refused            int    // One more than its place among the refused values.
}

// Bounds on what is kept beside the known attributes.
const (
	maxOther    = 50
	maxProblems = 50
)

// Open finds the attributes of a tree.
func (e *Event) Open(doc *tree.Doc) {
	e.Doc, e.raw = doc, true
	e.Collect()
}

// Reset forgets the tree.
func (e *Event) Reset() {
	clear(e.Problems)
	clear(e.Other)
	clear(e.refused)
	*e = Event{Problems: e.Problems[:0], Other: e.Other[:0], refused: e.refused[:0]}
}

// Get returns an attribute; nulls are nil.
func (e *Event) Get(i Field) *node.Value { return e.v[i] }

// Collect finds the attributes again, after the tree was changed.
func (e *Event) Collect() {
	e.v = [count]*node.Value{}
	e.Other, e.legacy = e.Other[:0], false
	members := e.Doc.Root.Members()
	for place := range members {
		m := &members[place]
		v := m.Value()
		if v.Type() == node.TypeNull {
			continue
		}
		i, ok := byName[m.Key()]
		switch {
		case !ok:
			if len(e.Other) < maxOther {
				e.Other = append(e.Other, m)
			}
		case names[i] != m.Key():
			// An old name counts only where the new one is missing.
			if e.v[i] == nil {
				e.v[i] = v
				e.legacy = true
			}
		default:
			e.v[i] = v
		}
	}
}

// refusedKey holds refused values while the tree is scrubbed.
const refusedKey = "_refused"

// Scrub lets f change the tree, the refused values as well, and finds the
// attributes again where f says that it replaced one, or shaping did. Until then
// no refused value is copied.
func (e *Event) Scrub(f func(root *node.Value, a *node.Arena) (replaced bool)) {
	root, a := e.Doc.Root, &e.Doc.Arena
	if len(e.refused) > 0 {
		list := a.NewArray()
		for i, v := range e.refused {
			list.SetArrayItem(i, v)
		}
		root.Set(refusedKey, list)
	}
	replaced := f(root, a) || e.changed
	if len(e.refused) > 0 {
		replaced = true
		list := root.GetArray(refusedKey)
		for i := range e.Problems {
			p := &e.Problems[i]
			if p.refused > 0 && p.refused <= len(list) {
				p.Value, _ = tree.AppendTrimmed(nil, list[p.refused-1], 3, 256)
			}
		}
		root.Del(refusedKey)
	}
	e.raw = false
	if replaced {
		e.Collect()
	}
}

// Invalid notes a refused value.
func (e *Event) Invalid(name, reason string, v *node.Value) {
	e.Problem("invalid_data", name, reason, v)
}

// Problem notes what was changed or refused; v may be nil.
func (e *Event) Problem(kind, name, reason string, v *node.Value) {
	if n := len(e.Problems); n >= maxProblems || v == nil && n > 0 && e.Problems[n-1].Name == name && e.Problems[n-1].Reason == reason {
		return
	}
	p := Problem{Kind: kind, Name: strings.Clone(tree.Cut(name, 200)), Reason: strings.Clone(tree.Cut(reason, 200))}
	switch {
	case v == nil:
	case e.raw:
		p.refused = len(e.refused) + 1
		e.refused = append(e.refused, v)
	default:
		p.Value, _ = tree.AppendTrimmed(nil, v, 3, 256)
	}
	e.Problems = append(e.Problems, p)
}
