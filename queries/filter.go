package queries

import "maps"

// What dashboards filter by. A filter is a value like any other: it travels as
// JSON in one parameter and is compared in SQL, never pasted into it.
//
//	[{"key": "plan", "operator": "=~", "values": ["^pro"]}]
//
// Operators: = and =| (any of values), != and !=| (none of them), =~ and !~ (a
// regular expression found in the value), < and > (numbers). A key that a row
// does not have is the empty text.
func init() {
	maps.Copy(fragments, map[string]any{
		// Parameter projects: ids with commas between, empty for all.
		"projects": func() string {
			return "({projects:String} = '' OR project_id IN (SELECT arrayJoin(arrayMap(p -> toUInt32OrZero(p), splitByChar(',', {projects:String})))))"
		},
		// A parameter of the column's name: values, one a line, empty for all.
		"anyOf": func(column string) string {
			return "({" + column + ":String} = '' OR has(splitByChar('\\n', {" + column + ":String}), toString(" + column + ")))"
		},
		"eventFilters": func() string {
			return filters("multiIf(f.1 = 'environment', toString(environment), f.1 = 'release', toString(release), f.1 = 'level', toString(level)," +
				" f.1 = 'service', toString(service), f.1 = 'server_name', toString(server_name), f.1 = 'transaction', toString(transaction)," +
				" f.1 = 'platform', toString(platform), f.1 = 'protocol', toString(protocol), f.1 = 'type', toString(exception_type), f.1 = 'title', title," +
				" f.1 = 'user', user_id, f.1 = 'url', url, f.1 = 'handled', toString(handled), f.1 = 'sdk', toString(sdk_name), tags[f.1])")
		},
		"logFilters": func() string {
			return filters("multiIf(f.1 = 'environment', toString(environment), f.1 = 'release', toString(release), f.1 = 'level', " + severity("severity") + "," +
				" f.1 = 'service', toString(service), f.1 = 'server_name', toString(server_name), f.1 = 'logger', toString(scope_name)," +
				" f.1 = 'protocol', toString(protocol), f.1 = 'trace_id', trace_id, f.1 = 'span_id', span_id, f.1 = 'body', body," +
				" mapContains(attributes, f.1), attributes[f.1], resource[f.1])")
		},
		"spanFilters": func() string {
			return filters("multiIf(f.1 = 'environment', toString(environment), f.1 = 'release', toString(release), f.1 = 'service', toString(service)," +
				" f.1 = 'server_name', toString(server_name), f.1 = 'name', name, f.1 = 'op', toString(op), f.1 = 'kind', toString(kind), f.1 = 'status', toString(status)," +
				" mapContains(attributes, f.1), attributes[f.1], resource[f.1])")
		},
		"severity": severity,
	})
}

func filters(value string) string {
	return "({filters:String} IN ('', '[]') OR arrayAll(f -> multiIf(" +
		"f.2 IN ('=', '=|'), has(f.3, " + value + "), f.2 IN ('!=', '!=|'), NOT has(f.3, " + value + ")," +
		" f.2 = '=~', arrayExists(p -> match(" + value + ", p), f.3), f.2 = '!~', NOT arrayExists(p -> match(" + value + ", p), f.3)," +
		" f.2 = '<', toFloat64OrNull(" + value + ") < toFloat64OrZero(f.3[1]), f.2 = '>', toFloat64OrNull(" + value + ") > toFloat64OrZero(f.3[1]), 0)," +
		" JSONExtract({filters:String}, 'Array(Tuple(key String, operator String, values Array(String)))')))"
}

// severity is the name of an OTLP severity number, as log panels know it.
func severity(number string) string {
	return "multiIf(" + number + " = 0, 'unknown', " + number + " < 5, 'trace', " + number + " < 9, 'debug', " + number + " < 13, 'info', " +
		number + " < 17, 'warning', " + number + " < 21, 'error', 'critical')"
}
