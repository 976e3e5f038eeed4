package stack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/stack"
	"errata/ingest/stack/scan"
	"errata/schema"
)

// shared finds a folder of the shared facts beside the repository.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		require.NotEqual(t, up, dir, "no go.mod above the test")
		dir = up
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared corpus %s is missing", name)
		}
		t.Skipf("the shared corpus %s is not beside the checkout", name)
	}
	return path
}

// sentryEvent is what the tests read of an event.
type sentryEvent struct {
	Exception struct {
		Values []struct {
			Type, Value string
			Stacktrace  struct {
				Frames []struct {
					Filename    string
					AbsPath     string `json:"abs_path"`
					Function    string
					Lineno      uint32
					ContextLine string `json:"context_line"`
				}
			}
			Mechanism struct {
				ID      *int `json:"exception_id"`
				Parent  *int `json:"parent_id"`
				IsGroup bool `json:"is_exception_group"`
			}
		}
	}
}

// chainOf reads the exceptions of the first event of an envelope.
func chainOf(t *testing.T, file string) []schema.Exception {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	sc := bufio.NewScanner(bytes.NewReader(body))
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var ev sentryEvent
		if json.Unmarshal(sc.Bytes(), &ev) != nil || len(ev.Exception.Values) == 0 {
			continue
		}
		return ev.exceptions()
	}
	t.Fatalf("no exception in %s", file)
	return nil
}

// exceptions turns an event's list into the common form.
func (ev sentryEvent) exceptions() []schema.Exception {
	var out []schema.Exception
	for _, v := range ev.Exception.Values {
		e := schema.Exception{Type: v.Type, Value: v.Value, Mechanism: scan.NoMechanism}
		if v.Mechanism.ID != nil {
			e.Mechanism.ID = *v.Mechanism.ID
		}
		if v.Mechanism.Parent != nil {
			e.Mechanism.ParentID = *v.Mechanism.Parent
		}
		e.Mechanism.IsGroup = v.Mechanism.IsGroup
		for _, f := range v.Stacktrace.Frames {
			e.Frames = append(e.Frames, schema.Frame{Function: f.Function, File: f.Filename, AbsPath: f.AbsPath, Line: f.Lineno, ContextLine: f.ContextLine})
		}
		out = append(out, e)
	}
	return out
}

// otlpException is one set of exception.* attributes and its language.
type otlpException struct{ typ, value, text, language string }

// otlpExceptions finds all exceptions in an export request in JSON.
func otlpExceptions(t *testing.T, file string) []otlpException {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	var root any
	require.NoError(t, json.Unmarshal(body, &root))
	var out []otlpException
	language := ""
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			got := map[string]string{}
			for _, e := range v {
				if m, ok := e.(map[string]any); ok {
					key, _ := m["key"].(string)
					if val, ok := m["value"].(map[string]any); ok {
						got[key], _ = val["stringValue"].(string)
					}
				}
			}
			if l := got["telemetry.sdk.language"]; l != "" {
				language = l
			}
			if s := got["exception.stacktrace"]; s != "" {
				out = append(out, otlpException{got["exception.type"], got["exception.message"], s, language})
			}
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			walk(v["resource"]) // Before what it describes.
			for k, e := range v {
				if k != "resource" {
					walk(e)
				}
			}
		}
	}
	walk(root)
	return out
}

