package group

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Sync gives a member its assignment. The leader brings everybody's; it is committed before anyone is answered, so a new
// coordinator knows the same generation. Source: Kafka's GroupCoordinator.handleSyncGroup, KIP-559.
func (s *Shard) Sync(now time.Time, req SyncRequest, reply func(SyncResponse)) {
	refuse := func(code coordinator.Code) { reply(SyncResponse{Code: code}) }
	g := s.groups[req.Group]
	if s.wait(g, func(now time.Time) { s.Sync(now, req, reply) }, refuse) {
		return
	}
	if g != nil && g.consumers != nil {
		s.syncConsumers(now, g, req, reply)
		return
	}
	g, m, code := s.memberOf(req.Group, req.MemberID, req.InstanceID)
	if code != coordinator.OK {
		refuse(code)
		return
	}
	defer s.settle(g)
	switch {
	case g.state == PreparingRebalance:
		code = coordinator.RebalanceInProgress
	case req.Generation != g.generation:
		code = coordinator.IllegalGeneration
	case req.ProtocolType != "" && req.ProtocolType != g.protocolType, req.Protocol != "" && req.Protocol != g.protocol:
		code = coordinator.InconsistentProtocol
	}
	if code != coordinator.OK {
		refuse(code)
		return
	}
	m.touch(now)
	if g.state == Stable {
		m.synced = true
		reply(g.assigned(m))
		return
	}
	if m.sync != nil {
		m.sync(SyncResponse{Code: coordinator.RebalanceInProgress})
	}
	m.sync = reply
	m.synced = true
	if m.id == g.leader && g.storing != g.generation {
		s.storeAssignment(g, req.Assignments)
	}
}

func (g *group) assigned(m *member) SyncResponse {
	return SyncResponse{ProtocolType: g.protocolType, Protocol: g.protocol, Assignment: m.assignment}
}

// storeAssignment commits the leader's assignment; the group is stable when it is in the log. The assignment of a generation
// before may still be under way: whoever waited for it is answered, and it means nothing any more.
func (s *Shard) storeAssignment(g *group, assignments map[string][]byte) {
	generation := g.generation
	g.storing = generation
	s.store(g, assignments, func(now time.Time, err error) { s.assignmentStored(now, g, generation, assignments, err) })
}

func (g *group) endStoring(generation int32) {
	if g.storing == generation {
		g.storing = 0
	}
}

// assignmentStored gives everyone who waits the assignment that is in the log now, or tells that it is not.
func (s *Shard) assignmentStored(now time.Time, g *group, generation int32, assignments map[string][]byte, err error) {
	// A group on its way to another protocol took its members along as they were: the assignment comes too late if it gets there.
	again := func(now time.Time) { s.assignmentStored(now, g, generation, assignments, err) }
	drop := func(code coordinator.Code) {
		g.endStoring(generation)
		g.failSyncs(code)
	}
	if s.wait(g, again, drop) {
		return
	}
	g.endStoring(generation)
	if g.state != CompletingRebalance || g.generation != generation {
		return // a rebalance came between and answered everyone
	}
	defer s.settle(g)
	if err != nil {
		g.failSyncs(codeOf(err))
		s.rebalance(now, g)
		return
	}
	for _, m := range g.members {
		m.assignment = assignments[m.id]
	}
	g.enter(Stable, now)
	for _, m := range g.members {
		if m.sync != nil {
			reply := m.sync
			m.sync = nil
			m.touch(now)
			reply(g.assigned(m))
		}
	}
}

// Heartbeat keeps a member's session alive and tells it of a rebalance.
func (s *Shard) Heartbeat(now time.Time, c Committer, reply func(coordinator.Code)) {
	g := s.groups[c.Group]
	if s.wait(g, func(now time.Time) { s.Heartbeat(now, c, reply) }, reply) {
		return
	}
	if g != nil && g.consumers != nil {
		reply(s.heartbeatConsumers(now, g, c))
		return
	}
	reply(s.heartbeat(now, c))
}

func (s *Shard) heartbeat(now time.Time, c Committer) coordinator.Code {
	g, m, code := s.memberOf(c.Group, c.MemberID, c.InstanceID)
	if code != coordinator.OK {
		return code
	}
	if c.Generation != g.generation {
		return coordinator.IllegalGeneration
	}
	m.touch(now)
	s.settle(g)
	if g.state == PreparingRebalance {
		return coordinator.RebalanceInProgress
	}
	return coordinator.OK
}

// Leave takes members out, and answers a code for each. Source: KIP-345.
func (s *Shard) Leave(now time.Time, group string, leaving []LeavingMember, reply func(coordinator.Code, []coordinator.Code)) {
	g := s.groups[group]
	refuse := func(code coordinator.Code) { reply(code, make([]coordinator.Code, len(leaving))) }
	switch {
	case group == "":
		refuse(coordinator.InvalidGroupID)
	case s.wait(g, func(now time.Time) { s.Leave(now, group, leaving, reply) }, refuse):
	case g != nil && g.consumers != nil:
		s.leaveConsumers(now, g, leaving, reply)
	default:
		reply(s.leave(now, g, leaving))
	}
}

func (s *Shard) leave(now time.Time, g *group, leaving []LeavingMember) (coordinator.Code, []coordinator.Code) {
	codes := make([]coordinator.Code, len(leaving))
	if g == nil {
		for i := range codes {
			codes[i] = coordinator.UnknownMemberID
		}
		return coordinator.OK, codes
	}
	defer s.settle(g)
	for i, l := range leaving {
		if _, ok := g.pending[l.MemberID]; ok && l.InstanceID == "" {
			s.dropPending(now, g, l.MemberID)
			continue
		}
		id := l.MemberID
		if l.InstanceID != "" && id == "" {
			id = g.static[l.InstanceID]
		}
		m, code := g.find(id, l.InstanceID)
		codes[i] = code
		if code == coordinator.OK {
			s.expel(now, g, m, coordinator.UnknownMemberID)
		}
	}
	return coordinator.OK, codes
}

// expel removes a member, answering whatever it waits for, and starts a rebalance among those who remain.
func (s *Shard) expel(now time.Time, g *group, m *member, code coordinator.Code) {
	if m.join != nil {
		m.join(JoinResponse{Code: code, MemberID: m.id, Generation: -1})
		m.join = nil
	}
	if m.sync != nil {
		m.sync(SyncResponse{Code: code})
		m.sync = nil
	}
	g.remove(m)
	s.afterRemoval(now, g)
}

func (s *Shard) afterRemoval(now time.Time, g *group) {
	switch g.state {
	case Stable, CompletingRebalance:
		s.rebalance(now, g)
	case PreparingRebalance:
		s.maybeCompleteJoin(now, g)
	}
}

// dropPending takes a member id back that nobody used: at most the members who join wait for that.
func (s *Shard) dropPending(now time.Time, g *group, id string) {
	delete(g.pending, id)
	if g.state == PreparingRebalance {
		s.maybeCompleteJoin(now, g)
	}
}

func (s *Shard) maybeCompleteJoin(now time.Time, g *group) {
	if g.initialLeft < 0 && g.allJoined() {
		s.completeJoin(now, g)
	}
}
