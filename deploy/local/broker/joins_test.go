package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"errata/deploy/local/broker"
)

// Members that join again and again, each before the time of a rebalance that the
// one before began anew, find together, however many they are.
func TestManyMembersWaitForOneThatIsGone(t *testing.T) {
	t.Parallel()
	const members, rebalance = 6, time.Second
	b := start(t, broker.Config{Dir: t.TempDir(), Topics: []string{"events"}, Partitions: members, Group: "store"})
	silent(t, b.Addr(), "store")
	joined := make(chan int, members)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range members {
		group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: "store", Brokers: []string{b.Addr()}, Topics: []string{"events"},
			SessionTimeout: time.Minute, HeartbeatInterval: 100 * time.Millisecond, RebalanceTimeout: rebalance, Timeout: 2 * rebalance, JoinGroupBackoff: 100 * time.Millisecond})
		require.NoError(t, err)
		go func() {
			<-ctx.Done()
			_ = group.Close()
		}()
		go func() {
			for ctx.Err() == nil {
				if gen, err := group.Next(ctx); err == nil {
					joined <- len(gen.Assignments["events"])
				}
			}
		}()
		time.Sleep(rebalance / 2) // No second goes by without somebody who joins.
	}
	// A generation that all are in: each has a partition of its own.
	for alone, deadline := 0, time.After(3*time.Minute); alone < members; {
		select {
		case n := <-joined:
			if alone++; n != 1 {
				alone = 0
			}
		case <-deadline:
			t.Fatal("the members keep each other waiting")
		}
	}
}

// silent joins a group and says nothing more.
func silent(t *testing.T, addr, group string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = group, "consumer", 240_000, 1000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	join.Protocols = append(join.Protocols, protocol)
	got, err := join.RequestWith(t.Context(), client)
	require.NoError(t, err)
	if got.MemberID != "" && got.ErrorCode != 0 { // It is asked to come back with the name that it was given.
		join.MemberID = got.MemberID
		got, err = join.RequestWith(t.Context(), client)
		require.NoError(t, err)
	}
	require.Zero(t, got.ErrorCode)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = group, got.MemberID, got.Generation
	synced, err := sync.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.Zero(t, synced.ErrorCode)
}
