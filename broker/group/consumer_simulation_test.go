package group

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// beater is a member of a consumer group as it should behave (KIP-848): it uses what it was told to, gives up what it is
// told no more before it says so, and starts anew when it is fenced.
type beater struct {
	sim      *beatSimulation
	name     string
	id       string
	instance *string
	regex    bool
	epoch    int32 // 0 until it joined
	uses     map[Partition]bool
	full     bool // the next heartbeat says everything, since the last may be lost
	waiting  bool
	dead     bool
	life     int
	beat     time.Time
	lost     time.Time // when it stops by itself, because nobody answers
}

// beatSimulation is a group of them over a shard that is slow, fails, and is replaced by another that read the log.
type beatSimulation struct {
	t      *testing.T
	rng    *rand.Rand
	shard  *Shard
	topics fakeTopics
	now    time.Time
	all    []*beater
	queue  []coordinator.Write
	log    []coordinator.Record
	shards int // replaced so far
	epochs map[string]int32
	commit int64
	trace  []string
}

func (s *beatSimulation) Post(fn func(now time.Time)) { fn(s.now) }
func (s *beatSimulation) Write(w coordinator.Write)   { s.queue = append(s.queue, w) }
func (s *beatSimulation) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

func (s *beatSimulation) fail(format string, args ...any) {
	s.t.Helper()
	from := max(0, len(s.trace)-60)
	s.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(s.trace[from:], "\n"))
}

var beatOptions = Options{HeartbeatInterval: time.Second, SessionTimeout: 10 * time.Second}

// beatRebalance is longer than a session, as clients have it: who is alive gives up in time what it is asked to.
const beatRebalance = 30 * time.Second

