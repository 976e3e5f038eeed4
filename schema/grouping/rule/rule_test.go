package rule

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func stack(functions ...string) []schema.Frame {
	out := make([]schema.Frame, len(functions))
	for i, f := range functions {
		out[i] = schema.Frame{Function: f, AbsPath: "/srv/app/" + f + ".py", Module: "app." + f}
	}
	return out
}

func TestFrameRules(t *testing.T) {
	t.Parallel()
	frames := stack("main", "handle", "work", "fail")
	cases := map[string]struct {
		rules string
		app   string // One letter a frame: + yes, - no, . unset.
		group string
	}{
		"one frame":            {"function:work -app", "..-.", "...."},
		"later rules win":      {"function:work -app\nfunction:work +app", "..+.", "...."},
		"up to the crash":      {"function:handle ^-group", "....", "..--"},
		"away from the crash":  {"function:work v-group -group", "....", "---."},
		"caller":               {"[ function:main ] | function:* -app", ".-..", "...."},
		"caller without space": {"[function:main] | function:handle -app", ".-..", "...."},
		"callee":               {"function:* | [ function:fail ] +app", "..+.", "...."},
		"negated":              {"!function:work -app", "--.-", "...."},
		"two matchers":         {"function:w* module:app.w* -app -group", "..-.", "..-."},
		"quoted":               {`function:"work" -app`, "..-.", "...."},
		"by path":              {"path:**/app/f*.py -app", "...-", "...."},
		"relative path":        {"path:srv/** -app", "----", "...."},
		"of the exception":     {"type:Timeout -app", "----", "...."},
		"of another exception": {"type:Other -app", "....", "...."},
		"of its value":         {`value:"*after 3S*" +app`, "++++", "...."},
		"another family":       {"family:native function:work -app", "....", "...."},
		"its family":           {"family:python,java function:work -app", "..-.", "...."},
		"the family of others": {"family:other function:work -app", "..-.", "...."},
		"categories":           {"function:handle category=base\ncategory:base -group v-group", "....", "--.."},
		"what is in app":       {"function:work -app\napp:no function:work +group", "..-.", "..+."},
		"comment":              {"# function:work -app\nfunction:fail -app # why", "...-", "...."},
	}
	show := func(m Mark) string { return map[Mark]string{Unset: ".", Yes: "+", No: "-"}[m] }
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseFrames(c.rules)
			require.NoError(t, err)
			out := make([]Decision, len(frames))
			s.Apply(Subject{Platform: "python", Exception: &schema.Exception{Type: "Timeout", Value: "gave up after 3s"}}, frames, out)
			var app, group string
			for _, d := range out {
				app += show(d.App)
				group += show(d.Group)
			}
			require.Equal(t, c.app, app)
			require.Equal(t, c.group, group)
		})
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	frames := map[string]string{
		"function:x":                     "needs an action",
		"-app":                           "needs a matcher",
		"colour:red -app":                "unknown matcher",
		"function:x -banana":             "unknown action",
		"function:x banana":              "unknown word",
		"family:cobol -app":              "unknown family",
		"app:maybe -app":                 "yes or no",
		`function:"x -app`:               "not closed",
		"function:x max-frames=many":     "is a number",
		"function:x -> y":                "fingerprint rules",
		"function: -app":                 "value is missing",
		"function:x invert-stacktrace=1": "not supported",
	}
	for text, want := range frames {
		_, err := ParseFrames("# first\n\n" + text)
		require.ErrorContains(t, err, want, text)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, 3, e.Line)
	}
	prints := map[string]string{
		"type:x":                           "needs ->",
		"-> y":                             "needs a matcher",
		"type:x ->":                        "fingerprint is missing",
		"type:x -> {{ colour }}":           "unknown variable",
		"type:x -> {{ type":                "not closed",
		`type:x -> y colour="red"`:         "unknown attribute",
		"type:x -> y level=loud":           "level is",
		"x -> y":                           "expected a matcher",
		`type:x -> y title="{{ colour }}"`: "unknown variable",
	}
	for text, want := range prints {
		_, err := ParseFingerprints(text)
		require.ErrorContains(t, err, want, text)
	}
	_, err := ParseFrames(strings.Repeat("function:x -app\n", MaxRules+1))
	require.ErrorContains(t, err, "more than 1000 rules")
	_, err = ParseFingerprints(strings.Repeat("x", MaxText+1))
	require.ErrorContains(t, err, "more than the limit")
}

