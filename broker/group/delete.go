package group

import (
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Delete forgets an empty group and its positions (DeleteGroups).
func (s *Shard) Delete(now time.Time, groupID string, reply func(coordinator.Code)) {
	g := s.groups[groupID]
	if s.wait(g, func(now time.Time) { s.Delete(now, groupID, reply) }, reply) {
		return
	}
	switch {
	case g == nil || g.state == Dead:
		reply(coordinator.GroupIDNotFound)
		return
	case len(g.members) > 0 || len(g.pending) > 0 || g.peopled():
		reply(coordinator.NonEmptyGroup)
		return
	case len(g.txns) > 0: // its tombstones would be undone by the marker
		reply(coordinator.UnstableOffsetCommit)
		return
	}
	s.bury(now, g, func(err error) { reply(codeOf(err)) })
}

// bury forgets a group without members, and its positions. Who comes meanwhile waits, and finds no group.
func (s *Shard) bury(now time.Time, g *group, done func(error)) {
	ch := s.begin(now, g)
	for _, tp := range sortedPartitions(g.offsets) {
		ch.add(offsetRecord(g.id, tp.topic, tp.partition, nil))
	}
	if g.consumers != nil {
		ch.dissolve()
	} else {
		ch.add(groupRecord(g, nil, true))
	}
	ch.c = nil
	s.seq++
	seq := s.seq
	ch.commit(func(now time.Time, err error) {
		if err == nil {
			g.leaveClassic()
			g.leave848()
			maps.DeleteFunc(g.offsets, func(_ topicPartition, o sequenced) bool { return o.seq <= seq })
			g.enter(Dead, now)
			if len(g.offsets) == 0 && len(g.txns) == 0 {
				delete(s.groups, g.id)
			} else { // somebody committed while the records were on their way
				g.enter(Empty, now)
			}
		}
		done(err)
	})
}

// peopled tells whether a consumer group has members.
func (g *group) peopled() bool { return g.consumers != nil && len(g.consumers.members) > 0 }

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
	case g.consumers == nil && len(g.members) > 0 && g.protocolType != consumerProtocol:
		reply(coordinator.NonEmptyGroup, nil)
		return
	}
	subscribed := g.subscribed()
	if g.consumers != nil {
		subscribed = g.consumers.subscribed()
	}
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
			meta, err := readSubscription(p.Metadata)
			if err != nil {
				continue
			}
			for _, t := range meta.Topics {
				topics[t] = struct{}{}
			}
		}
	}
	return topics
}

// subscribed gives the topics that members read, by name or by what their regular expressions matched.
func (c *consumers) subscribed() map[string]struct{} {
	topics := map[string]struct{}{}
	for _, m := range c.members {
		for _, names := range [][]string{m.names, c.regexes[m.regex].topics} {
			for _, name := range names {
				topics[name] = struct{}{}
			}
		}
	}
	return topics
}
