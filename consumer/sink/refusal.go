package sink

import (
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Codes by which ClickHouse refuses the content of a block: the same rows
// will be refused for ever. All other errors are taken to pass: the server is
// away, full, busy or not migrated yet.
var refusals = []proto.Error{
	6,   // CANNOT_PARSE_TEXT
	27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
	36,  // BAD_ARGUMENTS
	38,  // CANNOT_PARSE_DATE
	41,  // CANNOT_PARSE_DATETIME
	43,  // ILLEGAL_TYPE_OF_ARGUMENT
	53,  // TYPE_MISMATCH
	69,  // ARGUMENT_OUT_OF_BOUND
	70,  // CANNOT_CONVERT_TYPE
	72,  // CANNOT_PARSE_NUMBER
	117, // INCORRECT_DATA
	128, // TOO_LARGE_ARRAY_SIZE
	131, // TOO_LARGE_STRING_SIZE
	153, // ILLEGAL_DIVISION
	190, // SIZES_OF_ARRAYS_DONT_MATCH
	321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	376, // CANNOT_PARSE_UUID
	395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
	407, // DECIMAL_OVERFLOW
	469, // VIOLATED_CONSTRAINT
	691, // UNKNOWN_ELEMENT_OF_ENUM
}

// Refused says whether err is ClickHouse refusing the rows themselves, and
// then in which words, without what the rows hold.
func Refused(err error) (reason string, ok bool) {
	e, is := ch.AsException(err)
	if !is || !slices.Contains(refusals, e.Code) {
		return "", false
	}
	return e.Name + ": " + withoutValues(e.Message), true
}

// Told is err as a log may have it.
func Told(err error) any {
	if reason, refused := Refused(err); refused {
		return reason
	}
	return err
}

// withoutValues cuts what a message quotes of rows: those are people's, and logs go
// elsewhere. A violated constraint is told with its expression, which is the
// operator's, and then with the values of its columns; other messages have values in
// quotes, which values may hold too.
func withoutValues(message string) string {
	if constraint, _, ok := strings.Cut(message, "Column values: "); ok && strings.Contains(constraint, " is violated at row ") {
		return strings.TrimSpace(constraint)
	}
	first, last := strings.IndexByte(message, '\''), strings.LastIndexByte(message, '\'')
	if first < last {
		return message[:first] + "'...'" + message[last+1:]
	}
	return message
}
