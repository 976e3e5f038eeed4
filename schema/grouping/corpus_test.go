package grouping_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
	"errata/schema/grouping"
	"errata/schema/grouping/payload"
)

// shared finds a folder of the shared facts beside the repository.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{"..", "..", "..", "shared"}, path...)...)
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared corpus %s is missing", p)
		}
		t.Skipf("the shared corpus %s is not beside the checkout", p)
	}
	return p
}

func load(t testing.TB, path string) (*grouping.Input, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	in, err := payload.FromPayload(data)
	require.NoError(t, err)
	return in, data
}

// explained are the pairs that differ from the reference, each with its reason
// in docs/adr/004-grouping-differs.md.
var explained = map[string]string{
	pair("frame-ignores-ENHANCED-enhancer-by-classes", "frame-ignores-extra-ENHANCED-enhancer-by-classes"): "a class behind two proxies is that class",
	pair("frame-ignores-ENHANCED-spring-classes", "frame-ignores-extra-ENHANCED-spring-classes"):           "a class behind two proxies is that class",
	pair("frame-ignores-filename-if-abs-path-is-http", "frame-ignores-filename-if-http"):                   "a line of a page does not count: the other protocol has none",
	pair("frame-ignores-filename-if-abs-path-is-http", "frame-ignores-filename-if-https"):                  "a line of a page does not count: the other protocol has none",
	pair("exception-compute-hashes-3", "python-exception-base"):                                            "open: one hash decides, the reference also binds a second that counts library frames",
}

func pair(a, b string) string {
	if a > b {
		a, b = b, a
	}
	return a + " " + b
}

// TestPartition compares which events of the reference share an issue, never
// its hashes.
func TestPartition(t *testing.T) {
	t.Parallel()
	dir := shared(t, "corpus", "sentry-grouping")
	var truth map[string]struct{ Cluster string }
	data, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &truth))
	type event struct {
		name, cluster string
		got           grouping.Result
	}
	var events []event
	for name, want := range truth {
		if want.Cluster == "empty" {
			continue
		}
		path := filepath.Join(dir, "inputs", name+".json")
		in, raw := load(t, path)
		var extra struct {
			Grouping struct{ Enhancements string } `json:"_grouping"`
		}
		require.NoError(t, json.Unmarshal(raw, &extra))
		g, err := grouping.New(grouping.Rules{InApp: extra.Grouping.Enhancements})
		require.NoError(t, err, name)
		events = append(events, event{name, want.Cluster, g.Group(in)})
	}
	sort.Slice(events, func(i, j int) bool { return events[i].name < events[j].name })
	same, together, different, apart := 0, 0, 0, 0
	for i := range events {
		for j := range i {
			a, b := &events[j], &events[i]
			equal := a.got.Hashes[0] == b.got.Hashes[0]
			p := pair(a.name, b.name)
			if a.cluster == b.cluster {
				same++
				if equal {
					together++
					continue
				}
			} else {
				different++
				if !equal {
					apart++
					continue
				}
			}
			if _, ok := explained[p]; !ok {
				t.Errorf("%s: same issue for the reference: %v\n  %s\n  %s", p, a.cluster == b.cluster, a.got.Reason, b.got.Reason)
			}
		}
	}
	t.Logf("together %d of %d, apart %d of %d", together, same, apart, different)
	require.Greater(t, same, 40)
	require.GreaterOrEqual(t, float64(together), 0.95*float64(same))
	require.GreaterOrEqual(t, float64(apart), 0.995*float64(different))
}

// ruleText writes the parsed rules of the corpus in the syntax that people write.
func ruleText(t *testing.T, raw []byte) string {
	t.Helper()
	var doc struct {
		Rules []struct {
			Matchers    [][]string
			Fingerprint []string
			Attributes  map[string]string
		} `json:"_fingerprinting_rules"`
	}
	require.NoError(t, json.Unmarshal(raw, &doc))
	quote := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	var b strings.Builder
	for _, r := range doc.Rules {
		for _, m := range r.Matchers {
			b.WriteString(m[0] + ":" + quote(m[1]) + " ")
		}
		b.WriteString("->")
		for _, f := range r.Fingerprint {
			b.WriteString(" " + quote(f))
		}
		for k, v := range r.Attributes {
			b.WriteString(" " + k + "=" + quote(v))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// snapshot reads what the reference resolved a fingerprint to, and its title.
func snapshot(t *testing.T, path string) (values []string, title string, matched bool) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	clean := func(s string) string { return strings.Trim(strings.TrimSpace(s), `'"`) }
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "title: "); ok {
			title = clean(rest)
		}
		if strings.TrimSpace(line) == "type: custom-fingerprint" {
			matched = true
		}
		if strings.TrimSpace(line) == "values:" && len(values) == 0 {
			for _, v := range lines[i+1:] {
				v = strings.TrimSpace(v)
				if !strings.HasPrefix(v, "- ") {
					break
				}
				values = append(values, clean(v[2:]))
			}
		}
	}
	return values, title, matched
}

func TestFingerprintRules(t *testing.T) {
	t.Parallel()
	dir := shared(t, "corpus", "sentry-fingerprint-rules")
	files, err := filepath.Glob(filepath.Join(dir, "inputs", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, raw := load(t, file)
			text := ruleText(t, raw)
			g, err := grouping.New(grouping.Rules{Fingerprint: text})
			require.NoError(t, err, text)
			values, title, _ := snapshot(t, filepath.Join(dir, "expected", name+".snap"))
			got := g.Explain(in)
			if len(values) == 0 {
				require.Empty(t, got.Parts)
			} else {
				require.Equal(t, values, got.Parts, text)
			}
			require.Equal(t, title, got.Result.Title)
		})
	}
}

func TestCategorizationCorpusGroups(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"sentry-categorization", "sentry-samples"} {
		files, err := filepath.Glob(filepath.Join(shared(t, "corpus", set), "*.json"))
		require.NoError(t, err)
		g, err := grouping.New(grouping.Rules{})
		require.NoError(t, err)
		for _, file := range files {
			in, _ := load(t, file)
			got := g.Group(in)
			require.NotZero(t, got.Hashes[0], file)
			require.NotEmpty(t, got.Title, file)
			require.NotEmpty(t, got.Reason, file)
			require.LessOrEqual(t, len(got.Title), schema.MaxTitle)
			if got.Main >= 0 {
				require.Len(t, got.InApp, len(in.Exceptions[got.Main].Frames), file)
			}
		}
	}
}
