package catalog

import (
	"fmt"
	"strings"
	"unicode"
)

// maxForeign is how many words with letters beyond A to Z a text may have: each
// is a piece of the statement.
const maxForeign = 32

// Words compares an expression that has a text index with the words of
// parameter text: all of them must be there. The index folds A to Z only. Any
// other letter is looked for as words are commonly written, all small, all
// capital or with a capital in front: an index over lowerUTF8 would make each
// event dearer for what few texts have.
func (c Choice) Words(expression string) (string, error) {
	if given, err := c.Given("text"); !given {
		return "1", err
	}
	words := strings.FieldsFunc(Unescape(c.bound["text"]), func(r rune) bool {
		return r <= unicode.MaxASCII && !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
	var all []string
	plain := false
	for i, w := range words {
		if !isForeign(w) {
			plain = true
			continue
		}
		word := fmt.Sprintf("tokens({text:String}, 'splitByNonAlpha')[%d]", i+1)
		front, rest := "substringUTF8("+word+", 1, 1)", "substringUTF8("+word+", 2)"
		all = append(all, fmt.Sprintf("hasAnyTokens(%s, [lower(%s), lower(lowerUTF8(%s)), lower(upperUTF8(%s)), lower(concat(upperUTF8(%s), lowerUTF8(%s)))])", expression, word, word, word, front, rest))
	}
	if len(all) > maxForeign {
		return "", fmt.Errorf("%w: text: it has %d words with letters other than A to Z, the limit is %d", ErrParam, len(all), maxForeign)
	}
	switch {
	case len(all) == 0:
		return "hasAllTokens(" + expression + ", lower({text:String}))", nil
	case plain:
		all = append(all, "hasAllTokens("+expression+", lower(replaceRegexpAll({text:String}, '"+foreign+"', ' ')))")
	}
	return strings.Join(all, " AND "), nil
}

// foreign is a word with letters beyond ASCII, as a regular expression within
// SQL.
const foreign = `[0-9A-Za-z]*[^\\x00-\\x7F](?:[0-9A-Za-z]|[^\\x00-\\x7F])*`

// isForeign tells of letters beyond ASCII.
func isForeign(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII })
}
