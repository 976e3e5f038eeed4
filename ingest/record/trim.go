package record

import (
	"errata/ingest/node"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// trimmable is what a payload loses first when it is over the size of a record:
// from what helps least to what helps most.
var trimmable = []string{"_meta", "modules", "debug_meta", "threads", "breadcrumbs", "extra", "contexts", "request", "spans"}

// trim takes parts out of an event's payload until over bytes are gone. The
// columns stay, so that issue, title and tags do not change.
func trim(ev *schema.Event, over int) {
	over += 4096
	want := len(ev.Payload) - over
	v, err := node.Parse(ev.Payload)
	if err != nil || want < 2 {
		ev.Payload = []byte(`{"_errata":{"trimmed":["payload"]}}`)
		return
	}
	var a node.Arena
	gone := a.NewArray()
	drop := func(name string) {
		gone.SetArrayItem(len(gone.GetArray()), a.NewString(name))
	}
	size := func() int { return len(tree.Append(nil, v)) }
	for _, key := range trimmable {
		if v.Get(key) != nil {
			v.Del(key)
			drop(key)
			if size() <= want {
				break
			}
		}
	}
	if size() > want {
		// Variables and source lines of frames are the next largest.
		for _, ex := range v.GetArray("exception", "values") {
			for _, f := range ex.GetArray("stacktrace", "frames") {
				for _, key := range []string{"vars", "pre_context", "post_context"} {
					f.Del(key)
				}
			}
		}
		drop("exception.values.*.stacktrace.frames.*.vars")
	}
	if size() > want {
		ev.Payload = []byte(`{"_errata":{"trimmed":["payload"]}}`)
		return
	}
	note := a.NewObject()
	note.Set("trimmed", gone)
	v.Set("_errata", note)
	ev.Payload = tree.Append(nil, v)
}
