package java_test

import (
	"testing"

	"errata/ingest/stack/java"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "java", java.Parse) }
