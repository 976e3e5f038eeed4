package catalog

import (
	"strings"
	"unicode"
)

// Words compares a text that has indexes of its words with those of parameter
// text: all of them must be there, in any case. The index of all texts folds A to Z
// only. Texts with other letters are in one more, folded as a whole: a word of such
// letters can be in no other.
func (c Choice) Words(of string) (string, error) {
	if given, err := c.Given("text"); !given {
		return "1", err
	}
	if strings.ContainsFunc(Unescape(c.bound["text"]), func(r rune) bool { return r > unicode.MaxASCII }) {
		return "hasAllTokens(if(isValidASCII(" + of + "), '', " + folded(of) + "), " + folded("{text:String}") + ")", nil
	}
	return "hasAllTokens(lower(" + of + "), lower({text:String}))", nil
}

// folded is a text in small letters of any alphabet, without signs that are letters
// to the tokenizer: quotes, dashes, wide spaces. As in migration 120.
func folded(of string) string {
	return "lowerUTF8(replaceRegexpAll(" + of + `, '[\\p{P}\\p{Z}]+', ' '))`
}
