package envelope

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/node"
)

type grammarCase struct {
	Name    string
	Body    string
	ParseOK bool        `json:"parse_ok"`
	Items   [][2]string // Type and payload.
}

// lenient are cases in which this reader takes what a strict one refuses, and
// those that the reader of times and ids refuses, which is not this package.
var lenient = map[string]bool{"header then two newlines": true, "sent_at bad": true}

func TestGrammar(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/cases.json")
	require.NoError(t, err)
	var cases []grammarCase
	require.NoError(t, json.Unmarshal(raw, &cases))
	require.NotEmpty(t, cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			_, items, err := Parse([]byte(c.Body))
			if !c.ParseOK && !lenient[c.Name] {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			if !c.ParseOK {
				return
			}
			require.Len(t, items, len(c.Items))
			for i, w := range c.Items {
				require.Equal(t, w[0], items[i].Type)
				require.Equal(t, w[1], string(items[i].Payload))
			}
		})
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want Header
		err  string
	}{
		"all of it": {
			`{"event_id":"a","sent_at":"s","dsn":"d","sdk":{"name":"n","version":"v"},"trace":{"trace_id":"t","release":"r","environment":"e","sampled":"true","sample_rate":"0.5","public_key":"k","transaction":"x","replay_id":"p"}}`,
			Header{EventID: "a", SentAt: "s", DSN: "d", SDKName: "n", SDKVersion: "v", Trace: Trace{TraceID: "t", Release: "r", Environment: "e", Sampled: "true", SampleRate: "0.5", PublicKey: "k", Transaction: "x", ReplayID: "p"}}, "",
		},
		"the first of each": {
			`{"event_id":"a","event_id":"b","dsn":"d","dsn":"e","sdk":{"name":"n","name":"o"},"sdk":{"version":"w"},"trace":{"trace_id":"t","trace_id":"u","release":"r","release":"s"},"trace":{"trace_id":"x"}}`,
			Header{EventID: "a", DSN: "d", SDKName: "n", Trace: Trace{TraceID: "t", Release: "r"}}, "",
		},
		"a bad trace is ignored":      {`{"trace":[1]}`, Header{}, ""},
		"a trace without id":          {`{"trace":{"release":"r"}}`, Header{}, ""},
		"sent_at twice":               {`{"sent_at":"a","sent_at":"b"}`, Header{}, "sent_at appears twice"},
		"event_id is a number":        {`{"event_id":1}`, Header{}, "event_id must be a string or null"},
		"not closed":                  {`{"a":{}`, Header{}, "not closed"},
		"too long":                    {`{"a":"` + strings.Repeat("x", MaxHeaderBytes) + `"}`, Header{}, "header is over"},
		"too deep":                    {strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), Header{}, "nested deeper"},
		"a quote escaped in a string": {`{"dsn":"a\"}b"}`, Header{DSN: `a"}b`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, n, err := ParseHeader([]byte(c.body))
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, len(c.body), n)
			h.Raw = nil
			require.Equal(t, c.want, h)
		})
	}
}

func TestItemHeader(t *testing.T) {
	t.Parallel()
	_, items, err := Parse([]byte("{}\n" + `{"type":"log","content_type":"c","filename":"f","attachment_type":"a","platform":"p","item_count":3,"length":2,"x":1}` + "\n{}"))
	require.NoError(t, err)
	require.Equal(t, []Item{{Type: "log", ContentType: "c", Filename: "f", AttachmentType: "a", Platform: "p", ItemCount: 3, Payload: []byte("{}")}}, items)
}

func TestTooManyItems(t *testing.T) {
	t.Parallel()
	_, _, err := Parse([]byte("{}\n" + strings.Repeat("{\"type\":\"x\",\"length\":0}\n\n", MaxItems+1)))
	require.ErrorIs(t, err, ErrTooManyItems)
}

func FuzzParse(f *testing.F) {
	raw, err := os.ReadFile("testdata/cases.json")
	require.NoError(f, err)
	var cases []grammarCase
	require.NoError(f, json.Unmarshal(raw, &cases))
	for _, c := range cases {
		f.Add([]byte(c.Body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, end, err := object(new(node.Parser), body, 0)
		if want, wantErr := objectEnd(body, 0); end != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("the header ends at %d (%v), its brackets at %d (%v)", end, err, want, wantErr)
		}
		_, items, err := Parse(body)
		if err != nil {
			return
		}
		// Written again with lengths, it reads the same.
		out := []byte("{}")
		for _, it := range items {
			typ, _ := json.Marshal(strings.ToValidUTF8(it.Type, ""))
			out = fmt.Appendf(out, "\n{\"type\":%s,\"length\":%d}\n%s", typ, len(it.Payload), it.Payload)
		}
		_, again, err := Parse(out)
		if err != nil {
			for _, it := range items {
				if strings.ToValidUTF8(it.Type, "") == "" {
					return
				}
			}
			t.Fatalf("cannot read what was written: %v", err)
		}
		if len(again) != len(items) {
			t.Fatalf("%d items, then %d", len(items), len(again))
		}
		for i := range again {
			if string(again[i].Payload) != string(items[i].Payload) {
				t.Fatalf("payload %d differs", i)
			}
		}
	})
}
