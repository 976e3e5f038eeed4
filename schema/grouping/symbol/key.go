package symbol

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"errata/schema"
)

// Key is what of a frame counts.
type Key struct {
	Module, File, Function, Context string // The context as it was sent.
}

// Hash is the key of one frame, 0 where it says nothing, and whether it is
// more than a file.
func Hash(f *schema.Frame, platform string) (key uint64, named bool) {
	if f.Platform != "" {
		platform = f.Platform
	}
	k := KeyOf(f, platform)
	var buf [768]byte
	b := buf[:0]
	b = appendLower(b, k.File)
	b = append(b, k.Module...)
	b = append(b, 0)
	b = append(b, k.Function...)
	b = append(b, 0)
	at := len(b)
	b = AppendContext(b, k.Context)
	if platform == "javascript" && len(b) > at {
		// A line of mapped source says more than a name that a browser made up.
		b = append(b[:at-1-len(k.Function)], b[at-1:]...)
	}
	if len(b) == 2 {
		return 0, false
	}
	return xxhash.Sum64(b), k.Module != "" || k.Function != "" || len(b) > at
}

// KeyOf finds the parts.
func KeyOf(f *schema.Frame, platform string) (k Key) {
	switch platform {
	case "javascript", "node":
		if place := f.AbsPath; place == "native code" || place == "eval code" || place == "<anonymous>" || place == "[native code]" || f.Function == "eval" || f.Function == "eval code" {
			return k
		}
	}
	k.Function = schema.Cut(Function(f, platform), MaxBytes)
	k.Module = schema.Cut(Module(f, platform), MaxBytes)
	if k.Module == "" {
		k.File = schema.Cut(file(f, platform), MaxBytes)
	}
	switch platform {
	case "python", "ruby":
		k.Context = f.ContextLine
	case "javascript":
		// Over the other protocol no line comes; a browser's file is minified
		// unless it was mapped.
		if !Page(f.AbsPath) && !strings.HasPrefix(f.ContextLine, "{snip}") && !strings.Contains(k.File, ".min.") {
			k.Context = f.ContextLine
		}
	}
	return k
}

// file is the base name where it tells something.
func file(f *schema.Frame, platform string) string {
	name := Base(f.File, f.AbsPath)
	switch {
	case Page(f.AbsPath), name == "<anonymous>", name == "[native code]", name == "native code":
		return ""
	case platform == "javascript":
		return Script(name)
	case platform == "java" || platform == "csharp":
		if name == "Native Method" || name == "Unknown Source" {
			return ""
		}
	case platform == "php" && (name == "[internal]" || name == "[internal function]"):
		return ""
	}
	return evaluated(name, platform)
}

// evaluated is the file of code that was made at run time without the line that
// made it, or the number of the input: both move while the code stays.
func evaluated(name, platform string) string {
	switch platform {
	case "php":
		if i := strings.IndexByte(name, '('); i > 0 {
			for _, what := range [...]string{" : eval()'d code", " : runtime-created function"} {
				if strings.HasSuffix(name, what) {
					return name[:i] + what
				}
			}
		}
	case "ruby":
		// (eval at /srv/app/card.rb:12): its last part is that of a path.
		if place, ok := strings.CutSuffix(name, ")"); ok {
			if i := strings.LastIndexByte(place, ':'); i > 0 && digits(place[i+1:]) {
				return place[:i]
			}
		}
	case "python":
		if strings.HasPrefix(name, "<ipython-input-") {
			return "<ipython-input>"
		}
	}
	return name
}

// Base is the last part of a path; of the file, or where there is none, of path.
func Base(file, path string) string {
	p := file
	if p == "" {
		p = path
	}
	for i := len(p); i > 0; i-- {
		if c := p[i-1]; c == '/' || c == '\\' {
			return p[i:]
		}
	}
	return p
}

// maxContext is the longest context line that counts: longer ones are minified
// or generated.
const maxContext = 120

// AppendContext adds a line with its white space folded.
func AppendContext(b []byte, line string) []byte {
	start, space := len(b), false
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v' {
			space = true
			continue
		}
		if space && len(b) > start {
			b = append(b, ' ')
		}
		space = false
		if len(b)-start >= maxContext {
			return b[:start]
		}
		b = append(b, c)
	}
	return b
}

func appendLower(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
