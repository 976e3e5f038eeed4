// Package form cuts a multipart form into its parts. In: a body as it came, and its
// content type. Out: parts that alias it: uploads are large, and a copy would
// double them. It knows no field's name.
package form

import (
	"bytes"
	"mime"
	"net/http"
	"strings"

	"errata/ingest/intake"
	"errata/ingest/mapping"
)

// maxParts bounds a form.
const maxParts = 1000

// Part is one part of a multipart body.
type Part struct {
	Name        string // Of the form field.
	Filename    string
	ContentType string
	Data        []byte
}

// Parts cuts a body into its parts, or refuses it.
func Parts(contentType string, body []byte) ([]Part, error) {
	bad := func(cause string) error {
		return intake.Refuse(http.StatusBadRequest, "invalid multipart data", "bad_multipart", cause)
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return nil, bad("send multipart/form-data")
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > 70 {
		return nil, bad("the content type names no boundary")
	}
	mark := []byte("\r\n--" + boundary)
	rest := body
	if bytes.HasPrefix(rest, mark[2:]) {
		rest = rest[len(mark)-2:]
	} else if i := mapping.Index(rest, mark); i >= 0 {
		rest = rest[i+len(mark):]
	} else {
		return nil, bad("the body does not begin with its boundary")
	}
	var parts []Part
	for {
		if bytes.HasPrefix(rest, []byte("--")) {
			return parts, nil
		}
		i := bytes.Index(rest, []byte("\r\n"))
		if i < 0 || len(bytes.Trim(rest[:i], " \t")) > 0 {
			return nil, bad("a boundary is not followed by a new line")
		}
		rest = rest[i:]
		end := mapping.Index(rest, mark)
		if end < 0 {
			return nil, bad("the last boundary is missing: the body was cut")
		}
		p, ok := part(rest[2:max(end, 2)])
		if !ok {
			return nil, bad("a part has no headers or no name")
		}
		if parts = append(parts, p); len(parts) > maxParts {
			return nil, bad("the form has more than 1000 parts")
		}
		rest = rest[end+len(mark):]
	}
}

// part reads the headers of one part.
func part(b []byte) (Part, bool) {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 || i > 8<<10 {
		return Part{}, false
	}
	p := Part{Data: b[i+4:]}
	named := false
	for line := range strings.SplitSeq(string(b[:i]), "\r\n") {
		k, v, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "content-type":
			p.ContentType = strings.TrimSpace(v)
		case "content-disposition":
			_, params, err := mime.ParseMediaType(strings.TrimSpace(v))
			if err != nil {
				return p, false
			}
			p.Name, p.Filename, named = params["name"], params["filename"], true
		}
	}
	return p, named
}
