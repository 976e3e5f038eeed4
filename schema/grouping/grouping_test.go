package grouping

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func frame(path, fn, line string) schema.Frame {
	return schema.Frame{AbsPath: path, File: path, Function: fn, ContextLine: line, Line: 7}
}

// Crash is a seven-frame Python event: the standard payload of the bench.
func crash(value string) *Input {
	return &Input{Platform: "python", Exceptions: []schema.Exception{{
		Type: "ValueError", Value: value, Mechanism: schema.Mechanism{ID: -1, ParentID: -1, Type: "starlette", Handled: schema.Handled_HANDLED_NO},
		Frames: []schema.Frame{
			frame("/venv/lib/python3.11/site-packages/starlette/routing.py", "app", "response = await f(request)"),
			frame("/venv/lib/python3.11/site-packages/fastapi/routing.py", "run_endpoint_function", "return await dependant.call(**values)"),
			frame("/srv/app/main.py", "checkout", "    return total(order)"),
			frame("/srv/app/orders.py", "total", "    return sum(price(i) for i in order.items)"),
			frame("/srv/app/orders.py", "total.<locals>.<genexpr>", "    return sum(price(i) for i in order.items)"),
			frame("/srv/app/orders.py", "price", "    return parse(item.price)"),
			frame("/srv/app/money.py", "parse", "    raise ValueError(f'bad price {text}')"),
		},
	}}}
}

func group(t testing.TB, in *Input) Result {
	t.Helper()
	g, err := New(Rules{})
	require.NoError(t, err)
	return g.Group(in)
}

func TestOneFailureIsOneFingerprint(t *testing.T) {
	t.Parallel()
	base := group(t, crash("bad price 12"))
	cases := map[string]struct {
		change func(*Input)
		same   bool
	}{
		"another value":        {func(in *Input) { in.Exceptions[0].Value = "bad price thirteen" }, true},
		"another line":         {func(in *Input) { in.Exceptions[0].Frames[3].Line = 99 }, true},
		"a qualified type":     {func(in *Input) { in.Exceptions[0].Type = "builtins.ValueError" }, true},
		"another deployment":   {func(in *Input) { in.Exceptions[0].Frames[6].AbsPath = "/opt/r2/money.py" }, true},
		"other library frames": {func(in *Input) { in.Exceptions[0].Frames[0].Function = "wrapped_app" }, true},
		"reindented":           {func(in *Input) { in.Exceptions[0].Frames[5].ContextLine = "\treturn  parse(item.price) " }, true},
		"another type":         {func(in *Input) { in.Exceptions[0].Type = "KeyError" }, false},
		"another function":     {func(in *Input) { in.Exceptions[0].Frames[6].Function = "read" }, false},
		"another caller":       {func(in *Input) { in.Exceptions[0].Frames[2].Function = "refund" }, false},
		"another source line":  {func(in *Input) { in.Exceptions[0].Frames[6].ContextLine = "raise ValueError()" }, false},
		"another file": {func(in *Input) {
			in.Exceptions[0].Frames[6].AbsPath, in.Exceptions[0].Frames[6].File = "x/a.py", "a.py"
		}, false},
		"an inner frame more": {func(in *Input) {
			in.Exceptions[0].Frames = append(in.Exceptions[0].Frames, frame("/srv/app/x.py", "f", "g()"))
		}, false},
		"a cause":              {func(in *Input) { in.Exceptions = append([]schema.Exception{{Type: "OSError"}}, in.Exceptions...) }, false},
		"a fingerprint":        {func(in *Input) { in.Fingerprint = []string{"mine"} }, false},
		"the default by name":  {func(in *Input) { in.Fingerprint = []string{"{{ default }}"} }, true},
		"the default and more": {func(in *Input) { in.Fingerprint = []string{"{{default}}", "eu"} }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := crash("bad price 12")
			c.change(in)
			got := group(t, in)
			require.Equal(t, c.same, got.Hashes[0] == base.Hashes[0], "reason %s against %s", got.Reason, base.Reason)
		})
	}
}

func TestResultOfACrash(t *testing.T) {
	t.Parallel()
	got := group(t, crash("bad price 12\nsecond line"))
	require.Equal(t, "ValueError: bad price 12", got.Title)
	require.Equal(t, "/srv/app/money.py in parse", got.Culprit)
	require.Equal(t, []bool{false, false, true, true, true, true, true}, got.InApp)
	require.Equal(t, "exception stack", got.Component)
	require.Equal(t, 0, got.Main)
	require.Equal(t, "starlette", got.Mechanism)
	require.Equal(t, schema.Handled_HANDLED_NO, got.Handled)
	require.Len(t, got.Hashes, 1)
	require.NotZero(t, got.MainHash)
}

func TestChainCarriesTheHashOfItsMain(t *testing.T) {
	t.Parallel()
	alone := crash("x")
	chained := crash("x")
	chained.Exceptions = append([]schema.Exception{{Type: "OSError", Value: "disk"}}, chained.Exceptions...)
	a, c := group(t, alone), group(t, chained)
	require.Len(t, c.Hashes, 2)
	require.Equal(t, a.Hashes[0], c.Hashes[1])
	require.Equal(t, a.MainHash, c.MainHash)
	require.Equal(t, 1, c.Main)
}

func BenchmarkGroup(b *testing.B) {
	g, _ := New(Rules{})
	in := crash("bad price 12")
	b.ReportAllocs()
	for b.Loop() {
		g.Group(in)
	}
}
