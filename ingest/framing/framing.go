// Package framing looks for requests that two servers could read differently: one
// in front may have taken another length, or other headers, for those of a request. In: the
// headers as they came. Out: why they are refused. It changes nothing, and what
// the library refuses itself does not come here.
package framing

import "bytes"

// Refused says why headers cannot be taken, and is empty where they can.
func Refused(headers []byte) string {
	for len(headers) > 0 {
		end := bytes.IndexByte(headers, '\n')
		if end < 0 {
			return ""
		}
		line := headers[:end]
		headers = headers[end+1:]
		if end == 0 || line[end-1] != '\r' {
			return "a line of its headers ends without a carriage return"
		}
		if line[0] == ' ' || line[0] == '\t' {
			return "a header goes on in a second line, or its name begins with a space"
		}
		if colon := bytes.IndexByte(line, ':'); colon > 0 && bytes.IndexByte(line[:colon], ' ') >= 0 {
			return "the name of a header holds a space"
		}
	}
	return ""
}