func TestFingerprintRules(t *testing.T) {
	t.Parallel()
	e := &Event{
		Platform: "python", Message: "Payment Refused", Logger: "billing", Level: "error", Transaction: "/pay", Release: "shop@1.2.0", SDK: "sentry.python",
		Tags:       []*schema.Tag{{Key: "region", Value: "eu"}},
		Exceptions: []schema.Exception{{Type: "OSError", Value: "disk"}, {Type: "shop.PaymentError", Value: "Card Refused"}},
		Stacks:     []EventStack{{}, {Frames: stack("main", "charge"), Decisions: []Decision{{App: Yes}, {App: No}}}},
	}
	cases := map[string]bool{
		"type:OSError -> a":                                true,
		"type:PaymentError -> a":                           true,
		"type:shop.PaymentError -> a":                      true,
		"type:ValueError -> a":                             false,
		"type:OSError value:*refused* -> a":                false, // Of one exception.
		"type:PaymentError value:*refused* -> a":           true,
		"message:*refused* -> a":                           true,
		"message:disk -> a":                                true,
		"logger:billing level:error transaction:/p* -> a":  true,
		"!logger:billing -> a":                             false,
		"tags.region:eu -> a":                              true,
		"tags.region:us -> a":                              false,
		"tags.none:* -> a":                                 false,
		"sdk:sentry.python release:shop@1.* -> a":          true,
		"family:other -> a":                                true,
		"family:javascript -> a":                           false,
		"function:charge app:no -> a":                      true,
		"function:charge app:yes -> a":                     false, // Of one frame.
		"path:**/app/main.py module:app.* -> a":            true,
		"error.type:OSError stack.function:main -> a, b c": true,
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s, err := ParseFingerprints(text)
			require.NoError(t, err)
			require.Equal(t, want, s.Match(e) != nil)
		})
	}
	s, err := ParseFingerprints("type:none -> x\ntype:OSError -> disk, {{ transaction }} \"a b\" k=v title=\"Disk of {{ tags.region }}\" level=warning\ntype:* -> late")
	require.NoError(t, err)
	r := s.Match(e)
	require.Equal(t, []string{"disk", "{{ transaction }}", "a b", "k=v"}, r.Parts)
	require.Equal(t, "Disk of {{ tags.region }}", r.Title)
	require.Equal(t, schema.Level_LEVEL_WARNING, r.Level)
	require.Equal(t, 2, r.Line)
}

func TestExpand(t *testing.T) {
	t.Parallel()
	f := func(name string) (string, bool) { return "<" + name + ">", name != "unknown" }
	for in, want := range map[string]string{
		"": "", "a": "a", "{{ x }}": "<x>", "{{x}}-{{ y }}": "<x>-<y>", "{{ unknown }}": "{{ unknown }}", "{{ x": "{{ x", "}}": "}}",
	} {
		require.Equal(t, want, Expand(in, f))
	}
	require.Equal(t, "default", Variable("{{ default }}"))
	require.Empty(t, Variable("{{ a }} {{ b }}"))
	require.Empty(t, Variable("{{"))
}

func FuzzParse(f *testing.F) {
	f.Add("family:native function:{a,b}* ^-group -group category=x")
	f.Add(`[ path:**/x/** ] | type:"a b" +app`)
	f.Add(`type:x value:"*y*" -> a, {{ tags.b }} title="c"`)
	frames := stack("main", "work")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseFrames(text); err == nil {
			out := make([]Decision, len(frames))
			s.Apply(Subject{Platform: "native", Exception: &schema.Exception{Type: "x"}}, frames, out)
		}
		if s, err := ParseFingerprints(text); err == nil {
			s.Match(&Event{Message: "m", Exceptions: []schema.Exception{{Type: "x"}}, Stacks: []EventStack{{Frames: frames, Decisions: make([]Decision, 2)}}})
		}
	})
}
