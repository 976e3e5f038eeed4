package grouping

import (
	"strconv"

	"errata/schema"
	"errata/schema/grouping/param"
	"errata/schema/grouping/rule"
	"errata/schema/grouping/symbol"
)

// Node is one component of a decision: what it is, what it holds, whether it
// counted and why.
type Node struct {
	Name        string   `json:"name"`             // exception, stack, frame, type, value ...
	Values      []string `json:"values,omitempty"` // What it holds, as it counted.
	Contributes bool     `json:"contributes"`
	Hint        string   `json:"hint,omitempty"` // Why, in words.
	Children    []Node   `json:"children,omitempty"`
}

// Explanation is a decision with all that led to it.
type Explanation struct {
	Version string   `json:"version"`
	Result  Result   `json:"-"`
	Rule    string   `json:"rule,omitempty"`  // The fingerprint rule that matched, as written.
	Parts   []string `json:"parts,omitempty"` // The custom fingerprint, variables resolved.
	Root    Node     `json:"tree"`
}

// Explain decides as Group does and says why. It costs more: it is for people.
func (g *Grouper) Explain(in *Input) Explanation {
	r := newRun(g, in)
	defer r.done()
	e := Explanation{Version: g.version, Result: r.decide()}
	e.Parts = append(e.Parts, r.parts...)
	if r.rule != nil {
		e.Rule = r.rule.Raw
	}
	e.Root = r.explain(&e.Result)
	return e
}

func (r *run) explain(res *Result) Node {
	own := res.Component == "fingerprint" || res.Component == "checksum"
	root := Node{Name: "issue", Contributes: true, Values: []string{Hex(res.Hashes[0])}, Hint: res.Reason}
	def := r.explainDefault(res)
	if own {
		root.Children = append(root.Children, Node{Name: res.Component, Values: append([]string(nil), r.parts...), Contributes: true, Hint: r.by()})
		counts := false
		for _, p := range r.parts {
			counts = counts || isDefault(p)
		}
		if !counts {
			mute(&def, res.Component+" takes precedence")
		}
	}
	root.Children = append(root.Children, def)
	return root
}

func (r *run) by() string {
	if r.rule != nil {
		return "rule on line " + strconv.Itoa(r.rule.Line) + ": " + r.rule.Raw
	}
	return "sent by the client"
}

func mute(n *Node, why string) {
	if n.Contributes {
		n.Contributes, n.Hint = false, why
	}
	for i := range n.Children {
		mute(&n.Children[i], why)
	}
}

func (r *run) explainDefault(res *Result) Node {
	in := r.in
	last := len(res.Hashes) - 1
	if r.main >= 0 && last >= 0 {
		n := Node{Name: "exceptions", Contributes: true, Hint: "innermost cause first"}
		if len(r.order) < len(r.exceptions) {
			n.Hint = "members of an exception group that differ; " + strconv.Itoa(len(r.exceptions)-len(r.order)) + " are left out"
		}
		for _, i := range r.order {
			app := r.anyApp
			if len(r.order) == 1 {
				app = r.stacks[i].app
			}
			n.Children = append(n.Children, r.explainException(i, app))
		}
		return n
	}
	if len(r.stacks) == 1 {
		if n, named := r.explainStack(0, r.anyApp); n.Contributes && (named || in.Template == "" && in.Message == "") {
			return n
		}
	}
	switch {
	case in.Report != nil:
		return Node{Name: in.Report.Kind, Contributes: true, Values: []string{in.Report.Directive, in.Report.Blocked}}
	case in.Template != "" || in.Message != "":
		n := Node{Name: "message", Contributes: true, Values: []string{r.message()}, Hint: "parameterized, version " + param.Version}
		if in.Template != "" {
			n.Hint = "the template, parameterized, version " + param.Version
		}
		return n
	}
	return Node{Name: "fallback", Contributes: true, Values: []string{in.Type, in.Logger, in.Transaction}, Hint: "nothing else to group by: type, logger, transaction"}
}

