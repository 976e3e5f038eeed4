package grouping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestRecursionIsOneIssueWhateverItsDepth(t *testing.T) {
	t.Parallel()
	deep := func(depth int, steps ...string) *Input {
		in := crash("x")
		e := &in.Exceptions[0]
		top := e.Frames[:3:3]
		for range depth {
			for _, s := range steps {
				top = append(top, frame("/srv/app/tree.py", s, s+"(node)"))
			}
		}
		e.Frames = append(top, e.Frames[6])
		return in
	}
	cases := map[string][]string{"direct": {"walk"}, "mutual": {"even", "odd"}, "of five": {"a", "b", "c", "d", "e"}}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := group(t, deep(50/len(steps), steps...))
			for _, depth := range []int{2, 60 / len(steps), 240 / len(steps)} {
				require.Equal(t, want.Hashes, group(t, deep(depth, steps...)).Hashes, "depth %d", depth)
			}
			require.NotEqual(t, want.Hashes, group(t, crash("x")).Hashes)
		})
	}
}

func TestSMTPErrorsAreOneIssue(t *testing.T) {
	t.Parallel()
	g, err := New(Rules{})
	require.NoError(t, err)
	for _, stack := range []bool{true, false} {
		seen := map[uint64]int{}
		for i := range 5000 {
			in := crash(fmt.Sprintf("(451, b'4.3.0 Temporary System Problem. %c%d-20020a%08xd455400b0078d%012xsi%dqkp.%d - gsmtp')", 'a'+i%26, i%40, i*2654435761, i*40503, 4000000+i*37, i%1000))
			in.Exceptions[0].Type = "smtplib.SMTPDataError"
			if !stack {
				in.Exceptions[0].Frames = nil
			}
			seen[g.Group(in).Hashes[0]]++
		}
		require.Len(t, seen, 1, "with a stack: %v", stack)
	}
}

func TestTwoErrorsThroughOneHelperAreTwo(t *testing.T) {
	t.Parallel()
	through := func(caller string) *Input {
		in := crash("denied")
		in.Exceptions[0].Type = "ApiError"
		in.Exceptions[0].Frames = append(in.Exceptions[0].Frames[:2:2], frame("/srv/app/"+caller+".py", caller, caller+"()"), frame("/srv/app/errors.py", "fail", "raise ApiError(code)"))
		return in
	}
	a, b := group(t, through("login")), group(t, through("refund"))
	require.NotEqual(t, a.Hashes[0], b.Hashes[0])
	require.Equal(t, a.MainHash, b.MainHash, "the place of the throw is one")
}

func TestExceptionGroups(t *testing.T) {
	t.Parallel()
	member := func(id, parent int, typ, fn string) schema.Exception {
		return schema.Exception{Type: typ, Value: fmt.Sprint("of ", id), Frames: []schema.Frame{frame("/srv/app/jobs.py", fn, fn+"()")}, Mechanism: schema.Mechanism{ID: id, ParentID: parent}}
	}
	root := func() schema.Exception {
		e := member(0, -1, "ExceptionGroup", "run")
		e.Mechanism.IsGroup = true
		return e
	}
	of := func(members ...schema.Exception) Result {
		return group(t, &Input{Platform: "python", Exceptions: append(members, root())})
	}
	two := of(member(2, 0, "ValueError", "a"), member(1, 0, "ValueError", "a"))
	three := of(member(3, 0, "ValueError", "a"), member(2, 0, "ValueError", "a"), member(1, 0, "ValueError", "a"))
	mixed := of(member(2, 0, "KeyError", "b"), member(1, 0, "ValueError", "a"))
	turned := of(member(2, 0, "ValueError", "a"), member(1, 0, "KeyError", "b"))
	require.Equal(t, two.Hashes, three.Hashes)
	require.Equal(t, "ValueError: of 1", three.Title)
	require.NotEqual(t, two.Hashes[0], mixed.Hashes[0])
	require.Equal(t, mixed.Hashes[0], turned.Hashes[0], "the order of members does not count")
	require.Equal(t, "ExceptionGroup: of 0", mixed.Title)
	broken := member(1, 1, "ValueError", "a")
	require.NotEqual(t, two.Hashes[0], of(broken).Hashes[0], "an exception that is its own parent makes a plain chain")
}

func TestNestedRecordingsShareTheMainHash(t *testing.T) {
	t.Parallel()
	outer, inner := crash("x"), crash("x")
	inner.Exceptions[0].Frames = inner.Exceptions[0].Frames[5:]
	require.Equal(t, group(t, outer).MainHash, group(t, inner).MainHash)
}

