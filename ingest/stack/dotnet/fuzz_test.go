package dotnet_test

import (
	"testing"

	"errata/ingest/stack/dotnet"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "dotnet", dotnet.Parse) }
