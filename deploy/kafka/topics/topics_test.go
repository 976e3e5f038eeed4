package topics_test

import (
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"errata/deploy/kafka/topics"
	"errata/deploy/local/broker"
)

func partitions(t *testing.T, addr string) map[string]int {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	m, err := (&kafka.Client{Addr: kafka.TCP(addr), Transport: transport}).Metadata(t.Context(), &kafka.MetadataRequest{})
	require.NoError(t, err)
	out := map[string]int{}
	for _, x := range m.Topics {
		out[x.Name] = len(x.Partitions)
	}
	return out
}

// Missing topics appear, those that are there keep their partitions, and a
// second run changes nothing.
func TestEnsure(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(t.Context(), broker.Config{Dir: t.TempDir(), Topics: []string{"one.errata.events"}, Group: "store"})
	require.NoError(t, err)
	t.Cleanup(b.Stop)
	var said strings.Builder
	o := topics.Options{Brokers: []string{b.Addr()}, Prefix: "one.", Partitions: 3, Replication: 1, Progress: &said}

	require.NoError(t, topics.Ensure(t.Context(), o))
	want := map[string]int{"one.errata.events": 1, "one.errata.spans": 3, "one.errata.logs": 3, "one.errata.sessions": 3, "one.errata.outcomes": 3, "one.errata.dead": 3}
	require.Equal(t, want, partitions(t, b.Addr()))
	require.Contains(t, said.String(), "kept one.errata.events, 1 partitions\n")
	require.Contains(t, said.String(), "created one.errata.dead, 3 partitions, 1 replicas\n")

	said.Reset()
	o.Partitions = 5
	require.NoError(t, topics.Ensure(t.Context(), o))
	require.Equal(t, want, partitions(t, b.Addr()))
	require.NotContains(t, said.String(), "created")
	require.Equal(t, 6, strings.Count(said.String(), "kept"))
}

func TestEnsureRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		o    topics.Options
		want string
	}{
		{"no broker", topics.Options{Partitions: 1, Replication: 1}, "--kafka"},
		{"no partitions", topics.Options{Brokers: []string{"127.0.0.1:1"}, Replication: 1}, "--partitions"},
		{"too many partitions", topics.Options{Brokers: []string{"127.0.0.1:1"}, Partitions: 1001, Replication: 1}, "--partitions"},
		{"no replica", topics.Options{Brokers: []string{"127.0.0.1:1"}, Partitions: 1}, "--replication"},
		{"nobody there", topics.Options{Brokers: []string{"127.0.0.1:1"}, Partitions: 1, Replication: 1}, "cannot list topics"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, topics.Ensure(t.Context(), c.o), c.want)
		})
	}
}
