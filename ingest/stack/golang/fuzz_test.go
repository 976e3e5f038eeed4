package golang_test

import (
	"testing"

	"errata/ingest/stack/golang"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "go", golang.Parse) }
