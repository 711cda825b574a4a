package group

import (
	"maps"
	"slices"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Describe tells of a group; an unknown one is Dead, with GroupIDNotFound.
func (s *Shard) Describe(groupID string) Description {
	if groupID == "" {
		return Description{Code: coordinator.InvalidGroupID, State: Dead}
	}
	g := s.groups[groupID]
	if g == nil {
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
		list = append(list, Listing{Group: id, ProtocolType: g.protocolType, State: g.state})
	}
	return list
}
