package sink_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema/tables/insert"
)

// Partitions of a topic look for refused rows at the same time, and a killed
// life of one of them left its probe.
func TestProbesSideBySide(t *testing.T) {
	t.Parallel()
	k, conn := reach(t, "probes", false)
	require.NoError(t, conn.Exec(t.Context(), "ALTER TABLE probes.events ADD CONSTRAINT sane CHECK title != 'title 3'"))
	rows := events(t, k, 12, 10).Table(insert.Events)
	_, err := k.Probe(t.Context(), insert.Events, "errata.events_0")
	require.NoError(t, err)
	first, err := k.Probe(t.Context(), insert.Events, "errata.events_0")
	require.NoError(t, err)
	second, err := k.Probe(t.Context(), insert.Events, "errata.events_1")
	require.NoError(t, err)
	want, err := first.Search(t.Context(), rows)
	require.NoError(t, err)
	require.NotEmpty(t, want)
	bad, err := second.Search(t.Context(), rows)
	require.NoError(t, err)
	require.Equal(t, want, bad)
	var left uint64
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM system.tables WHERE database = 'probes' AND startsWith(name, 'probe_')").Scan(&left))
	require.Zero(t, left)
}
