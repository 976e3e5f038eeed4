package frame

import (
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// CountBy is one row for each combination of these columns.
func CountBy(t Rows, what string, columns ...string) *data.Frame {
	fields := make([][]string, len(columns))
	at, counts := map[string]int{}, []int64{}
	for i := range t.Len() {
		row := make([]string, len(columns))
		for c, name := range columns {
			row[c] = t.Text(i, name)
		}
		key := strings.Join(row, "\x00")
		n, ok := at[key]
		if !ok {
			n = len(counts)
			at[key], counts = n, append(counts, 0)
			for c := range columns {
				fields[c] = append(fields[c], row[c])
			}
		}
		counts[n]++
	}
	f := data.NewFrame(what)
	for c, name := range columns {
		if fields[c] == nil {
			fields[c] = []string{}
		}
		f.Fields = append(f.Fields, data.NewField(name, nil, fields[c]))
	}
	f.Fields = append(f.Fields, data.NewField(what, nil, counts))
	return Typed(f, data.FrameTypeNumericLong)
}
