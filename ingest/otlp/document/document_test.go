package document

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"errata/ingest/node"
	"errata/schema"
)

// FuzzDocument writes any text in every place, and reads it back: first by
// another reader, then from the tree that scrubbing works on.
func FuzzDocument(f *testing.F) {
	f.Add("plain", "k")
	f.Add("a\"b\\c\x00\x16\n\x7f\u200f\U000E0001", "a b:c")
	f.Fuzz(func(t *testing.T, s, key string) {
		if !utf8.ValidString(s) || !utf8.ValidString(key) {
			return
		}
		w := &Writer{}
		w.Open('{')
		w.Text("a", s)
		w.Text("empty", "")
		w.Object("o", func() {
			w.Number("n", -5)
			w.Boolean("b", true)
		})
		w.Key("values")
		w.Open('[')
		e := schema.Exception{Type: s, Value: s, Mechanism: schema.Mechanism{Type: s, ID: 1, ParentID: 0, IsGroup: true, Handled: schema.Handled_HANDLED_NO},
			Frames: []schema.Frame{{Function: s, File: s, AbsPath: s, ContextLine: s, Line: 3, Column: 4, InApp: schema.InAppYes}, {}}}
		w.Exception(&e, []bool{false})
		w.Exception(&schema.Exception{Mechanism: schema.Mechanism{ID: -1, ParentID: -1}}, nil)
		w.Close(']')
		w.Pairs("tags", []*schema.Tag{{Key: "t" + key, Value: s}, {Key: "skip.x", Value: s}}, "skip.")
		w.Pairs("none", nil, "")
		w.Close('}')
		var got map[string]any
		require.NoError(t, json.Unmarshal(w.B, &got), "%s", w.B)
		if s != "" {
			require.Equal(t, s, got["a"])
			require.Equal(t, map[string]any{"t" + key: s}, got["tags"])
		}
		require.Equal(t, map[string]any{"n": -5.0, "b": true}, got["o"])
		require.Len(t, got["values"], 2)
		require.NotContains(t, got, "none")

		tree, err := node.Parse(w.B)
		require.NoError(t, err)
		require.JSONEq(t, string(w.B), string(AppendTree(nil, tree)))
	})
}
