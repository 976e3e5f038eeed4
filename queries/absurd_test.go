package queries_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries/catalog"
)

var absurdAll = flag.Bool("absurd", false, "All values of TestAbsurdValues, not the choice of a day: two thousand questions.")

// Each parameter of each query, with values that nobody should give: the query
// answers with its columns, or says which value is wrong. Nothing else comes
// back, least of all an error of the server.
func TestAbsurdValues(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	id, trace := uuid.NewString(), strings.Repeat("c", 32)
	seed(t, owner, event{project: project, fingerprint: 1, id: id, ts: time.Now(), trace: trace, release: "shop@1.0.0", tags: map[string]string{"plan": "pro"}})
	valid := map[string]string{"project": text(project), "projects": text(project), "issue": issueHex(1), "issues": issueHex(1), "fingerprints": issueHex(1), "event_id": id, "id": id,
		"trace_id": trace, "release": "shop@1.0.0", "key": "plan", "tag": "plan=pro", "text": "error", "at": "now"}
	absurd := map[string][]string{
		"UInt":     {"", "-1", "0", "4294967295", "18446744073709551616", "0x10", "1e3", "1.5", "١"},
		"Float":    {"NaN", "Inf", "-Inf", "1e999", "-1", "1e308"},
		"DateTime": {"0", "-999999w", "+999999w", "9999-12-31T23:59:59Z", "2026-02-30", "99999999999999", "1e9"},
		"UUID":     {"", "x", strings.ToUpper(id), "{" + id + "}", strings.Repeat("0", 32)},
		"Issue":    {"", strings.Repeat("0", 16), strings.Repeat("F", 16), "0x" + issueHex(1)},
		"String":   {"", "\\", "\\N", "'", "%", "{}", "[]", "[1,2", "null", "a=", "İ\xff\xfe", "{project:UInt32}", "a,b", ",", "-", "\n\n", strings.Repeat("é ", 20), strings.Repeat("x=", 30000)},
	}
	all, err := catalog.All()
	require.NoError(t, err)
	n := time.Now().YearDay() // Each day another choice.
	for _, q := range all {
		for _, p := range q.Params {
			for _, kind := range slices.Sorted(maps.Keys(absurd)) {
				if !strings.HasPrefix(p.Type, kind) {
					continue
				}
				for _, v := range absurd[kind] {
					given := map[string]string{p.Name: v}
					for _, other := range q.Params {
						if value, known := valid[other.Name]; known && other.Required && other.Name != p.Name {
							given[other.Name] = value
						}
					}
					if _, err := q.Bind(given, time.Now()); err != nil {
						require.ErrorIs(t, err, catalog.ErrParam)
						continue
					}
					if n++; !*absurdAll && n%25 != 0 {
						continue
					}
					what := fmt.Sprintf("%s with %s %.40q", q.Name, p.Name, v)
					r, err := owner.Run(t.Context(), q.Name, given)
					if err != nil {
						require.ErrorIs(t, err, catalog.ErrParam, what)
						continue
					}
					require.Len(t, r.Columns, len(q.Columns), what)
				}
			}
		}
	}
}
