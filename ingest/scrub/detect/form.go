package detect

import (
	"net/url"
	"strings"
)

// maxCoded bounds how often a text is coded as the value of a form that is the
// value of a form.
const maxCoded = 3

// coded looks into what stands in URLs and forms as a value of its own: a search
// for a card number is ?q=card+4111+1111... there, and a header Bearer%20....
func (d Detector) coded(v string, c Counts, depth int) string {
	e := edit{s: v}
	for from := 0; from < len(v); {
		n := strings.IndexAny(v[from:], "?&=;#/\"'<> \n,")
		if n < 0 {
			n = len(v) - from
		}
		part := v[from : from+n]
		if plain, ok := decoded(part); ok {
			if clean := d.value(plain, c, depth); clean != plain {
				e.replace(from, from+n, recode(clean, part))
			}
		}
		from += n + 1
	}
	return e.done()
}

// isCoded reports whether a text may have a value that is worth to be decoded:
// blanks alone hide nothing but numbers.
func isCoded(v string, flags uint16, digits int) bool {
	return flags&hasPercent != 0 || digits >= 12 && flags&hasEqual != 0 && strings.IndexByte(v, '+') >= 0
}

// decoded returns what part stands for; ok is false where that is itself.
func decoded(part string) (string, bool) {
	if len(part) < 12 || strings.IndexByte(part, '%') < 0 && strings.IndexByte(part, '+') < 0 {
		return "", false
	}
	plain, err := url.QueryUnescape(part)
	return plain, err == nil && plain != part
}

// recode writes a clean value as its part was written, its marks readable.
func recode(v, part string) string {
	blank := "%20"
	if strings.IndexByte(part, '+') >= 0 {
		blank = "+"
	}
	return strings.NewReplacer("%5B", "[", "%5D", "]", "+", blank).Replace(url.QueryEscape(v))
}

// value applies the detectors of values that have a form of their own.
func (d Detector) value(v string, c Counts, depth int) string {
	flags, digits := look(v)
	if flags&hasDash != 0 && len(v) > 40 && strings.Contains(v, "PRIVATE KEY") {
		v = pem(v, c)
	}
	if flags&hasAt != 0 && flags&hasColon != 0 && strings.Contains(v, "://") {
		v = urlAuth(v, c)
	}
	if flags&(hasColon|hasEqual) != 0 {
		v = d.pairs(v, true, c)
	}
	if flags&hasB != 0 && flags&hasSpace != 0 {
		v = bearer(v, c)
	}
	v = formed(v, flags, digits, c)
	if depth < maxCoded && isCoded(v, flags, digits) {
		v = d.coded(v, c, depth+1)
	}
	return v
}
