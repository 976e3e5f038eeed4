package consumer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"errata/schema"
)

// A member of the group that is gone, but not known to be, keeps the others
// waiting for the time of a rebalance. The embedded broker counts that time anew
// whenever somebody joins, so who gives up and joins again must not do so faster.
func TestMemberThatIsGone(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a rebalance: not with -short")
	}
	t.Parallel()
	s := newStore(t, 2)
	cfg := s.config()
	silent(t, s.brokers, cfg.Group)
	s.send(schema.TopicEvents, "a", anEvent(1), anEvent(2))
	s.start(cfg)
	time.Sleep(6 * time.Second) // So that two that join again each 15 s are never 10 s apart.
	s.start(cfg)
	s.eventually(2, "SELECT count() FROM events") // Both are in after one rebalance of 10 s, or never.
}

// silent joins a group and says nothing more.
func silent(t *testing.T, brokers []string, group string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = group, "consumer", 240_000, 10_000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	join.Protocols = append(join.Protocols, protocol)
	got, err := join.RequestWith(context.Background(), client)
	require.NoError(t, err)
	if got.MemberID != "" && got.ErrorCode != 0 { // It is asked to come back with the name that it was given.
		join.MemberID = got.MemberID
		got, err = join.RequestWith(context.Background(), client)
		require.NoError(t, err)
	}
	require.Zero(t, got.ErrorCode)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = group, got.MemberID, got.Generation
	synced, err := sync.RequestWith(context.Background(), client)
	require.NoError(t, err)
	require.Zero(t, synced.ErrorCode)
}
