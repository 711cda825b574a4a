package group

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Join takes a member into its group, or lets a known one take part in the next generation. reply is called when the
// generation is complete, which may be a rebalance timeout later. Source: Kafka's GroupCoordinator.handleJoinGroup, KIP-345, KIP-394.
func (s *Shard) Join(now time.Time, req JoinRequest, reply func(JoinResponse)) {
	refuse := func(code coordinator.Code) { reply(JoinResponse{Code: code, MemberID: req.MemberID, Generation: -1}) }
	if req.Group == "" {
		refuse(coordinator.InvalidGroupID)
		return
	}
	if req.SessionTimeout < s.options().SessionTimeoutMin || req.SessionTimeout > s.options().SessionTimeoutMax {
		refuse(coordinator.InvalidSessionTimeout)
		return
	}
	if req.ProtocolType == "" || len(req.Protocols) == 0 {
		refuse(coordinator.InconsistentProtocol)
		return
	}
	if req.RebalanceTimeout <= 0 { // v0 has none
		req.RebalanceTimeout = req.SessionTimeout
	}
	g := s.groups[req.Group]
	if s.wait(g, func(now time.Time) { s.Join(now, req, reply) }, refuse) {
		return
	}
	switch {
	case g != nil && g.consumers != nil && len(g.consumers.members) > 0:
		s.joinConsumers(now, g, req, reply)
		return
	case g != nil && g.consumers != nil:
		s.emptyToClassic(now, g, req, reply)
		return
	}
	if g == nil {
		if req.MemberID != "" {
			refuse(coordinator.UnknownMemberID)
			return
		}
		g = s.group(now, req.Group)
	}
	defer s.settle(g)
	if req.MemberID == "" {
		s.joinAnew(now, g, req, reply)
		return
	}
	s.joinAgain(now, g, req, reply)
}

// joinAnew takes a member without an id: a new one, or a static one that restarted.
func (s *Shard) joinAnew(now time.Time, g *group, req JoinRequest, reply func(JoinResponse)) {
	var old *member
	if req.InstanceID != "" {
		old = g.member(g.static[req.InstanceID])
	}
	if !g.compatible(req.ProtocolType, req.Protocols) {
		reply(JoinResponse{Code: coordinator.InconsistentProtocol, Generation: -1})
		return
	}
	id := s.newMemberID(req)
	switch {
	case old != nil:
		s.replaceStatic(now, g, old, id, req, reply)
	case len(g.members)+len(g.pending) >= s.options().MembersMax:
		reply(JoinResponse{Code: coordinator.GroupMaxSizeReached, Generation: -1})
	case req.InstanceID == "" && req.RequireKnownMemberID:
		g.pending[id] = now.Add(req.SessionTimeout)
		reply(JoinResponse{Code: coordinator.MemberIDRequired, MemberID: id, Generation: -1})
	default:
		s.addMember(now, g, id, req, reply)
	}
}

// joinAgain takes a member that names itself.
func (s *Shard) joinAgain(now time.Time, g *group, req JoinRequest, reply func(JoinResponse)) {
	refuse := func(code coordinator.Code) { reply(JoinResponse{Code: code, MemberID: req.MemberID, Generation: -1}) }
	if _, ok := g.pending[req.MemberID]; ok && req.InstanceID == "" {
		if !g.compatible(req.ProtocolType, req.Protocols) {
			refuse(coordinator.InconsistentProtocol)
			return
		}
		s.addMember(now, g, req.MemberID, req, reply)
		return
	}
	m, code := g.find(req.MemberID, req.InstanceID)
	if code != coordinator.OK {
		refuse(code)
		return
	}
	if !g.compatible(req.ProtocolType, req.Protocols) {
		refuse(coordinator.InconsistentProtocol)
		return
	}
	m.touch(now)
	same := sameProtocols(m.protocols, req.Protocols)
	switch g.state {
	case CompletingRebalance:
		if same { // the answer was lost: give it again
			reply(g.joined(m, false))
			return
		}
	case Stable:
		if same && m.id != g.leader {
			reply(g.joined(m, false))
			return
		}
	}
	s.park(m, req, reply)
	s.rebalance(now, g)
}

// park updates what a member said of itself and lets it wait for the next generation.
func (s *Shard) park(m *member, req JoinRequest, reply func(JoinResponse)) {
	if m.join != nil { // a retry on another connection: the first question is void
		m.join(JoinResponse{Code: coordinator.RebalanceInProgress, MemberID: m.id, Generation: -1})
	}
	m.protocols = req.Protocols
	m.clientID, m.clientHost = req.ClientID, req.ClientHost
	m.sessionTimeout, m.rebalanceTimeout = req.SessionTimeout, req.RebalanceTimeout
	m.join = reply
}

func (s *Shard) addMember(now time.Time, g *group, id string, req JoinRequest, reply func(JoinResponse)) {
	m := &member{id: id, instanceID: req.InstanceID}
	s.park(m, req, reply)
	m.touch(now)
	g.add(m)
	g.protocolType = req.ProtocolType
	g.newcomers = true
	s.rebalance(now, g)
}

