package schema

import "unicode/utf8"

// Caps on fields, in characters unless a name says bytes. Edge and tables obey
// the same numbers. Source: Sentry's metastructure attributes.
const (
	MaxTagKey         = 200
	MaxTagValue       = 200
	MaxTags           = 200
	MaxMessage        = 8192
	MaxExceptionType  = 256
	MaxExceptionValue = 8192
	MaxFunction       = 512
	MaxPath           = 256
	MaxEnvironment    = 64
	MaxRelease        = 200
	MaxDist           = 64
	MaxTransaction    = 200
	MaxFrames         = 250 // A stack: the innermost and the outermost halves are kept.
	MaxExceptions     = 50
	MaxBreadcrumbs    = 100
	MaxAttributeValue = 8192
	MaxAttributes     = 128
	MaxTitle          = 300
	MaxCulprit        = 200
	MaxURL            = 1024
)

// Cut shortens s to at most n bytes, at the border of a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
