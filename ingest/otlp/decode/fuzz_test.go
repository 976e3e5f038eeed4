package decode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	logs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/testing/protocmp"
)

// FuzzAttributes holds the reader of attributes, which is written by hand,
// against the general one: a log's body goes through the general one, and the
// same value as an attribute through the other.
func FuzzAttributes(f *testing.F) {
	for _, s := range []string{
		`{"stringValue":"a\u0000\n"}`, `{"intValue":"5"}`, `{"intValue":1e3}`, `{"doubleValue":"NaN"}`, `{"boolValue":"true"}`,
		`{"arrayValue":{"values":[{"stringValue":"a"},{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AQI="}}]}},3,null]}}`,
		`{"string_value":null,"new":[{}]}`, `{"arrayValue":null}`, `{"kvlistValue":{}}`, `{"stringValue":"a","intValue":2}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var general, byHand logs.ExportLogsServiceRequest
		err1 := Message([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":`+value+`}]}]}]}`), JSON, &general)
		err2 := Message([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"value":`+value+`}]}]}]}]}`), JSON, &byHand)
		require.Equal(t, err1 == nil, err2 == nil, "%v, %v", err1, err2)
		if err1 != nil || len(general.ResourceLogs) == 0 || len(byHand.ResourceLogs) == 0 {
			return
		}
		x, y := record(&general), record(&byHand)
		if x == nil || y == nil || len(y.Attributes) != 1 {
			return
		}
		require.Empty(t, cmp.Diff(text(x.Body), text(y.Attributes[0].Value), protocmp.Transform(), nan))
	})
}

var nan = cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })

// text clears what only one of the two keeps: a value without a kind.
func text(v *common.AnyValue) *common.AnyValue {
	if v.GetValue() == nil {
		return nil
	}
	return v
}

func record(m *logs.ExportLogsServiceRequest) *logspb.LogRecord {
	for _, rl := range m.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, l := range sl.LogRecords {
				return l
			}
		}
	}
	return nil
}
