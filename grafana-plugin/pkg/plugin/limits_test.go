package plugin_test

import (
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
)

func TestLimits(t *testing.T) {
	t.Run("time", func(t *testing.T) {
		s := source(t, settings{"timeoutSeconds": 1}, nil)
		r := askOne(t, s, `{"mode":"sql","sql":"SELECT sum(sleepEachRow(0.1)) FROM numbers(250) SETTINGS max_block_size = 1"}`, nil)
		require.ErrorContains(t, r.Error, "longer than 1 seconds")
		require.Equal(t, backend.StatusTimeout, r.Status)
	})
	t.Run("rows", func(t *testing.T) {
		s := source(t, settings{"maxRows": 10}, nil)
		r := askOne(t, s, `{"mode":"sql","sql":"SELECT number FROM numbers(100000)"}`, nil)
		require.NoError(t, r.Error)
		require.Equal(t, 10, r.Frames[0].Rows())
		require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "Truncated")
	})
	t.Run("list", func(t *testing.T) {
		s := source(t, nil, nil)
		r := askOne(t, s, `{"mode":"events","limit":3}`, nil)
		require.Equal(t, 3, r.Frames[0].Rows())
		require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "Truncated")
		r = askOne(t, s, `{"mode":"issues","limit":3}`, nil)
		require.Empty(t, r.Frames[0].Meta.Notices)
	})
	t.Run("catalog", func(t *testing.T) {
		s := source(t, nil, nil)
		r := askOne(t, s, `{"mode":"catalog","name":"latest_events","project":"shop","params":{"issue":"`+issueA+`"},"limit":3}`, nil)
		require.NoError(t, r.Error)
		require.Equal(t, 3, r.Frames[0].Rows())
		require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "first 3 rows of latest_events")
		r = askOne(t, s, `{"mode":"catalog","name":"latest_events","project":"shop","params":{"issue":"`+issueA+`","limit":"12"}}`, nil)
		require.NoError(t, r.Error)
		require.Equal(t, 12, r.Frames[0].Rows())
		require.Empty(t, r.Frames[0].Meta.Notices, "all that there are")
	})
	t.Run("series", func(t *testing.T) {
		s := source(t, nil, nil)
		r := askOne(t, s, `{"mode":"error_trend","by":"issue","limit":1}`, nil)
		require.Len(t, r.Frames[0].Fields, 3) // Time, the largest, other.
		require.Contains(t, r.Frames[0].Meta.Notices[0].Text, "1 largest of 3")
	})
}

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		name    string
		more    settings
		secrets map[string]string
		ok      bool
		want    string
	}{
		{"fine", nil, nil, true, "The store answers: 2 projects. Triage is on."},
		{"no triage password", nil, map[string]string{"password": clickhousetest.Passwords["reader"]}, true, "Triage is off until"},
		{"wrong password", nil, map[string]string{"password": "no"}, false, "refuses the user or the password"},
		{"wrong triage password", nil, map[string]string{"password": clickhousetest.Passwords["reader"], "triagePassword": "no"}, false, "not to the triage user"},
		{"wrong edge", settings{"edges": "http://a/b"}, nil, false, "must be host:port"},
		{"nobody there", settings{"address": "127.0.0.1:1"}, nil, false, "Nothing answers as ClickHouse at 127.0.0.1:1"},
		{"no host", settings{"address": "no-such-host.invalid:9000"}, nil, false, "host"},
		{"a DSN", settings{"address": "http://7a1c3b5e9d2f4a6b8c0d1e2f3a4b5c6d@127.0.0.1:8000/1"}, nil, false, "a DSN is for SDKs"},
		{"an URL", settings{"address": "http://127.0.0.1:8123/"}, nil, false, "must be host:port"},
		{"nothing", settings{"address": ""}, nil, false, "address is missing"},
		{"wrong database", settings{"database": "nothing"}, nil, false, "atabase"},
		{"wrong role", settings{"triageRole": "Everyone"}, nil, false, "who may triage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := source(t, c.more, c.secrets)
			r, err := s.CheckHealth(t.Context(), &backend.CheckHealthRequest{})
			require.NoError(t, err)
			require.Equal(t, c.ok, r.Status == backend.HealthStatusOk, r.Message)
			require.Contains(t, r.Message, c.want)
			for _, p := range clickhousetest.Passwords {
				require.NotContains(t, r.Message, p)
			}
		})
	}
}

// Comments and texts end for macros where they end for the server.