func (r *run) explainException(i int, app bool) Node {
	e := &r.exceptions[i]
	n := Node{Name: "exception", Contributes: true}
	if i == r.main {
		n.Hint = "the main one"
	}
	t := Node{Name: "type", Values: []string{shortType(e.Type)}, Contributes: !e.Mechanism.Synthetic}
	if e.Mechanism.Synthetic {
		t.Hint = "left out: the client made it up"
	}
	n.Children = append(n.Children, t)
	s, named := Node{Name: "stack", Hint: "no frames"}, false
	if len(e.Frames) > 0 {
		s, named = r.explainStack(i, app)
		n.Children = append(n.Children, s)
	}
	v := Node{Name: "value", Values: []string{param.Message(e.Value)}, Contributes: !named && (s.Contributes || !r.usable(i))}
	switch {
	case named:
		v.Hint = "left out: the stack counts"
	case !v.Contributes:
		v.Hint = "left out: the type speaks for an exception whose frames are a library's"
	case e.Mechanism.NSErrorCode != "":
		v = Node{Name: "ns_error", Values: []string{e.Mechanism.NSErrorCode}, Contributes: true}
	default:
		v.Hint = "parameterized, version " + param.Version
		if s.Contributes {
			v.Hint = "counts too: no frame has a name; " + v.Hint
		}
	}
	n.Children = append(n.Children, v)
	return n
}

// explainStack says what of a stack counts, and whether any of that has a name.
func (r *run) explainStack(i int, app bool) (n Node, named bool) {
	s := &r.stacks[i]
	n = Node{Name: "stack", Hint: "all frames: none is in app"}
	if app {
		n.Hint = "frames in app only"
	}
	h := newHasher()
	n.Contributes, named = r.stackHash(&h, i, app, false)
	if s.skip > 0 {
		n.Hint += "; " + strconv.Itoa(s.skip) + " outer frames not looked at"
	}
	var kept []uint64
	for k := range s.frames {
		f := &s.frames[k]
		d := &r.decisions[s.at+k]
		platform := r.in.Platform
		if f.Platform != "" {
			platform = f.Platform
		}
		key := symbol.KeyOf(f, platform)
		place := key.File
		if key.Module != "" {
			place = key.Module
		}
		c := Node{Name: "frame", Values: []string{place, key.Function}}
		if line := string(symbol.AppendContext(nil, key.Context)); line != "" {
			c.Values = append(c.Values, line)
		}
		hash, _ := symbol.Hash(f, r.in.Platform)
		switch {
		case d.Group == rule.No:
			c.Hint = "left out by rule: " + r.g.frames.Rule(d.GroupRule)
		case app && d.App != rule.Yes:
			c.Hint = "not in app" + r.decidedBy(d, f)
		case hash == 0:
			c.Hint = "left out: it names nothing"
		case len(kept) > 0 && kept[len(kept)-1] == hash:
			c.Hint = "left out: recursion"
		default:
			c.Contributes = n.Contributes
			c.Hint = "in app" + r.decidedBy(d, f)
			if d.App != rule.Yes {
				c.Hint = "not in app" + r.decidedBy(d, f)
			}
			kept = append(kept, hash)
		}
		n.Children = append(n.Children, c)
	}
	return n, named
}

func (r *run) decidedBy(d *rule.Decision, f *schema.Frame) string {
	switch {
	case d.AppRule >= 0:
		return " by rule: " + r.g.frames.Rule(d.AppRule)
	case f.InApp != schema.InAppUnknown:
		return ", as the client says"
	}
	return ", no rule speaks"
}

// Hex shows a fingerprint to people: 16 lower hex digits.
func Hex(h uint64) string {
	s := strconv.FormatUint(h, 16)
	return "0000000000000000"[len(s):] + s
}
