package sentry

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"errata/ingest/intake"
)

// TestDigest writes what becomes of every body of the corpora and captures, and of
// mutations of them, as one hash a body to the file that ERRATA_DIGEST names: two
// builds that write the same file make the same records. Each body is read twice
// under each project's rules, so that what is remembered of the first reading shows.
func TestDigest(t *testing.T) {
	to := os.Getenv("ERRATA_DIGEST")
	if to == "" {
		t.Skip("ERRATA_DIGEST names no file")
	}
	mutations := 12
	if n, err := strconv.Atoi(os.Getenv("ERRATA_DIGEST_MUTATIONS")); err == nil {
		mutations = n
	}
	requests := outlineRequests(t)
	names := make([]string, 0, len(requests))
	for name := range requests {
		names = append(names, name)
	}
	slices.Sort(names)
	bodies := digestBodies(t)
	require.Greater(t, len(bodies), 500)
	var out bytes.Buffer
	events := 0
	for at, body := range bodies {
		r := rand.New(rand.NewPCG(uint64(at), 7))
		for m := range mutations + 1 {
			b := body.data
			if m > 0 {
				b = mutated(r, b)
			}
			fmt.Fprintf(&out, "%s#%d", body.name, m)
			for _, name := range names {
				first, n := digest(requests[name], b, body.envelope)
				again, _ := digest(requests[name], b, body.envelope)
				require.Equal(t, first, again, "%s, change %d, %s", body.name, m, name)
				fmt.Fprintf(&out, " %016x", first)
				events += n
			}
			out.WriteByte('\n')
		}
	}
	t.Logf("%d bodies, %d events", len(bodies), events)
	require.NoError(t, os.WriteFile(to, out.Bytes(), 0o600))
}

type digestBody struct {
	name     string
	data     []byte
	envelope bool
}

// digestBodies are all that is at hand, each once.
func digestBodies(t *testing.T) (all []digestBody) {
	seen := map[uint64]bool{}
	add := func(name string, data []byte, envelope bool) {
		if h := xxhash.Sum64(data); !seen[h] && len(data) < 1<<20 {
			seen[h] = true
			all = append(all, digestBody{name, data, envelope})
		}
	}
	add("bench", benchEnvelope(t), true)
	own, err := filepath.Glob("testdata/envelopes/*.envelope")
	require.NoError(t, err)
	for _, f := range own {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		add(filepath.Base(f), raw, true)
	}
	dirs, err := filepath.Glob(filepath.Join(sharedDir(t, "captures"), "*"))
	require.NoError(t, err)
	for _, dir := range dirs {
		for _, c := range captures(t, dir) {
			if strings.HasSuffix(strings.Trim(c.Path, "/"), "envelope") {
				add(filepath.Base(dir)+"/"+c.Name, c.Body, true)
			}
		}
	}
	require.NoError(t, filepath.WalkDir(sharedDir(t, "corpus"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) != ".json" {
			return err
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for i, ev := range eventsOf(raw) {
			add(fmt.Sprintf("%s/%s#%d", filepath.Base(filepath.Dir(p)), filepath.Base(p), i), ev, false)
		}
		return nil
	}))
	return all
}

// digest hashes all rows and fates of a body, and how many of them are events. Ids
// that the edge makes up are left out.
func digest(req *intake.Request, body []byte, envelope bool) (uint64, int) {
	var b *intake.Batch
	var answer Answer
	var err error
	if envelope {
		b, answer, err = Envelope(req, body)
	} else {
		b, answer, err = Store(req, body)
	}
	h := xxhash.New()
	if err != nil {
		fmt.Fprintf(h, "%T %v", err, err)
		return h.Sum64(), 0
	}
	id := []byte(answer.EventID)
	known := len(id) == 32 && bytes.Contains(bytes.ReplaceAll(bytes.ToLower(body), []byte("-"), nil), id)
	row := func(v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			raw = []byte(err.Error())
		}
		if !known && len(id) == 32 {
			binary, _ := hex.DecodeString(string(id))
			encoded, _ := json.Marshal(binary)
			raw = bytes.ReplaceAll(bytes.ReplaceAll(raw, encoded, nil), id, nil)
		}
		_, _ = h.Write(raw)
	}
	for _, e := range b.Events {
		payload := e.Payload
		if !known {
			payload = bytes.ReplaceAll(payload, id, nil)
		}
		_, _ = h.Write(payload)
		e.Payload = nil
		row(e)
	}
	row(b.Feedback)
	row(b.Spans)
	row(b.Receipts)
	row(b.Outcomes)
	b.Encoded()
	return h.Sum64(), len(b.Events)
}

var digestTexts = []string{
	`password`, `my token=abcdef0123456789 x`, `4111 1111 1111 1111`, `a\u00e4\n\"q`, `Bearer abcDEF0123456789`, `jo@example.com`, `/home/jo/x.py`, "\xff\xfe", `https://u:p@h.example/?token=x`,
	`x`, ``, `[Filtered]`, "caf\u00e9 \u65e5\u672c", `--password x y`, `a=1&api_key=2`, `%3Dtoken%3Dabc`, `-----BEGIN PRIVATE KEY-----abcabcabcabcabc-----END PRIVATE KEY-----`, `\ud83d`, "\x01",
}

var digestValues = []string{`null`, `true`, `12`, `-0`, `01`, `1e999`, `NaN`, `[]`, `{}`, `["a","b"]`, `[["password","x"],["a",1]]`, `{"values":[{"type":"X"}]}`, `"text"`, ` { "a" : [ 1 , 2 ] } `, `4111111111111111`, `""`}

// mutated changes a body in one to three places: a text, a value, a name, a byte.
func mutated(r *rand.Rand, body []byte) []byte {
	b := slices.Clone(body)
	for range 1 + r.IntN(3) {
		var quotes []int
		for i, c := range b {
			if c == '"' {
				quotes = append(quotes, i)
			}
		}
		if len(quotes) < 4 {
			return b
		}
		at := r.IntN(len(quotes) - 1)
		from, to := quotes[at], quotes[at+1]
		switch r.IntN(8) {
		case 0, 1: // Of a text, or of what stands between two.
			b = slices.Replace(b, from+1, to, []byte(digestTexts[r.IntN(len(digestTexts))])...)
		case 2:
			b = slices.Replace(b, from, to+1, []byte(digestValues[r.IntN(len(digestValues))])...)
		case 3: // A member or element twice.
			b = slices.Insert(b, to+1, append([]byte(","), b[from:to+1]...)...)
		case 4:
			b = slices.Insert(b, from+1, []byte(digestTexts[r.IntN(len(digestTexts))])...)
		case 5:
			b[r.IntN(len(b))] = byte(r.IntN(256))
		case 6:
			b = slices.Insert(b, to+1, ' ')
		case 7:
			b = slices.Insert(b, to, bytes.Repeat([]byte("long "), 1+r.IntN(600))...)
		}
	}
	// Most items name their length, which is to be right.
	if i := bytes.Index(b, []byte(`"length":`)); i >= 0 && bytes.Count(b, []byte(`"length":`)) == 1 {
		line := bytes.IndexByte(b[i:], '\n')
		end := i + 9
		for end < len(b) && b[end] >= '0' && b[end] <= '9' {
			end++
		}
		if line > 0 && end > i+9 {
			rest := bytes.TrimSuffix(b[i+line+1:], []byte("\n"))
			b = slices.Replace(b, i+9, end, []byte(strconv.Itoa(len(rest)))...)
		}
	}
	return b
}
