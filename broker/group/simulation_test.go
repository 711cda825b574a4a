package group

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// simMember is a client as it should behave: it joins, syncs, sends heartbeats, and now and then leaves, dies, or is slow.
type simMember struct {
	sim        *simulation
	name       string
	instance   string
	id         string
	generation int32
	leader     bool
	members    []JoinedMember
	owned      map[string]bool // partitions, while it believes in its generation
	waiting    bool            // for an answer
	asked      time.Time       // when it began to wait
	next       func()          // what it does next
	dead       bool
	beat       time.Time
	life       int // answers to an earlier life are not for this one
}

// simulation is a group of such members over a shard whose writes take a while and sometimes fail.
type simulation struct {
	t     *testing.T
	rng   *rand.Rand
	shard *Shard
	now   time.Time
	all   []*simMember
	queue []coordinator.Write
	trace []string
}

func (s *simulation) Write(w coordinator.Write)   { s.queue = append(s.queue, w) }
func (s *simulation) Post(fn func(now time.Time)) { fn(s.now) }
func (s *simulation) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

const (
	simSession    = 10 * time.Second
	simRebalance  = 30 * time.Second
	simPartitions = 12
)

func (m *simMember) join() {
	m.waiting, m.asked = true, m.sim.now
	life := m.life
	req := JoinRequest{
		Group: "g", MemberID: m.id, InstanceID: m.instance, ClientID: m.name, SessionTimeout: simSession, RebalanceTimeout: simRebalance,
		ProtocolType: "consumer", Protocols: []Protocol{{Name: "range"}}, RequireKnownMemberID: true,
	}
	answered := false
	m.sim.shard.Join(m.sim.now, req, func(r JoinResponse) {
		if answered {
			m.sim.t.Fatal("a join was answered twice")
		}
		answered = true
		if m.dead || m.life != life {
			return
		}
		m.waiting = false
		m.joined(r)
	})
}

func (m *simMember) joined(r JoinResponse) {
	m.sim.note("%s joined: %s as %s, generation %d, leader %s", m.name, r.Code.Error(), r.MemberID, r.Generation, r.Leader)
	switch r.Code {
	case coordinator.OK:
		m.id, m.generation, m.leader, m.members = r.MemberID, r.Generation, r.Leader == r.MemberID, r.Members
		m.next = m.sync
	case coordinator.MemberIDRequired:
		m.id, m.next = r.MemberID, m.join
	case coordinator.UnknownMemberID:
		m.id, m.next = "", m.join
	case coordinator.FencedInstanceID: // another life of it took its place
		m.die()
	default:
		m.next = m.join
	}
}

func (m *simMember) sync() {
	m.waiting, m.asked = true, m.sim.now
	life := m.life
	req := SyncRequest{Group: "g", MemberID: m.id, InstanceID: m.instance, Generation: m.generation}
	if m.leader {
		req.Assignments = map[string][]byte{}
		for p := range simPartitions {
			to := m.members[p%len(m.members)].MemberID
			req.Assignments[to] = append(req.Assignments[to], fmt.Sprintf("%d ", p)...)
		}
	}
	answered := false
	m.sim.shard.Sync(m.sim.now, req, func(r SyncResponse) {
		if answered {
			m.sim.t.Fatal("a sync was answered twice")
		}
		answered = true
		if m.dead || m.life != life {
			return
		}
		m.waiting = false
		m.sim.note("%s synced: %s, %s", m.name, r.Code.Error(), r.Assignment)
		m.next = m.join
		switch r.Code {
		case coordinator.OK:
			m.owned = map[string]bool{}
			for p := range strings.FieldsSeq(string(r.Assignment)) {
				m.owned[p] = true
			}
			m.next = nil
		case coordinator.UnknownMemberID:
			m.id = ""
		}
	})
}

func (m *simMember) heartbeat() {
	m.beat = m.sim.now
	var code coordinator.Code
	who := Committer{Group: "g", MemberID: m.id, InstanceID: m.instance, Generation: m.generation}
	m.sim.shard.Heartbeat(m.sim.now, who, func(c coordinator.Code) { code = c })
	switch code {
	case coordinator.OK:
		return
	case coordinator.UnknownMemberID, coordinator.FencedInstanceID:
		m.id = ""
	}
	m.sim.note("%s told by heartbeat: %s", m.name, code.Error())
	m.owned = nil // eager rebalancing: everything is given up before joining again
	m.next = m.join
}

