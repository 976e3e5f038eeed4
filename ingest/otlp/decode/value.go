package decode

import (
	"google.golang.org/protobuf/encoding/protowire"

	common "go.opentelemetry.io/proto/otlp/common/v1"
)

// block holds the attributes of one item: their number is known before they
// are read, so that they are allocated together.
type block struct {
	list []*common.KeyValue
	free []entry
}

// entry is an attribute with its most usual value.
type entry struct {
	kv   common.KeyValue
	v    common.AnyValue
	text common.AnyValue_StringValue
}

// maxBlock bounds a block: the count of a hostile body is not paid for yet.
const maxBlock = 64

func newBlock(w *wire, num protowire.Number) block {
	n := w.count(num)
	if n == 0 {
		return block{}
	}
	n = min(n, maxBlock)
	return block{free: w.lent.entries(n), list: make([]*common.KeyValue, 0, n)}
}

func (b *block) add(w *wire, t *token) error {
	in, err := w.inner(t, keyValueShape())
	if err != nil {
		return err
	}
	if len(b.free) == 0 {
		b.free = w.lent.entries(maxBlock / 4)
	}
	e := &b.free[0]
	b.free = b.free[1:]
	b.list = append(b.list, &e.kv)
	return keyValue(in, e)
}

func keyValue(w wire, e *entry) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			return err
		}
		switch {
		case t.is(1, bytesType):
			e.kv.Key = t.text()
		case t.is(2, bytesType):
			in, err := w.inner(&t, valueShape())
			if err != nil {
				return err
			}
			e.kv.Value = &e.v
			if err := anyValueIn(in, &e.v, &e.text); err != nil {
				return err
			}
		case t.is(3, varintType):
			e.kv.KeyStrindex = int32(t.n)
		}
	}
}

func anyValue(w wire, v *common.AnyValue) error { return anyValueIn(w, v, nil) }

// anyValueIn decodes a value; text, where given, is used for a string.
func anyValueIn(w wire, v *common.AnyValue, text *common.AnyValue_StringValue) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err != nil || !ok {
			return err
		}
		switch {
		case t.is(1, bytesType):
			if text == nil {
				text = &common.AnyValue_StringValue{}
			}
			text.StringValue = t.text()
			v.Value = text
		case t.is(2, varintType):
			v.Value = &common.AnyValue_BoolValue{BoolValue: t.n != 0}
		case t.is(3, varintType):
			v.Value = &common.AnyValue_IntValue{IntValue: int64(t.n)}
		case t.is(4, fixed64):
			v.Value = &common.AnyValue_DoubleValue{DoubleValue: t.double()}
		case t.is(5, bytesType):
			x, ok := v.Value.(*common.AnyValue_ArrayValue)
			if !ok {
				x = &common.AnyValue_ArrayValue{}
			}
			x.ArrayValue, err = single(&w, &t, valueShape(), x.ArrayValue, arrayValue)
			v.Value = x
		case t.is(6, bytesType):
			x, ok := v.Value.(*common.AnyValue_KvlistValue)
			if !ok {
				x = &common.AnyValue_KvlistValue{}
			}
			x.KvlistValue, err = single(&w, &t, valueShape(), x.KvlistValue, keyValueList)
			v.Value = x
		case t.is(7, bytesType):
			v.Value = &common.AnyValue_BytesValue{BytesValue: t.bytes()}
		case t.is(8, varintType):
			v.Value = &common.AnyValue_StringValueStrindex{StringValueStrindex: int32(t.n)}
		}
		if err != nil {
			return err
		}
	}
}

func arrayValue(w wire, m *common.ArrayValue) error {
	var t token
	for {
		ok, err := w.next(&t)
		if err == nil && ok && t.is(1, bytesType) {
			m.Values, err = message(&w, &t, valueShape(), m.Values, anyValue)
		}
		if err != nil || !ok {
			return err
		}
	}
}

func keyValueList(w wire, m *common.KeyValueList) error {
	b := block{list: m.Values}
	var t token
	for {
		ok, err := w.next(&t)
		if err == nil && ok && t.is(1, bytesType) {
			err = b.add(&w, &t)
		}
		if err != nil || !ok {
			m.Values = b.list
			return err
		}
	}
}
