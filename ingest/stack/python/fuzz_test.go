package python_test

import (
	"testing"

	"errata/ingest/stack/python"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "python", python.Parse) }