func (m *simMember) die() {
	m.sim.note("%s died", m.name)
	m.dead, m.owned, m.waiting = true, nil, false
}

func (m *simMember) revive() {
	m.sim.note("%s begins", m.name)
	m.life++
	m.dead, m.id, m.waiting, m.next, m.beat = false, "", false, m.join, m.sim.now
}

// step lets one thing happen.
func (s *simulation) step(wild bool) {
	m := s.all[s.rng.IntN(len(s.all))]
	switch n := s.rng.IntN(100); {
	case n < 30:
		s.settle(wild && s.rng.IntN(20) == 0)
	case n < 45:
		s.now = s.now.Add(time.Duration(s.rng.IntN(1000)) * time.Millisecond)
		s.beats()
	case wild && n < 47 && !m.dead:
		m.die()
	case wild && n < 49 && !m.dead && m.id != "" && !m.waiting:
		s.shard.Leave(s.now, "g", []LeavingMember{{MemberID: m.id, InstanceID: m.instance}}, func(coordinator.Code, []coordinator.Code) {})
		m.die()
	case n < 60 && m.dead:
		m.revive()
	case !m.dead && !m.waiting && m.next != nil:
		next := m.next
		m.next = nil
		next()
	}
	tick(s.t, s.shard, s.now)
	s.check()
}

// beats sends the heartbeats that are due; clients send them by a thread of their own, while they wait for nothing.
func (s *simulation) beats() {
	for _, m := range s.all {
		if !m.dead && !m.waiting && m.next == nil && m.id != "" && s.now.Sub(m.beat) > simSession/4 {
			m.heartbeat()
		}
	}
}

func (s *simulation) settle(fail bool) {
	for len(s.queue) > 0 {
		w := s.queue[0]
		s.queue = s.queue[1:]
		var err error
		if fail {
			err = coordinator.StorageError
		}
		w.Done(s.now, err)
	}
}

// check holds the promises: within a generation nobody owns what another does, and nobody waits longer for an answer than a
// rebalance may take. The clock goes on a second at most, and a write takes some of them.
func (s *simulation) check() {
	owner := map[string]*simMember{}
	for _, m := range s.all {
		if m.waiting && s.now.Sub(m.asked) > simRebalance+10*time.Second {
			s.fail("%s waits for an answer since %v", m.name, s.now.Sub(m.asked))
		}
		for p := range m.owned {
			if o := owner[p]; o != nil && o.generation == m.generation {
				s.fail("%s and %s own partition %s in generation %d", o.name, m.name, p, m.generation)
			}
			owner[p] = m
		}
	}
}

func (s *simulation) fail(format string, args ...any) {
	s.t.Helper()
	from := max(0, len(s.trace)-40)
	s.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(s.trace[from:], "\n"))
}

// stable tells whether everybody is in and everything is owned.
func (s *simulation) stable() bool {
	total := 0
	for _, m := range s.all {
		if m.dead || m.waiting || m.next != nil {
			return false
		}
		total += len(m.owned)
	}
	return total == simPartitions && s.shard.Describe("g").State == Stable
}

// TestSimulation lets members come, go, die and sleep, with writes that fail; afterwards, left alone, the group must come
// to rest with every partition owned once.
func TestSimulation(t *testing.T) {
	first := rand.Uint64()
	for seed := first; seed < first+200; seed++ {
		s := &simulation{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: time.UnixMilli(1), shard: New(Options{InitialRebalanceDelay: -1}, Deps{})}
		s.shard.Start(s.now, 0, s)
		for i := range 5 {
			m := &simMember{sim: s, name: fmt.Sprint("m", i), dead: true}
			if i%2 == 0 {
				m.instance = fmt.Sprint("i", i)
			}
			s.all = append(s.all, m)
		}
		s.note("seed %d", seed)
		for range 600 {
			s.step(true)
		}
		steps := 0
		for ; !s.stable() && steps < 20_000; steps++ {
			s.step(false)
		}
		if !s.stable() {
			s.fail("seed %d: no rest after %d steps: %+v", seed, steps, s.shard.Describe("g"))
		}
	}
}
