package native

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/sentry/tree"
)

func TestNestedWithoutEnd(t *testing.T) {
	t.Parallel()
	_, _, err := appendPack(nil, bytes.Repeat([]byte{0x91}, 1<<20), 0)
	require.ErrorIs(t, err, errPackDepth)
}

func FuzzNative(f *testing.F) {
	f.Add([]byte{0x81, 0xa1, 'a', 0x92, 0x01, 0xc3}, []byte{0x81, 0xa7, 'm', 'e', 's', 's', 'a', 'g', 'e', 0xa1, 'x'})
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff}, []byte{0xc7, 0x0c, 0xff})
	f.Fuzz(func(t *testing.T, event, crumbs []byte) {
		n := Scope{event: event, crumbs: [][]byte{crumbs, event}, Parts: 1}
		if doc := n.Doc(); doc != nil {
			doc.Release()
		}
		if out, _, err := appendPack(nil, event, 0); err == nil {
			doc, err := tree.Parse(out)
			if err != nil {
				require.NotErrorIs(t, err, tree.ErrSyntax, "%q", out)
				return
			}
			doc.Release()
		}
	})
}
