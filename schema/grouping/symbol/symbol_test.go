package symbol

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestFunctions(t *testing.T) {
	t.Parallel()
	cases := []struct{ platform, in, want string }{
		{"python", "Order.total.<locals>.<lambda>", "<lambda>"},
		{"python", "Basket.size", "size"},
		{"node", "async Object.pay [as run]", "pay"},
		{"node", "new Cart", "Cart"},
		{"javascript", "Object.<anonymous>", ""},
		{"javascript", "Foo.prototype.testMethod", "testMethod"},
		{"javascript", "render/<", ""},
		{"java", "lambda$work$1", ""},
		{"java", "work", "work"},
		{"csharp", "Shop.Pay.Run (System.String x)", "Run"},
		{"csharp", "Execute[T]", "Execute"},
		{"go", "github.com/shop/pay.(*Card).Charge", "(*Card).Charge"},
		{"go", "(*Card).Charge", "(*Card).Charge"},
		{"go", "main.func5.1", "main.func"},
		{"go", "main.func5.func1.2", "main.func"},
		{"go", "func2", "func"},
		{"go", "github.com/shop/pay.(*Card).Charge.func12", "(*Card).Charge.func"},
		{"go", "glob..func1", "glob..func"},
		{"go", "init.0", "init"},
		{"go", "run.func3.gowrap1", "run.func.gowrap"},
		{"go", "walk-range2", "walk-range"},
		{"go", "(*Card).Charge-fm", "(*Card).Charge"},
		{"go", "functor2", "functor2"},
		{"go", "step2.retry3", "step2.retry3"},
		{"ruby", "block (2 levels) in run", "block"},
		{"ruby", "Card#charge", "charge"},
		{"ruby", "_app_views_show__1234567_8901234", "_app_views_show"},
		{"php", "class@anonymous\x00/var/www/x.php0x71::run", "run"},
		{"php", "Card->charge", "Card::charge"},
		{"native", "void foo::Bar<int, char>::baz(std::vector<int> const&) const", "foo::Bar<T>::baz"},
		{"native", "(anonymous namespace)::start()", "start"},
		{"native", "Scaleform::GFx::DispatchEvent(char const *,char const *)", "Scaleform::GFx::DispatchEvent"},
		{"native", "<lambda_5db80dab47756d3e72c2dcd38b80b1dd>::operator()", "<lambda>::operator()"},
		{"native", "-[UIWindow _sendTouchesForEvent:]", "-[UIWindow _sendTouchesForEvent:]"},
		{"native", "memcpy@@GLIBC_2.14", "memcpy"},
		{"native", "foo(int) [clone .isra.0]", "foo"},
		{"native", "operator<<(std::ostream&, int)", "operator<<"},
		{"rust", "shop::pay::h0123456789abcdef", "shop::pay"},
		{"rust", "<F as alloc::boxed::FnBox<A>>::call_box", "F::call_box"},
		{"rust", "<tokio::Entered<'a, P>>::tick", "tokio::Entered<T>::tick"},
		{"native", "<redacted>", ""},
	}
	for _, c := range cases {
		t.Run(c.platform+" "+c.in, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Function(&schema.Frame{Function: c.in}, c.platform))
		})
	}
}

// TestFiles: code that is made at run time has the place that made it in the
// name of its file, line included, or a number that each run raises.
func TestFiles(t *testing.T) {
	t.Parallel()
	cases := []struct{ platform, in, want string }{
		{"php", "/srv/app/render.php(12) : eval()'d code", "render.php : eval()'d code"},
		{"php", "/srv/app/render.php(3) : eval()'d code(1) : eval()'d code", "render.php : eval()'d code"},
		{"php", "/srv/app/render.php(7) : runtime-created function", "render.php : runtime-created function"},
		{"php", "/srv/app/copy (2).php", "copy (2).php"},
		{"ruby", "(eval at /srv/app/models/card.rb:12)", "card.rb"},
		{"ruby", "/srv/app/models/card.rb", "card.rb"},
		{"ruby", "(eval)", "(eval)"},
		{"python", "<ipython-input-12-9f86d081884c>", "<ipython-input>"},
		{"python", "<string>", "<string>"},
	}
	for _, c := range cases {
		t.Run(c.platform+" "+c.in, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, KeyOf(&schema.Frame{File: c.in, AbsPath: c.in}, c.platform).File)
		})
	}
}
