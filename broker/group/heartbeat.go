package group

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// ConsumerHeartbeat is what a member of a consumer group says (ConsumerGroupHeartbeat, KIP-848). What is nil, or -1, is as
// it was before.
type ConsumerHeartbeat struct {
	Group, MemberID      string
	Epoch                int32   // 0 joins, -1 leaves, -2 leaves a static member's place free for itself
	InstanceID, RackID   *string // nil for none
	ClientID, ClientHost string
	RebalanceTimeout     time.Duration // negative: unchanged
	Topics               []string      // nil: unchanged
	Regex                *string       // nil: unchanged; "" for none
	Assignor             *string       // nil: unchanged
	Holds                []Partition   // what the member uses; nil: unchanged
	// NamesItself tells that member ids are the members' own to choose (v1+).
	NamesItself bool
	// MayDescribe tells whether the caller may know of a topic that a regular expression matches; nil means of all.
	MayDescribe func(topic string) bool
}

// full tells whether the member said everything, as it does when it joins or is not sure of being understood.
func (r *ConsumerHeartbeat) full() bool {
	return r.Epoch == epochJoin || (r.RebalanceTimeout >= 0 && r.Topics != nil && r.Holds != nil)
}

// ConsumerResponse answers a ConsumerHeartbeat.
type ConsumerResponse struct {
	Code     coordinator.Code
	Message  string
	MemberID string
	Epoch    int32
	Interval time.Duration // until the next heartbeat
	// Assigned is what the member shall use, sorted; nil when that is as it was before, empty for nothing.
	Assigned []Partition
}

// ConsumerHeartbeat lets a member join, stay in, or leave a consumer group; reply is called when what that changes is
// committed. Source: KIP-848, Kafka's GroupMetadataManager.consumerGroupHeartbeat.
func (s *Shard) ConsumerHeartbeat(now time.Time, req ConsumerHeartbeat, reply func(ConsumerResponse)) {
	if message := req.invalid(); message != "" {
		reply(ConsumerResponse{Code: coordinator.InvalidRequest, Message: message})
		return
	}
	opts := s.options()
	if req.Assignor != nil && !slices.Contains(opts.Assignors, *req.Assignor) {
		reply(ConsumerResponse{
			Code:    coordinator.UnsupportedAssignor,
			Message: "assignor " + *req.Assignor + " is not supported, only " + strings.Join(opts.Assignors, ", "),
		})
		return
	}
	if req.Regex != nil && *req.Regex != "" {
		if _, err := compileRegex(*req.Regex); err != nil {
			reply(ConsumerResponse{Code: coordinator.InvalidRegularExpression, Message: err.Error()})
			return
		}
	}
	s.consumerHeartbeat(now, &req, reply)
}

// consumerHeartbeat takes a request that is valid in itself.
func (s *Shard) consumerHeartbeat(now time.Time, req *ConsumerHeartbeat, reply func(ConsumerResponse)) {
	refuse := func(code coordinator.Code, message string) { reply(ConsumerResponse{Code: code, Message: message}) }
	g := s.groups[req.Group]
	if s.wait(g, func(now time.Time) { s.consumerHeartbeat(now, req, reply) }, func(code coordinator.Code) { refuse(code, "") }) {
		return
	}
	if req.Epoch != epochJoin && (g == nil || g.consumers == nil) {
		refuse(coordinator.GroupIDNotFound, "group "+req.Group+" is not a consumer group")
		return
	}
	if req.Epoch < epochJoin {
		s.consumerLeave(now, g, req, reply)
		return
	}
	if g == nil {
		g = s.group(now, req.Group)
	}
	if s.quiet(now, g, req, reply) {
		return
	}
	ch, code, message := s.open848(now, g)
	if code != coordinator.OK {
		s.settle(g)
		refuse(code, message)
		return
	}
	old, m, code, message := ch.speaker(req)
	if code != coordinator.OK {
		s.settle(g)
		refuse(code, message)
		return
	}
	next := ch.advance(m, req.Holds, req.Holds != nil, req.MayDescribe)
	answer := ConsumerResponse{MemberID: next.id, Epoch: next.epoch, Interval: s.configs(g.id).HeartbeatInterval}
	if req.full() || old == nil || !next.assigned.same(old.assigned) {
		answer.Assigned = notNilPartitions(next.assigned.sorted())
	}
	ch.commit(func(now time.Time, err error) {
		if err != nil {
			refuse(codeOf(err), "")
			return
		}
		s.touch(now, g, next)
		s.timeRevocation(now, g, next)
		reply(answer)
	})
}

func notNilPartitions(list []Partition) []Partition {
	if list == nil {
		return []Partition{}
	}
	return list
}

