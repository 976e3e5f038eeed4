package stack

import (
	"strings"

	"errata/ingest/stack/dotnet"
	"errata/ingest/stack/golang"
	"errata/ingest/stack/java"
	"errata/ingest/stack/javascript"
	"errata/ingest/stack/php"
	"errata/ingest/stack/python"
	"errata/ingest/stack/ruby"
	"errata/ingest/stack/rust"
	"errata/ingest/stack/scan"
	"errata/schema"
)

// languages maps telemetry.sdk.language and the platform names of events to
// parsers. Languages without one (cpp, erlang, swift) are guessed.
var languages = map[string]scan.Parser{
	"python": python.Parse,
	"java":   java.Parse, "kotlin": java.Parse, "scala": java.Parse, "android": java.Parse, "groovy": java.Parse, "clojure": java.Parse,
	"nodejs": javascript.Parse, "webjs": javascript.Parse, "node": javascript.Parse, "javascript": javascript.Parse, "js": javascript.Parse, "typescript": javascript.Parse,
	"go":     golang.Parse,
	"dotnet": dotnet.Parse, "csharp": dotnet.Parse, "fsharp": dotnet.Parse,
	"ruby": ruby.Parse,
	"php":  php.Parse,
	"rust": rust.Parse,
}

// dispatch reads text with the parser of its language, and where that finds no
// frame, with the one that the text itself suggests.
func dispatch(language, text string, h scan.Hint) []schema.Exception {
	named := languages[strings.ToLower(language)]
	var out []schema.Exception
	if named != nil {
		if out = named(text, h); scan.HasFrames(out) {
			return out
		}
	}
	if guessed := guess(text, h); guessed != nil {
		if other := guessed(text, h); scan.HasFrames(other) {
			return other
		}
	}
	return out
}

// maxGuessLines is how many lines may come before one that tells the language.
const maxGuessLines = 2048

// guess finds the language of a text by its first line that only one language
// prints. What the message quotes is passed over.
func guess(text string, h scan.Hint) scan.Parser {
	skipFrom, skipTo := -1, -1
	if strings.Contains(h.Value, "\n") {
		if i := strings.Index(text, h.Value); i >= 0 {
			skipFrom, skipTo = i, i+len(h.Value)
		}
	}
	for pos, lines := 0, 0; pos >= 0 && pos < len(text) && lines < maxGuessLines; lines++ {
		line, next := scan.LineAt(text, pos)
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
func guessLine(line string) scan.Parser {
	trimmed := strings.TrimLeft(line, " \t")
	indented := len(trimmed) < len(line)
	switch {
	case trimmed == "":
		return nil
	case python.Line(line):
		return python.Parse
	case golang.Line(line):
		return golang.Parse
	case rust.Line(trimmed):
		return rust.Parse
	case php.Line(line):
		return php.Parse
	}
	if rest, ok := strings.CutPrefix(trimmed, "at "); ok && indented {
		if f, ok := java.Frame(rest); ok {
			if strings.HasSuffix(f.File, ".php") {
				return php.Parse
			}
			return java.Parse
		}
		if f, ok := javascript.V8Frame(rest); ok && f.Line > 0 {
			return javascript.Parse
		}
		if _, ok := dotnet.Frame(rest); ok && strings.HasPrefix(line, "   at ") {
			return dotnet.Parse
		}
		return nil
	}
	if _, ok := ruby.Frame(trimmed); ok {
		return ruby.Parse
	}
	if _, ok := javascript.GeckoFrame(trimmed); ok && !indented {
		return javascript.Parse
	}
	return nil
}
