// Package embed makes the crash-report form that a page shows to who met an error: a
// script with the page's own words in it. Nothing in these closes the page.
package embed

import (
	_ "embed" // The form.
	"encoding/json"
	"strings"
)

//go:embed form.js
var form string

// texts are what a page may say in the form in its own words: the options of
// the SDK's showReportDialog.
var texts = []string{"title", "subtitle", "subtitle2", "labelName", "labelEmail", "labelComments", "labelClose", "labelSubmit", "errorGeneric", "successMessage"}

// maxText bounds each of them.
const maxText = 500

// Script shows the form and sends what is written to action. name and email stand
// in it already; text is asked for the page's words.
func Script(action, name, email string, text func(name string) string) string {
	words := make([]string, 0, len(texts))
	for _, k := range texts {
		if v := text(k); v != "" {
			words = append(words, k+": "+literal(v[:min(len(v), maxText)]))
		}
	}
	return strings.NewReplacer("__ACTION__", literal(action), "__NAME__", literal(name), "__EMAIL__", literal(email),
		"__TEXTS__", "{ "+strings.Join(words, ", ")+" }").Replace(form)
}

// literal writes a value as a JavaScript string that closes no page.
func literal(s string) string {
	b, _ := json.Marshal(strings.ToValidUTF8(s, "")) // A string is always JSON.
	return string(b)
}