func TestTitles(t *testing.T) {
	t.Parallel()
	two := func(platform, inner, outer, value string) *Input {
		return &Input{Platform: platform, Exceptions: []schema.Exception{{Type: inner, Value: "cause"}, {Type: outer, Value: value}}}
	}
	synthetic := &Input{Platform: "native", Exceptions: []schema.Exception{{Type: "SIGSEGV", Value: "Segfault", Mechanism: schema.Mechanism{Synthetic: true},
		Frames: []schema.Frame{{Function: "main", InApp: schema.InAppYes}, {Function: "shop::pay(int)", InApp: schema.InAppYes}, {Function: "abort", InApp: schema.InAppNo}}}}}
	cases := map[string]struct {
		in    *Input
		title string
	}{
		"type and first line": {&Input{Exceptions: []schema.Exception{{Type: "a.b.E", Value: "one\ntwo"}}}, "E: one"},
		"a type of Go":        {two("go", "*main.StockError", "*fmt.wrapError", "load A-1"), "*fmt.wrapError: load A-1"},
		"a type of Go, path":  {two("go", "", "*github.com/shop/pay.Declined", "no"), "*pay.Declined: no"},
		"type alone":          {&Input{Exceptions: []schema.Exception{{Type: "E"}}}, "E"},
		"value alone":         {&Input{Exceptions: []schema.Exception{{Value: "just text"}}}, "just text"},
		"synthetic":           {synthetic, "shop::pay"},
		"message with a stack": {&Input{Platform: "node", Exceptions: []schema.Exception{{Value: "low stock", Mechanism: schema.Mechanism{Synthetic: true},
			Frames: []schema.Frame{{Function: "check", File: "stock.js"}}}}}, "low stock"},
		"synthetic without a name": {&Input{Platform: "node", Exceptions: []schema.Exception{{Type: "Error", Value: "a text was thrown", Mechanism: schema.Mechanism{Synthetic: true},
			Frames: []schema.Frame{{Function: "Object.?", File: "stock.js"}}}}}, "a text was thrown"},
		"message":               {&Input{Message: "  hello\nworld"}, "hello"},
		"template only":         {&Input{Template: "hello %s"}, "hello %s"},
		"nothing":               {&Input{}, "<unlabeled event>"},
		"report":                {&Input{Report: &Report{Kind: "csp", Message: "Blocked 'script' from 'x'"}}, "Blocked 'script' from 'x'"},
		"the main of a chain":   {two("python", "OSError", "ShopError", "no"), "ShopError: no"},
		"inside a wrapper":      {two("java", "IOException", "io.reactivex.exceptions.UndeliverableException", "wrapped"), "IOException: cause"},
		"behind a recovery":     {two("javascript", "TypeError", "Error", "There was an error during concurrent rendering but React was able to recover"), "TypeError: cause"},
		"a plain error's chain": {two("javascript", "TypeError", "Error", "no"), "Error: no"},
		"too long":              {&Input{Exceptions: []schema.Exception{{Type: strings.Repeat("é", 400), Value: "x"}}}, strings.Repeat("é", schema.MaxTitle/2)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.title, group(t, c.in).Title)
		})
	}
}

func TestRulesOfAProject(t *testing.T) {
	t.Parallel()
	rules := SplitRules("# Ours.\nfunction:parse -group\ntype:ValueError tags.tier:gold -> gold {{ default }} title=\"Gold: {{ type }} by {{ function }}\" level=fatal\n")
	g, err := New(rules)
	require.NoError(t, err)
	plain := g.Group(crash("x"))
	require.NotEqual(t, group(t, crash("x")).Hashes[0], plain.Hashes[0], "a frame rule changes what counts")
	require.Regexp(t, `^errata:2026-12\+[0-9a-f]{8}$`, g.Version())
	in := crash("x")
	in.Tags = []*schema.Tag{{Key: "tier", Value: "gold"}}
	in.Fingerprint = []string{"mine"}
	gold := g.Group(in)
	require.Equal(t, "Gold: ValueError by parse", gold.Title)
	require.Equal(t, schema.Level_LEVEL_FATAL, gold.Level)
	require.Equal(t, "fingerprint", gold.Component)
	require.Equal(t, plain.Hashes[0], gold.Hashes[1])
	e := g.Explain(in)
	require.Equal(t, gold, e.Result)
	require.Equal(t, []string{"gold", "{{ default }}"}, e.Parts)
	require.Contains(t, e.Rule, "-> gold")
	_, err = New(SplitRules("\n\ntype:x ->"))
	require.ErrorContains(t, err, "line 3")
	same, err := New(SplitRules("function:parse -group\n\n\n# Moved.\n" + rules.Compact().Fingerprint))
	require.NoError(t, err)
	require.Equal(t, g.Version(), same.Version(), "comments and blank lines make no version")
}

func TestReports(t *testing.T) {
	t.Parallel()
	of := func(blocked string) uint64 {
		return group(t, &Input{Report: &Report{Kind: "csp", Directive: "script-src", Blocked: blocked, Document: "https://shop.example/cart"}}).Hashes[0]
	}
	require.Equal(t, of("https://evil.example/a.js"), of("https://evil.example/b.js?x=1"))
	require.NotEqual(t, of("https://evil.example/a.js"), of("https://other.example/a.js"))
	require.Equal(t, of(""), of("self"))
	require.Equal(t, of("data:text/plain;x"), of("data:image/png;y"))
	require.NotEqual(t, of("inline"), of("eval"))
}

func TestEmptyEventsDoNotShareOneIssue(t *testing.T) {
	t.Parallel()
	a := group(t, &Input{Type: "default", Logger: "billing"})
	b := group(t, &Input{Type: "default", Logger: "mail"})
	require.NotEqual(t, a.Hashes[0], b.Hashes[0])
	require.Equal(t, "<unlabeled event>", a.Title)
	require.Equal(t, "fallback", a.Component)
}

func TestCost(t *testing.T) {
	g, err := New(Rules{})
	require.NoError(t, err)
	in := crash("bad price 12")
	require.LessOrEqual(t, testing.AllocsPerRun(200, func() { g.Group(in) }), 20.0)
}

// A reason says what there is of a type and a value, and no more.
func TestReasonOfAValue(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]schema.Exception{
		"exception value: KeyError: name": {Type: "KeyError", Value: "name"},
		"exception value: name":           {Value: "name"},
		"exception value: KeyError":       {Type: "KeyError"},
	} {
		require.Equal(t, want, group(t, &Input{Platform: "python", Exceptions: []schema.Exception{e}}).Reason)
	}
}
