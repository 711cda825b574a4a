package group

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Delete forgets an empty group and its positions (DeleteGroups).
func (s *Shard) Delete(_ time.Time, groupID string, reply func(coordinator.Code)) {
	g := s.groups[groupID]
	switch {
	case groupID == "":
		reply(coordinator.InvalidGroupID)
		return
	case g == nil || g.state == Dead:
		reply(coordinator.GroupIDNotFound)
		return
	case len(g.members) > 0 || len(g.pending) > 0:
		reply(coordinator.NonEmptyGroup)
		return
	case len(g.txns) > 0: // its tombstones would be undone by the marker
		reply(coordinator.UnstableOffsetCommit)
		return
	}
	var records []coordinator.Record
	for _, tp := range sortedPartitions(g.offsets) {
		records = append(records, offsetRecord(groupID, tp.topic, tp.partition, nil))
	}
	records = append(records, groupRecord(g, nil, true))
	s.out.Write(coordinator.Write{Records: records, Done: func(now time.Time, err error) {
		if err == nil && s.groups[groupID] == g && len(g.members) == 0 && len(g.txns) == 0 {
			g.enter(Dead, now)
			delete(s.groups, groupID)
		}
		reply(codeOf(err))
	}})
}

// DeleteOffsets forgets positions of partitions whose topic no member reads (OffsetDelete, KIP-496).
func (s *Shard) DeleteOffsets(groupID string, positions []TopicOffset, reply func(coordinator.Code, []TopicOffset)) {
	g := s.groups[groupID]
	switch {
	case groupID == "":
		reply(coordinator.InvalidGroupID, nil)
		return
	case g == nil:
		reply(coordinator.GroupIDNotFound, nil)
		return
	case len(g.members) > 0 && g.protocolType != consumerProtocol:
		reply(coordinator.NonEmptyGroup, nil)
		return
	}
	subscribed := g.subscribed()
	doomed := map[topicPartition]struct{}{}
	for i := range positions {
		p := &positions[i]
		if _, ok := subscribed[p.Topic]; ok {
			p.Code = coordinator.GroupSubscribed
			continue
		}
		doomed[topicPartition{p.Topic, p.Partition}] = struct{}{}
	}
	s.forget(g, doomed, func(err error) {
		for i := range positions {
			if positions[i].Code == coordinator.OK {
				positions[i].Code = codeOf(err)
			}
		}
		reply(coordinator.OK, positions)
	})
}

// DropTopic forgets every position in a deleted topic.
func (s *Shard) DropTopic(topic string) {
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[id]
		doomed := map[topicPartition]struct{}{}
		for tp := range g.offsets {
			if tp.topic == topic {
				doomed[tp] = struct{}{}
			}
		}
		s.forget(g, doomed, func(error) {})
	}
}

// forget writes tombstones for positions and drops them when those are committed.
func (s *Shard) forget(g *group, doomed map[topicPartition]struct{}, done func(error)) {
	var records []coordinator.Record
	s.seq++
	seq := s.seq
	for _, tp := range sortedPartitions(doomed) {
		if _, ok := g.offsets[tp]; ok {
			records = append(records, offsetRecord(g.id, tp.topic, tp.partition, nil))
		}
	}
	if len(records) == 0 {
		done(nil)
		return
	}
	s.out.Write(coordinator.Write{Records: records, Done: func(_ time.Time, err error) {
		if err == nil {
			for tp := range doomed {
				if g.offsets[tp].seq <= seq {
					delete(g.offsets, tp)
				}
			}
			s.settle(g)
		}
		done(err)
	}})
}

// consumerProtocol is the protocol type whose metadata Kafka specifies.
const consumerProtocol = "consumer"

// subscribed gives the topics that members of a consumer group read, as far as their metadata can be understood.
func (g *group) subscribed() map[string]struct{} {
	topics := map[string]struct{}{}
	if g.protocolType != consumerProtocol {
		return topics
	}
	for _, m := range g.members {
		for _, p := range m.protocols {
			var meta kmsg.ConsumerMemberMetadata
			if err := meta.ReadFrom(p.Metadata); err != nil {
				continue
			}
			for _, t := range meta.Topics {
				topics[t] = struct{}{}
			}
		}
	}
	return topics
}
