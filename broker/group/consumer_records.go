package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/metadata"
)

// Types of the records of consumer groups: the first two bytes of the key. Source: Kafka's ConsumerGroup*Key.json and
// ConsumerGroup*Value.json; the values are of version 0 and flexible.
const (
	keyEpoch             = 3 // ConsumerGroupMetadata
	keyPartitionMetadata = 4 // up to Kafka 4.0; read over
	keyMember            = 5 // ConsumerGroupMemberMetadata
	keyTargetEpoch       = 6 // ConsumerGroupTargetAssignmentMetadata
	keyTarget            = 7 // ConsumerGroupTargetAssignmentMember
	keyCurrent           = 8 // ConsumerGroupCurrentMemberAssignment
	keyRegex             = 16
)

// firstTag is the number of every optional field there is: the topics' hash of an epoch, what a classic member said of itself,
// when a target was computed, since when partitions are owned.
const firstTag = 0

func key(kind int16, words ...string) []byte {
	k := kbin.AppendInt16(nil, kind)
	for _, w := range words {
		k = kbin.AppendString(k, w)
	}
	return k
}

func epochKey(group string) []byte           { return key(keyEpoch, group) }
func memberKey(group, member string) []byte  { return key(keyMember, group, member) }
func targetEpochKey(group string) []byte     { return key(keyTargetEpoch, group) }
func targetKey(group, member string) []byte  { return key(keyTarget, group, member) }
func currentKey(group, member string) []byte { return key(keyCurrent, group, member) }
func regexKey(group, regex string) []byte    { return key(keyRegex, group, regex) }

func tombstone(key []byte) coordinator.Record { return coordinator.Record{Key: key} }

// version0 begins a value.
func version0() []byte { return kbin.AppendInt16(nil, 0) }

func noTags(b []byte) []byte { return append(b, 0) }

// oneTag ends a structure with a tagged field.
func oneTag(b, body []byte) []byte {
	b = kbin.AppendUvarint(b, 1)
	b = kbin.AppendUvarint(b, firstTag)
	b = kbin.AppendUvarint(b, uint32(len(body)))
	return append(b, body...)
}

func epochRecord(group string, c *consumers) coordinator.Record {
	v := kbin.AppendInt32(version0(), c.epoch)
	return coordinator.Record{Key: epochKey(group), Value: oneTag(v, kbin.AppendInt64(nil, c.hash))}
}

