package intake

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

func TestParseSettings(t *testing.T) {
	for name, tc := range map[string]struct{ text, err string }{
		"empty":              {"", ""},
		"all":                {`{"scrub":{"sensitive_fields":["x"],"rules":[{"path":"a.b"}]},"filters":{"releases":["a*"],"ips":["10.0.0.0/8"]},"quotas":[{"categories":["error"],"limit":5,"window_seconds":60}],"flood":{"per_minute":10},"grouping":{"fingerprint_rules":""},"allowed_origins":["*"],"keep":{"profiles":true}}`, ""},
		"misspelt field":     {`{"quota":[]}`, `unknown field "quota"; the fields are scrub.`},
		"misspelt key in it": {`{"quotas":[{"limits":1}]}`, "quotas[].limit, quotas[].window_seconds"},
		"text after":         {`{} {}`, "after the JSON object"},
		"no JSON":            {`nope`, "cannot read settings"},
		"bad window":         {`{"quotas":[{"limit":1}]}`, "quotas[0].window_seconds"},
		"unknown category":   {`{"quotas":[{"limit":1,"window_seconds":1,"categories":["errors"]}]}`, `"errors" is not a category`},
		"bad network":        {`{"filters":{"ips":["x"]}}`, "filters.ips"},
		"bad scrub rule":     {`{"scrub":{"rules":[{"pattern":"/(/"}]}}`, "scrub: rules[0].pattern"},
		"bad grouping rule":  {`{"grouping":{"fingerprint_rules":"this is no rule"}}`, "grouping"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSettings(tc.text)
			if tc.err == "" {
				require.NoError(t, err)
				require.NotNil(t, s)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}

func TestAProjectWithBadSettingsWorksOnDefaults(t *testing.T) {
	p, err := NewProject(schema.Project{ID: 3, Settings: `{"flood":{"per_minute":-1}}`})
	require.ErrorContains(t, err, "project 3")
	require.NotNil(t, p)
	require.NotNil(t, p.Grouper)
	require.True(t, p.Settings.Keep.KeepAttachments())
	require.False(t, p.Settings.Keep.KeepReplays())
	require.Equal(t, "[Filtered]", p.Scrubber.Attribute("password", "x", nil))
}
