package rust_test

import (
	"testing"

	"errata/ingest/stack/rust"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "rust", rust.Parse) }
