// Package glob matches the patterns of rules. In: a pattern with *, ?, [abc], {a,b}
// and, in paths, **. Out: whether a text fits, in time linear in it for every
// pattern. It knows no rules and no frames; its callers bound both sides.
package glob

import "bytes"

// Glob is a compiled pattern. Most patterns are a literal with stars around it
// and never reach the general matcher.
type Glob struct {
	shape   shape
	literal []byte // Of a general pattern: its longest literal, which must be there.
	tokens  []token
	fold    bool // The value comes in lower case; so is the pattern.
	path    bool // A single star stops at a slash.
	rooted  bool // Of paths: begins with a slash or **.
	also    []Glob
}

type shape uint8

const (
	exact shape = iota
	prefix
	suffix
	contains
	anything
	general
)

type token struct {
	kind  tokenKind
	c     byte
	class *[256]bool
}

type tokenKind uint8

const (
	gByte tokenKind = iota
	gAny            // ?
	gClass
	gStar
	gDouble
)

// Compile reads a pattern with *, ?, [abc], {a,b} and, in paths, **.
func Compile(pattern string, path, fold bool) Glob {
	alts := expand(pattern, nil)
	g := compileOne(alts[0], path, fold)
	for _, a := range alts[1:] {
		g.also = append(g.also, compileOne(a, path, fold))
	}
	return g
}

const maxAlternatives = 64

// expand turns {a,b} into its alternatives.
func expand(p string, out []string) []string {
	open := -1
	depth := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '{':
			if depth == 0 {
				open = i
			}
			depth++
		case '}':
			if depth == 0 {
				continue
			}
			if depth--; depth == 0 && open >= 0 {
				parts := split(p[open+1 : i])
				if len(parts) < 2 {
					open = -1 // {{closure}} and its like are literal.
					continue
				}
				for _, part := range parts {
					if len(out) >= maxAlternatives {
						return out
					}
					out = expand(p[:open]+part+p[i+1:], out)
				}
				return out
			}
		}
	}
	return append(out, p)
}

// split cuts at the commas of the outermost level.
func split(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	return append(out, s[start:])
}

func compileOne(pattern string, path, fold bool) Glob {
	g := Glob{fold: fold, path: path}
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '*':
			kind := gStar
			if i+1 < len(pattern) && pattern[i+1] == '*' {
				i++
				if path {
					kind = gDouble
				}
			}
			if n := len(g.tokens); n > 0 && g.tokens[n-1].kind >= gStar {
				if kind == gDouble {
					g.tokens[n-1].kind = gDouble
				}
				continue
			}
			g.tokens = append(g.tokens, token{kind: kind})
		case c == '?':
			g.tokens = append(g.tokens, token{kind: gAny})
		case c == '[':
			class, end := readClass(pattern, i, fold)
			if class == nil {
				g.tokens = append(g.tokens, token{c: c})
				continue
			}
			g.tokens = append(g.tokens, token{kind: gClass, class: class})
			i = end
		case c == '\\' && !path && i+1 < len(pattern):
			i++
			g.tokens = append(g.tokens, token{c: lower(pattern[i], fold)})
		case c == '\\' && path:
			g.tokens = append(g.tokens, token{c: '/'})
		default:
			g.tokens = append(g.tokens, token{c: lower(c, fold)})
		}
	}
	g.classify()
	g.rooted = len(pattern) > 0 && (pattern[0] == '/' || pattern[0] == '\\' || len(pattern) > 1 && pattern[:2] == "**")
	return g
}

