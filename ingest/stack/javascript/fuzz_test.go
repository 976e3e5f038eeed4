package javascript_test

import (
	"testing"

	"errata/ingest/stack/javascript"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "nodejs", javascript.Parse) }
