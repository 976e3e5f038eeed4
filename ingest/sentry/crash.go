package sentry

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"sort"
	"strings"

	"errata/ingest/form"
	"errata/ingest/intake"
	"errata/ingest/sentry/envelope"
	"errata/ingest/sentry/event"
	"errata/ingest/sentry/item"
	"errata/ingest/sentry/limit"
	"errata/ingest/sentry/native"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// isMinidump tells a minidump, of either order of bytes, by its first ones.
func isMinidump(b []byte) bool {
	return bytes.HasPrefix(b, []byte("MDMP")) || bytes.HasPrefix(b, []byte("PMDM"))
}

// MinidumpField is the form field that carries the dump.
const MinidumpField = "upload_file_minidump"

// Minidump reads the upload of a crash handler: the dump, further files, and
// an event in the fields sentry, sentry__1 ... and sentry[...]. It makes an
// event with the dump and the files attached. A raw body is one part with the
// name upload_file_minidump.
func Minidump(req *intake.Request, parts []form.Part) (*intake.Batch, Answer, error) {
	var dump *form.Part
	fields := map[string]string{}
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Name == MinidumpField:
			dump = p
		case p.Filename == "" && (p.Name == "sentry" || strings.HasPrefix(p.Name, "sentry__") || strings.HasPrefix(p.Name, "sentry[")):
			fields[p.Name] = string(p.Data)
		}
	}
	if dump == nil {
		return nil, Answer{}, bad("invalid minidump", "missing_minidump", errors.New("the form has no field "+MinidumpField))
	}
	if !isMinidump(dump.Data) {
		return nil, Answer{}, bad("invalid minidump", "invalid_minidump", errors.New("the file does not begin with MDMP"))
	}
	if err := checkParts(parts); err != nil {
		return nil, Answer{}, err
	}
	b := batch{Batch: item.New(req, nil), items: len(parts)}
	scope := native.Scope{}
	kept := parts[:0:0]
	for i := range parts {
		if p := &parts[i]; p == dump || !scope.Add(first(p.Name, p.Filename), "", p.Data) {
			kept = append(kept, *p)
		}
	}
	doc := formEvent(fields)
	if doc == nil {
		if doc = scope.Doc(); doc != nil {
			b.Drop(schema.CategoryAttachment, "read_into_event", scope.Parts, 0)
			parts = kept
		}
	}
	if doc != nil {
		b.tree("event", markCrash(doc, "Minidump", "minidump"), 0)
		doc.Release()
	} else {
		b.crash("Minidump", "minidump")
	}
	id := b.ids.need()
	for i := range parts {
		p := &parts[i]
		if _, used := fields[p.Name]; used {
			continue
		}
		f := item.File{EventID: id, Name: first(p.Filename, p.Name), ContentType: p.ContentType, ItemType: "attachment", Data: p.Data}
		if p.Name == MinidumpField {
			f.Type, f.ItemType = "event.minidump", "minidump"
		}
		b.Attach(&f)
	}
	return b.Batch.Batch, b.ids.answer(), nil
}

// Unreal reads a crash report of the Unreal Engine: an event and the report as
// a blob. The engine compresses it with a form of its own; it is kept as sent.
func Unreal(req *intake.Request, body []byte) (*intake.Batch, Answer, error) {
	if len(body) == 0 {
		return nil, Answer{}, errEmpty
	}
	if len(body) > limit.MaxAttachmentBytes {
		return nil, Answer{}, limit.TooLarge("unreal_report", limit.MaxAttachmentBytes)
	}
	b := batch{Batch: item.New(req, nil), items: 1}
	b.crash("Unreal", "unreal")
	b.Attach(&item.File{EventID: b.ids.need(), Name: "unreal_report", ItemType: "unreal_report", Data: body})
	return b.Batch.Batch, b.ids.answer(), nil
}

// Attachments reads files that belong to an event sent before.
func Attachments(req *intake.Request, eventID string, parts []form.Part) (*intake.Batch, error) {
	id, ok := event.ParseID(eventID)
	if !ok {
		return nil, bad("invalid event id", "invalid_event_id", errors.New("the path must hold an event id of 32 hex digits"))
	}
	if err := checkParts(parts); err != nil {
		return nil, err
	}
	b := item.New(req, nil)
	for i := range parts {
		p := &parts[i]
		b.Attach(&item.File{EventID: id[:], Name: first(p.Filename, p.Name), ContentType: p.ContentType, ItemType: "attachment", Data: p.Data})
	}
	return b.Batch, nil
}

func checkParts(parts []form.Part) error {
	n := 0
	for i := range parts {
		if n += len(parts[i].Data); n > limit.MaxAttachmentBytes {
			return limit.TooLarge("attachment", limit.MaxAttachmentBytes)
		}
	}
	if len(parts) > envelope.MaxItems {
		return &intake.Error{Status: http.StatusRequestEntityTooLarge, Detail: "payload too large", Reason: "too_large:parts", Causes: []string{"the form has more than 1000 parts"}}
	}
	return nil
}

// attachment reads an attachment item; a minidump makes an event where the
// envelope has none.
func (b *batch) attachment(it *envelope.Item) {
	f := item.File{Name: it.Filename, Type: it.AttachmentType, ContentType: it.ContentType, ItemType: "attachment", TraceID: b.traceID(), Data: it.Payload}
	if it.AttachmentType == "event.minidump" {
		f.ItemType = "minidump"
		b.crash("Minidump", "minidump")
	}
	f.EventID = b.ids.need()
	b.Attach(&f)
}

