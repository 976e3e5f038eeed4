// Package payload reads a stored event back into what grouping decides on.
// In: the payload column of the table events, Sentry-shaped JSON of either
// protocol (older shapes of the same are taken too). Out: a grouping.Input with
// memory of its own. It never changes an event and never asks a table: it is
// for explaining and regrouping what is stored.
package payload

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/valyala/fastjson"

	"errata/schema"
	"errata/schema/grouping"
)

// MaxBytes bounds a payload.
const MaxBytes = 16 << 20

var parsers fastjson.ParserPool

// Reader reads many events with memory that it uses again: what Stored returns,
// and every text in it, holds until the next call. The zero Reader is ready. It
// is not safe for concurrent use.
type Reader struct {
	parser     fastjson.Parser
	borrow     bool // Texts stay in the parser's memory.
	input      grouping.Input
	exceptions []schema.Exception
	frameMemo  []schema.Frame
}

// FromPayload reads one event. Fields that are missing or of another type are
// left empty; only text that is no JSON object is an error.
func FromPayload(json []byte) (*grouping.Input, error) {
	p := parsers.Get()
	defer parsers.Put(p)
	d, in := Reader{}, &grouping.Input{}
	if err := d.parse(p, json, in); err != nil {
		return nil, err
	}
	return in, nil
}

func (d *Reader) parse(p *fastjson.Parser, json []byte, in *grouping.Input) error {
	if len(json) > MaxBytes {
		return fmt.Errorf("cannot read payload: %d bytes are more than the limit of %d", len(json), MaxBytes)
	}
	v, err := p.ParseBytes(json)
	if err != nil {
		return fmt.Errorf("cannot read payload: %w", err)
	}
	o, err := v.Object()
	if err != nil {
		return fmt.Errorf("cannot read payload: expected a JSON object, got %s", v.Type())
	}
	d.read(o, in)
	return nil
}

// Stored reads one event as the edge grouped it: the columns that the edge
// settled win over what the payload says.
func Stored(json []byte, platform, typ string) (*grouping.Input, error) {
	in, err := FromPayload(json)
	if err != nil {
		return nil, err
	}
	settle(in, platform, typ)
	return in, nil
}

// Stored is the function Stored without memory of its own.
func (d *Reader) Stored(json []byte, platform, typ string) (*grouping.Input, error) {
	d.borrow, d.frameMemo = true, d.frameMemo[:0]
	d.input = grouping.Input{Exceptions: d.exceptions[:0]}
	if err := d.parse(&d.parser, json, &d.input); err != nil {
		return nil, err
	}
	d.exceptions = d.input.Exceptions
	settle(&d.input, platform, typ)
	return &d.input, nil
}

func settle(in *grouping.Input, platform, typ string) {
	if platform != "" {
		in.Platform = platform
	}
	if typ != "" {
		in.Type = typ
	}
}

func (d *Reader) read(o *fastjson.Object, in *grouping.Input) {
	var exception, threads, stack, reportValue, sdk, contexts *fastjson.Value
	kind := ""
	o.Visit(func(k []byte, v *fastjson.Value) {
		switch string(k) {
		case "platform":
			in.Platform = d.text(v)
		case "type":
			in.Type = d.text(v)
		case "transaction":
			in.Transaction = d.text(v)
		case "logger":
			in.Logger = d.text(v)
		case "level":
			in.Level = strings.ToLower(d.text(v))
		case "release":
			in.Release = d.text(v)
		case "sdk":
			sdk = v
		case "contexts":
			contexts = v
		case "fingerprint":
			in.Fingerprint = d.list(v)
		case "checksum":
			in.Checksum = d.text(v)
		case "tags":
			in.Tags = d.tags(v)
		case "logentry", "message", "sentry.interfaces.Message":
			d.message(in, v)
		case "request", "sentry.interfaces.Http":
			in.RequestURL = d.text(v.Get("url"))
		case "exception", "sentry.interfaces.Exception":
			exception = v
		case "threads":
			threads = v
		case "stacktrace", "sentry.interfaces.Stacktrace":
			stack = v
		case "csp", "hpkp", "expectct", "expectstaple", "nel":
			if v.Type() == fastjson.TypeObject {
				kind, reportValue = string(k), v
			}
		}
	})
	if sdk != nil {
		in.SDK = d.text(sdk.Get("name"))
	}
	if in.Type == "feedback" && contexts != nil {
		if m := d.text(contexts.Get("feedback", "message")); m != "" {
			in.Message = m
		}
	}
	for _, v := range values(exception) {
		if e, ok := d.readException(v); ok && len(in.Exceptions) < 4*schema.MaxExceptions {
			in.Exceptions = append(in.Exceptions, e)
		}
	}
	d.stacks(in, values(threads), stack)
	if kind != "" {
		in.Report = d.report(kind, reportValue)
		if in.Message == "" {
			in.Message = in.Report.Message
		}
	}
	if in.Type == "" || in.Type == "error" || in.Type == "default" {
		switch {
		case len(in.Exceptions) > 0:
			in.Type = "error"
		case kind != "":
			in.Type = kind
		default:
			in.Type = "default"
		}
	}
}

// values are the entries of {"values": [...]}, of a bare list or of one bare
// object; nulls are left out by who reads them.
func values(v *fastjson.Value) []*fastjson.Value {
	if v == nil {
		return nil
	}
	switch v.Type() {
	case fastjson.TypeArray:
		return v.GetArray()
	case fastjson.TypeObject:
		if inner := v.Get("values"); inner != nil {
			return inner.GetArray()
		}
		return []*fastjson.Value{v}
	}
	return nil
}

