//go:build !race

package grouping

// slower is how much the race detector costs.
const slower = 1
