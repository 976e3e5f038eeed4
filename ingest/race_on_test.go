//go:build race

package ingest

// underRace says that everything takes ten times as long.
const underRace = true
