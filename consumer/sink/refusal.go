package sink

import (
	"slices"

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
// then in which words.
func Refused(err error) (reason string, ok bool) {
	e, is := ch.AsException(err)
	if !is || !slices.Contains(refusals, e.Code) {
		return "", false
	}
	return e.Name + ": " + e.Message, true
}
