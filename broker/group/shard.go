// Package group keeps consumer groups: who belongs to them, who reads what, and how far they have read.
//
// A Shard is the state machine of one partition of __consumer_offsets. It does no I/O and reads no clock: events come
// with the time they happen at, records go out through the coordinator's runtime, in Kafka's own formats, and what is
// durable (offsets, assignments) changes when they are committed. Classic groups only.
package group

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Shard holds the groups of one partition. All methods must be called on the shard's goroutine.
type Shard struct {
	metrics *metrics
	opts    Options
	groups  map[string]*group
	out     coordinator.Shard
	next    time.Time                     // no timer is due before
	seq     uint64                        // of the last offset write, in log order
	open    map[int64]map[string]struct{} // groups with offsets in an open transaction, by producer id
	newID   func() string
}

// New makes an empty shard, whose figures nobody sees.
func New(opts Options) *Shard { return newShard(opts, newMetrics(nil)) }

func newShard(opts Options, m *metrics) *Shard {
	return &Shard{
		metrics: m,
		opts:    opts.withDefaults(),
		groups:  map[string]*group{},
		open:    map[int64]map[string]struct{}{},
		newID:   randomID,
	}
}

func randomID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// newMemberID names a member as Kafka does: what it calls itself, and something unique.
func (s *Shard) newMemberID(req JoinRequest) string {
	prefix := req.ClientID
	if req.InstanceID != "" {
		prefix = req.InstanceID
	}
	if prefix == "" {
		prefix = "member"
	}
	return prefix + "-" + s.newID()
}

// group gives a group, making it when it is new.
func (s *Shard) group(now time.Time, id string) *group {
	g := s.groups[id]
	if g == nil {
		g = newGroup(id, now)
		s.groups[id] = g
	}
	return g
}

// memberOf gives the group and member a request speaks for.
func (s *Shard) memberOf(groupID, memberID, instanceID string) (*group, *member, coordinator.Code) {
	if groupID == "" {
		return nil, nil, coordinator.InvalidGroupID
	}
	g := s.groups[groupID]
	if g == nil {
		return nil, nil, coordinator.UnknownMemberID
	}
	m, code := g.find(memberID, instanceID)
	return g, m, code
}

// settle is called after every event of a group: it plans the group's next timer and forgets a group that nothing is
// known of.
func (s *Shard) settle(g *group) {
	if g.idle() && g.state == Empty {
		delete(s.groups, g.id)
		return
	}
	s.plan(g.nextTimer())
}

func (s *Shard) plan(t time.Time) {
	if !t.IsZero() && (s.next.IsZero() || t.Before(s.next)) {
		s.next = t
	}
}

// Tick implements coordinator.Machine.
func (s *Shard) Tick(now time.Time) time.Time {
	if s.next.IsZero() || now.Before(s.next) {
		return s.next
	}
	s.next = time.Time{}
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[id]
		s.fire(now, g)
		s.settle(g)
	}
	return s.next
}

// nextTimer is the earliest instant at which something of the group runs out.
func (g *group) nextTimer() time.Time {
	var next time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	switch g.state {
	case PreparingRebalance:
		consider(g.joinDeadline)
	case CompletingRebalance:
		consider(g.syncDeadline)
	}
	for _, m := range g.members {
		if !m.waiting() {
			consider(m.deadline)
		}
	}
	for _, deadline := range g.pending {
		consider(deadline)
	}
	return next
}

// fire lets everything of the group that is due happen.
func (s *Shard) fire(now time.Time, g *group) {
	for _, id := range slices.Sorted(maps.Keys(g.pending)) {
		if !g.pending[id].After(now) {
			delete(g.pending, id)
			s.afterRemoval(now, g)
		}
	}
	for _, m := range slices.Clone(g.members) {
		if !m.waiting() && !m.deadline.After(now) && g.member(m.id) == m {
			s.metrics.expired.Inc()
			s.expel(now, g, m, coordinator.UnknownMemberID)
		}
	}
	switch {
	case g.state == PreparingRebalance && !g.joinDeadline.After(now):
		if g.initialLeft >= 0 {
			s.endInitialDelay(now, g)
		} else {
			s.completeJoin(now, g)
		}
	case g.state == CompletingRebalance && !g.syncDeadline.After(now) && !g.storing:
		s.expelSilent(now, g)
	}
}

// expelSilent removes those who never asked for their assignment (KAFKA-12890): nobody would ever notice them otherwise
// as long as they send heartbeats.
func (s *Shard) expelSilent(now time.Time, g *group) {
	g.syncDeadline = now.Add(max(g.rebalanceTimeout(), time.Second))
	for _, m := range slices.Clone(g.members) {
		if !m.synced && g.member(m.id) == m {
			s.metrics.expired.Inc()
			s.expel(now, g, m, coordinator.UnknownMemberID)
		}
	}
}

// Start implements coordinator.Machine. Members of loaded groups get a whole session to show up.
func (s *Shard) Start(now time.Time, _ int32, out coordinator.Shard) {
	s.out = out
	for _, g := range s.groups {
		for _, m := range g.members {
			m.touch(now)
		}
		s.settle(g)
	}
}

// Stop implements coordinator.Machine.
func (s *Shard) Stop(err error) {
	code := codeOf(err)
	for _, g := range s.groups {
		g.failSyncs(code)
		for _, m := range g.members {
			if m.join != nil {
				m.join(JoinResponse{Code: code, MemberID: m.id, Generation: -1})
				m.join = nil
			}
		}
	}
}

// codeOf gives the code to answer an error with.
func codeOf(err error) coordinator.Code {
	var code coordinator.Code
	switch {
	case err == nil:
		return coordinator.OK
	case errors.As(err, &code):
		return code
	}
	return coordinator.UnknownServerError
}
