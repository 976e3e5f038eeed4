package catalog

import (
	"strings"
	"unicode"
)

// Words compares a text that has indexes of its words with those of parameter
// text: all of them must be there, in any case. The index of all texts folds A to Z
// only. Texts with other letters are in one more, folded as a whole: a word of such
// letters can be in no other. Words of A to Z are asked of both where they are
// beside signs, which a text may have in either form: “timeout” and "timeout".
func (c Choice) Words(of string) (string, error) {
	if given, err := c.Given("text"); !given {
		return "1", err
	}
	asked := Unescape(c.bound["text"])
	other := "hasAllTokens(if(isValidASCII(" + of + "), '', " + folded(of) + "), " + folded("{text:String}") + ")"
	switch {
	case strings.ContainsFunc(asked, func(r rune) bool { return r > unicode.MaxASCII && !sign(r) }):
		return other, nil
	case strings.ContainsFunc(asked, func(r rune) bool { return r != ' ' && sign(r) }):
		return "(hasAllTokens(lower(" + of + "), " + folded("{text:String}") + ") OR " + other + ")", nil
	}
	return "hasAllTokens(lower(" + of + "), lower({text:String}))", nil
}

// sign is what folded makes a space of.
func sign(r rune) bool { return unicode.In(r, unicode.P, unicode.Z) }

// folded is a text in small letters of any alphabet, without signs that are letters
// to the tokenizer: quotes, dashes, wide spaces. As in migration 120.
func folded(of string) string {
	return "lowerUTF8(replaceRegexpAll(" + of + `, '[\\p{P}\\p{Z}]+', ' '))`
}
