package sink_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"

	"errata/consumer/sink"
)

// TestRefusalsTellNoValues has ClickHouse's own messages: what rows hold stays out.
func TestRefusalsTellNoValues(t *testing.T) {
	for _, c := range []struct {
		code          int
		name, message string
		told          string
	}{
		{469, "DB::Exception", "DB::Exception: Constraint `sane` for table errata.events (0b6f) is violated at row 4. Expression: (title != 'poison'). Column values: title = 'token hunter2'",
			"DB::Exception: DB::Exception: Constraint `sane` for table errata.events (0b6f) is violated at row 4. Expression: (title != 'poison')."},
		{6, "CANNOT_PARSE_TEXT", "Cannot parse string 'it's hunter2' as UInt32: syntax error at begin of string: while executing 'FUNCTION toUInt32(user_id :: 1)'",
			"CANNOT_PARSE_TEXT: Cannot parse string '...'"},
		{395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", "not on Sundays", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: not on Sundays"},
	} {
		err := fmt.Errorf("cannot insert: %w", &ch.Exception{Code: proto.Error(c.code), Name: c.name, Message: c.message})
		reason, refused := sink.Refused(err)
		require.True(t, refused)
		require.Equal(t, c.told, reason)
		require.Equal(t, c.told, sink.Told(err))
	}
	away := errors.New("connection refused")
	require.Equal(t, away, sink.Told(away))
}
