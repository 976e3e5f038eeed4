package grouping

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// nameless is an error of a handler without a name, as Express's and Laravel's
// routes are: of its stack only the file is known.
func nameless(platform, fn, file, value string) *Input {
	return &Input{Platform: platform, Exceptions: []schema.Exception{{Type: "Error", Value: value, Frames: []schema.Frame{
		{Function: "Layer.handle", File: "/srv/node_modules/express/lib/router/layer.js", AbsPath: "/srv/node_modules/express/lib/router/layer.js", InApp: schema.InAppNo},
		{Function: fn, File: "/srv/app/" + file, AbsPath: "/srv/app/" + file, InApp: schema.InAppYes, Line: uint32(len(value))},
	}}}}
}

func TestAStackWithoutANameLeavesTheValueToSpeak(t *testing.T) {
	t.Parallel()
	anonymous := map[string][]string{
		"node":       {"", "<anonymous>", "Object.?", "Object.<anonymous>", "async <anonymous>"},
		"javascript": {"", "?", "<anonymous>"},
		"php":        {"{closure}", `App\Http\{closure}`, `App\Http::{closure}`, "{closure:/srv/app/routes/web.php:12}", `{closure:App\Http\Kernel::boot():40}`},
	}
	for platform, names := range anonymous {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			first := group(t, nameless(platform, names[0], "app", "no price of item 12"))
			require.Equal(t, "exception stack", first.Component)
			require.Contains(t, first.Reason, "no price of item <int>")
			for _, name := range names {
				require.Equal(t, first.Hashes, group(t, nameless(platform, name, "app", "no price of item 7")).Hashes, "%s: recorders name it otherwise, numbers vary", name)
				other := group(t, nameless(platform, name, "app", "the cart is empty"))
				require.NotEqual(t, first.Hashes, other.Hashes, "%s: another route of the file", name)
				require.NotEqual(t, first.MainHash, other.MainHash, "%s: no witness of the same failure", name)
			}
			require.NotEqual(t, first.Hashes, group(t, nameless(platform, names[0], "other", "no price of item 12")).Hashes, "another file")
			named := group(t, nameless(platform, "price", "app", "no price of item 12"))
			require.Equal(t, named.Hashes, group(t, nameless(platform, "price", "app", "the cart is empty")).Hashes, "a name says where it is")
			require.NotContains(t, named.Reason, "no price")
		})
	}
}

// TestAnErrorWithoutAMessage: Sentry's browser SDK puts words in its place, the
// other protocol sends none.
func TestAnErrorWithoutAMessage(t *testing.T) {
	t.Parallel()
	said, none := group(t, nameless("javascript", "?", "app.js", "No error message")), group(t, nameless("javascript", "", "app.js", ""))
	require.Equal(t, none.Hashes, said.Hashes)
	require.Equal(t, none.MainHash, said.MainHash)
}

func TestAMessageCountsBesideAStackWithoutAName(t *testing.T) {
	t.Parallel()
	said := func(fn, message string) []uint64 {
		return group(t, &Input{Platform: "node", Message: message, Stack: []schema.Frame{{Function: fn, File: "app.js", InApp: schema.InAppYes}}}).Hashes
	}
	require.NotEqual(t, said("<anonymous>", "low stock"), said("<anonymous>", "no stock"))
	require.Equal(t, said("<anonymous>", "3 left"), said("?", "4 left"))
	require.Equal(t, said("check", "low stock"), said("check", "no stock"))
}

func TestTheExplanationSaysThatTheValueCounts(t *testing.T) {
	t.Parallel()
	g, err := New(Rules{})
	require.NoError(t, err)
	value := func(fn string) Node {
		e := g.Explain(nameless("node", fn, "app.js", "no price of item 12"))
		nodes := e.Root.Children[0].Children[0].Children
		return nodes[len(nodes)-1]
	}
	require.Equal(t, Node{Name: "value", Values: []string{"no price of item <int>"}, Contributes: true, Hint: "counts too: no frame has a name; parameterized, version 2026-11"}, value(""))
	require.False(t, value("price").Contributes)
}

// TestNamesThatOneProtocolWritesOtherwise are frames as Sentry's SDK sends them
// and as the text of a stack trace has them.
func TestNamesThatOneProtocolWritesOtherwise(t *testing.T) {
	t.Parallel()
	of := func(platform, module, fn string) []uint64 {
		return group(t, &Input{Platform: platform, Exceptions: []schema.Exception{{Type: "E", Value: "v", Frames: []schema.Frame{{Module: module, Function: fn, File: "a.x", InApp: schema.InAppYes}}}}}).Hashes
	}
	require.Equal(t, of("php", "", `Shop\emit`), of("php", "", "Shop::emit"), "a function of a namespace")
	require.NotEqual(t, of("php", "", `Shop\emit`), of("php", "", `Shop\omit`))
	require.Equal(t, of("csharp", "Shop.Cart+Line", "Add"), of("csharp", "Shop.Cart.Line", "Add"), "a nested class")
	require.Equal(t, of("csharp", "Shop.Cart+<>c__DisplayClass5_0", "Run { <lambda> }"), of("csharp", "Shop.Cart.<>c__DisplayClass6_1", "Run { <lambda> }"), "what the compiler numbers")
	require.Equal(t, of("csharp", "Shop.Cart", "Run { <lambda> }"), of("csharp", "Shop.Cart.<>c", "Run { <lambda> }"))
	require.Equal(t, of("csharp", "Shop.Cart", "<Main>g__Local|0_0"), of("csharp", "Shop.Cart", "<Main>g__Local|3_1"))
	require.NotEqual(t, of("csharp", "Shop.Cart", "<Main>g__Local|0_0"), of("csharp", "Shop.Cart", "<Main>g__Other|0_0"))
	require.Equal(t, of("csharp", "Shop.Cart", "<Main>b__0_0"), of("csharp", "Shop.Cart", "<Main>b__4"))
}
