package sentry

import (
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/native"
	"errata/schema"
)

// nativeScope makes the event of an envelope that has none but a scope, and
// returns the items without it.
func (b *batch) nativeScope(items []envelope.Item) []envelope.Item {
	var n native.Scope
	var others []envelope.Item
	dump, attachments := false, uint64(0)
	for i := range items {
		it := &items[i]
		if eventLike(it.Type) {
			return items
		}
		if it.Type == "attachment" && n.Add("", it.AttachmentType, it.Payload) {
			attachments += uint64(len(it.Payload))
			continue
		}
		dump = dump || it.AttachmentType == "event.minidump"
		others = append(others, *it)
	}
	doc := n.Doc()
	if doc == nil {
		return items
	}
	defer doc.Release()
	if dump {
		markCrash(doc, "Minidump", "minidump")
	}
	b.tree("event", doc, 0)
	b.Drop(schema.CategoryAttachment, "read_into_event", n.Parts, attachments)
	return others
}