// text is a string, or a number or truth value as text.
func (d *Reader) text(v *fastjson.Value) string {
	if v == nil {
		return ""
	}
	switch v.Type() {
	case fastjson.TypeString:
		b := v.GetStringBytes()
		if d.borrow {
			return unsafe.String(unsafe.SliceData(b), len(b))
		}
		return string(b)
	case fastjson.TypeNumber, fastjson.TypeTrue, fastjson.TypeFalse:
		return v.String()
	}
	return ""
}

// lenient is text, or the JSON of anything else but null.
func (d *Reader) lenient(v *fastjson.Value) string {
	if v == nil || v.Type() == fastjson.TypeNull {
		return ""
	}
	if v.Type() == fastjson.TypeObject || v.Type() == fastjson.TypeArray {
		return v.String()
	}
	return d.text(v)
}

func (d *Reader) list(v *fastjson.Value) []string {
	if v.Type() != fastjson.TypeArray {
		if s := d.text(v); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for i, p := range v.GetArray() {
		if i == 64 {
			break
		}
		if t := p.Type(); t == fastjson.TypeString || t == fastjson.TypeNumber || t == fastjson.TypeTrue || t == fastjson.TypeFalse {
			out = append(out, d.text(p))
		}
	}
	return out
}

func (d *Reader) tags(v *fastjson.Value) []*schema.Tag {
	var out []*schema.Tag
	add := func(k string, v *fastjson.Value) {
		if s := d.text(v); s != "" && len(out) < schema.MaxTags {
			out = append(out, &schema.Tag{Key: k, Value: s})
		}
	}
	switch v.Type() {
	case fastjson.TypeObject:
		v.GetObject().Visit(func(k []byte, v *fastjson.Value) { add(string(k), v) })
	case fastjson.TypeArray:
		for _, p := range v.GetArray() {
			if pair := p.GetArray(); len(pair) == 2 {
				add(d.text(pair[0]), pair[1])
			}
		}
	}
	return out
}

func (d *Reader) message(in *grouping.Input, v *fastjson.Value) {
	if v.Type() != fastjson.TypeObject {
		in.Message = d.lenient(v)
		return
	}
	template, formatted := d.lenient(v.Get("message")), d.lenient(v.Get("formatted"))
	if formatted == "" {
		formatted = template
		if p := v.Get("params"); p == nil || p.Type() == fastjson.TypeNull {
			template = ""
		}
	}
	if template == formatted {
		template = ""
	}
	in.Message, in.Template = formatted, template
}

func (d *Reader) readException(v *fastjson.Value) (schema.Exception, bool) {
	e := schema.Exception{Mechanism: schema.Mechanism{ID: -1, ParentID: -1}}
	if v == nil || v.Type() != fastjson.TypeObject {
		return e, false
	}
	v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		switch string(k) {
		case "type":
			e.Type = d.lenient(v)
		case "value":
			e.Value = d.lenient(v)
		case "module":
			e.Module = d.text(v)
		case "stacktrace":
			e.Frames = d.frames(v)
		case "mechanism":
			d.mechanism(&e.Mechanism, v)
		}
	})
	if e.Type == "" {
		e.Type, e.Value = splitValue(e.Value)
	}
	return e, e.Type != "" || e.Value != "" || len(e.Frames) > 0
}

// splitValue cuts "Type: value" of an exception without a type.
func splitValue(s string) (typ, value string) {
	i := 0
	for i < len(s) && (s[i] == '_' || '0' <= s[i] && s[i] <= '9' || 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z') {
		i++
	}
	if i == 0 || i == len(s) || s[i] != ':' || i > schema.MaxExceptionType {
		return "", s
	}
	return s[:i], strings.TrimLeft(s[i+1:], " ")
}

func (d *Reader) mechanism(m *schema.Mechanism, v *fastjson.Value) {
	if v.Type() == fastjson.TypeString {
		m.Type = d.text(v)
		return
	}
	if v.Type() != fastjson.TypeObject {
		return
	}
	v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		switch string(k) {
		case "type":
			m.Type = d.text(v)
		case "handled":
			switch v.Type() {
			case fastjson.TypeTrue:
				m.Handled = schema.Handled_HANDLED_YES
			case fastjson.TypeFalse:
				m.Handled = schema.Handled_HANDLED_NO
			}
		case "synthetic":
			m.Synthetic = v.Type() == fastjson.TypeTrue
		case "is_exception_group":
			m.IsGroup = v.Type() == fastjson.TypeTrue
		case "source":
			m.Source = d.text(v)
		case "exception_id":
			m.ID = id(v)
		case "parent_id":
			m.ParentID = id(v)
		case "meta":
			if ns := v.Get("ns_error"); ns != nil && ns.Type() == fastjson.TypeObject {
				m.NSErrorCode = d.text(ns.Get("domain")) + ":" + d.lenient(ns.Get("code"))
			}
		}
	})
}

func id(v *fastjson.Value) int {
	if n, err := v.Int(); err == nil && n >= 0 && n < 1<<31 {
		return n
	}
	return -1
}

// number reads a line or a column.
func (d *Reader) number(v *fastjson.Value) uint32 {
	if v.Type() == fastjson.TypeNumber {
		if n, err := v.Uint64(); err == nil && n <= math.MaxUint32 {
			return uint32(n)
		}
		return 0
	}
	n, err := strconv.ParseUint(d.text(v), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