func (s *beatSimulation) open() {
	s.shard = New(beatOptions, Deps{Topics: func() Topics { return s.topics }})
	s.shards++
	for _, r := range s.log {
		if err := s.shard.Replay(coordinator.Entry{Record: r, ProducerID: -1}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.shard.Start(s.now, int32(s.shards), s)
}

// replace ends the shard, as when its partition moves; what was not committed is lost, or not.
func (s *beatSimulation) replace() {
	s.note("another coordinator")
	for len(s.queue) > 0 && s.rng.IntN(2) == 0 {
		s.settle(nil)
	}
	s.shard.Stop(coordinator.NotCoordinator)
	for len(s.queue) > 0 {
		w := s.queue[0]
		s.queue = s.queue[1:]
		if s.rng.IntN(2) == 0 { // committed, though nobody heard of it
			s.log = append(s.log, w.Records...)
		}
		w.Done(s.now, coordinator.NotCoordinator)
	}
	if s.rng.IntN(3) == 0 {
		fresh := New(beatOptions, Deps{Topics: func() Topics { return s.topics }})
		for _, r := range s.log {
			if err := fresh.Replay(coordinator.Entry{Record: r, ProducerID: -1}); err != nil {
				s.t.Fatal(err)
			}
		}
		s.log, _ = fresh.Snapshot()
	}
	s.open()
}

// settle ends the oldest write.
func (s *beatSimulation) settle(err error) {
	if len(s.queue) == 0 {
		return
	}
	w := s.queue[0]
	s.queue = s.queue[1:]
	if err == nil {
		s.log = append(s.log, w.Records...)
	}
	w.Done(s.now, err)
}

func (b *beater) start() {
	b.life++
	b.dead, b.waiting, b.epoch, b.full = false, false, 0, false
	b.uses = map[Partition]bool{}
	b.id = fmt.Sprintf("%s-%d", b.name, b.life)
	b.beat, b.lost = time.Time{}, b.sim.now.Add(beatOptions.SessionTimeout)
	b.sim.note("%s begins", b.id)
}

func (b *beater) die(why string) {
	b.sim.note("%s ends: %s", b.id, why)
	b.dead, b.uses = true, nil
}

func (b *beater) request() ConsumerHeartbeat {
	req := ConsumerHeartbeat{Group: "g", MemberID: b.id, Epoch: b.epoch, InstanceID: b.instance, ClientID: b.name, RebalanceTimeout: -1, NamesItself: true}
	if b.epoch == 0 || b.full {
		req.RebalanceTimeout = beatRebalance
		req.Topics = []string{"t", "u"}
		if b.regex {
			pattern := "[tuv]"
			req.Topics, req.Regex = []string{}, &pattern
		}
	}
	req.Holds = []Partition{}
	for p := range b.uses {
		req.Holds = append(req.Holds, p)
	}
	return req
}

// heartbeat sends one; the answer comes, or is lost on the way, and the question may come twice.
func (b *beater) heartbeat() {
	s := b.sim
	req := b.request()
	life := b.life
	b.waiting, b.beat = true, s.now
	lost := s.rng.IntN(15) == 0
	answered := false
	reply := func(r ConsumerResponse) {
		if answered {
			s.t.Fatal("a heartbeat was answered twice")
		}
		answered = true
		if b.dead || b.life != life {
			return
		}
		b.waiting = false
		if lost {
			s.note("%s did not hear: %s, epoch %d", b.id, r.Code.Error(), r.Epoch)
			b.full = true
			return
		}
		b.heard(r)
	}
	if s.rng.IntN(15) == 0 {
		s.shard.ConsumerHeartbeat(s.now, req, func(ConsumerResponse) {})
		b.full = true
		req = b.request()
	}
	s.shard.ConsumerHeartbeat(s.now, req, reply)
}

func (b *beater) heard(r ConsumerResponse) {
	s := b.sim
	s.note("%s heard: %s, epoch %d, %v", b.id, r.Code.Error(), r.Epoch, short(r.Assigned))
	switch r.Code {
	case coordinator.OK:
		b.lost = s.now.Add(beatOptions.SessionTimeout)
		if r.Epoch < b.epoch {
			s.fail("%s went back from epoch %d to %d", b.id, b.epoch, r.Epoch)
		}
		b.epoch, b.full = r.Epoch, false
		if r.Assigned != nil {
			b.uses = map[Partition]bool{}
			for _, p := range r.Assigned {
				b.uses[p] = true
			}
		}
	case coordinator.NotCoordinator, coordinator.StorageError, coordinator.NotAvailable:
		b.full = true
	case coordinator.FencedMemberEpoch, coordinator.UnknownMemberID:
		b.die("fenced")
	case coordinator.UnreleasedInstanceID: // until the former life's session ends
		b.die("instance id in use")
	default:
		s.fail("%s: %s %s", b.id, r.Code.Error(), r.Message)
	}
}

func short(list []Partition) string {
	var words []string
	for _, p := range list {
		words = append(words, fmt.Sprintf("%d-%d", p.Topic[15], p.Partition))
	}
	return strings.Join(words, " ")
}

func (b *beater) leave(epoch int32) {
	s := b.sim
	req := ConsumerHeartbeat{Group: "g", MemberID: b.id, Epoch: epoch, InstanceID: b.instance, RebalanceTimeout: -1, NamesItself: true}
	b.die(fmt.Sprintf("leaves with %d", epoch))
	s.shard.ConsumerHeartbeat(s.now, req, func(r ConsumerResponse) { s.note("%s left: %s", req.MemberID, r.Code.Error()) })
}

// position commits a growing position as one of the members; it must never be seen to go back.
func (b *beater) position() {
	s := b.sim
	s.commit++
	list := []TopicOffset{{Topic: "t", Partition: 0, Offset: Offset{Offset: s.commit, LeaderEpoch: -1}}}
	s.shard.Commit(s.now, Committer{Group: "g", MemberID: b.id, Generation: b.epoch, KnowsEpochs: true}, list, func([]TopicOffset) {})
}

// step lets one thing happen.
func (s *beatSimulation) step(wild bool) {
	b := s.all[s.rng.IntN(len(s.all))]
	switch n := s.rng.IntN(100); {
	case n < 35:
		var err error
		if wild && s.rng.IntN(25) == 0 {
			err = coordinator.StorageError
		}
		s.settle(err)
	case n < 55:
		s.now = s.now.Add(time.Duration(s.rng.IntN(300)) * time.Millisecond)
	case wild && n == 55:
		s.topics.set([]string{"t", "u", "v"}[s.rng.IntN(3)], 3+s.rng.IntN(10))
	case wild && n == 56:
		s.replace()
	case wild && n == 57 && !b.dead:
		b.die("crash")
	case wild && n == 58 && !b.dead && b.epoch > 0 && !b.waiting:
		b.leave(epochLeave)
	case wild && n == 59 && !b.dead && b.epoch > 0 && !b.waiting && b.instance != nil:
		b.leave(epochStaticLeave)
	case n < 62 && b.dead:
		b.start()
	case n < 65 && !b.dead && b.epoch > 0:
		b.position()
	case !b.dead && !b.waiting && !s.now.Before(b.beat.Add(beatOptions.HeartbeatInterval)):
		b.heartbeat()
	}
	for _, b := range s.all { // a client that hears nothing for a session stops before the coordinator gives up on it
		if !b.dead && !s.now.Before(b.lost) && s.shards > 0 {
			b.die("heard nothing")
		}
	}
	tick(s.t, s.shard, s.now)
	s.check()
}

// check holds the promises.
func (s *beatSimulation) check() {
	owner := map[Partition]*beater{}
	for _, b := range s.all {
		for p := range b.uses {
			if o := owner[p]; o != nil {
				s.fail("%s and %s both use %s", o.id, b.id, short([]Partition{p}))
			}
			owner[p] = b
		}
	}
	d := s.shard.DescribeConsumers("g")
	if d.Code == coordinator.OK && d.AssignmentEpoch > d.Epoch {
		s.fail("target of epoch %d in epoch %d", d.AssignmentEpoch, d.Epoch)
	}
	if d.Code == coordinator.OK {
		if d.Epoch < s.epochs["g"] {
			s.fail("the group went back from epoch %d to %d", s.epochs["g"], d.Epoch)
		}
		s.epochs["g"] = d.Epoch
	}
	found := s.shard.Fetch("g", []TopicOffset{{Topic: "t"}}, false)
	if o := found[0].Offset.Offset; int32(o) < s.epochs["position"] {
		s.fail("the position went back from %d to %d", s.epochs["position"], o)
	} else if o >= 0 {
		s.epochs["position"] = int32(o)
	}
}

// rest tells whether everybody is in and everything is used, evenly.
func (s *beatSimulation) rest() bool {
	if d := s.shard.DescribeConsumers("g"); d.State != Stable || len(d.Members) != len(s.all) {
		return false
	}
	var most, least, total int
	least = 1 << 20
	for _, b := range s.all {
		if b.dead || b.epoch == 0 {
			return false
		}
		most, least, total = max(most, len(b.uses)), min(least, len(b.uses)), total+len(b.uses)
	}
	want := len(s.topics.Topic("t").Partitions) + len(s.topics.Topic("u").Partitions) + len(s.topics.Topic("v").Partitions)
	return total == want && most-least <= 1
}

// TestConsumerSimulation lets members come, go, die, mishear and repeat themselves, topics grow, writes fail and the
// coordinator move; afterwards, left alone, the group must come to rest with every partition used once, evenly.
func TestConsumerSimulation(t *testing.T) {
	first := rand.Uint64()
	for seed := first; seed < first+25; seed++ {
		s := &beatSimulation{t: t, rng: rand.New(rand.NewPCG(seed, 2)), now: time.UnixMilli(1_000_000), topics: newFakeTopics(), epochs: map[string]int32{"position": -1}}
		s.topics.set("t", 5)
		s.topics.set("u", 4)
		s.topics.set("v", 3)
		s.open()
		for i := range 4 {
			b := &beater{sim: s, name: fmt.Sprint("m", i), dead: true, regex: true}
			if i%2 == 0 {
				instance := fmt.Sprint("i", i)
				b.instance = &instance
			}
			s.all = append(s.all, b)
		}
		s.note("seed %d", seed)
		for range 1500 {
			s.step(true)
		}
		steps := 0
		for ; !s.rest() && steps < 60_000; steps++ {
			s.step(false)
		}
		if !s.rest() {
			s.fail("seed %d: no rest after %d steps: %+v", seed, steps, s.shard.DescribeConsumers("g"))
		}
		s.same()
	}
}

// same tells whether the log rebuilds what the shard knows.
func (s *beatSimulation) same() {
	for len(s.queue) > 0 {
		s.settle(nil)
	}
	before, _ := s.shard.Snapshot()
	s.open()
	after, _ := s.shard.Snapshot()
	text := func(records []coordinator.Record) []string {
		var lines []string
		for _, r := range records {
			if !strings.HasPrefix(string(r.Key), "\x00\x10") { // when a regular expression was looked at is not in the log
				lines = append(lines, fmt.Sprintf("%q %q", r.Key, r.Value))
			}
		}
		return lines
	}
	if a, b := text(before), text(after); !slices.Equal(a, b) {
		s.fail("replayed, the group is another:\n%s\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}
