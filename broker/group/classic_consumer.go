package group

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// The requests of classic members of a consumer group: while a group moves to the new protocol both kinds work side by
// side. To a classic member the coordinator is the leader, a generation is its member epoch, and every step of its
// reconciliation is a rebalance. Source: KIP-848, Kafka's classicGroupJoinToConsumerGroup and its neighbours.

// joinConsumers takes a classic member into a consumer group.
func (s *Shard) joinConsumers(now time.Time, g *group, req JoinRequest, reply func(JoinResponse)) {
	refuse := func(code coordinator.Code) { reply(JoinResponse{Code: code, MemberID: req.MemberID, Generation: -1}) }
	said, err := subscriptionOf(req.Protocols)
	if req.ProtocolType != consumerProtocol || !g.consumers.speakAlike(req) {
		refuse(coordinator.InconsistentProtocol)
		return
	}
	unknown := req.MemberID == ""
	if unknown {
		req.MemberID = s.newMemberID(req)
	}
	ch := s.begin(now, g)
	m, code := ch.classicSpeaker(&req, unknown)
	switch {
	case code == coordinator.OK && unknown && req.InstanceID == "" && req.RequireKnownMemberID:
		code = coordinator.MemberIDRequired
		fallthrough
	case code != coordinator.OK:
		refuse(code)
		return
	case err != nil:
		refuse(coordinator.InconsistentProtocol)
		return
	}
	next := *m
	next.instance, next.rack, next.names, next.regex, next.assignor = req.InstanceID, said.rack, said.names, "", ""
	next.clientID, next.clientHost, next.rebalanceTimeout = req.ClientID, req.ClientHost, req.RebalanceTimeout
	next.classic = &classic{sessionTimeout: req.SessionTimeout, protocols: req.Protocols}
	holds := []Partition{}
	for _, t := range said.holds {
		holds = append(holds, s.partitionsOf(t.Topic, t.Partitions)...)
	}
	done := ch.advance(&next, holds, true, nil)
	if ch.c.allClassic() {
		ch.downgrade()
	}
	still := ch.c != nil
	ch.commit(func(now time.Time, err error) {
		if err != nil {
			refuse(codeOf(err))
			return
		}
		if !still {
			s.Join(now, req, reply) // as a member of a classic group now
			return
		}
		s.touch(now, g, done)
		c := g.clocks[done.id]
		c.join, c.revoke, c.sync = time.Time{}, time.Time{}, now.Add(req.RebalanceTimeout)
		s.setClock(g, done.id, c)
		reply(JoinResponse{
			MemberID: done.id, Generation: done.epoch, ProtocolType: consumerProtocol, Protocol: req.Protocols[0].Name,
		})
	})
}

// emptyToClassic makes a consumer group without members a classic one for its first classic member.
func (s *Shard) emptyToClassic(now time.Time, g *group, req JoinRequest, reply func(JoinResponse)) {
	ch := s.begin(now, g)
	ch.dissolve()
	ch.c = nil
	ch.applied = append(ch.applied, func(time.Time) { g.leave848() })
	ch.commit(func(now time.Time, err error) {
		if err != nil {
			reply(JoinResponse{Code: codeOf(err), MemberID: req.MemberID, Generation: -1})
			return
		}
		s.Join(now, req, reply)
	})
}

// classicSpeaker finds or makes the member that joins.
func (ch *change) classicSpeaker(req *JoinRequest, unknown bool) (*consumer, coordinator.Code) {
	old := ch.c.members[req.MemberID]
	if req.InstanceID != "" {
		holder := ch.c.members[ch.c.static[req.InstanceID]]
		switch {
		case holder == nil && !unknown:
			return nil, coordinator.UnknownMemberID
		case holder != nil && !unknown && holder.id != req.MemberID:
			return nil, coordinator.FencedInstanceID
		case holder != nil && unknown:
			return ch.succeed(holder, req.MemberID), coordinator.OK
		}
	}
	if old == nil && len(ch.c.members) >= ch.s.options().ConsumersMax {
		return nil, coordinator.GroupMaxSizeReached
	}
	if old != nil {
		return old, coordinator.OK
	}
	return &consumer{id: req.MemberID, state: memberStable}, coordinator.OK
}