// crash makes the event of a native crash whose report cannot be read yet,
// unless the envelope has an event.
func (b *batch) crash(typ, mechanism string) {
	if len(b.Events) > 0 {
		return
	}
	doc, err := tree.Parse([]byte(`{"platform":"native","level":"fatal"}`))
	if err != nil {
		return
	}
	defer doc.Release()
	b.tree("event", markCrash(doc, typ, mechanism), 0)
}

// markCrash names the crash in an event that has no exception.
func markCrash(doc *tree.Doc, typ, mechanism string) *tree.Doc {
	if doc.Root.Get("exception") != nil || doc.Root.Get("sentry.interfaces.Exception") != nil {
		return doc
	}
	a := &doc.Arena
	m := a.NewObject()
	m.Set("type", a.NewString(mechanism))
	m.Set("handled", a.NewBool(false))
	m.Set("synthetic", a.NewBool(true))
	e := a.NewObject()
	e.Set("type", a.NewString(typ))
	e.Set("value", a.NewString("Native crash; its report is attached"))
	e.Set("mechanism", m)
	list := a.NewArray()
	list.SetArrayItem(0, e)
	doc.Root.Set("exception", list)
	if tree.Null(doc.Root.Get("level")) {
		doc.Root.Set("level", a.NewString("fatal"))
	}
	if tree.Null(doc.Root.Get("platform")) {
		doc.Root.Set("platform", a.NewString("native"))
	}
	return doc
}

// formEvent reads the event that a crash handler put into form fields: JSON in
// one field, JSON cut over sentry__1 and on, or sentry[a][b]=value.
func formEvent(fields map[string]string) *tree.Doc {
	if len(fields) == 0 {
		return nil
	}
	text := fields["sentry"]
	if text == "" {
		var chunks []string
		for k := range fields {
			if strings.HasPrefix(k, "sentry__") {
				chunks = append(chunks, k)
			}
		}
		sort.Slice(chunks, func(i, j int) bool {
			return len(chunks[i]) < len(chunks[j]) || len(chunks[i]) == len(chunks[j]) && chunks[i] < chunks[j]
		})
		for _, k := range chunks {
			text += fields[k]
		}
	}
	if text == "" {
		text = nested(fields)
	}
	if len(text) > limit.MaxEventBytes {
		return nil
	}
	doc, err := tree.Parse([]byte(text))
	if err != nil {
		return nil
	}
	if _, err := doc.Root.Object(); err != nil {
		doc.Release()
		return nil
	}
	return doc
}

// nested builds JSON of sentry[a][b]=value fields.
func nested(fields map[string]string) string {
	root := map[string]any{}
	for k, v := range fields {
		path := strings.Split(strings.TrimSuffix(strings.TrimPrefix(k, "sentry["), "]"), "][")
		if len(path) > 10 {
			continue
		}
		m := root
		for _, p := range path[:len(path)-1] {
			next, ok := m[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				m[p] = next
			}
			m = next
		}
		m[path[len(path)-1]] = v
	}
	out, err := json.Marshal(root)
	if err != nil {
		return ""
	}
	return string(out)
}

func first(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}

// CheckIn reads a check-in by URL: the slug from the path, the rest from the
// query or from a JSON body.
func CheckIn(req *intake.Request, slug string, body []byte) (*intake.Batch, Answer, error) {
	if len(body) > limit.MaxCheckInBytes {
		return nil, Answer{}, limit.TooLarge("check_in", limit.MaxCheckInBytes)
	}
	var payload map[string]any
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &payload); err != nil {
			return nil, Answer{}, bad("invalid check-in", "invalid_json", errors.New("the body must be a JSON object"))
		}
	}
	if payload == nil {
		payload = map[string]any{}
	}
	payload["monitor_slug"] = slug
	for _, k := range []string{"status", "check_in_id", "environment", "release"} {
		if v := query(req, k); v != "" {
			payload[k] = v
		}
	}
	if v := query(req, "duration"); v != "" {
		payload["duration"] = json.Number(v)
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return nil, Answer{}, bad("invalid check-in", "invalid_check_in", errors.New("duration must be a number of seconds"))
	}
	b := item.New(req, nil)
	id := b.CheckIn(raw)
	if id == nil {
		o := b.Outcomes[len(b.Outcomes)-1]
		return nil, Answer{}, bad("invalid check-in", "invalid_check_in", errors.New(o.Detail))
	}
	var book idBook
	copy(book.header[:], id)
	book.known = true
	return b.Batch, book.answer(), nil
}

// UserFeedback reads what a user says of an event: event_id, name, email and
// comments.
func UserFeedback(req *intake.Request, body []byte) (*intake.Batch, error) {
	if len(body) > limit.MaxEventBytes {
		return nil, limit.TooLarge("user_report", limit.MaxEventBytes)
	}
	b := item.New(req, nil)
	b.UserReport(body, nil)
	return refused(b)
}

// UserReport is UserFeedback for a form's fields.
func UserReport(req *intake.Request, eventID, name, email, comments string) (*intake.Batch, error) {
	b := item.New(req, nil)
	var id []byte
	if v, ok := event.ParseID(eventID); ok {
		id = v[:]
	}
	b.Report(id, name, email, comments, "crash_report_modal", uint64(len(comments)))
	return refused(b)
}

// refused turns the only item's fate into the client's error.
func refused(b *item.Batch) (*intake.Batch, error) {
	for _, o := range b.Outcomes {
		if o.Outcome == schema.OutcomeInvalid {
			return nil, bad("invalid user report", o.Reason, errors.New(o.Detail))
		}
	}
	return b.Batch, nil
}

func query(req *intake.Request, name string) string {
	if req.Query == nil {
		return ""
	}
	return req.Query(name)
}
