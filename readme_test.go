package main

import (
	"net"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The applications of README run beside the store: their ports are not among
// those that it takes by default.
func TestReadmePortsAreFree(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	taken := map[string]string{}
	for _, group := range parse(t, "up").AllFlags(false) {
		for _, f := range group {
			if _, port, err := net.SplitHostPort(f.Default); err == nil {
				taken[port] = f.Name
			}
		}
	}
	require.Equal(t, "clickhouse", taken["9000"])
	ports := regexp.MustCompile(`(?m)^uvicorn .*--port (\d+)`).FindAllStringSubmatch(string(raw), -1)
	require.NotEmpty(t, ports)
	for _, p := range ports {
		require.NotContains(t, taken, p[1], "%s is what errata up takes", p[1])
	}
}