// speakAlike tells whether a joining classic member leaves the group's classic members a protocol in common.
func (c *consumers) speakAlike(req JoinRequest) bool {
	var others group
	for _, m := range c.members {
		if m.classic != nil && m.id != req.MemberID {
			others.members = append(others.members, &member{id: m.id, protocols: m.classic.protocols})
		}
	}
	others.protocolType = consumerProtocol
	return others.compatible(req.ProtocolType, req.Protocols)
}

func (c *consumers) allClassic() bool {
	for _, m := range c.members {
		if m.classic == nil {
			return false
		}
	}
	return len(c.members) > 0
}

// classicMember gives the classic member that a request of its protocol speaks for.
func (g *group) classicMember(memberID, instance string, generation int32) (*consumer, coordinator.Code) {
	m, code := g.consumers.find(memberID, instance)
	switch {
	case code != coordinator.OK:
		return nil, code
	case m.classic == nil:
		return nil, coordinator.UnknownMemberID
	case m.epoch != generation:
		return nil, coordinator.IllegalGeneration
	}
	return m, coordinator.OK
}

// behind tells whether a classic member has to join again to get on: the group moved on, it has to let go of something, or
// what it waited for is free.
func (c *consumers) behind(m *consumer) bool {
	return m.epoch < c.epoch || m.state == memberUnrevoked || (m.state == memberUnreleased && !c.waits(m))
}

// syncConsumers gives a classic member what it shall use.
func (s *Shard) syncConsumers(now time.Time, g *group, req SyncRequest, reply func(SyncResponse)) {
	m, code := g.classicMember(req.MemberID, req.InstanceID, req.Generation)
	if code != coordinator.OK {
		reply(SyncResponse{Code: code})
		return
	}
	protocol := m.classic.protocols[0].Name
	if (req.ProtocolType != "" && req.ProtocolType != consumerProtocol) || (req.Protocol != "" && req.Protocol != protocol) {
		reply(SyncResponse{Code: coordinator.InconsistentProtocol})
		return
	}
	if m.epoch < g.consumers.epoch && m.state != memberUnrevoked { // what it has to let go of it learns from its assignment
		s.expectJoin(now, g, m)
		reply(SyncResponse{Code: coordinator.RebalanceInProgress})
		return
	}
	c := g.clocks[m.id]
	c.sync = time.Time{}
	s.setClock(g, m.id, c)
	s.touch(now, g, m)
	reply(SyncResponse{ProtocolType: consumerProtocol, Protocol: protocol, Assignment: s.classicAssignment(m)})
}

// expectJoin starts the clock of joining again unless it runs.
func (s *Shard) expectJoin(now time.Time, g *group, m *consumer) {
	c := g.clocks[m.id]
	if c.join.IsZero() {
		c.join = now.Add(m.rebalanceTimeout)
		s.setClock(g, m.id, c)
	}
}

// heartbeatConsumers keeps a classic member's session alive and tells it when to join again.
func (s *Shard) heartbeatConsumers(now time.Time, g *group, who Committer) coordinator.Code {
	m, code := g.classicMember(who.MemberID, who.InstanceID, who.Generation)
	if code != coordinator.OK {
		return code
	}
	s.touch(now, g, m)
	if g.consumers.behind(m) {
		s.expectJoin(now, g, m)
		return coordinator.RebalanceInProgress
	}
	return coordinator.OK
}

// leaveConsumers takes members out of a consumer group: classic ones by themselves, and any by an administrator's hand.
func (s *Shard) leaveConsumers(now time.Time, g *group, leaving []LeavingMember, reply func(coordinator.Code, []coordinator.Code)) {
	codes := make([]coordinator.Code, len(leaving))
	ch := s.begin(now, g)
	gone := false
	for i, l := range leaving {
		id := l.MemberID
		if l.InstanceID != "" && id == "" {
			id = ch.c.static[l.InstanceID]
		}
		m, code := ch.c.find(id, l.InstanceID)
		if codes[i] = code; code == coordinator.OK {
			ch.drop(m)
			gone = true
		}
	}
	if gone {
		ch.shrink()
	}
	ch.commit(func(_ time.Time, err error) {
		for i := range codes {
			if codes[i] == coordinator.OK {
				codes[i] = codeOf(err)
			}
		}
		reply(coordinator.OK, codes)
	})
}