// quiet answers the heartbeat of a member that has nothing new to say and nothing to learn: nearly all of them.
func (s *Shard) quiet(now time.Time, g *group, req *ConsumerHeartbeat, reply func(ConsumerResponse)) bool {
	if g.consumers == nil || req.full() || req.Epoch == epochJoin || g.topicsSeen != s.topics().Version() {
		return false
	}
	c := g.consumers
	m := c.members[req.MemberID]
	if m == nil || m.epoch != req.Epoch || m.epoch != c.epoch || c.targetEpoch != c.epoch || m.state != memberStable || m.classic != nil {
		return false
	}
	if req.Topics != nil || req.Regex != nil || req.RebalanceTimeout >= 0 || req.RackID != nil || req.Assignor != nil ||
		value(req.InstanceID) != m.instance || req.ClientID != m.clientID || req.ClientHost != m.clientHost {
		return false
	}
	s.touch(now, g, m)
	reply(ConsumerResponse{MemberID: m.id, Epoch: m.epoch, Interval: s.configs(g.id).HeartbeatInterval})
	return true
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// invalid gives what is wrong with a request in itself, "" for nothing.
func (r *ConsumerHeartbeat) invalid() string {
	switch {
	case strings.TrimSpace(r.Group) == "":
		return "GroupId can't be empty."
	case r.InstanceID != nil && *r.InstanceID == "":
		return "InstanceId can't be empty."
	case r.RackID != nil && *r.RackID == "":
		return "RackId can't be empty."
	case r.MemberID == "" && (r.NamesItself || r.Epoch != epochJoin):
		return "MemberId can't be empty."
	case r.Epoch < epochStaticLeave:
		return "MemberEpoch is invalid."
	case r.Epoch == epochStaticLeave && r.InstanceID == nil:
		return "InstanceId can't be null."
	case r.Epoch != epochJoin:
		return ""
	case r.RebalanceTimeout < 0:
		return "RebalanceTimeoutMs must be provided in first request."
	case r.Holds == nil || len(r.Holds) > 0:
		return "TopicPartitions must be empty when (re-)joining."
	case r.Topics == nil && r.Regex == nil:
		return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
	}
	return ""
}

// open848 begins a change of a consumer group; a classic group becomes one where that is allowed.
func (s *Shard) open848(now time.Time, g *group) (*change, coordinator.Code, string) {
	if g.consumers != nil {
		return s.begin(now, g), coordinator.OK, ""
	}
	if len(g.members) == 0 && len(g.pending) == 0 {
		ch := s.begin(now, g)
		if g.stored {
			ch.add(groupRecord(g, nil, true))
		}
		ch.applied = append(ch.applied, func(time.Time) { g.leaveClassic() })
		return ch, coordinator.OK, ""
	}
	return s.upgrade(now, g)
}

// speaker finds or makes the member a heartbeat speaks for: as it was before (nil when it is new), and with what the request
// says of it.
func (ch *change) speaker(req *ConsumerHeartbeat) (old, m *consumer, code coordinator.Code, message string) {
	if req.MemberID == "" {
		req.MemberID = ch.s.newID()
	}
	old = ch.c.members[req.MemberID]
	full := old == nil && len(ch.c.members) >= ch.s.options().ConsumersMax
	if req.InstanceID != nil {
		holder := ch.c.members[ch.c.static[*req.InstanceID]]
		switch {
		case req.Epoch == epochJoin && holder == nil && full:
			return nil, nil, coordinator.GroupMaxSizeReached, "the consumer group has its maximum of members"
		case req.Epoch == epochJoin && holder == nil:
			return nil, ch.told(&consumer{id: req.MemberID, state: memberStable}, req), coordinator.OK, ""
		case req.Epoch == epochJoin && holder.id == req.MemberID && holder.epoch != epochStaticLeave: // maybe it missed the answer
		case req.Epoch == epochJoin && holder.epoch != epochStaticLeave && holder.classic == nil:
			return nil, nil, coordinator.UnreleasedInstanceID, "instance id " + *req.InstanceID + " is in use by member " + holder.id
		case req.Epoch == epochJoin:
			return nil, ch.told(ch.succeed(holder, req.MemberID), req), coordinator.OK, ""
		case holder == nil:
			return nil, nil, coordinator.UnknownMemberID, "instance id " + *req.InstanceID + " is unknown"
		case holder.id != req.MemberID:
			return nil, nil, coordinator.FencedInstanceID, "instance id " + *req.InstanceID + " is in use by another member"
		}
	}
	switch {
	case old == nil && req.Epoch != epochJoin:
		return nil, nil, coordinator.UnknownMemberID, "member " + req.MemberID + " is not in the group"
	case full:
		return nil, nil, coordinator.GroupMaxSizeReached, "the consumer group has its maximum of members"
	case old == nil:
		return nil, ch.told(&consumer{id: req.MemberID, state: memberStable}, req), coordinator.OK, ""
	case !old.recognises(req):
		return nil, nil, coordinator.FencedMemberEpoch, "the member's epoch is not the current one: it must give up its partitions and join again"
	}
	return old, ch.told(old, req), coordinator.OK, ""
}

// recognises tells whether a member may come with this epoch: its current one, or the one before when the answer that
// brought the current one may have been lost.
func (m *consumer) recognises(req *ConsumerHeartbeat) bool {
	return req.Epoch == m.epoch ||
		(req.Epoch < m.epoch && req.Epoch == m.previousEpoch && req.Holds != nil && m.assigned.holdsAll(req.Holds))
}

// told gives a copy of a member with what a request says of it.
func (ch *change) told(m *consumer, req *ConsumerHeartbeat) *consumer {
	next := *m
	next.classic = nil
	next.clientID, next.clientHost = req.ClientID, req.ClientHost
	if req.InstanceID != nil {
		next.instance = *req.InstanceID
	}
	if req.RackID != nil {
		next.rack = *req.RackID
	}
	if req.RebalanceTimeout >= 0 {
		next.rebalanceTimeout = req.RebalanceTimeout
	}
	if req.Topics != nil {
		next.names = slices.Compact(slices.Sorted(slices.Values(req.Topics)))
	}
	if req.Regex != nil {
		next.regex = *req.Regex
	}
	if req.Assignor != nil {
		next.assignor = *req.Assignor
	}
	return &next
}

// succeed gives a static member's place, with its partitions and its target, to its next life.
func (ch *change) succeed(old *consumer, id string) *consumer {
	next := *old
	next.id, next.epoch, next.previousEpoch = id, epochJoin, epochJoin
	next.revoking, next.state = nil, memberStable
	target := ch.c.target[old.id]
	ch.drop(old)
	ch.c.set(&next)
	ch.add(memberRecord(ch.g.id, &next))
	ch.c.target[id] = target
	ch.add(targetRecord(ch.g.id, id, target))
	ch.add(currentRecord(ch.g.id, &next))
	return &next
}

// advance takes what a member said into the group: its subscription, the epoch and target that follow from it, and the
// member's own next step, which it returns.
func (ch *change) advance(m *consumer, holds []Partition, known bool, mayDescribe func(string) bool) *consumer {
	before := ch.c.members[m.id] // also of the former life of a static member
	nobody := &consumer{}        // who has subscribed to nothing, as a member that says so changes nothing
	changed := ch.c.epoch == 0 || !cmp.Or(before, nobody).sameSubscription(m)
	ch.describe(m)
	if before != nil && before.regex != m.regex {
		ch.dropRegex(before.regex)
	}
	settled := ch.resolve(mayDescribe)
	if hash := ch.c.topicsHash(ch.s.topics()); hash != ch.c.hash {
		ch.c.hash, changed = hash, true
	}
	if changed {
		ch.bump()
	}
	if ch.c.epoch > ch.c.targetEpoch {
		ch.retarget()
	}
	if settled {
		version := ch.s.topics().Version()
		ch.applied = append(ch.applied, func(time.Time) { ch.g.topicsSeen = version })
	}
	next := ch.c.reconcile(m, holds, known)
	ch.move(m, next)
	return next
}

// consumerLeave takes a member out, or notes that a static one will be back.
func (s *Shard) consumerLeave(now time.Time, g *group, req *ConsumerHeartbeat, reply func(ConsumerResponse)) {
	ch := s.begin(now, g)
	m, code := ch.c.find(req.MemberID, value(req.InstanceID))
	if code != coordinator.OK {
		reply(ConsumerResponse{Code: code})
		return
	}
	if req.Epoch == epochStaticLeave {
		away := *m
		away.epoch, away.revoking = epochStaticLeave, nil
		ch.move(m, &away)
	} else {
		ch.drop(m)
		ch.shrink()
	}
	ch.commit(func(_ time.Time, err error) {
		reply(ConsumerResponse{Code: codeOf(err), MemberID: m.id, Epoch: req.Epoch})
	})
}

// find gives the member that a request speaks for.
func (c *consumers) find(memberID, instance string) (*consumer, coordinator.Code) {
	if instance != "" {
		holder, ok := c.static[instance]
		switch {
		case !ok:
			return nil, coordinator.UnknownMemberID
		case holder != memberID:
			return nil, coordinator.FencedInstanceID
		}
	}
	m := c.members[memberID]
	if m == nil {
		return nil, coordinator.UnknownMemberID
	}
	return m, coordinator.OK
}