// flat is what both protocols must agree on: no repeated frame, base names,
// white space collapsed. context says whether source lines are compared.
func flat(list []schema.Exception, context bool) []string {
	var out []string
	for _, e := range list {
		out = append(out, scan.LastSegment(e.Type)+"|"+e.Value+"|"+mechanism(e.Mechanism))
		prev := ""
		for _, f := range e.Frames {
			base := f.File[strings.LastIndexAny(f.File, `/\`)+1:]
			line := "  " + f.Function + "|" + base + "|" + scan.Digits(f.Line)
			if context {
				line += "|" + strings.Join(strings.Fields(f.ContextLine), " ")
			}
			if line != prev {
				out = append(out, line)
			}
			prev = line
		}
	}
	return out
}

func mechanism(m schema.Mechanism) string {
	if m.ID < 0 {
		return ""
	}
	s := "id=" + scan.Digits(uint32(m.ID))
	if m.ParentID >= 0 {
		s += " parent=" + scan.Digits(uint32(m.ParentID))
	}
	if m.IsGroup {
		s += " group"
	}
	return s
}

// Every exception of the corpus was captured by both protocols: span event, log
// record and envelope must give one chain.
func TestPythonEqualsEnvelope(t *testing.T) {
	t.Parallel()
	root := shared(t, "corpus/own-python")
	dirs, err := os.ReadDir(root)
	require.NoError(t, err)
	seen := 0
	for _, d := range dirs {
		if strings.HasPrefix(d.Name(), "_") || !d.IsDir() {
			continue
		}
		want := chainOf(t, filepath.Join(root, d.Name(), "sentry.envelope"))
		for _, kind := range []string{"otlp_traces.json", "otlp_logs.json"} {
			t.Run(d.Name()+"/"+kind, func(t *testing.T) {
				excs := otlpExceptions(t, filepath.Join(root, d.Name(), kind))
				require.NotEmpty(t, excs)
				for _, x := range excs {
					got := stack.Parse(x.language, x.text, x.typ, x.value)
					expected := append([]schema.Exception(nil), want...)
					if strings.HasPrefix(d.Name(), "notes_") {
						// The SDK appends notes to the value; the text has no border
						// between them, so the message decides.
						last := &expected[len(expected)-1]
						require.True(t, strings.HasPrefix(last.Value, x.value+"\n"))
						last.Value = x.value
					}
					require.Equal(t, flat(expected, true), flat(got, true))
					seen++
				}
			})
		}
	}
	require.GreaterOrEqual(t, seen, 60)
}

// The stack of Node's errors has no causes and no source lines; all else of the
// main exception must equal what Sentry's SDK makes of the same error.
func TestNodeEqualsEnvelope(t *testing.T) {
	t.Parallel()
	root := shared(t, "corpus/own-node")
	dirs, err := os.ReadDir(root)
	require.NoError(t, err)
	seen := 0
	for _, d := range dirs {
		body, err := os.ReadFile(filepath.Join(root, d.Name(), "otel.json"))
		if err != nil {
			continue
		}
		var attrs map[string]string
		require.NoError(t, json.Unmarshal(body, &attrs))
		if attrs["exception.stacktrace"] == "" {
			continue // A thrown string.
		}
		t.Run(d.Name(), func(t *testing.T) {
			envelope := filepath.Join(root, d.Name(), "sentry.envelope")
			if d.Name() == "load_a" {
				envelope = filepath.Join(root, d.Name(), "sentry2.envelope") // The first carries a session.
			}
			full := chainOf(t, envelope)
			want := append([]schema.Exception(nil), full[len(full)-1])
			got := stack.Parse("nodejs", attrs["exception.stacktrace"], attrs["exception.type"], attrs["exception.message"])
			want[0].Mechanism = scan.NoMechanism
			require.Equal(t, flat(want, false), flat(got, false))
			if inspected := stack.Parse("", attrs["inspected"], attrs["exception.type"], attrs["exception.message"]); len(inspected) > 1 {
				require.Equal(t, flat(full, false), flat(inspected, false))
			}
			seen++
		})
	}
	require.GreaterOrEqual(t, seen, 9)
}

// Real exports: every text gives frames, and the main exception agrees with the
// attributes beside it.
func TestCaptures(t *testing.T) {
	t.Parallel()
	root := shared(t, "captures")
	files, err := filepath.Glob(filepath.Join(root, "*", "*.decoded.json"))
	require.NoError(t, err)
	seen := 0
	for _, file := range files {
		for _, x := range otlpExceptions(t, file) {
			seen++
			for _, language := range []string{x.language, "", "java"} {
				got := stack.Parse(language, x.text, x.typ, x.value)
				main := got[len(got)-1]
				require.NotEmpty(t, main.Frames, "%s: %s", file, x.text)
				require.Equal(t, scan.LastSegment(x.typ), scan.LastSegment(main.Type), file)
				require.Equal(t, x.value, main.Value, file)
				require.Equal(t, dump(stack.Parse(x.language, x.text, "", "")), dump(got), file)
			}
		}
	}
	require.GreaterOrEqual(t, seen, 20)
}
