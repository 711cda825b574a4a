package group

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/metadata"
)

// Policies of `group.consumer.migration.policy`: which way a group with members may change its protocol.
const (
	MigrateBoth = "bidirectional"
	MigrateUp   = "upgrade"
	MigrateDown = "downgrade"
	MigrateNot  = "disabled"
)

// upgrade begins a change that makes a classic group with members a consumer group, in the state its last assignment left
// it in. Those of its members who wait are told to join again. Source: KIP-848 "online migration".
func (s *Shard) upgrade(now time.Time, g *group) (*change, coordinator.Code, string) {
	opts := s.options()
	refuse := func(why string) (*change, coordinator.Code, string) {
		return nil, coordinator.GroupIDNotFound, "group " + g.id + " is not a consumer group and can't become one: " + why
	}
	switch {
	case opts.Migration != MigrateBoth && opts.Migration != MigrateUp:
		return refuse("its migration is disabled")
	case len(g.members) == 0:
		return refuse("its members are still joining")
	case g.protocolType != consumerProtocol:
		return refuse("its members are not consumers")
	case len(g.members) > opts.ConsumersMax:
		return refuse("it has too many members")
	}
	ch := s.begin(now, g)
	for _, m := range g.members {
		c, err := s.fromClassic(g, m)
		if err != nil {
			return refuse(err.Error())
		}
		ch.c.set(c)
		ch.c.target[c.id] = c.assigned.sorted()
	}
	if g.stored {
		ch.add(groupRecord(g, nil, true))
	}
	ch.c.epoch, ch.c.targetEpoch = g.generation, g.generation
	ch.c.hash = ch.c.topicsHash(s.topics())
	for _, r := range ch.c.snapshot(g.id) {
		ch.add(r)
	}
	ch.applied = append(ch.applied, func(now time.Time) {
		g.failAll(coordinator.RebalanceInProgress)
		g.leaveClassic()
		s.startClocks(now, g)
	})
	return ch, coordinator.OK, ""
}

// fromClassic makes a consumer group's member of a classic one.
func (s *Shard) fromClassic(g *group, m *member) (*consumer, error) {
	c := &consumer{
		id: m.id, instance: m.instanceID, clientID: m.clientID, clientHost: m.clientHost,
		rebalanceTimeout: m.rebalanceTimeout, epoch: g.generation, previousEpoch: g.generation, state: memberStable,
		classic: &classic{sessionTimeout: m.sessionTimeout, protocols: m.protocols}, assigned: owned{},
	}
	said, err := subscriptionOf(m.protocols)
	if err != nil {
		return nil, err
	}
	c.names, c.rack = said.names, said.rack
	if len(m.assignment) == 0 {
		return c, nil
	}
	var a kmsg.ConsumerMemberAssignment
	if err := a.ReadFrom(m.assignment); err != nil {
		return nil, fmt.Errorf("an assignment can't be read: %w", err)
	}
	for _, t := range a.Topics {
		for _, p := range s.partitionsOf(t.Topic, t.Partitions) {
			c.assigned[p] = g.generation
		}
	}
	return c, nil
}

// partitionsOf names partitions of a topic by its id; none when there is no such topic.
func (s *Shard) partitionsOf(topic string, partitions []int32) []Partition {
	t := s.topics().Topic(topic)
	if t == nil {
		return nil
	}
	list := make([]Partition, len(partitions))
	for i, p := range partitions {
		list[i] = Partition{t.ID, p}
	}
	return list
}

// subscription is what a classic consumer tells the leader of its group.
type subscription struct {
	names []string // sorted
	rack  string
	holds []kmsg.ConsumerMemberMetadataOwnedPartition
}

// subscriptionBytesMax bounds what is decoded of what a member says: an array takes a hundred times the bytes that promise it.
const subscriptionBytesMax = 1 << 20

var errSubscriptionLarge = errors.New("more than a mebibyte")

// readSubscription decodes what a classic consumer says when it joins (ConsumerProtocolSubscription).
func readSubscription(b []byte) (meta kmsg.ConsumerMemberMetadata, err error) {
	if len(b) > subscriptionBytesMax {
		return meta, errSubscriptionLarge
	}
	err = meta.ReadFrom(b)
	return meta, err
}

