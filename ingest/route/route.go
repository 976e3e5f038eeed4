// Package route parts an OTLP request without a key by the service that its
// resources name. In: the body as it came, and which project each service
// belongs to. Out: one body a project, in the encoding of the request. It reads
// resources only and never changes what it passes on.
package route

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"errata/ingest/node"
	"errata/ingest/sentry/tree"
)

// Rules maps service.name to a project.
type Rules map[string]uint32

// ErrBody is returned for a body that cannot be cut; the adapter will say why.
var ErrBody = errors.New("cannot read the resources of an OTLP request")

// lists are the names under which OTLP/JSON holds its resources, in both of the
// spellings that JSON of protobuf may have.
var lists = map[string]bool{
	"resourceSpans": true, "resourceLogs": true, "resourceMetrics": true,
	"resource_spans": true, "resource_logs": true, "resource_metrics": true,
}

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
	root, err := doc.Root.Object()
	if err != nil {
		return nil, ErrBody
	}
	out := map[uint32][]byte{}
	root.Visit(func(key []byte, list *node.Value) {
		if !lists[string(key)] {
			return
		}
		parts := map[uint32][]*node.Value{}
		for _, v := range list.GetArray() {
			to := r.project(jsonServiceName(v), other)
			parts[to] = append(parts[to], v)
		}
		for p, list := range parts {
			b := out[p]
			if b == nil {
				b = append(b, '{')
			} else {
				b[len(b)-1] = ',' // The list comes twice: the reader joins them.
			}
			b = append(tree.AppendString(b, string(key)), ":["...)
			for i, v := range list {
				if i > 0 {
					b = append(b, ',')
				}
				b = tree.Append(b, v)
			}
			out[p] = append(b, "]}"...)
		}
	})
	switch len(out) {
	case 0:
		return map[uint32][]byte{other: body}, nil
	case 1:
		for p := range out {
			out[p] = body
		}
	}
	return out, nil
}

// jsonServiceName reads the first service.name of a resource, as the adapter
// does.
func jsonServiceName(v *node.Value) string {
	for _, kv := range v.GetArray("resource", "attributes") {
		if string(kv.GetStringBytes("key")) != "service.name" {
			continue
		}
		if text := kv.GetStringBytes("value", "stringValue"); text != nil {
			return string(text)
		}
		return string(kv.GetStringBytes("value", "string_value"))
	}
	return ""
}
