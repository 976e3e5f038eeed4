// Package envelope reads the grammar of Sentry envelopes. In: the bytes of a
// body, inflated and bounded. Out: the envelope's header and its items, whose
// payloads alias the body. It knows no item type and never looks into a
// payload.
//
// The grammar is Headers { LF Item } [LF], Item = Headers LF Payload. Headers
// are read as JSON values, not as lines, so that pretty-printed ones work; a
// newline is LF only, CR is content.
package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"errata/ingest/node"
)

// Bounds on an envelope.
const (
	MaxHeaderBytes = 64 << 10 // One header, envelope or item.
	MaxItems       = 1000
	maxHeaderDepth = 32
)

// ErrTooManyItems is returned beyond MaxItems.
var ErrTooManyItems = fmt.Errorf("envelope has more than %d items", MaxItems)

// Header is an envelope's own header. Raw holds its JSON, also of keys that
// are not listed here.
type Header struct {
	EventID    string // As sent; empty where missing or null.
	DSN        string
	SentAt     string // RFC 3339; empty where missing or null.
	SDKName    string
	SDKVersion string
	Trace      Trace
	Raw        []byte
}

// Trace is the dynamic sampling context: what the client knows of the trace.
// A bad one is ignored as a whole.
type Trace struct {
	TraceID     string
	PublicKey   string
	Release     string
	Environment string
	Transaction string
	ReplayID    string
	SampleRate  string
	Sampled     string
}

// Item is one item; Payload aliases the body.
type Item struct {
	Type           string
	ContentType    string
	Filename       string
	AttachmentType string
	Platform       string
	ItemCount      int // -1 where absent.
	Payload        []byte
}

// ParseHeader reads the envelope header at the start of body and returns the
// number of bytes it takes.
func ParseHeader(body []byte) (Header, int, error) {
	var h Header
	p := headerPool.Get().(*node.Parser)
	defer headerPool.Put(p)
	v, end, err := object(p, body, 0)
	if err != nil {
		return Header{}, 0, fmt.Errorf("cannot read envelope header: %w", err)
	}
	if v == nil {
		return Header{}, 0, errors.New("cannot read envelope header: it is not a JSON object")
	}
	h.Raw = body[:end]
	var eventID, sentAt, dsn, sdk, trace *node.Value // The first of each.
	times := 0
	members := v.Members()
	for i := range members {
		f := members[i].Value()
		switch members[i].Key() {
		case "event_id":
			first(&eventID, f)
		case "sent_at":
			times++
			first(&sentAt, f)
		case "dsn":
			first(&dsn, f)
		case "sdk":
			first(&sdk, f)
		case "trace":
			first(&trace, f)
		}
	}
	if h.EventID, err = optionalString(eventID, "event_id"); err != nil {
		return Header{}, 0, fmt.Errorf("cannot read envelope header: %w", err)
	}
	if h.SentAt, err = optionalString(sentAt, "sent_at"); err != nil {
		return Header{}, 0, fmt.Errorf("cannot read envelope header: %w", err)
	}
	if times > 1 {
		return Header{}, 0, errors.New("cannot read envelope header: sent_at appears twice")
	}
	if h.DSN, err = optionalString(dsn, "dsn"); err != nil {
		return Header{}, 0, fmt.Errorf("cannot read envelope header: %w", err)
	}
	h.SDKName, h.SDKVersion = sdk.Get("name").Text(), sdk.Get("version").Text()
	if trace != nil && trace.Type() == node.TypeObject {
		h.Trace = readTrace(trace)
	}
	t := &h.Trace
	own(&h.EventID, &h.SentAt, &h.DSN, &h.SDKName, &h.SDKVersion, &t.TraceID, &t.PublicKey, &t.Release, &t.Environment, &t.Transaction, &t.ReplayID, &t.SampleRate, &t.Sampled)
	return h, end, nil
}

