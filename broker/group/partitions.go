package group

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/freshetdb/freshet/broker/metadata"
)

// Partition names a partition by its topic's id, as KIP-848 does: a topic deleted and made again is another.
type Partition struct {
	Topic     metadata.UUID
	Partition int32
}

func comparePartitions(a, b Partition) int {
	if c := bytes.Compare(a.Topic[:], b.Topic[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.Partition, b.Partition)
}

// owned are the partitions a member may use, or has to give up, each with the member epoch at which it was handed over: a
// position committed with an epoch from then on is the owner's (KIP-1251). It is never changed once a member holds it.
type owned map[Partition]int32

// sorted gives the partitions in order.
func (o owned) sorted() []Partition { return slices.SortedFunc(maps.Keys(o), comparePartitions) }

// same tells whether both hold the same partitions, whatever the epochs.
func (o owned) same(other owned) bool {
	if len(o) != len(other) {
		return false
	}
	for p := range o {
		if _, ok := other[p]; !ok {
			return false
		}
	}
	return true
}

// holdsAny tells whether one of the partitions is held.
func (o owned) holdsAny(partitions []Partition) bool {
	return slices.ContainsFunc(partitions, func(p Partition) bool { _, ok := o[p]; return ok })
}

// holdsAll tells whether all of the partitions are held.
func (o owned) holdsAll(partitions []Partition) bool {
	return !slices.ContainsFunc(partitions, func(p Partition) bool { _, ok := o[p]; return !ok })
}

// byTopic walks sorted partitions one topic at a time.
func byTopic(sorted []Partition, yield func(topic metadata.UUID, partitions []Partition)) {
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Topic == sorted[0].Topic {
			n++
		}
		yield(sorted[0].Topic, sorted[:n])
		sorted = sorted[n:]
	}
}

func topicCount(sorted []Partition) int {
	n := 0
	byTopic(sorted, func(metadata.UUID, []Partition) { n++ })
	return n
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
