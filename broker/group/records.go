package group

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Versions of the records of __consumer_offsets, as Kafka 2.1 to 4.x write and read them.
const (
	offsetKeyVersion   = 1 // 0 is older and the same
	offsetValueVersion = 3
	groupKeyVersion    = 2
	groupValueVersion  = 3
)

// offsetRecord is a position, or with nil the end of one.
func offsetRecord(groupID, topic string, partition int32, o *Offset) coordinator.Record {
	key := kmsg.OffsetCommitKey{Version: offsetKeyVersion, Group: groupID, Topic: topic, Partition: partition}
	r := coordinator.Record{Key: key.AppendTo(nil)}
	if o != nil {
		value := kmsg.OffsetCommitValue{
			Version: offsetValueVersion, Offset: o.Offset, LeaderEpoch: o.LeaderEpoch,
			Metadata: o.Metadata, CommitTimestamp: o.CommittedAt,
		}
		r.Value = value.AppendTo(nil)
	}
	return r
}

// groupRecord is a group's generation with its members; assignments replace those the members have when not nil.
func groupRecord(g *group, assignments map[string][]byte, tombstone bool) coordinator.Record {
	key := kmsg.GroupMetadataKey{Version: groupKeyVersion, Group: g.id}
	r := coordinator.Record{Key: key.AppendTo(nil)}
	if tombstone {
		return r
	}
	value := kmsg.GroupMetadataValue{
		Version: groupValueVersion, ProtocolType: g.protocolType, Generation: g.generation,
		CurrentStateTimestamp: g.changed.UnixMilli(),
	}
	if g.protocol != "" {
		value.Protocol = &g.protocol
	}
	if g.leader != "" {
		value.Leader = &g.leader
	}
	members := g.members
	if assignments == nil && g.state != Stable {
		members = nil // they have no assignment that outlives this coordinator
	}
	for _, m := range members {
		vm := kmsg.NewGroupMetadataValueMember()
		vm.MemberID, vm.ClientID, vm.ClientHost = m.id, m.clientID, m.clientHost
		if m.instanceID != "" {
			vm.InstanceID = &m.instanceID
		}
		vm.RebalanceTimeoutMillis = int32(m.rebalanceTimeout.Milliseconds())
		vm.SessionTimeoutMillis = int32(m.sessionTimeout.Milliseconds())
		vm.Subscription = notNil(m.metadata(g.protocol))
		vm.Assignment = notNil(m.assignment)
		if assignments != nil {
			vm.Assignment = notNil(assignments[m.id])
		}
		value.Members = append(value.Members, vm)
	}
	r.Value = value.AppendTo(nil)
	return r
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// store writes the group's metadata.
func (s *Shard) store(g *group, assignments map[string][]byte, done func(now time.Time, err error)) {
	s.out.Write(coordinator.Write{
		Records: []coordinator.Record{groupRecord(g, assignments, false)},
		Done: func(now time.Time, err error) {
			if err == nil {
				g.stored = true
			}
			done(now, err)
		},
	})
}

// Replay implements coordinator.Machine.
func (s *Shard) Replay(e coordinator.Entry) error {
	if e.Marker != coordinator.NoMarker {
		s.EndTxn(e.ProducerID, e.Marker == coordinator.CommitMarker)
		return nil
	}
	if len(e.Key) < 2 {
		return fmt.Errorf("key of %d bytes", len(e.Key))
	}
	switch version := binary.BigEndian.Uint16(e.Key); version {
	case 0, offsetKeyVersion:
		return s.replayOffset(e)
	case groupKeyVersion:
		return s.replayGroup(e)
	case keyEpoch, keyPartitionMetadata, keyMember, keyTargetEpoch, keyTarget, keyCurrent, keyRegex:
		return s.replayConsumers(int16(version), e)
	default:
		return fmt.Errorf("key of version %d", version)
	}
}

// plainValueVersion is the last version of offset commits and group metadata without tags. Later ones are never written here, and kmsg would count
// the tags of a damaged one as often as it says.
const plainValueVersion = 3

func knownVersion(value []byte) error {
	if len(value) < 2 || binary.BigEndian.Uint16(value) > plainValueVersion {
		return fmt.Errorf("version % x", value[:min(len(value), 2)])
	}
	return nil
}

func (s *Shard) replayOffset(e coordinator.Entry) error {
	var key kmsg.OffsetCommitKey
	if err := key.ReadFrom(e.Key); err != nil {
		return fmt.Errorf("offset commit key: %w", err)
	}
	tp := topicPartition{key.Topic, key.Partition}
	s.seq++
	if e.Value == nil {
		if g := s.groups[key.Group]; g != nil {
			delete(g.offsets, tp)
			s.settle(g)
		}
		return nil
	}
	if err := knownVersion(e.Value); err != nil {
		return fmt.Errorf("offset commit value: %w", err)
	}
	var value kmsg.OffsetCommitValue
	if err := value.ReadFrom(e.Value); err != nil {
		return fmt.Errorf("offset commit value: %w", err)
	}
	o := Offset{Offset: value.Offset, LeaderEpoch: -1, Metadata: value.Metadata, CommittedAt: value.CommitTimestamp}
	if value.Version >= 3 {
		o.LeaderEpoch = value.LeaderEpoch
	}
	g := s.group(time.UnixMilli(value.CommitTimestamp), key.Group)
	one := pendingOffsets{tp: {o, s.seq}}
	if e.Transactional {
		s.hold(g, e.ProducerID, one)
	} else {
		g.apply(one)
	}
	return nil
}

func (s *Shard) replayGroup(e coordinator.Entry) error {
	var key kmsg.GroupMetadataKey
	if err := key.ReadFrom(e.Key); err != nil {
		return fmt.Errorf("group metadata key: %w", err)
	}
	if e.Value == nil {
		if g := s.groups[key.Group]; g != nil {
			if g.consumers != nil {
				return nil // of the classic group it was before
			}
			fresh := newGroup(g.id, g.changed)
			fresh.offsets, fresh.txns = g.offsets, g.txns
			s.groups[key.Group] = fresh
			s.settle(fresh)
		}
		return nil
	}
	if err := knownVersion(e.Value); err != nil {
		return fmt.Errorf("group metadata value: %w", err)
	}
	var value kmsg.GroupMetadataValue
	if err := value.ReadFrom(e.Value); err != nil {
		return fmt.Errorf("group metadata value: %w", err)
	}
	old := s.groups[key.Group]
	g := newGroup(key.Group, time.UnixMilli(value.CurrentStateTimestamp))
	if old != nil {
		g.offsets, g.txns = old.offsets, old.txns
	}
	g.stored = true
	g.generation, g.protocolType = value.Generation, value.ProtocolType
	if value.Protocol != nil {
		g.protocol = *value.Protocol
	}
	for _, vm := range value.Members {
		g.add(replayMember(vm, g.protocol))
	}
	if value.Leader != nil && g.member(*value.Leader) != nil {
		g.leader = *value.Leader
	}
	if len(g.members) > 0 {
		g.state = Stable
	}
	s.groups[key.Group] = g
	return nil
}

func replayMember(vm kmsg.GroupMetadataValueMember, protocol string) *member {
	m := &member{
		id: vm.MemberID, clientID: vm.ClientID, clientHost: vm.ClientHost,
		sessionTimeout:   time.Duration(vm.SessionTimeoutMillis) * time.Millisecond,
		rebalanceTimeout: time.Duration(vm.RebalanceTimeoutMillis) * time.Millisecond,
		protocols:        []Protocol{{Name: protocol, Metadata: bytes.Clone(vm.Subscription)}},
		assignment:       bytes.Clone(vm.Assignment),
		synced:           true,
	}
	if vm.InstanceID != nil {
		m.instanceID = *vm.InstanceID
	}
	if m.rebalanceTimeout <= 0 {
		m.rebalanceTimeout = m.sessionTimeout
	}
	return m
}

// Snapshot implements coordinator.Machine. It waits until no transaction holds positions back: records written now would
// come after those in the log, and count instead of them.
func (s *Shard) Snapshot() (records []coordinator.Record, ok bool) {
	if len(s.open) > 0 {
		return nil, false
	}
	for _, l := range s.List() {
		g := s.groups[l.Group]
		switch {
		case g.consumers != nil:
			records = append(records, g.consumers.snapshot(g.id)...)
		case g.stored:
			records = append(records, groupRecord(g, nil, false))
		}
		for _, tp := range sortedPartitions(g.offsets) {
			o := g.offsets[tp].Offset
			records = append(records, offsetRecord(g.id, tp.topic, tp.partition, &o))
		}
	}
	return records, true
}
