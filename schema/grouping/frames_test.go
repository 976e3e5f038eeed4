package grouping

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestInApp(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		platform, path, module, function string
		hint                             schema.InApp
		others                           bool // Another frame of the stack is marked by the client.
		want                             bool
	}{
		"python app":                 {platform: "python", path: "/srv/app/main.py", want: true},
		"python outside the project": {platform: "python", path: "/srv/shared/x.py", others: true, want: true},
		"python outside, windows":    {platform: "python", path: `D:\shared\x.py`, others: true, want: true},
		"python relative, unmarked":  {platform: "python", path: "gen/x.py", others: true, want: false},
		"python shop of gems":        {platform: "python", path: "/srv/gems/shop.py", want: true},
		"python package":             {platform: "python", path: "/venv/lib/python3.11/site-packages/fastapi/routing.py", hint: schema.InAppYes, want: false},
		"python standard library":    {platform: "python", path: "/usr/local/lib/python3.11/json/decoder.py", want: false},
		"python of pyenv":            {platform: "python", path: "/home/u/.pyenv/versions/3.12.1/lib/python3.12/asyncio/tasks.py", want: false},
		"python frozen":              {platform: "python", path: "<frozen importlib._bootstrap>", want: false},
		"python refused by client":   {platform: "python", path: "/srv/app/gen.py", hint: schema.InAppNo, want: false},
		"windows package":            {platform: "python", path: `C:\venv\Lib\site-packages\x\y.py`, want: false},
		"node app":                   {platform: "node", path: "/srv/app/src/pay.js", want: true},
		"node package":               {platform: "node", path: "/srv/app/node_modules/express/lib/router.js", want: false},
		"node runtime":               {platform: "node", path: "node:internal/process/task_queues", want: false},
		"node runtime short":         {platform: "node", path: "node:fs", want: false},
		"browser app":                {platform: "javascript", path: "https://shop.example/static/app.js", want: true},
		"browser from a network":     {platform: "javascript", path: "https://unpkg.com/react/x.js", want: false},
		"java app":                   {platform: "java", module: "com.shop.Pay", want: true},
		"java library":               {platform: "java", module: "org.springframework.web.Servlet", hint: schema.InAppYes, want: false},
		"java runtime":               {platform: "java", module: "java.lang.Thread", want: false},
		"go module":                  {platform: "go", path: "/home/u/go/pkg/mod/github.com/x/y@v1/z.go", want: false},
		"go standard library":        {platform: "go", path: "/usr/local/go/src/net/http/server.go", want: false},
		"go app":                     {platform: "go", path: "/src/shop/main.go", want: true},
		"rust app":                   {platform: "rust", path: "src/main.rs", function: "shop::pay", want: true},
		"rust standard library":      {platform: "rust", path: "/rustc/abc/library/core/src/panicking.rs", want: false},
		"php vendor":                 {platform: "php", path: "/var/www/vendor/laravel/x.php", want: false},
		"ruby gem":                   {platform: "ruby", path: "/usr/local/bundle/gems/rails-7.1/lib/x.rb", want: false},
		"csharp framework":           {platform: "csharp", module: "System.Collections.Generic.Dictionary", want: false},
		"csharp app":                 {platform: "csharp", module: "Shop.Pay", want: true},
		"native unmarked":            {platform: "native", function: "pay", want: false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frames := []schema.Frame{{AbsPath: c.path, Module: c.module, Function: c.function + "f", InApp: c.hint}}
			if c.others {
				frames = append(frames, schema.Frame{AbsPath: "/srv/app/main.py", Function: "main", InApp: schema.InAppYes})
			}
			got := group(t, &Input{Platform: c.platform, Exceptions: []schema.Exception{{Type: "E", Frames: frames}}})
			require.Equal(t, c.want, got.InApp[0])
		})
	}
}
