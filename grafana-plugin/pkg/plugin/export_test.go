package plugin

// Routes are the resources, for the table of roles: a route without a row in it
// fails.
func (s *Source) Routes() (patterns []string) {
	for _, r := range s.routes() {
		patterns = append(patterns, r.method+" "+r.path)
	}
	return patterns
}

// ShownOf is for the bounds of a trace.
var ShownOf = shownOf
