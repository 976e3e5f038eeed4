package broker

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// silent takes those out of a consumer group who are gone before they were in it.
// The engine counts the time of a session from an answer that reached its member:
// one that was killed while it waited for its first would stay for ever, and nobody
// would read the partitions that it was given.
type silent struct {
	addr   string
	mu     sync.Mutex
	groups map[string]*generation
	ended  bool
	work   sync.WaitGroup
}

// generation is one generation of a group.
type generation struct {
	number  int32
	session time.Duration          // The longest that a member of the group ever asked for.
	heard   map[string]bool        // Members who said something in it.
	asked   map[string]*time.Timer // Members who were given partitions and said nothing yet.
}

// leaveTimeout bounds what a member's leave may take.
const leaveTimeout = 5 * time.Second

// watch has the engine tell of what members say.
func (s *silent) watch(cluster *kfake.Cluster) {
	s.addr, s.groups = cluster.ListenAddrs()[0], map[string]*generation{}
	tell := func(key kmsg.Key, hear func(kmsg.Request)) {
		cluster.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			hear(r)
			return nil, nil, false
		})
	}
	tell(kmsg.JoinGroup, func(r kmsg.Request) {
		if req, ok := r.(*kmsg.JoinGroupRequest); ok {
			g := s.group(req.Group)
			g.session = max(g.session, time.Duration(req.SessionTimeoutMillis)*time.Millisecond)
			g.hear(req.MemberID)
		}
	})
	tell(kmsg.Heartbeat, func(r kmsg.Request) {
		if req, ok := r.(*kmsg.HeartbeatRequest); ok {
			s.group(req.Group).hear(req.MemberID)
		}
	})
	tell(kmsg.SyncGroup, func(r kmsg.Request) {
		if req, ok := r.(*kmsg.SyncGroupRequest); ok {
			s.synced(req)
		}
	})
}

func (s *silent) group(name string) *generation {
	g := s.groups[name]
	if g == nil {
		g = &generation{heard: map[string]bool{}, asked: map[string]*time.Timer{}}
		s.groups[name] = g
	}
	return g
}

func (g *generation) hear(member string) {
	if t := g.asked[member]; t != nil {
		t.Stop()
		delete(g.asked, member)
	}
}

// synced hears one member, and of all the others where it is the leader: it says
// who was given what.
func (s *silent) synced(req *kmsg.SyncGroupRequest) {
	g := s.group(req.Group)
	if req.Generation != g.number {
		for member := range g.asked {
			g.hear(member)
		}
		g.number = req.Generation
		clear(g.heard)
	}
	g.heard[req.MemberID] = true
	g.hear(req.MemberID)
	for _, a := range req.GroupAssignment {
		member := a.MemberID
		if s.ended || g.heard[member] || g.asked[member] != nil {
			continue
		}
		g.asked[member] = time.AfterFunc(g.session, func() { s.leave(g, req.Group, member) })
	}
}

// leave says for a member that it leaves, if it has not been heard since.
func (s *silent) leave(g *generation, group, member string) {
	s.mu.Lock()
	gone := g.asked[member] != nil && !s.ended
	delete(g.asked, member)
	if gone {
		s.work.Add(1)
		defer s.work.Done()
	}
	s.mu.Unlock()
	if !gone {
		return
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr))
	if err != nil {
		return
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, member
	of := kmsg.NewLeaveGroupRequestMember()
	of.MemberID = member
	req.Members = append(req.Members, of)
	_, _ = req.RequestWith(ctx, client) // A broker that stops has no groups.
}

// end stops what still waits.
func (s *silent) end() {
	s.mu.Lock()
	s.ended = true
	for _, g := range s.groups {
		for member := range g.asked {
			g.hear(member)
		}
	}
	s.mu.Unlock()
	s.work.Wait()
}

// Watch takes those out of an engine's consumer groups who are gone before they
// were in them, and returns what ends that: for an engine that is not a Broker's.
func Watch(cluster *kfake.Cluster) (end func()) {
	s := &silent{}
	s.watch(cluster)
	return s.end
}
