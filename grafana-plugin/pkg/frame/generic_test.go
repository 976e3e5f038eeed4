package frame_test

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/frame"
	"errata/queries"
	"errata/queries/catalog"
)

// What a person's SQL may answer with, and what the cell says. Another value
// than that of the store is worse than none.
func TestCells(t *testing.T) {
	object := chcol.NewJSON()
	object.SetValueAtPath("a.b", chcol.NewDynamic(int64(1)))
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, kind string
		given      any
		want       string // As JSON.
	}{
		{"a small number", "UInt64", uint64(7), `7`},
		{"a number of 64 bits", "UInt64", uint64(18446744073709551615), `18446744073709551615`},
		{"a number of 128 bits", "UInt128", *big.NewInt(5), `5`},
		{"below zero", "Int256", *big.NewInt(-7), `-7`},
		{"null of 256 bits", "Nullable(UInt256)", nil, `null`},
		{"a time", "DateTime64(3, 'UTC')", noon, `"2026-11-01T12:00:00Z"`},
		{"a time that frames cannot hold", "DateTime64(3)", time.Date(2299, 12, 31, 0, 0, 0, 0, time.UTC), `null`},
		{"before those", "DateTime64(3)", time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), `null`},
		{"a time of day", "Time64(3)", 12*time.Hour + 13*time.Minute + 14500*time.Millisecond, `"12:13:14.5"`},
		{"below midnight", "Time", -time.Hour, `"-01:00:00"`},
		{"an object", "JSON", *object, `{"a":{"b":1}}`},
		{"a variant", "Variant(String, UInt8)", chcol.NewVariantWithType(uint8(1), "UInt8"), `"1"`},
		{"a text of any type", "Dynamic", chcol.NewDynamicWithType("x", "String"), `"x"`},
		{"nothing of any type", "Dynamic", chcol.NewDynamic(nil), `null`},
		{"a list of any type", "Dynamic", chcol.NewDynamic([]string{"a"}), `"[\"a\"]"`},
		{"wide numbers in a list", "Array(UInt128)", []big.Int{*big.NewInt(5)}, `[5]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := frame.FromResult(&queries.Result{Columns: []catalog.Field{{Name: "x", Type: c.kind}}, Rows: [][]any{{c.given}}})
			got, err := json.Marshal(f.Fields[0].At(0))
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(got))
		})
	}
}
