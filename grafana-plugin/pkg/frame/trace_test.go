package frame_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/frame"
	"errata/queries"
	"errata/queries/catalog"
)

// A span names and links each issue of its errors once, as many as there is room for.
func TestTraceNamesEveryIssue(t *testing.T) {
	t.Parallel()
	fields := func(names ...string) (out []catalog.Field) {
		for _, n := range names {
			out = append(out, catalog.Field{Name: n})
		}
		return out
	}
	spans := &queries.Result{Columns: fields("span_id", "project_id"), Rows: [][]any{{"a", uint32(1)}, {"b", uint32(1)}, {"c", uint32(1)}}}
	items := &queries.Result{Columns: fields("kind", "weight", "span_id", "issue", "ts")}
	for n := range 12 {
		items.Rows = append(items.Rows, []any{"error", uint32(1), "a", fmt.Sprintf("%016x", n/2), time.Unix(int64(n+1), 0)})
	}
	items.Rows = append(items.Rows, []any{"error", uint32(1), "b", "00000000000000bb", time.Unix(1, 0)})
	f, beside := frame.Trace(frame.Read(spans), frame.Read(items), "t", frame.Links{UID: "u"})
	require.Zero(t, beside)
	for n, name := range []string{"issue", "issue_2", "issue_3", "issue_4", "issue_5"} {
		x, _ := f.FieldByName(name)
		require.NotNil(t, x, name)
		require.Equal(t, fmt.Sprintf("%016x", n), x.At(0))
		require.Equal(t, map[bool]string{true: "00000000000000bb", false: ""}[n == 0], x.At(1))
		require.Empty(t, x.At(2))
		require.Contains(t, x.Config.Links[0].URL, "${__value.raw}?ds=u")
	}
	six, _ := f.FieldByName("issue_6")
	require.Nil(t, six)

	// One issue a span is one field, as ever.
	items.Rows = items.Rows[12:]
	f, _ = frame.Trace(frame.Read(spans), frame.Read(items), "t", frame.Links{})
	two, _ := f.FieldByName("issue_2")
	require.Nil(t, two)
	require.Equal(t, data.FrameTypeTable, f.Meta.Type)
}
