package frame

import "strings"

// maxLegend is how many characters of a title a legend shows.
const maxLegend = 60

// Legend names issues, by id, after their titles: short, and each its own.
func Legend(titles map[string]string) map[string]string {
	names, taken := make(map[string]string, len(titles)), map[string]int{Rest: 1}
	for id, title := range titles {
		names[id] = short(title)
		taken[names[id]]++
	}
	for id, name := range names {
		switch {
		case name == "":
			names[id] = id
		case taken[name] > 1:
			names[id] = name + " (" + id + ")"
		}
	}
	return names
}

// Rest is what the catalog sums small series up as.
const Rest = "other"

// short is a title in one line that fits a legend.
func short(title string) string {
	letters := []rune(strings.Join(strings.Fields(title), " "))
	if len(letters) > maxLegend {
		return string(letters[:maxLegend-1]) + "…"
	}
	return string(letters)
}
