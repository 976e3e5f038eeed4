package event

import (
	"strings"

	"errata/ingest/node"
	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// droppedTag reports names that are no tags: they have columns of their own.
func droppedTag(k string) bool {
	switch k {
	case "release", "dist", "user", "filename", "function":
		return true
	}
	return false
}

// readTags fills r.tags: unique keys, values as text, the first of equal keys.
func (r *reader) readTags() {
	r.tags = r.tags[:0]
	r.f.Get(shape.Tags).GetObject().Visit(func(k []byte, v *node.Value) {
		key := tagKey(tree.Str(k))
		if key == "" || droppedTag(key) {
			return
		}
		if len(r.tags) == schema.MaxTags {
			r.f.Problem("too_many", "tags", "only the first 200 tags are kept", nil)
			return
		}
		value, ok := tree.Scalar(v)
		if !ok {
			if !tree.Null(v) {
				r.f.Invalid("tags."+strings.Clone(key), "expected text, a number or a boolean", v)
			}
			return
		}
		r.addTag(key, value, v)
	})
	r.addTag("site", r.short(shape.Site, schema.MaxTagValue), nil)
	r.addTag("server_name", r.short(shape.ServerName, schema.MaxTagValue), nil)
}

// addTag adds one tag; sent is its value as it came, for the note where it is
// refused.
func (r *reader) addTag(key, value string, sent *node.Value) {
	value = strings.TrimSpace(value)
	if value == "" {
		return
	}
	if len(key) > schema.MaxTagKey || !validTagKey(key) {
		r.f.Problem("invalid_data", "tags", "a tag's key has at most 200 characters of a-z A-Z 0-9 _ . : -: "+tree.Cut(key, 64), sent)
		return
	}
	if strings.ContainsAny(value, "\n\r") {
		r.f.Problem("invalid_data", "tags."+strings.Clone(key), "a tag's value has no newline", sent)
		return
	}
	for i := range r.tags {
		if r.tags[i].Key == key {
			return
		}
	}
	if len(r.tags) >= schema.MaxTags {
		r.f.Problem("too_many", "tags", "only the first 200 tags are kept", nil)
		return
	}
	value, cut := tree.CutChars(value, schema.MaxTagValue)
	if cut {
		r.f.Problem("value_too_long", "tags."+strings.Clone(key), "was cut to its limit", sent)
	}
	r.tags = append(r.tags, schema.Tag{Key: key, Value: value})
}

// tagKey trims a key and writes dashes for its blanks.
func tagKey(k string) string {
	k = strings.TrimSpace(k)
	if strings.IndexByte(k, ' ') >= 0 {
		k = strings.ReplaceAll(k, " ", "-")
	}
	return k
}

func validTagKey(k string) bool {
	for i := 0; i < len(k); i++ {
		c := k[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == ':', c == '-':
		default:
			return false
		}
	}
	return k != ""
}

// tag returns a tag's value or nothing.
func (r *reader) tag(key string) string {
	for i := range r.tags {
		if r.tags[i].Key == key {
			return r.tags[i].Value
		}
	}
	return ""
}

// tagRows copies the list of tags, but not their text. environment is a column
// and no tag.
func (r *reader) tagRows() []*schema.Tag {
	if len(r.tags) == 0 {
		return nil
	}
	rows := make([]schema.Tag, 0, len(r.tags))
	out := make([]*schema.Tag, 0, len(r.tags))
	for i := range r.tags {
		if r.tags[i].Key == "environment" {
			continue
		}
		rows = append(rows, schema.Tag{Key: r.tags[i].Key, Value: r.tags[i].Value})
		out = append(out, &rows[len(rows)-1])
	}
	return out
}
