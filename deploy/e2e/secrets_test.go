package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"errata/ingest/canary"
)

// TestNoSecretIsStored sends each kind of secret through every place that takes
// text, and then looks for it in every column that can hold text of every table,
// in what the store said and in the files of its folder.
func TestNoSecretIsStored(t *testing.T) {
	needE2E(t)
	s := up(t, t.TempDir())
	base, key, _ := dsnParts(t, s.DSN)
	const control = "canary-control" // No secret, and found by the same search.
	send := func(r canary.Request) {
		resp, err := http.Post(base+r.Path, r.ContentType, bytes.NewReader(r.Body))
		if err != nil {
			t.Error(err)
			return
		}
		answer, err := io.ReadAll(resp.Body)
		assert.NoError(t, err)
		assert.NoError(t, resp.Body.Close())
		assert.Equal(t, r.Status, resp.StatusCode, "%s: %s", r.Path, answer)
	}
	send(canary.Request{Path: "/api/1/store/?sentry_key=" + key, ContentType: "application/json", Body: []byte(`{"message":"` + control + `"}`), Status: 200})
	var sent sync.WaitGroup
	n := 0
	for _, c := range canary.Kinds {
		n++
		sent.Go(func() {
			for _, r := range canary.Requests(n, c[0], key) {
				send(r)
			}
		})
	}
	sent.Wait()
	s.drained(t)
	secrets := []string{canary.Whole}
	for _, c := range canary.Kinds {
		secrets = append(secrets, c[1])
	}
	slices.Sort(secrets)
	needles := "['" + strings.Join(secrets, "','") + "']"

	columns := s.asOwner(t, `SELECT table, name, type FROM system.columns
		WHERE database = 'errata' AND match(type, 'String|Enum|JSON|Dynamic') AND table IN (SELECT name FROM system.tables WHERE database = 'errata' AND engine LIKE '%MergeTree')
		ORDER BY table, position`)
	require.Greater(t, len(columns), 150)
	tables, rows := map[string][]string{}, uint64(0)
	for _, c := range columns {
		table, name := c["table"].(string), c["name"].(string)
		text := "`" + name + "`"
		switch typ := c["type"].(string); {
		case strings.HasPrefix(typ, "AggregateFunction("):
			text = "toString(finalizeAggregation(" + text + "))"
		case typ != "String":
			text = "toString(" + text + ")"
		}
		tables[table] = append(tables[table], fmt.Sprintf("countIf(multiSearchAny(%s, %s)) AS `%s secret`, countIf(position(%[1]s, '%[4]s') > 0) AS `%[3]s control`", text, needles, name, control))
	}
	controls := map[string]bool{}
	for table, counts := range tables {
		row := s.asOwner(t, "SELECT count() AS all_rows, "+strings.Join(counts, ", ")+" FROM errata."+table)[0]
		for column, found := range row {
			name, isControl := strings.CutSuffix(strings.TrimSuffix(column, " secret"), " control")
			switch {
			case column == "all_rows":
				rows += uint64(found.(float64))
			case found.(float64) == 0:
			case isControl:
				controls[table+"."+name] = true
			default:
				t.Errorf("%v rows of %s.%s hold a secret", found, table, name)
			}
		}
		require.Len(t, row, 2*len(counts)+1, table)
	}
	require.Greater(t, rows, uint64(1000), "the tables hold what was sent")
	require.Contains(t, controls, "events.payload")
	require.Contains(t, controls, "events.title")
	require.Greater(t, len(controls), 4, "states of views as well: %v", controls)

	s.stop(t)
	found := func(where string, raw []byte) {
		for _, secret := range secrets {
			if i := bytes.Index(raw, []byte(secret)); i >= 0 {
				t.Errorf("%s holds a secret: ...%q", where, raw[max(0, i-80):min(len(raw), i+40)])
			}
		}
	}
	found("the output", s.said.Bytes())
	require.NoError(t, filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(path, "/blobs/") {
			return err // Files that people attach are kept as they are.
		}
		raw, err := os.ReadFile(path)
		found(path, raw)
		return err
	}))
}
