// Package route parts an OTLP request without a key by the service that its
// resources name. In: the body as it came, and which project each service
// belongs to. Out: one body a project, in the encoding of the request. It reads
// resources only and never changes what it passes on.
package route

import (
	"errors"

	"github.com/valyala/fastjson"
	"google.golang.org/protobuf/encoding/protowire"

	"errata/ingest/sentry/tree"
)

// Rules maps service.name to a project.
type Rules map[string]uint32

// ErrBody is returned for a body that cannot be cut; the adapter will say why.
var ErrBody = errors.New("cannot read the resources of an OTLP request")

// lists are the names under which OTLP/JSON holds its resources.
var lists = []string{"resourceSpans", "resourceLogs", "resourceMetrics"}

// Part returns the bodies by project; other is for resources that no rule
// names. json says how the body is encoded. Where all of it is for one project
// the body is returned as it is.
func (r Rules) Part(body []byte, json bool, other uint32) (map[uint32][]byte, error) {
	if json {
		return r.json(body, other)
	}
	return r.protobuf(body, other)
}

func (r Rules) project(service string, other uint32) uint32 {
	if p, ok := r[service]; ok {
		return p
	}
	return other
}

func (r Rules) protobuf(body []byte, other uint32) (map[uint32][]byte, error) {
	out := map[uint32][]byte{}
	for rest := body; len(rest) > 0; {
		num, typ, n := protowire.ConsumeField(rest)
		if n < 0 {
			return nil, ErrBody
		}
		_ = typ
		whole := rest[:n]
		rest = rest[n:]
		to := other
		if num == 1 {
			_, _, tag := protowire.ConsumeTag(whole)
			resource, m := protowire.ConsumeBytes(whole[tag:])
			if m < 0 {
				return nil, ErrBody
			}
			to = r.project(serviceName(resource), other)
		}
		out[to] = append(out[to], whole...)
	}
	if len(out) == 1 {
		for p := range out {
			out[p] = body
		}
	}
	return out, nil
}

// field returns the bytes of the first field num of a message.
func field(b []byte, want protowire.Number) ([]byte, bool) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		if num == want && typ == protowire.BytesType {
			v, n := protowire.ConsumeBytes(b)
			return v, n >= 0
		}
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return nil, false
		}
		b = b[n:]
	}
	return nil, false
}

// serviceName reads resource.attributes["service.name"] of ResourceSpans,
// ResourceLogs or ResourceMetrics: they agree in their first field.
func serviceName(b []byte) string {
	resource, ok := field(b, 1)
	if !ok {
		return ""
	}
	for len(resource) > 0 {
		num, typ, n := protowire.ConsumeTag(resource)
		if n < 0 {
			return ""
		}
		resource = resource[n:]
		if num != 1 || typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, resource); n < 0 {
				return ""
			}
			resource = resource[n:]
			continue
		}
		kv, n := protowire.ConsumeBytes(resource)
		if n < 0 {
			return ""
		}
		resource = resource[n:]
		if key, ok := field(kv, 1); !ok || string(key) != "service.name" {
			continue
		}
		value, _ := field(kv, 2)
		text, _ := field(value, 1)
		return string(text)
	}
	return ""
}

func (r Rules) json(body []byte, other uint32) (map[uint32][]byte, error) {
	doc, err := tree.Parse(body)
	if err != nil {
		return nil, ErrBody
	}
	defer doc.Release()
	for _, name := range lists {
		all := doc.Root.GetArray(name)
		if all == nil {
			continue
		}
		parts := map[uint32][]*fastjson.Value{}
		for _, v := range all {
			service := ""
			for _, kv := range v.GetArray("resource", "attributes") {
				if string(kv.GetStringBytes("key")) == "service.name" {
					service = string(kv.GetStringBytes("value", "stringValue"))
				}
			}
			to := r.project(service, other)
			parts[to] = append(parts[to], v)
		}
		out := map[uint32][]byte{}
		for p, list := range parts {
			if len(parts) == 1 {
				return map[uint32][]byte{p: body}, nil
			}
			b := append([]byte(`{"`), name...)
			b = append(b, `":[`...)
			for i, v := range list {
				if i > 0 {
					b = append(b, ',')
				}
				b = tree.Append(b, v)
			}
			out[p] = append(b, `]}`...)
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return map[uint32][]byte{other: body}, nil
}