// Parse reads a whole envelope.
func Parse(body []byte) (Header, []Item, error) {
	h, pos, err := ParseHeader(body)
	if err != nil {
		return h, nil, err
	}
	if pos == len(body) {
		return h, nil, nil
	}
	if body[pos] != '\n' {
		return h, nil, fmt.Errorf("cannot read envelope: no newline after the envelope header (byte %d)", pos)
	}
	pos++
	var items []Item
	for {
		// White space before an item header is skipped, as a JSON reader does.
		for pos < len(body) && isSpace(body[pos]) {
			pos++
		}
		if pos == len(body) {
			return h, items, nil
		}
		if len(items) == MaxItems {
			return h, nil, ErrTooManyItems
		}
		it, next, err := parseItem(body, pos)
		if err != nil {
			return h, nil, fmt.Errorf("cannot read item %d of envelope: %w", len(items)+1, err)
		}
		items = append(items, it)
		pos = next
	}
}

// ItemHeader reads the item header at the start of b, white space before it
// skipped. length is -1 where the header names none; end is the number of bytes
// that it takes. more says that the header may end in bytes that follow b.
func ItemHeader(b []byte) (typ string, length, end int, more bool, err error) {
	it := Item{}
	p := headerPool.Get().(*node.Parser)
	defer headerPool.Put(p)
	v, end, err := object(p, b, 0)
	if err != nil {
		return "", 0, 0, errors.Is(err, errUnclosed) || len(bytes.TrimLeft(b, " \n\t\r")) == 0, err
	}
	length, err = it.header(v)
	return it.Type, length, end, false, err
}

func parseItem(body []byte, pos int) (Item, int, error) {
	it := Item{ItemCount: -1}
	p := headerPool.Get().(*node.Parser)
	defer headerPool.Put(p)
	v, end, err := object(p, body, pos)
	if err != nil {
		return it, 0, fmt.Errorf("item header: %w", err)
	}
	length, err := it.header(v)
	if err != nil {
		return it, 0, err
	}
	if end == len(body) {
		if length > 0 {
			return it, 0, fmt.Errorf("payload of %q is cut: length says %d bytes, 0 are left", it.Type, length)
		}
		it.Payload = body[end:]
		return it, end, nil
	}
	if body[end] != '\n' {
		return it, 0, fmt.Errorf("no newline after the item header (byte %d)", end)
	}
	start := end + 1
	if length < 0 {
		n := bytes.IndexByte(body[start:], '\n')
		if n < 0 {
			it.Payload = body[start:]
			return it, len(body), nil
		}
		it.Payload = body[start : start+n]
		return it, start + n + 1, nil
	}
	if length > len(body)-start {
		return it, 0, fmt.Errorf("payload of %q is cut: length says %d bytes, %d are left", it.Type, length, len(body)-start)
	}
	stop := start + length
	it.Payload = body[start:stop]
	if stop == len(body) {
		return it, stop, nil
	}
	if body[stop] != '\n' {
		return it, 0, fmt.Errorf("no newline after the payload of %q (byte %d): length is wrong", it.Type, stop)
	}
	return it, stop + 1, nil
}

// header fills it and returns length, -1 where the header names none.
func (it *Item) header(v *node.Value) (int, error) {
	if v == nil {
		return 0, errors.New("item header is not a JSON object")
	}
	var typ, contentType, filename, attachment, platform, count, l *node.Value // The first of each.
	members := v.Members()
	for i := range members {
		f := members[i].Value()
		switch members[i].Key() {
		case "type":
			first(&typ, f)
		case "content_type":
			first(&contentType, f)
		case "filename":
			first(&filename, f)
		case "attachment_type":
			first(&attachment, f)
		case "platform":
			first(&platform, f)
		case "item_count":
			first(&count, f)
		case "length":
			first(&l, f)
		}
	}
	it.Type = text(typ)
	if it.Type == "" {
		return 0, errors.New("item header has no type")
	}
	it.ContentType, it.Filename = text(contentType), text(filename)
	it.AttachmentType, it.Platform = text(attachment), text(platform)
	if count != nil && count.Type() == node.TypeNumber {
		if n, err := count.Int(); err == nil && n >= 0 {
			it.ItemCount = n
		}
	}
	if l == nil {
		return -1, nil
	}
	if l.Type() != node.TypeNumber {
		return 0, fmt.Errorf("length of %q must be a number of bytes, not %s", it.Type, l.Type())
	}
	n, err := strconv.ParseUint(l.Number(), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("length of %q must be a number of bytes from 0 to %d", it.Type, 1<<31-1)
	}
	return int(n), nil
}
