package frame

import (
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Column is one field of a table that is built row by row.
type Column struct {
	Name string
	Kind byte // s text, i whole number, f number or nothing, t time or nothing, l list of texts, m map.
	From string
	Unit string
}

// Build makes a table of these columns of rows.
func Build(name string, t Rows, columns []Column) *data.Frame {
	f := data.NewFrame(name)
	n := t.Len()
	for _, c := range columns {
		from := c.From
		if from == "" {
			from = c.Name
		}
		var field *data.Field
		switch c.Kind {
		case 'i':
			field = data.NewField(c.Name, nil, each(n, func(i int) int64 { return t.Int(i, from) }))
		case 'f':
			field = data.NewField(c.Name, nil, each(n, func(i int) *float64 { return t.Float(i, from) }))
		case 't':
			field = data.NewField(c.Name, nil, each(n, func(i int) *time.Time {
				if v := t.Time(i, from); !v.IsZero() {
					return &v
				}
				return nil
			}))
		case 'l':
			field = data.NewField(c.Name, nil, each(n, func(i int) string { return strings.Join(t.List(i, from), ", ") }))
		case 'm':
			field = data.NewField(c.Name, nil, each(n, func(i int) string { return string(raw(t.Map(i, from))) }))
		default:
			field = data.NewField(c.Name, nil, each(n, func(i int) string { return t.Text(i, from) }))
		}
		if c.Unit != "" {
			field.Config = &data.FieldConfig{Unit: c.Unit}
		}
		f.Fields = append(f.Fields, field)
	}
	f.Meta = &data.FrameMeta{PreferredVisualization: data.VisTypeTable}
	return Typed(f, data.FrameTypeTable)
}

func each[T any](n int, value func(int) T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = value(i)
	}
	return out
}

// WithUnits gives numbers the units that their names tell, as the catalog names
// its columns.
func WithUnits(f *data.Frame) *data.Frame {
	for _, x := range f.Fields {
		if unit := unitOf(x.Name); unit != "" && x.Type().Numeric() {
			x.Config = &data.FieldConfig{Unit: unit}
		}
	}
	return f
}

func unitOf(name string) string {
	switch {
	case name == "bytes" || strings.HasSuffix(name, "_bytes"):
		return "bytes"
	case strings.HasSuffix(name, "_ms"):
		return "ms"
	case strings.HasSuffix(name, "_us"):
		return "µs"
	case name == "share" || strings.HasSuffix(name, "_share") || strings.HasSuffix(name, "_rate") || strings.HasPrefix(name, "crash_free"):
		return "percentunit"
	}
	return ""
}

// LinkIssues links a field that holds issues under another name.
func LinkIssues(f *data.Frame, name string, links Links) {
	if x, _ := f.FieldByName("project"); x != nil {
		linked(f, name, links.issueOf("project"))
		return
	}
	linked(f, name, links.issueOf(""))
}

// WithLinks sets the links of the fields trace_id and issue, where they are.
func WithLinks(f *data.Frame, links Links) *data.Frame {
	linked(f, "trace_id", links.Trace())
	linked(f, "traceID", links.Trace())
	project := ""
	for _, name := range []string{"project", "project_id"} {
		if x, _ := f.FieldByName(name); x != nil {
			project = name
		}
	}
	linked(f, "issue", links.issueOf(project))
	if x, _ := f.FieldByName("issue"); x != nil && project != "" {
		linked(f, "event_id", []data.DataLink{{Title: "Event", URL: links.page("${__data.fields."+project+"}", "${__data.fields.issue}") + "&event=${__value.raw}"}})
	}
	return f
}