// replaceStatic gives a restarted static member a new id in its old place. A stable group whose protocol stays the same
// goes on without a rebalance.
func (s *Shard) replaceStatic(now time.Time, g *group, old *member, id string, req JoinRequest, reply func(JoinResponse)) {
	if old.join != nil {
		old.join(JoinResponse{Code: coordinator.FencedInstanceID, MemberID: old.id, Generation: -1})
		old.join = nil
	}
	if old.sync != nil {
		old.sync(SyncResponse{Code: coordinator.FencedInstanceID})
		old.sync = nil
	}
	same := sameProtocols(old.protocols, req.Protocols)
	wasLeader, formerID := g.leader == old.id, old.id
	if wasLeader {
		g.leader = id
	}
	old.id = id
	g.static[req.InstanceID] = id
	old.touch(now)
	s.park(old, req, reply)
	if g.state != Stable || (!same && g.choose() != g.protocol) {
		s.rebalance(now, g)
		return
	}
	old.join = nil
	generation := g.generation
	s.store(g, nil, func(_ time.Time, err error) {
		if err != nil {
			reply(JoinResponse{Code: codeOf(err), MemberID: id, Generation: -1})
			return
		}
		if current, ok := g.static[req.InstanceID]; ok && current != id { // another life of it came meanwhile
			reply(JoinResponse{Code: coordinator.FencedInstanceID, MemberID: id, Generation: -1})
			return
		}
		if g.generation != generation || g.member(id) == nil {
			reply(JoinResponse{Code: coordinator.UnknownMemberID, MemberID: id, Generation: -1})
			return
		}
		answer := g.joined(old, req.CanSkipAssignment && wasLeader)
		if wasLeader && !req.CanSkipAssignment {
			answer.Leader, answer.Members = formerID, nil // an older leader must not think that it has to assign
		}
		reply(answer)
	})
}

// joined is the answer for a member of the current generation.
func (g *group) joined(m *member, skipAssignment bool) JoinResponse {
	r := JoinResponse{
		Generation: g.generation, ProtocolType: g.protocolType, Protocol: g.protocol,
		Leader: g.leader, MemberID: m.id, SkipAssignment: skipAssignment,
	}
	if m.id == g.leader {
		for _, other := range g.members {
			r.Members = append(r.Members, JoinedMember{
				MemberID: other.id, InstanceID: other.instanceID, Metadata: other.metadata(g.protocol),
			})
		}
	}
	return r
}

// rebalance starts a new generation unless one is already forming, and completes it if nobody is missing.
func (s *Shard) rebalance(now time.Time, g *group) {
	switch g.state {
	case Empty:
		g.enter(PreparingRebalance, now)
		delay := min(s.options().InitialRebalanceDelay, g.rebalanceTimeout())
		g.initialLeft = g.rebalanceTimeout() - delay
		g.joinDeadline = now.Add(delay)
		g.newcomers = false
		if delay == 0 {
			s.endInitialDelay(now, g)
		}
		return
	case CompletingRebalance, Stable:
		g.failSyncs(coordinator.RebalanceInProgress)
		g.enter(PreparingRebalance, now)
		g.initialLeft = -1
		g.joinDeadline = now.Add(g.rebalanceTimeout())
	}
	s.maybeCompleteJoin(now, g)
}

func (g *group) failSyncs(code coordinator.Code) {
	for _, m := range g.members {
		if m.sync != nil {
			m.sync(SyncResponse{Code: code})
			m.sync = nil
		}
	}
}

// endInitialDelay prolongs the delay if somebody came during it, or goes on with those who have: whoever has only fetched its
// member id comes later.
func (s *Shard) endInitialDelay(now time.Time, g *group) {
	if g.newcomers && g.initialLeft > 0 && s.options().InitialRebalanceDelay > 0 {
		g.newcomers = false
		delay := min(s.options().InitialRebalanceDelay, g.initialLeft)
		g.initialLeft -= delay
		g.joinDeadline = now.Add(delay)
		return
	}
	g.initialLeft = -1
	s.completeJoin(now, g)
}

// completeJoin begins the next generation with those who joined; dynamic members that did not are out.
func (s *Shard) completeJoin(now time.Time, g *group) {
	for _, m := range append([]*member(nil), g.members...) {
		if m.join == nil && m.instanceID == "" {
			g.remove(m)
		}
	}
	if len(g.members) > 0 && !g.anyJoined() { // only static members, all away: wait for one to come back or to expire
		g.joinDeadline = now.Add(g.rebalanceTimeout())
		return
	}
	g.generation++
	g.protocol = ""
	if len(g.members) == 0 {
		s.becomeEmpty(now, g)
		return
	}
	if lead := g.member(g.leader); lead == nil || lead.join == nil {
		g.leader = g.firstJoined().id
	}
	s.metrics.rebalances.Inc()
	g.protocol = g.choose()
	g.enter(CompletingRebalance, now)
	g.syncDeadline = now.Add(g.rebalanceTimeout())
	for _, m := range g.members {
		m.synced = false // its last assignment is shown until there is another
		m.touch(now)
	}
	for _, m := range g.members {
		if m.join != nil {
			reply := m.join
			m.join = nil
			reply(g.joined(m, false))
		}
	}
}

// becomeEmpty ends the last generation: its metadata are written without members, so that the generation is never used again.
func (s *Shard) becomeEmpty(now time.Time, g *group) {
	g.enter(Empty, now)
	g.leader = ""
	g.protocol = ""
	if g.stored {
		s.store(g, nil, func(time.Time, error) { s.settle(g) })
	}
}

func (g *group) anyJoined() bool { return g.firstJoined() != nil }

func (g *group) firstJoined() *member {
	for _, m := range g.members {
		if m.join != nil {
			return m
		}
	}
	return nil
}
