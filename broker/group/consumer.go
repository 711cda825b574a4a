package group

import (
	"cmp"
	"hash/fnv"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/metadata"
)

// Topics is what groups need to know of the cluster's topics at one moment; a *metadata.Image is one.
type Topics interface {
	Version() uint64
	Topic(name string) *metadata.Topic
	TopicByID(id metadata.UUID) *metadata.Topic
	Topics() iter.Seq[*metadata.Topic]
}

// Epochs with a meaning of their own (KIP-848).
const (
	epochJoin        = 0
	epochLeave       = -1
	epochStaticLeave = -2 // "I will be back under my instance id"
)

// memberState says how far a member is on its way to its target.
//
//	          target has less                    gave it up
//	Stable ───────────────────► Unrevoked ──────────────────────┐
//	  ▲  │                                                      ▼
//	  │  └──── target has more, another still holds it ──► Unreleased
//	  └──────────────── everything handed over ─────────────────┘
type memberState int8

// Kafka's numbers, which are in the log.
const (
	memberStable     memberState = 1
	memberUnrevoked  memberState = 2
	memberUnreleased memberState = 3
)

// consumer is a member of a consumer group. It is never changed once in a group: changes make a copy.
type consumer struct {
	id, instance, rack   string
	clientID, clientHost string
	names                []string // subscribed, sorted
	regex                string   // subscribed; "" for none
	rebalanceTimeout     time.Duration
	assignor             string   // asked for; "" for the group's default
	classic              *classic // how it speaks, when it speaks the classic protocol
	epoch, previousEpoch int32
	state                memberState
	assigned, revoking   owned
}

// classic is what a member of the classic protocol said in a consumer group.
type classic struct {
	sessionTimeout time.Duration
	protocols      []Protocol
}

func (m *consumer) sameSubscription(o *consumer) bool {
	return slices.Equal(m.names, o.names) && m.regex == o.regex
}

// sameMetadata tells whether what the member says of itself is the same, assignments apart.
func (m *consumer) sameMetadata(o *consumer) bool {
	if (m.classic == nil) != (o.classic == nil) {
		return false
	}
	if m.classic != nil && (m.classic.sessionTimeout != o.classic.sessionTimeout || !sameProtocols(m.classic.protocols, o.classic.protocols)) {
		return false
	}
	return m.instance == o.instance && m.rack == o.rack && m.clientID == o.clientID && m.clientHost == o.clientHost &&
		m.sameSubscription(o) && m.rebalanceTimeout == o.rebalanceTimeout && m.assignor == o.assignor
}

func (m *consumer) sameAssignment(o *consumer) bool {
	return m.epoch == o.epoch && m.previousEpoch == o.previousEpoch && m.state == o.state &&
		maps.Equal(m.assigned, o.assigned) && maps.Equal(m.revoking, o.revoking)
}

// resolved is what a regular expression matched.
type resolved struct {
	topics  []string // sorted
	version uint64   // of the metadata looked at
	at      time.Time
}

// consumers is a consumer group's durable state (KIP-848). A change works on a copy, which replaces the group's when its
// records are committed, see change; so nothing here needs undoing.
type consumers struct {
	epoch       int32 // grows with every change of membership, subscription or topics
	hash        int64 // of the subscribed topics as they were at epoch
	members     map[string]*consumer
	static      map[string]string      // instance id to member id
	owners      map[Partition]string   // who uses, or has not yet given up, a partition
	targetEpoch int32                  // the group epoch the target was computed for
	target      map[string][]Partition // by member id, sorted
	regexes     map[string]resolved
}

func newConsumers() *consumers {
	return &consumers{
		members: map[string]*consumer{}, static: map[string]string{}, owners: map[Partition]string{},
		target: map[string][]Partition{}, regexes: map[string]resolved{},
	}
}

func (c *consumers) clone() *consumers {
	fresh := *c
	fresh.members, fresh.static, fresh.owners = maps.Clone(c.members), maps.Clone(c.static), maps.Clone(c.owners)
	fresh.target, fresh.regexes = maps.Clone(c.target), maps.Clone(c.regexes)
	return &fresh
}

// set puts a member in, in place of one with the same id, and keeps the books of owners.
func (c *consumers) set(m *consumer) {
	c.release(c.members[m.id])
	c.members[m.id] = m
	if m.instance != "" {
		c.static[m.instance] = m.id
	}
	for p := range m.assigned {
		c.owners[p] = m.id
	}
	for p := range m.revoking {
		c.owners[p] = m.id
	}
}

func (c *consumers) release(m *consumer) {
	if m == nil {
		return
	}
	for _, partitions := range []owned{m.assigned, m.revoking} {
		for p := range partitions {
			if c.owners[p] == m.id {
				delete(c.owners, p)
			}
		}
	}
}

// remove takes a member out.
func (c *consumers) remove(m *consumer) {
	c.release(m)
	delete(c.members, m.id)
	if m.instance != "" && c.static[m.instance] == m.id {
		delete(c.static, m.instance)
	}
}

// state is what describing the group shows.
func (c *consumers) state() State {
	switch {
	case len(c.members) == 0:
		return Empty
	case c.epoch > c.targetEpoch:
		return Assigning
	}
	for _, m := range c.members {
		if m.epoch != c.targetEpoch || m.state != memberStable {
			return Reconciling
		}
	}
	return Stable
}

// assignorName is the assignor most members ask for, the default when none does.
func (c *consumers) assignorName(standard string) string {
	votes := map[string]int{}
	for _, m := range c.members {
		if m.assignor != "" {
			votes[m.assignor]++
		}
	}
	best := standard
	for _, name := range slices.Sorted(maps.Keys(votes)) {
		if votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// topicsOf gives the existing topics a member is subscribed to, by id.
func (c *consumers) topicsOf(m *consumer, topics Topics) []metadata.UUID {
	var ids []metadata.UUID
	for _, names := range [][]string{m.names, c.regexes[m.regex].topics} {
		for _, name := range names {
			if t := topics.Topic(name); t != nil {
				ids = append(ids, t.ID)
			}
		}
	}
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

// topicsHash sums up the subscribed topics: it changes when one of them appears, goes, or gets partitions.
func (c *consumers) topicsHash(topics Topics) int64 {
	names := map[string]struct{}{}
	for _, m := range c.members {
		for _, name := range m.names {
			names[name] = struct{}{}
		}
		for _, name := range c.regexes[m.regex].topics {
			names[name] = struct{}{}
		}
	}
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if t := topics.Topic(name); t != nil {
			h.Write(t.ID[:])
			n := len(t.Partitions)
			h.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
		}
	}
	return int64(h.Sum64())
}

// assignAll computes a new target for everybody.
func (c *consumers) assignAll(topics Topics, assignor string) map[string][]Partition {
	a := assignment{sizes: map[metadata.UUID]int32{}}
	for _, m := range c.members {
		s := subscriber{id: m.id, instance: m.instance, topics: c.topicsOf(m, topics), held: c.target[m.id]}
		for _, id := range s.topics {
			a.sizes[id] = int32(len(topics.TopicByID(id).Partitions))
		}
		a.members = append(a.members, s)
	}
	return a.assign(assignor)
}

// sortedMembers gives the members by id.
func (c *consumers) sortedMembers() []*consumer {
	return slices.SortedFunc(maps.Values(c.members), func(a, b *consumer) int { return cmp.Compare(a.id, b.id) })
}
