package group

import (
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// State is a group's state; a classic group goes its way through the first four, a consumer group (KIP-848) is Empty,
// Assigning (its target is older than its members), Reconciling (members are on their way to the target) or Stable.
//
//	                  join                    all joined, or rebalance timeout
//	Empty ─────────────────► PreparingRebalance ─────────────────► CompletingRebalance
//	  ▲  ▲  ▲                    ▲        ▲                          │          │
//	  │  │  └─ nobody joined ────┘        └── join, leave, timeout ──┘          │ leader's SyncGroup committed
//	  │  └──────────────────────────────────── join, leave, timeout ─────── Stable
//	  └─ the last member is gone                                       DeleteGroups: Empty ──► Dead
type State int8

// The states of a group.
const (
	Empty State = iota
	PreparingRebalance
	CompletingRebalance
	Stable
	Dead
	Assigning
	Reconciling
)

// String gives the state as Kafka's tools spell it.
func (s State) String() string {
	switch s {
	case Empty:
		return "Empty"
	case PreparingRebalance:
		return "PreparingRebalance"
	case CompletingRebalance:
		return "CompletingRebalance"
	case Stable:
		return "Stable"
	case Dead:
		return "Dead"
	case Assigning:
		return "Assigning"
	case Reconciling:
		return "Reconciling"
	}
	return "Unknown"
}

// Protocol is an assignment strategy a member can speak, with what it tells the group's leader.
type Protocol struct {
	Name     string
	Metadata []byte
}

// member is one member of a group. It waits for the group in at most one of join and sync.
type member struct {
	id, instanceID       string // instanceID is "" for a dynamic member
	clientID, clientHost string
	sessionTimeout       time.Duration
	rebalanceTimeout     time.Duration
	protocols            []Protocol
	assignment           []byte
	deadline             time.Time // of the session; not looked at while the member waits
	join                 func(JoinResponse)
	sync                 func(SyncResponse)
	synced               bool // has asked for its assignment in this generation
}

func (m *member) waiting() bool { return m.join != nil || m.sync != nil }

func (m *member) touch(now time.Time) { m.deadline = now.Add(m.sessionTimeout) }

func (m *member) metadata(protocol string) []byte {
	for _, p := range m.protocols {
		if p.Name == protocol {
			return p.Metadata
		}
	}
	return nil
}

func (m *member) speaks(protocol string) bool {
	return slices.ContainsFunc(m.protocols, func(p Protocol) bool { return p.Name == protocol })
}

// group is one group: its members, its generation and its offsets. members keeps the order of joining, so that the same
// events always give the same answers.
type group struct {
	id           string
	state        State
	generation   int32
	protocolType string
	protocol     string
	leader       string
	members      []*member
	static       map[string]string    // instance id to member id
	pending      map[string]time.Time // member ids handed out and not yet used, with their deadline
	changed      time.Time            // of the state

	joinDeadline time.Time     // of PreparingRebalance
	initialLeft  time.Duration // how far the initial delay may still be prolonged; < 0 after it
	newcomers    bool          // somebody joined during the initial delay
	syncDeadline time.Time     // of those who have not asked for their assignment, in CompletingRebalance and Stable
	storing      int32         // generation whose assignment is being written, 0 for none

	offsets map[topicPartition]sequenced
	txns    map[int64]pendingOffsets // by producer id
	stored  bool                     // the log holds a metadata record of the group

	consumers  *consumers       // the state of a consumer group, nil for a classic one
	clocks     map[string]clock // of its members
	topicsSeen uint64           // version of the metadata its target takes into account
	busy       bool             // a change of the group as a whole is being written
	waiting    []waiting        // requests that came since
	overdue    bool             // a deadline passed since
}

// Types of groups, as Kafka's tools spell them.
const (
	TypeClassic  = "classic"
	TypeConsumer = "consumer"
)

func (g *group) kind() string {
	if g.consumers != nil {
		return TypeConsumer
	}
	return TypeClassic
}

type topicPartition struct {
	topic     string
	partition int32
}

func newGroup(id string, now time.Time) *group {
	return &group{
		id:      id,
		static:  map[string]string{},
		pending: map[string]time.Time{},
		offsets: map[topicPartition]sequenced{},
		txns:    map[int64]pendingOffsets{},
		changed: now,
	}
}

func (g *group) enter(s State, now time.Time) {
	g.state, g.changed = s, now
}

func (g *group) member(id string) *member {
	for _, m := range g.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

// find gives the member that a request speaks for. With an instance id, the member id must be its current one.
func (g *group) find(memberID, instanceID string) (*member, coordinator.Code) {
	if instanceID != "" {
		current, ok := g.static[instanceID]
		if !ok {
			return nil, coordinator.UnknownMemberID
		}
		if current != memberID {
			return nil, coordinator.FencedInstanceID
		}
	}
	m := g.member(memberID)
	if m == nil {
		return nil, coordinator.UnknownMemberID
	}
	return m, coordinator.OK
}

func (g *group) add(m *member) {
	g.members = append(g.members, m)
	if m.instanceID != "" {
		g.static[m.instanceID] = m.id
	}
	delete(g.pending, m.id)
	if g.leader == "" {
		g.leader = m.id
	}
}

func (g *group) remove(m *member) {
	g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
	if m.instanceID != "" && g.static[m.instanceID] == m.id {
		delete(g.static, m.instanceID)
	}
	if g.leader == m.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
}

// compatible tells whether a newcomer with these protocols leaves the group at least one that all members speak.
func (g *group) compatible(protocolType string, protocols []Protocol) bool {
	if protocolType == "" || len(protocols) == 0 {
		return false
	}
	others := g.members
	if len(others) == 0 {
		return true
	}
	if protocolType != g.protocolType {
		return false
	}
	return slices.ContainsFunc(protocols, func(p Protocol) bool {
		for _, m := range others {
			if !m.speaks(p.Name) {
				return false
			}
		}
		return true
	})
}

// choose lets each member vote for the first of its protocols that all speak; the earlier joiner's choice wins a tie.
func (g *group) choose() string {
	votes := map[string]int{}
	var order []string
	for _, m := range g.members {
		for _, p := range m.protocols {
			if !slices.ContainsFunc(g.members, func(o *member) bool { return !o.speaks(p.Name) }) {
				if votes[p.Name] == 0 {
					order = append(order, p.Name)
				}
				votes[p.Name]++
				break
			}
		}
	}
	best := ""
	for _, name := range order {
		if best == "" || votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// rebalanceTimeout is the longest of the members'.
func (g *group) rebalanceTimeout() time.Duration {
	var longest time.Duration
	for _, m := range g.members {
		longest = max(longest, m.rebalanceTimeout)
	}
	return longest
}

func (g *group) allJoined() bool {
	if len(g.pending) > 0 {
		return false
	}
	for _, m := range g.members {
		if m.join == nil {
			return false
		}
	}
	return true
}

// idle tells that nothing of the group is worth remembering.
func (g *group) idle() bool {
	return len(g.members) == 0 && len(g.pending) == 0 && len(g.offsets) == 0 && len(g.txns) == 0 && !g.stored &&
		g.consumers == nil && !g.busy && len(g.waiting) == 0
}

func sameProtocols(a, b []Protocol) bool {
	return slices.EqualFunc(a, b, func(x, y Protocol) bool {
		return x.Name == y.Name && string(x.Metadata) == string(y.Metadata)
	})
}
