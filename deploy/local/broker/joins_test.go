package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
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

// A member that is killed while it waits to be let into its group is not given
// partitions for ever.
func TestMemberKilledBeforeItIsIn(t *testing.T) {
	t.Parallel()
	b := start(t, broker.Config{Dir: t.TempDir(), Topics: []string{"events"}, Partitions: 2, Group: "store"})
	join := func(client *kgo.Client, member string) (*kmsg.JoinGroupResponse, error) {
		r := kmsg.NewPtrJoinGroupRequest()
		r.Group, r.ProtocolType, r.MemberID, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = "store", "consumer", member, 2000, 20_000
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name = "range"
		r.Protocols = append(r.Protocols, p)
		return r.RequestWith(t.Context(), client)
	}
	enter := func(client *kgo.Client) (*kmsg.JoinGroupResponse, error) {
		got, err := join(client, "")
		if err == nil && got.ErrorCode == kerr.MemberIDRequired.Code {
			return join(client, got.MemberID)
		}
		return got, err
	}
	client := func() *kgo.Client {
		c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	}
	first, second := client(), client()
	members := func(c *kgo.Client) []kmsg.DescribeGroupsResponseGroupMember {
		r := kmsg.NewPtrDescribeGroupsRequest()
		r.Groups = []string{"store"}
		got, err := r.RequestWith(t.Context(), c)
		require.NoError(t, err)
		return got.Groups[0].Members
	}
	sync := func(in *kmsg.JoinGroupResponse) {
		r := kmsg.NewPtrSyncGroupRequest()
		r.Group, r.MemberID, r.Generation = "store", in.MemberID, in.Generation
		for _, m := range in.Members {
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberID, a.MemberAssignment = m.MemberID, []byte{0}
			r.GroupAssignment = append(r.GroupAssignment, a)
		}
		got, err := r.RequestWith(t.Context(), first)
		require.NoError(t, err)
		require.Zero(t, got.ErrorCode)
	}
	leader, err := enter(first)
	require.NoError(t, err)
	require.Equal(t, leader.LeaderID, leader.MemberID)
	sync(leader)
	alive, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // The leader does not rejoin before the other one is gone.
		for alive.Err() == nil {
			r := kmsg.NewPtrHeartbeatRequest()
			r.Group, r.MemberID, r.Generation = "store", leader.MemberID, leader.Generation
			_, _ = r.RequestWith(alive, first)
			time.Sleep(200 * time.Millisecond)
		}
	}()
	waits := make(chan error, 1)
	go func() {
		_, err := enter(second)
		waits <- err
	}()
	other := client()
	require.Eventually(t, func() bool { return len(members(other)) == 2 }, 30*time.Second, 20*time.Millisecond)
	second.Close() // As kill -9: its connections end.
	require.Error(t, <-waits)
	time.Sleep(300 * time.Millisecond) // The engine sees that.
	again, err := join(first, leader.MemberID)
	require.NoError(t, err)
	require.Zero(t, again.ErrorCode)
	require.Len(t, again.Members, 2)
	stop()
	sync(again)
	// The leader speaks on in the new generation.
	require.Eventually(t, func() bool {
		r := kmsg.NewPtrHeartbeatRequest()
		r.Group, r.MemberID, r.Generation = "store", again.MemberID, again.Generation
		_, err := r.RequestWith(t.Context(), first)
		require.NoError(t, err)
		return len(members(other)) == 1
	}, 30*time.Second, 100*time.Millisecond)
}
