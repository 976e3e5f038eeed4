package ruby_test

import (
	"testing"

	"errata/ingest/stack/ruby"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "ruby", ruby.Parse) }
