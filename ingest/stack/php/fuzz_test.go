package php_test

import (
	"testing"

	"errata/ingest/stack/php"
	"errata/ingest/stack/stacktest"
)

func FuzzParse(f *testing.F) { stacktest.Fuzz(f, "php", php.Parse) }
