package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
)

// Text that would mean something in SQL is a value in every field: nothing is
// found by it, nothing is written, nothing fails but by a check.
func TestInjection(t *testing.T) {
	s := source(t, nil, nil)
	owner, err := queries.Open(t.Context(), queries.Config{Addr: address(t), User: "errata", Password: clickhousetest.Passwords["errata"]})
	require.NoError(t, err)
	defer owner.Close()
	rows := func() uint64 {
		r, err := owner.SQL(t.Context(), "SELECT count() FROM events")
		require.NoError(t, err)
		return r.Rows[0][0].(uint64)
	}
	before := rows()
	for _, attack := range []string{`' OR 1=1 --`, `\' OR 1=1 /*`, `{project:UInt32}`, `') UNION ALL SELECT payload FROM events --`, "x\t1\nOR\r1", "\u0000", `\N`} {
		text, err := json.Marshal(attack)
		require.NoError(t, err)
		var asked []backend.DataQuery
		for mode, fields := range readBy {
			for field := range strings.FieldsSeq(fields) {
				asked = append(asked, query(mode+" "+field, attackOn(mode, field, string(text))))
			}
		}
		r, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: asked})
		require.NoError(t, err)
		for _, q := range asked {
			answer := r.Responses[q.RefID]
			if answer.Error != nil {
				require.NotContains(t, answer.Error.Error(), "ClickHouse says", "%s", q.JSON)
				require.Equal(t, backend.ErrorSourceDownstream, answer.ErrorSource, "%s: %s", q.JSON, answer.Error)
				continue
			}
			require.Zero(t, found(answer.Frames), "%s found rows", q.JSON)
		}
	}
	require.Equal(t, before, rows())
}

// readBy are the fields that a mode looks at.
var readBy = map[string]string{
	"issues":       "project environment release level status assignee text sort filter_key filter_value filter_regex",
	"events":       "project environment release service level issue text filter_key filter_value filter_regex",
	"error_trend":  "project environment release service level issue text by tagKey filter_key filter_value filter_regex",
	"logs":         "project environment service level text traceId filter_key filter_value filter_regex",
	"trace":        "project traceId",
	"trace_search": "project service text filter_key filter_value filter_regex",
	"releases":     "project",
	"outcomes":     "project",
	"lag":          "project",
	"annotations":  "project environment issue kind",
	"catalog":      "project name param param_name filter_value filter_regex",
	"sql":          "project",
}

// attackOn is a query with this text in one field.
func attackOn(mode, field, text string) string {
	switch field {
	case "filter_key":
		return `{"mode":"` + mode + `","filters":[{"key":` + text + `,"operator":"=","value":"x"}]}`
	case "filter_value":
		if mode == "catalog" {
			return `{"mode":"catalog","name":"cost","filters":[{"key":"value","operator":"=","value":` + text + `}]}`
		}
		return `{"mode":"` + mode + `","filters":[{"key":"plan","operator":"=","value":` + text + `}]}`
	case "filter_regex":
		if mode == "catalog" {
			return `{"mode":"catalog","name":"cost","filters":[{"key":"value","operator":"=~","value":` + text + `}]}`
		}
		return `{"mode":"` + mode + `","filters":[{"key":"plan","operator":"=~","value":` + text + `}]}`
	case "tagKey":
		return `{"mode":"` + mode + `","by":"tag","environment":"none such","tagKey":` + text + `}`
	}
	switch {
	case field == "param":
		return `{"mode":"catalog","name":"cost","params":{"by":"tag","key":` + text + `},"filters":[{"key":"value","operator":"!=","value":""}]}`
	case field == "param_name":
		return `{"mode":"catalog","name":"cost","params":{` + text + `:"1"}}`
	case mode == "catalog" && field != "name":
		return `{"mode":"catalog","name":"cost","` + field + `":` + text + `}`
	case mode == "sql":
		return `{"mode":"sql","sql":"SELECT 1 WHERE $__project(1)","project":` + text + `}`
	}
	return `{"mode":"` + mode + `","` + field + `":` + text + `}`
}

// found is how many rows, or counted events, frames hold.
func found(frames data.Frames) (total int) {
	for _, f := range frames {
		if f.Meta.Type != data.FrameTypeTimeSeriesWide {
			total += f.Rows()
			continue
		}
		for _, x := range f.Fields[1:] {
			for i := range x.Len() {
				total += int(x.At(i).(float64))
			}
		}
	}
	return total
}