func subscriptionOf(protocols []Protocol) (subscription, error) {
	var said subscription
	for i, p := range protocols {
		meta, err := readSubscription(p.Metadata)
		if err != nil {
			return said, fmt.Errorf("a subscription can't be read: %w", err)
		}
		if i == 0 {
			said.names = slices.Compact(slices.Sorted(slices.Values(meta.Topics)))
			said.rack, said.holds = value(meta.Rack), meta.OwnedPartitions
		}
	}
	return said, nil
}

// downgrade makes the group a classic one when, by this change, its last member of the consumer protocol left and only
// classic ones remain. It tells whether it does.
func (ch *change) downgrade() bool {
	opts := ch.s.options()
	if len(ch.c.members) == 0 || len(ch.c.members) > opts.MembersMax || (opts.Migration != MigrateBoth && opts.Migration != MigrateDown) {
		return false
	}
	for _, m := range ch.c.members {
		if m.classic == nil {
			return false
		}
	}
	s, from := ch.s, ch.c
	ch.dissolve()
	next := newGroup(ch.g.id, ch.now)
	next.protocolType, next.generation, next.state = consumerProtocol, from.epoch, Stable
	for _, m := range from.sortedMembers() {
		cm := s.toClassic(m)
		next.add(cm)
		if next.protocol == "" {
			next.protocol = cm.protocols[0].Name
		}
	}
	if common := next.choose(); common != "" {
		next.protocol = common
	}
	ch.add(groupRecord(next, nil, false))
	ch.c = nil
	ch.applied = append(ch.applied, func(now time.Time) {
		g := ch.g
		g.leave848()
		g.members, g.static, g.leader = next.members, next.static, next.leader
		g.protocolType, g.protocol, g.generation, g.stored = next.protocolType, next.protocol, next.generation, true
		for _, m := range g.members {
			m.touch(now)
		}
		g.enter(Stable, now)
		s.rebalance(now, g)
	})
	return true
}

func (s *Shard) toClassic(m *consumer) *member {
	return &member{
		id: m.id, instanceID: m.instance, clientID: m.clientID, clientHost: m.clientHost,
		sessionTimeout: m.classic.sessionTimeout, rebalanceTimeout: m.rebalanceTimeout,
		protocols: m.classic.protocols, assignment: s.classicAssignment(m), synced: true,
	}
}

// classicAssignment writes a member's partitions as classic consumers read them, in the version the member speaks.
func (s *Shard) classicAssignment(m *consumer) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	if len(m.classic.protocols) > 0 {
		if meta, err := readSubscription(m.classic.protocols[0].Metadata); err == nil {
			a.Version = meta.Version
		}
	}
	byTopic(m.assigned.sorted(), func(topic metadata.UUID, partitions []Partition) {
		t := s.topics().TopicByID(topic)
		if t == nil {
			return
		}
		at := kmsg.ConsumerMemberAssignmentTopic{Topic: t.Name}
		for _, p := range partitions {
			at.Partitions = append(at.Partitions, p.Partition)
		}
		a.Topics = append(a.Topics, at)
	})
	return a.AppendTo(nil)
}

// leaveClassic forgets everything that only a classic group has.
func (g *group) leaveClassic() {
	g.members, g.static, g.pending = nil, map[string]string{}, map[string]time.Time{}
	g.leader, g.protocol, g.stored, g.storing = "", "", false, 0
	g.protocolType = consumerProtocol
	if g.consumers != nil {
		g.state = g.consumers.state()
	}
}

// leave848 forgets everything that only a consumer group has.
func (g *group) leave848() {
	g.consumers, g.clocks = nil, nil
	g.state, g.generation, g.protocolType = Empty, 0, ""
}

// failAll answers everyone who waits in a classic group.
func (g *group) failAll(code coordinator.Code) {
	g.failSyncs(code)
	for _, m := range g.members {
		if m.join != nil {
			m.join(JoinResponse{Code: code, MemberID: m.id, Generation: -1})
			m.join = nil
		}
	}
}
