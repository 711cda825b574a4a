package group

import (
	"maps"
	"slices"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Describe tells of a group; an unknown one is Dead, with GroupIDNotFound.
func (s *Shard) Describe(groupID string) Description {
	g := s.groups[groupID]
	if g == nil {
		return Description{Code: coordinator.GroupIDNotFound, Group: groupID, State: Dead}
	}
	if g.consumers != nil { // as Kafka says it: not a classic group
		return Description{Code: coordinator.GroupIDNotFound, Group: groupID, State: Dead}
	}
	d := Description{
		Group: groupID, State: g.state, ProtocolType: g.protocolType, Protocol: g.protocol, Generation: g.generation,
	}
	for _, m := range g.members {
		d.Members = append(d.Members, MemberDescription{
			MemberID: m.id, InstanceID: m.instanceID, ClientID: m.clientID, ClientHost: m.clientHost,
			Metadata: m.metadata(g.protocol), Assignment: m.assignment,
		})
	}
	return d
}

// List gives every group, by name.
func (s *Shard) List() []Listing {
	var list []Listing
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[id]
		list = append(list, Listing{Group: id, ProtocolType: g.protocolType, Type: g.kind(), State: g.state})
	}
	return list
}

// ConsumerDescription tells of a consumer group (ConsumerGroupDescribe).
type ConsumerDescription struct {
	Code                   coordinator.Code
	Message                string
	Group                  string
	State                  State
	Epoch, AssignmentEpoch int32
	Assignor               string
	Members                []ConsumerMemberDescription
}

// ConsumerMemberDescription describes a member. Partitions are sorted, in Assigned those it shall give up after the others.
type ConsumerMemberDescription struct {
	MemberID, InstanceID, Rack string
	ClientID, ClientHost       string
	Epoch                      int32
	Topics                     []string
	Regex                      string
	Assigned, Target           []Partition
	Classic                    bool // speaks the classic protocol
}

// DescribeConsumers tells of a consumer group; another group answers GroupIDNotFound.
func (s *Shard) DescribeConsumers(groupID string) ConsumerDescription {
	if groupID == "" {
		return ConsumerDescription{Code: coordinator.InvalidGroupID, State: Dead}
	}
	g := s.groups[groupID]
	if g == nil || g.consumers == nil {
		message := "Group " + groupID + " not found."
		if g != nil {
			message = "Group " + groupID + " is not a consumer group."
		}
		return ConsumerDescription{Code: coordinator.GroupIDNotFound, Message: message, Group: groupID, State: Dead}
	}
	c := g.consumers
	d := ConsumerDescription{
		Group: groupID, State: c.state(), Epoch: c.epoch, AssignmentEpoch: c.targetEpoch,
		Assignor: c.assignorName(s.options().defaultAssignor()),
	}
	for _, m := range c.sortedMembers() {
		d.Members = append(d.Members, ConsumerMemberDescription{
			MemberID: m.id, InstanceID: m.instance, Rack: m.rack, ClientID: m.clientID, ClientHost: m.clientHost,
			Epoch: m.epoch, Topics: m.names, Regex: m.regex, Assigned: append(m.assigned.sorted(), m.revoking.sorted()...), Target: c.target[m.id],
			Classic: m.classic != nil,
		})
	}
	return d
}
