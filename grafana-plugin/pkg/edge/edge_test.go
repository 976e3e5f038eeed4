package edge_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/grafana-plugin/pkg/edge"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		name, given string
		want        []string
		fails       bool
	}{
		{"none", " , ", nil, false},
		{"one", "127.0.0.1:8000", []string{"http://127.0.0.1:8000"}, false},
		{"several", "a:1, https://b:2/", []string{"http://a:1", "https://b:2"}, false},
		{"version 6", "[::1]:8000", []string{"http://[::1]:8000"}, false},
		{"a path", "http://a:1/metrics", nil, true},
		{"a file", "file:///etc/passwd", nil, true},
		{"a password", "http://u:p@a:1", nil, true},
		{"no host", "http://", nil, true},
		{"a variable without a value", "$ERRATA_EDGES/x", nil, true},
		{"too many", strings.Repeat("a:1,", 51), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := edge.Addresses(c.given)
			if c.fails {
				require.ErrorIs(t, err, edge.ErrAddress)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestLastAccepted(t *testing.T) {
	const name = "errata_ingest_last_accepted_timestamp_seconds"
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   time.Time
		fails  string
	}{
		{"a moment", 200, "# TYPE " + name + " gauge\n" + name + " 1.7905e+09\nother 1\n", time.Unix(1_790_500_000, 0).UTC(), ""},
		{"nothing yet", 200, "# TYPE " + name + " gauge\n" + name + " 0\n", time.Time{}, ""},
		{"no number", 200, "# TYPE " + name + " gauge\n" + name + " NaN\n", time.Time{}, ""},
		{"an older edge", 200, "other 1\n", time.Time{}, "one of an older version"},
		{"something else", 200, "<html>", time.Time{}, "cannot be read"},
		{"no such page", 404, "", time.Time{}, "answers 404"},
		{"sent elsewhere", 302, "", time.Time{}, "answers 302"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/metrics" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer s.Close()
			client, err := edge.New()
			require.NoError(t, err)
			got, err := client.LastAccepted(t.Context(), s.URL)
			if c.fails != "" {
				require.ErrorIs(t, err, edge.ErrEdge)
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	client, err := edge.New()
	require.NoError(t, err)
	_, err = client.LastAccepted(t.Context(), "http://127.0.0.1:1")
	require.ErrorContains(t, err, "nothing answers")
}
