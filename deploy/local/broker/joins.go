package broker

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// joins lets a rebalance of a consumer group come to its end. The engine waits for
// members that it knows of, and counts the time of that anew with each join. A client
// that waits in vain gives up and joins as a new member: several of them, where
// one is gone without a word, would so keep each other waiting for ever. So once a
// rebalance has lasted for its time new members are sent away until it is over,
// to ask again; those it waits for are taken.
type joins struct {
	room   *room // Nil: not asked. A join is written where commits are.
	mu     sync.Mutex
	groups map[string]*rebalance
}

// rebalance is what is known of one group.
type rebalance struct {
	under  bool          // Nobody has synced since the first join.
	begun  time.Time     // The first join.
	latest time.Time     // The last one that the engine saw.
	wait   time.Duration // The longest that a member of the group ever asked for: the engine takes that.
}

// watch has the engine ask before it takes a join.
func (j *joins) watch(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req, ok := r.(*kmsg.JoinGroupRequest)
		if !ok || (j.room == nil || j.room.has()) && j.admit(req, time.Now()) {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse) //nolint:forcetypeassert // It is that of the request.
		resp.ErrorCode = kerr.RebalanceInProgress.Code
		return resp, nil, true
	})
	// Who syncs was told that the rebalance is over.
	cluster.ControlKey(int16(kmsg.SyncGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if req, ok := r.(*kmsg.SyncGroupRequest); ok {
			j.over(req.Group)
		}
		return nil, nil, false
	})
}

func (j *joins) admit(req *kmsg.JoinGroupRequest, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.groups == nil {
		j.groups = map[string]*rebalance{}
	}
	g := j.groups[req.Group]
	if g == nil {
		g = &rebalance{}
		j.groups[req.Group] = g
	}
	if !g.under || now.Sub(g.latest) > g.wait { // Else nobody was left to sync.
		g.under, g.begun = true, now
	}
	if req.MemberID == "" && now.Sub(g.begun) > g.wait && g.wait > 0 {
		return false
	}
	g.latest = now
	g.wait = max(g.wait, time.Duration(req.RebalanceTimeoutMillis)*time.Millisecond)
	return true
}

func (j *joins) over(group string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if g := j.groups[group]; g != nil {
		g.under = false
	}
}