func memberRecord(group string, m *consumer) coordinator.Record {
	v := kbin.AppendCompactNullableString(version0(), nullable(m.instance))
	v = kbin.AppendCompactNullableString(v, nullable(m.rack))
	v = kbin.AppendCompactString(v, m.clientID)
	v = kbin.AppendCompactString(v, m.clientHost)
	v = kbin.AppendCompactArrayLen(v, len(m.names))
	for _, name := range m.names {
		v = kbin.AppendCompactString(v, name)
	}
	v = kbin.AppendCompactNullableString(v, nullable(m.regex))
	v = kbin.AppendInt32(v, int32(m.rebalanceTimeout.Milliseconds()))
	v = kbin.AppendCompactNullableString(v, nullable(m.assignor))
	if m.classic == nil {
		return coordinator.Record{Key: memberKey(group, m.id), Value: noTags(v)}
	}
	body := []byte{1} // a nullable structure that is there
	body = kbin.AppendInt32(body, int32(m.classic.sessionTimeout.Milliseconds()))
	body = kbin.AppendCompactArrayLen(body, len(m.classic.protocols))
	for _, p := range m.classic.protocols {
		body = kbin.AppendCompactString(body, p.Name)
		body = noTags(kbin.AppendCompactBytes(body, p.Metadata))
	}
	return coordinator.Record{Key: memberKey(group, m.id), Value: oneTag(v, noTags(body))}
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func targetEpochRecord(group string, epoch int32, now time.Time) coordinator.Record {
	v := kbin.AppendInt32(version0(), epoch)
	return coordinator.Record{Key: targetEpochKey(group), Value: oneTag(v, kbin.AppendInt64(nil, now.UnixMilli()))}
}

func targetRecord(group, member string, target []Partition) coordinator.Record {
	v := kbin.AppendCompactArrayLen(version0(), topicCount(target))
	byTopic(target, func(topic metadata.UUID, partitions []Partition) {
		v = kbin.AppendUuid(v, topic)
		v = kbin.AppendCompactArrayLen(v, len(partitions))
		for _, p := range partitions {
			v = kbin.AppendInt32(v, p.Partition)
		}
		v = noTags(v)
	})
	return coordinator.Record{Key: targetKey(group, member), Value: noTags(v)}
}

func currentRecord(group string, m *consumer) coordinator.Record {
	v := kbin.AppendInt32(version0(), m.epoch)
	v = kbin.AppendInt32(v, m.previousEpoch)
	v = kbin.AppendInt8(v, int8(m.state))
	v = appendOwned(v, m.assigned)
	v = appendOwned(v, m.revoking)
	return coordinator.Record{Key: currentKey(group, m.id), Value: noTags(v)}
}

func appendOwned(v []byte, o owned) []byte {
	sorted := o.sorted()
	v = kbin.AppendCompactArrayLen(v, topicCount(sorted))
	byTopic(sorted, func(topic metadata.UUID, partitions []Partition) {
		v = kbin.AppendUuid(v, topic)
		v = kbin.AppendCompactArrayLen(v, len(partitions))
		since := kbin.AppendCompactArrayLen(nil, len(partitions))
		for _, p := range partitions {
			v = kbin.AppendInt32(v, p.Partition)
			since = kbin.AppendInt32(since, o[p])
		}
		v = oneTag(v, since)
	})
	return v
}

func regexRecord(group, regex string, r resolved) coordinator.Record {
	v := kbin.AppendCompactArrayLen(version0(), len(r.topics))
	for _, name := range r.topics {
		v = kbin.AppendCompactString(v, name)
	}
	v = kbin.AppendInt64(v, int64(r.version))
	v = kbin.AppendInt64(v, r.at.UnixMilli())
	return coordinator.Record{Key: regexKey(group, regex), Value: noTags(v)}
}

// replayConsumers takes a record of a consumer group.
func (s *Shard) replayConsumers(kind int16, e coordinator.Entry) error {
	in := kbin.Reader{Src: e.Key[2:]}
	groupID, second := in.String(), ""
	if kind == keyMember || kind == keyTarget || kind == keyCurrent || kind == keyRegex {
		second = in.String()
	}
	if err := in.Complete(); err != nil {
		return fmt.Errorf("key of type %d: %w", kind, err)
	}
	g := s.groups[groupID]
	if e.Value == nil {
		if g != nil && g.consumers != nil {
			g.forget848(kind, second)
			s.settle(g)
		}
		return nil
	}
	if len(e.Value) < 2 || binary.BigEndian.Uint16(e.Value) != 0 {
		return fmt.Errorf("value of type %d has an unknown version", kind)
	}
	v := kbin.Reader{Src: e.Value[2:]}
	apply, err := decoders[kind](&v, second)
	if err != nil {
		return fmt.Errorf("value of type %d: %w", kind, err)
	}
	if apply == nil {
		return nil
	}
	if g == nil {
		g = s.group(time.Time{}, groupID)
	}
	c := g.consumers
	if c == nil {
		c = newConsumers()
	}
	apply(c)
	g.adopt(c, time.Time{})
	return nil
}

// forget848 takes a tombstone.
func (g *group) forget848(kind int16, second string) {
	c := g.consumers
	switch kind {
	case keyEpoch:
		g.leave848()
		return
	case keyMember:
		if m := c.members[second]; m != nil {
			c.remove(m)
		}
	case keyTarget:
		delete(c.target, second)
	case keyTargetEpoch:
		c.targetEpoch = 0
	case keyCurrent:
		if m := c.members[second]; m != nil {
			fresh := *m
			fresh.epoch, fresh.previousEpoch, fresh.state, fresh.assigned, fresh.revoking = 0, 0, memberStable, nil, nil
			c.set(&fresh)
		}
	case keyRegex:
		delete(c.regexes, second)
	}
	g.adopt(c, g.changed)
}

// decoders read values whole and give what they do to a group, nil for nothing.
var decoders = map[int16]func(v *kbin.Reader, second string) (func(c *consumers), error){
	keyEpoch:             decodeEpoch,
	keyPartitionMetadata: func(*kbin.Reader, string) (func(*consumers), error) { return nil, nil },
	keyMember:            decodeMember,
	keyTargetEpoch:       decodeTargetEpoch,
	keyTarget:            decodeTarget,
	keyCurrent:           decodeCurrent,
	keyRegex:             decodeRegex,
}

var errTags = errors.New("tagged fields are cut short")

// tags reads tagged fields and hands over the one with firstTag.
func tags(v *kbin.Reader, take func(body *kbin.Reader)) error {
	for n := v.Uvarint(); n > 0; n-- {
		tag := v.Uvarint()
		body := kbin.Reader{Src: v.Span(int(v.Uvarint()))}
		if !v.Ok() {
			return errTags
		}
		if tag == firstTag && take != nil {
			take(&body)
			if err := body.Complete(); err != nil {
				return err
			}
		}
	}
	return v.Complete()
}

func decodeEpoch(v *kbin.Reader, _ string) (func(*consumers), error) {
	epoch, hash := v.Int32(), int64(0)
	err := tags(v, func(body *kbin.Reader) { hash = body.Int64() })
	return func(c *consumers) { c.epoch, c.hash = epoch, hash }, err
}

func decodeTargetEpoch(v *kbin.Reader, _ string) (func(*consumers), error) {
	epoch := v.Int32()
	return func(c *consumers) { c.targetEpoch = epoch }, tags(v, nil)
}

func decodeMember(v *kbin.Reader, id string) (func(*consumers), error) {
	m := &consumer{id: id, state: memberStable}
	m.instance, m.rack = value(v.CompactNullableString()), value(v.CompactNullableString())
	m.clientID, m.clientHost = v.CompactString(), v.CompactString()
	m.names = readNames(v)
	m.regex = value(v.CompactNullableString())
	m.rebalanceTimeout = time.Duration(v.Int32()) * time.Millisecond
	m.assignor = value(v.CompactNullableString())
	err := tags(v, func(body *kbin.Reader) { m.classic = readClassic(body) })
	if err == nil && m.classic != nil && len(m.classic.protocols) == 0 {
		err = errors.New("a classic member without protocols")
	}
	return func(c *consumers) {
		if old := c.members[id]; old != nil {
			m.epoch, m.previousEpoch, m.state = old.epoch, old.previousEpoch, old.state
			m.assigned, m.revoking = old.assigned, old.revoking
		}
		c.set(m)
	}, err
}

func readNames(v *kbin.Reader) []string {
	var names []string
	for n := v.CompactArrayLen(); n > 0 && v.Ok(); n-- {
		names = append(names, v.CompactString())
	}
	return names
}

func readClassic(v *kbin.Reader) *classic {
	if v.Int8() < 0 {
		return nil
	}
	c := &classic{sessionTimeout: time.Duration(v.Int32()) * time.Millisecond}
	for n := v.CompactArrayLen(); n > 0 && v.Ok(); n-- {
		p := Protocol{Name: v.CompactString(), Metadata: append([]byte{}, v.CompactBytes()...)}
		skipTags(v)
		c.protocols = append(c.protocols, p)
	}
	skipTags(v)
	return c
}

// skipTags reads over the tagged fields of an inner structure.
func skipTags(v *kbin.Reader) {
	for n := v.Uvarint(); n > 0 && v.Ok(); n-- {
		v.Uvarint()
		v.Span(int(v.Uvarint()))
	}
}

func decodeTarget(v *kbin.Reader, id string) (func(*consumers), error) {
	target := readOwned(v).sorted()
	return func(c *consumers) { c.target[id] = target }, tags(v, nil)
}

func decodeCurrent(v *kbin.Reader, id string) (func(*consumers), error) {
	m := consumer{epoch: v.Int32(), previousEpoch: v.Int32(), state: memberState(v.Int8())}
	m.assigned, m.revoking = readOwned(v), readOwned(v)
	if m.state < memberStable || m.state > memberUnreleased {
		return nil, fmt.Errorf("member state %d is unknown", m.state)
	}
	return func(c *consumers) {
		fresh := consumer{id: id}
		if old := c.members[id]; old != nil {
			fresh = *old
		}
		fresh.epoch, fresh.previousEpoch, fresh.state = m.epoch, m.previousEpoch, m.state
		fresh.assigned, fresh.revoking = m.assigned, m.revoking
		c.set(&fresh)
	}, tags(v, nil)
}

// readOwned reads partitions by topic, with the epochs since which they are owned where those are told.
func readOwned(v *kbin.Reader) owned {
	o := owned{}
	for n := v.CompactArrayLen(); n > 0 && v.Ok(); n-- {
		topic := metadata.UUID(v.Uuid())
		var partitions []Partition
		for k := v.CompactArrayLen(); k > 0 && v.Ok(); k-- {
			partitions = append(partitions, Partition{topic, v.Int32()})
		}
		for _, p := range partitions {
			o[p] = 0
		}
		for k := v.Uvarint(); k > 0 && v.Ok(); k-- {
			tag := v.Uvarint()
			body := kbin.Reader{Src: v.Span(int(v.Uvarint()))}
			if tag != firstTag || int(body.CompactArrayLen()) != len(partitions) {
				continue
			}
			for _, p := range partitions {
				o[p] = body.Int32()
			}
		}
	}
	return o
}

func decodeRegex(v *kbin.Reader, text string) (func(*consumers), error) {
	r := resolved{topics: readNames(v), version: uint64(v.Int64()), at: time.UnixMilli(v.Int64())}
	return func(c *consumers) { c.regexes[text] = r }, tags(v, nil)
}

// snapshot gives the records that rebuild the group.
func (c *consumers) snapshot(id string) []coordinator.Record {
	var records []coordinator.Record
	for _, m := range c.sortedMembers() {
		records = append(records, memberRecord(id, m))
	}
	records = append(records, epochRecord(id, c))
	for _, text := range sortedKeys(c.regexes) {
		records = append(records, regexRecord(id, text, c.regexes[text]))
	}
	for _, member := range sortedKeys(c.target) {
		records = append(records, targetRecord(id, member, c.target[member]))
	}
	records = append(records, targetEpochRecord(id, c.targetEpoch, time.UnixMilli(0)))
	for _, m := range c.sortedMembers() {
		records = append(records, currentRecord(id, m))
	}
	return records
}
