package stack

import (
	"strings"

	"errata/schema"
)

// languages maps telemetry.sdk.language and the platform names of events to
// parsers. Languages without one (cpp, erlang, swift) are guessed.
var languages = map[string]parser{
	"python": python,
	"java":   java, "kotlin": java, "scala": java, "android": java, "groovy": java, "clojure": java,
	"nodejs": javascript, "webjs": javascript, "node": javascript, "javascript": javascript, "js": javascript, "typescript": javascript,
	"go":     golang,
	"dotnet": dotnet, "csharp": dotnet, "fsharp": dotnet,
	"ruby": ruby,
	"php":  php,
	"rust": rust,
}

// dispatch reads text with the parser of its language, and where that finds no
// frame, with the one that the text itself suggests.
func dispatch(language, text string, h hint) []schema.Exception {
	named := languages[strings.ToLower(language)]
	var out []schema.Exception
	if named != nil {
		if out = named(text, h); hasFrames(out) {
			return out
		}
	}
	if guessed := guess(text, h); guessed != nil {
		if other := guessed(text, h); hasFrames(other) {
			return other
		}
	}
	return out
}

func hasFrames(list []schema.Exception) bool {
	for i := range list {
		if len(list[i].Frames) > 0 {
			return true
		}
	}
	return false
}

// maxGuessLines is how many lines may come before one that tells the language.
const maxGuessLines = 2048

// guess finds the language of a text by its first line that only one language
// prints. What the message quotes is passed over.
func guess(text string, h hint) parser {
	skipFrom, skipTo := -1, -1
	if strings.Contains(h.value, "\n") {
		if i := strings.Index(text, h.value); i >= 0 {
			skipFrom, skipTo = i, i+len(h.value)
		}
	}
	for pos, lines := 0, 0; pos >= 0 && pos < len(text) && lines < maxGuessLines; lines++ {
		line, next := lineAt(text, pos)
		if pos <= skipFrom || pos >= skipTo {
			if p := guessLine(line); p != nil {
				return p
			}
		}
		pos = next
	}
	return nil
}

// guessLine names the only language that prints such a line, or none.
func guessLine(line string) parser {
	trimmed := strings.TrimLeft(line, " \t")
	indented := len(trimmed) < len(line)
	switch {
	case trimmed == "":
		return nil
	case line == pyHeader, line == "  + "+pyGroupHeader, strings.HasPrefix(line, `  File "`) && strings.Contains(line, `", line `):
		return python
	case !indented && goHeader(line):
		return golang
	case line[0] == '\t' && strings.Contains(line, ".go:"):
		if _, _, ok := goPlace(line); ok {
			return golang
		}
	case trimmed == "stack backtrace:", trimmed == "Stack backtrace:":
		return rust
	case phpNumbered(line):
		return php
	}
	if rest, ok := strings.CutPrefix(trimmed, "at "); ok && indented {
		if f, ok := javaFrame(rest); ok {
			if strings.HasSuffix(f.File, ".php") {
				return php
			}
			return java
		}
		if f, ok := v8Frame(rest); ok && f.Line > 0 {
			return javascript
		}
		if _, ok := dotnetFrame(rest); ok && strings.HasPrefix(line, "   at ") {
			return dotnet
		}
		return nil
	}
	if _, ok := rubyFrame(trimmed); ok {
		return ruby
	}
	if _, ok := geckoFrame(trimmed); ok && !indented {
		return javascript
	}
	return nil
}

// opening finds where the message of the main exception ends in a text that
// begins with `Type: message`, and where it begins. With an unknown or a
// different message, end is where the first line does.
func opening(text string, h hint) (typ, value string, end int) {
	start := 0
	for start < len(text) && (text[start] == '\n' || text[start] == '\r') {
		start++
	}
	line, next := lineAt(text, start)
	if next < 0 {
		return "", "", len(text)
	}
	for _, prefix := range []string{"Uncaught ", "Unhandled exception. ", "PHP Fatal error:  Uncaught ", "Fatal error: Uncaught "} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			line, start = rest, start+len(prefix)
		}
	}
	if rest, ok := strings.CutPrefix(line, `Exception in thread "`); ok {
		if _, after, ok := strings.Cut(rest, `" `); ok {
			start += len(line) - len(after)
			line = after
		}
	}
	typ, value, _ = strings.Cut(line, ": ")
	end = start + len(line)
	if h.value == "" {
		return typ, value, end
	}
	first, _, _ := strings.Cut(h.value, "\n")
	first = strings.TrimSuffix(first, "\r")
	for i := 0; i <= len(line); {
		j := strings.Index(line[i:], first)
		if j < 0 {
			break
		}
		i += j
		to := start + i + len(h.value)
		if (i == 0 || strings.HasSuffix(line[:i], ": ")) && strings.HasPrefix(text[start+i:], h.value) &&
			(to == len(text) || text[to] == '\n' || text[to] == '\r' || strings.HasPrefix(text[to:], dotnetInner)) {
			return strings.TrimSuffix(line[:i], ": "), h.value, to
		}
		if i++; i > 512 {
			break // A type's name is not that long.
		}
	}
	return typ, value, end
}
