package stack

import "errata/schema"

// dispatch reads text with the parser of its language.
func dispatch(_, text string, h hint) []schema.Exception { return python(text, h) }
