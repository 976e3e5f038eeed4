package param_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/schema/grouping/param"
)

type vector struct{ Name, Input, Expected string }

func vectors(t *testing.T, file string) []vector {
	t.Helper()
	p := filepath.Join("..", "..", "..", "..", "shared", "corpus", "parameterization", file)
	data, err := os.ReadFile(p)
	if os.IsNotExist(err) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared corpus is missing: %v", err)
		}
		t.Skipf("the shared corpus is not here: %v", err)
	}
	require.NoError(t, err)
	var v []vector
	require.NoError(t, json.Unmarshal(data, &v))
	require.NotEmpty(t, v)
	return v
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file  string
		share float64
	}{{"sentry-2024.json", 1}, {"vectors-2026.json", 0.95}} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			good := 0
			all := vectors(t, c.file)
			for _, v := range all {
				if got := param.Message(v.Input); got == v.Expected {
					good++
				} else {
					t.Logf("%s\n  in   %q\n  want %q\n  got  %q", v.Name, v.Input, v.Expected, got)
				}
			}
			t.Logf("%s: %d of %d", c.file, good, len(all))
			require.GreaterOrEqual(t, float64(good), c.share*float64(len(all)))
		})
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ in, want string }{
		"nothing":             {"", ""},
		"eight digits too":    {"order 12345678 and 9999999", "order <int> and <int>"},
		"identifiers stay":    {"Http2StreamHandler Base64EncodedString order_item_v2_table", "Http2StreamHandler Base64EncodedString order_item_v2_table"},
		"names with digits":   {"UTF8toUTF16LE sha256WithRSA2048 ipv4_to_ipv6_v2 OAuth2ClientV3Config", "UTF8toUTF16LE sha256WithRSA2048 ipv4_to_ipv6_v2 OAuth2ClientV3Config"},
		"paths stay":          {"no module named app.orders.views in main.py", "no module named app.orders.views in main.py"},
		"gmail id":            {"4.3.0 try again u20-20020a05620a455400b0078d54b0b2bbsi4389459qkp.412 - gsmtp", "<float>.<int> try again <uniq_id> - gsmtp"},
		"exponent":            {"rate 1.5e-10 high", "rate <float> high"},
		"version":             {"needs 3.11.2", "needs <float>.<int>"},
		"loopback v6":         {"dial ::1 refused", "dial <ip> refused"},
		"v6 with a tail":      {"dial 2001:db8::ff00:42:8329 refused", "dial <ip> refused"},
		"a scope is no ip":    {"abc::def() failed", "abc::def() failed"},
		"aws trace":           {"root 1-5759e988-bd862e3fe1be46a994272793 x", "root <traceparent> x"},
		"bracketed url":       {"see <https://a.example/b?c=1> now", "see <<url>> now"},
		"datetime repr":       {"at datetime.datetime(2024, 2, 20, 1, 2, 3, tzinfo=utc) x", "at <date> x"},
		"js date":             {"on Tue Feb 20 2024 22:16:36 GMT+0000 (Coordinated Universal Time) x", "on <date> x"},
		"access log":          {"[20/Feb/2024:22:16:36 +0000] x", "[<date>] x"},
		"a long word":         {strings.Repeat("a", 9000), strings.Repeat("a", 8192) + "..."},
		"invalid utf8":        {"\xff 12 \xc3\x28", "\xff <int> \xc3\x28"},
		"attribute of logger": {"'NoneType' has no logger.info", "'NoneType' has no logger.info"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, param.Message(c.in))
		})
	}
}

func TestIdempotent(t *testing.T) {
	t.Parallel()
	for _, f := range []string{"sentry-2024.json", "vectors-2026.json"} {
		for _, v := range vectors(t, f) {
			once := param.Text(v.Input)
			require.Equal(t, once, param.Text(once), v.Input)
		}
	}
}

func TestSMTPErrorsAreOneMessage(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for i := range 5000 {
		id := fmt.Sprintf("%c%d-20020a%08xd455400b0078d%012xsi%dqkp.%d", 'a'+i%26, i%40, i*2654435761, i*40503, 4000000+i*37, i%1000)
		seen[param.Message("(451, b'4.3.0 Temporary System Problem. Try again later. "+id+" - gsmtp')")]++
	}
	for m := range seen {
		t.Log(m)
		if len(seen) > 1 {
			break
		}
	}
	require.Len(t, seen, 1)
}

func TestBounded(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{"digits": "1", "dotted": "a.", "hex": "a1", "dashes": "1-", "colons": "1:", "quotes": "='", "at": "a@", "dates": "2024-", "keys": "': '", "months": "Jan 1 ", "url": "http://", "mixed": "a1-", "sign": " -"} {
		t.Run(name, func(t *testing.T) {
			s := strings.Repeat(unit, (1<<20)/len(unit))
			start := time.Now()
			param.Message(s)
			require.Less(t, time.Since(start), 5*time.Second, "a hang, not a measurement")
		})
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("order 12 of 2024-02-20T22:16:36Z failed: a@b.co 0x1f")
	f.Add("b='x")
	f.Fuzz(func(t *testing.T, s string) {
		got := param.Message(s)
		if got != param.Message(s) {
			t.Fatal("not deterministic")
		}
		if len(got) > 8*param.MaxBytes+64 {
			t.Fatalf("%d bytes became %d", len(s), len(got))
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		param.Message("payment for order 1001 declined with code 4150 at 2024-02-20T22:16:36Z by 10.1.2.3:443")
	}
}