// lower folds a letter where the pattern does.
func lower(c byte, fold bool) byte {
	if fold && 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func readClass(p string, i int, fold bool) (*[256]bool, int) {
	var set [256]bool
	j, not := i+1, false
	if j < len(p) && (p[j] == '!' || p[j] == '^') {
		not = true
		j++
	}
	for first := true; j < len(p) && (p[j] != ']' || first); first = false {
		lo := p[j]
		hi := lo
		if j+2 < len(p) && p[j+1] == '-' && p[j+2] != ']' {
			hi = p[j+2]
			j += 2
		}
		for c := int(lo); c <= int(hi); c++ {
			set[lower(byte(c), fold)] = true
		}
		j++
	}
	if j >= len(p) {
		return nil, i
	}
	if not {
		for c := range set {
			set[c] = !set[c]
		}
	}
	return &set, j
}

// classify finds the cheap shapes: a star that may cross everything, at either end.
func (g *Glob) classify() {
	wide := gStar
	if g.path {
		wide = gDouble
	}
	t := g.tokens
	head := len(t) > 0 && t[0].kind == wide
	tail := len(t) > 0 && t[len(t)-1].kind == wide
	if len(t) == 1 && head {
		g.shape = anything
		return
	}
	if head {
		t = t[1:]
	}
	if tail {
		t = t[:len(t)-1]
	}
	for _, x := range t {
		if x.kind != gByte {
			g.shape = general
			g.literal = longest(g.tokens)
			return
		}
		g.literal = append(g.literal, x.c)
	}
	switch {
	case head && tail:
		g.shape = contains
	case head:
		g.shape = suffix
	case tail:
		g.shape = prefix
	default:
		g.shape = exact
	}
}

// longest is the longest literal of a pattern.
func longest(t []token) []byte {
	var best, cur []byte
	for _, x := range t {
		if x.kind == gByte {
			cur = append(cur, x.c)
			continue
		}
		if len(cur) > len(best) {
			best = cur
		}
		cur = nil
	}
	if len(cur) > len(best) {
		return cur
	}
	return best
}

// Match says whether the whole of v fits. v is in lower case where fold is set.
func (g *Glob) Match(v []byte) bool {
	if g.one(v) {
		return true
	}
	for i := range g.also {
		if g.also[i].one(v) {
			return true
		}
	}
	return false
}

func (g *Glob) one(v []byte) bool {
	switch g.shape {
	case exact:
		return bytes.Equal(v, g.literal)
	case prefix:
		return bytes.HasPrefix(v, g.literal)
	case suffix:
		return bytes.HasSuffix(v, g.literal)
	case contains:
		return bytes.Contains(v, g.literal)
	case anything:
		return true
	}
	return bytes.Contains(v, g.literal) && g.walk(v)
}

// walk matches in at most len(v) times len(tokens) steps: a star backtracks to
// itself only, a double star takes over from the single ones before it.
func (g *Glob) walk(v []byte) bool {
	t := g.tokens
	i, j := 0, 0
	star, starAt := -1, 0     // Last single star of the present segment.
	double, doubleAt := -1, 0 // Last double star.
	for i < len(v) || j < len(t) {
		if j < len(t) {
			switch t[j].kind {
			case gStar:
				star, starAt = j, i
				j++
				continue
			case gDouble:
				double, doubleAt = j, i
				star = -1
				j++
				continue
			default:
				if i < len(v) && t[j].fits(v[i], g.path) {
					i++
					j++
					continue
				}
			}
		}
		if star >= 0 && starAt < len(v) && !(g.path && v[starAt] == '/') {
			starAt++
			i, j = starAt, star+1
			continue
		}
		if double >= 0 && doubleAt < len(v) {
			doubleAt++
			i, j = doubleAt, double+1
			star = -1
			continue
		}
		return false
	}
	return true
}

func (t *token) fits(c byte, path bool) bool {
	switch t.kind {
	case gByte:
		return c == t.c
	case gAny:
		return !(path && c == '/')
	default:
		return t.class[c]
	}
}

// MatchPath matches a path that begins with a slash as it is, or as relative
// where the pattern is.
func (g *Glob) MatchPath(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	if g.at(v) {
		return true
	}
	for i := range g.also {
		if g.also[i].at(v) {
			return true
		}
	}
	return false
}

func (g *Glob) at(v []byte) bool {
	if !g.rooted {
		v = v[1:]
	}
	return g.one(v)
}

// Fold brings a text into the case in which the pattern matches.
func (g *Glob) Fold(b []byte) {
	if !g.fold {
		return
	}
	for i, c := range b {
		b[i] = lower(c, true)
	}
}
