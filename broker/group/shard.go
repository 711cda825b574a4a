// Package group keeps consumer groups: who belongs to them, who reads what, and how far they have read.
//
// A Shard is the state machine of one partition of __consumer_offsets. It does no I/O and reads no clock: events come
// with the time they happen at, records go out through the coordinator's runtime, in Kafka's own formats, and what is
// durable (offsets, assignments) changes when they are committed.
//
// A classic group's members agree among themselves who reads what; the coordinator keeps them in step by generations. In a
// consumer group (KIP-848) the coordinator decides, and leads each member there by epochs: everything it knows is in the
// log, a change is made on a copy of the group that replaces it when committed, and requests that come meanwhile wait.
package group

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Shard holds the groups of one partition. All methods must be called on the shard's goroutine.
type Shard struct {
	metrics *metrics
	deps    Deps
	opts    *atomic.Pointer[Options]
	groups  map[string]*group
	out     coordinator.Shard
	next    time.Time                     // no timer is due before
	seq     uint64                        // of the last offset write, in log order
	open    map[int64]map[string]struct{} // groups with offsets in an open transaction, by producer id
	newID   func() string
	stopped error     // once stopped
	swept   time.Time // when what is too old was last looked for
}

// Deps are what a shard looks at besides its log.
type Deps struct {
	// Topics gives the cluster's topics as they are now.
	Topics func() Topics
	// Configs gives what is set for a group by name, nil for nothing; a nil function sets nothing for any.
	Configs func(group string) map[string]string
}

// New makes an empty shard, whose figures nobody sees.
func New(opts Options, deps Deps) *Shard {
	shared := new(atomic.Pointer[Options])
	opts = opts.withDefaults()
	shared.Store(&opts)
	return newShard(shared, deps, newMetrics(nil))
}

func newShard(opts *atomic.Pointer[Options], deps Deps, m *metrics) *Shard {
	return &Shard{
		metrics: m,
		deps:    deps,
		opts:    opts,
		groups:  map[string]*group{},
		open:    map[int64]map[string]struct{}{},
		newID:   randomID,
	}
}

// options are the ones in force now.
func (s *Shard) options() *Options { return s.opts.Load() }

func (s *Shard) topics() Topics { return s.deps.Topics() }

// configs gives what holds for a consumer group: its own configs, or the broker's.
func (s *Shard) configs(group string) Config {
	opts := s.options()
	c := Config{HeartbeatInterval: opts.HeartbeatInterval, SessionTimeout: opts.SessionTimeout}
	if s.deps.Configs == nil {
		return c
	}
	set := s.deps.Configs(group)
	for name, field := range map[string]*time.Duration{
		ConfigHeartbeatInterval: &c.HeartbeatInterval, ConfigSessionTimeout: &c.SessionTimeout,
	} {
		if ms, err := strconv.ParseInt(set[name], 10, 32); err == nil && ms > 0 {
			*field = time.Duration(ms) * time.Millisecond
		}
	}
	return c
}

func randomID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // random, of RFC 9562
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
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
	if g.consumers == nil { // clocks of consumer groups are planned when set
		s.plan(g.nextTimer())
	}
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
		if g.overdue { // looked at again when its write is over
			continue
		}
		s.settle(g)
		s.plan(g.nextTimer())
	}
	s.sweep(now)
	return s.next
}

// nextTimer is the earliest instant at which something of the group runs out.
func (g *group) nextTimer() time.Time {
	if g.consumers != nil {
		return g.nextClock()
	}
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
		if g.storing != g.generation {
			consider(g.syncDeadline)
		}
	case Stable:
		if g.anySilent() {
			consider(g.syncDeadline)
		}
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
	if g.consumers != nil {
		s.fireClocks(now, g)
		return
	}
	if g.busy {
		g.overdue = true
		return
	}
	for _, id := range slices.Sorted(maps.Keys(g.pending)) {
		if !g.pending[id].After(now) {
			s.dropPending(now, g, id)
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
	case g.state == CompletingRebalance && !g.syncDeadline.After(now) && g.storing != g.generation:
		s.expelSilent(now, g)
	case g.state == Stable && !g.syncDeadline.After(now) && g.anySilent():
		s.expelSilent(now, g)
	}
}

// anySilent tells whether a member has not asked for its assignment in this generation.
func (g *group) anySilent() bool {
	return slices.ContainsFunc(g.members, func(m *member) bool { return !m.synced })
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
		if g.consumers != nil {
			g.changed = now
			s.startClocks(now, g)
		}
		s.settle(g)
	}
	s.swept = now
	s.planSweep()
}

// Stop implements coordinator.Machine.
func (s *Shard) Stop(err error) {
	code := codeOf(err)
	s.stopped = err
	for _, g := range s.groups {
		g.failAll(code)
		for _, w := range g.waiting {
			w.drop(code)
		}
		g.waiting = nil
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
