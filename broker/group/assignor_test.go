package group

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/freshetdb/freshet/broker/metadata"
)

// TestAssignors checks random groups: everything that somebody is subscribed to is assigned once, to a subscriber; alike
// subscriptions are even to one partition; and who assigns twice moves nothing.
func TestAssignors(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 3))
	for round := range 300 {
		a, alike := randomGroup(rng, round%2 == 0)
		for _, assignor := range []string{AssignorUniform, AssignorRange} {
			members := slices.Clone(a.members)
			target := a.assign(assignor)
			if err := sound(a, target, alike && assignor == AssignorUniform); err != nil {
				t.Fatalf("seed %d, round %d, %s: %v", seed, round, assignor, err)
			}
			for i := range a.members {
				a.members[i].held = target[a.members[i].id]
			}
			if again := a.assign(assignor); !maps.EqualFunc(target, again, slices.Equal) {
				t.Fatalf("seed %d, round %d, %s: %v became %v", seed, round, assignor, target, again)
			}
			a.members = members
		}
	}
}

func randomGroup(rng *rand.Rand, alike bool) (*assignment, bool) {
	a := &assignment{sizes: map[metadata.UUID]int32{}}
	for i := range 1 + rng.IntN(4) {
		a.sizes[metadata.UUID{byte(i + 1)}] = int32(1 + rng.IntN(9))
	}
	all := slices.SortedFunc(maps.Keys(a.sizes), compareIDs)
	for i := range 1 + rng.IntN(6) {
		s := subscriber{id: fmt.Sprint("m", i)}
		for _, topic := range all {
			if alike || rng.IntN(2) == 0 {
				s.topics = append(s.topics, topic)
			}
			for p := range a.sizes[topic] + 2 { // what it had, overlaps and what is gone included
				if rng.IntN(4) == 0 {
					s.held = append(s.held, Partition{topic, p})
				}
			}
		}
		a.members = append(a.members, s)
	}
	return a, alike
}

func sound(a *assignment, target map[string][]Partition, even bool) error {
	owner := map[Partition]string{}
	most, least := 0, 1<<20
	wanted := map[metadata.UUID]bool{}
	for _, m := range a.members {
		most, least = max(most, len(target[m.id])), min(least, len(target[m.id]))
		for _, topic := range m.topics {
			wanted[topic] = true
		}
		for _, p := range target[m.id] {
			if owner[p] != "" {
				return fmt.Errorf("%v is of %s and %s", p, owner[p], m.id)
			}
			owner[p] = m.id
			if !slices.Contains(m.topics, p.Topic) || p.Partition >= a.sizes[p.Topic] {
				return fmt.Errorf("%s must not have %v", m.id, p)
			}
		}
	}
	total := 0
	for topic := range wanted {
		total += int(a.sizes[topic])
	}
	if len(owner) != total {
		return fmt.Errorf("%d of %d partitions are assigned", len(owner), total)
	}
	if even && most-least > 1 {
		return fmt.Errorf("between %d and %d partitions a member", least, most)
	}
	return nil
}

// BenchmarkQuietHeartbeat is the heartbeat nearly all are: nothing new on either side.
func BenchmarkQuietHeartbeat(b *testing.B) {
	topics := newFakeTopics()
	topics.set("t", 100)
	sim := &beatSimulation{topics: topics}
	sim.shard = New(Options{}, Deps{Topics: func() Topics { return topics }})
	sim.shard.Start(sim.now, 0, sim)
	join := ConsumerHeartbeat{Group: "g", MemberID: "m", Topics: []string{"t"}, Holds: []Partition{}, RebalanceTimeout: 1}
	var epoch int32
	sim.shard.ConsumerHeartbeat(sim.now, join, func(r ConsumerResponse) { epoch = r.Epoch })
	sim.settle(nil)
	beat := ConsumerHeartbeat{Group: "g", MemberID: "m", Epoch: epoch, RebalanceTimeout: -1}
	b.ReportAllocs()
	for b.Loop() {
		sim.shard.ConsumerHeartbeat(sim.now, beat, func(r ConsumerResponse) {
			if r.Code != 0 {
				b.Fatal(r)
			}
		})
	}
}

// BenchmarkAssignUniform spreads 10,000 partitions over 1,000 members, one of which is new.
func BenchmarkAssignUniform(b *testing.B) {
	id := metadata.UUID{1}
	a := &assignment{sizes: map[metadata.UUID]int32{id: 10_000}}
	for i := range 1000 {
		a.members = append(a.members, subscriber{id: fmt.Sprint("m", i), topics: []metadata.UUID{id}})
	}
	target := a.assign(AssignorUniform)
	for i := range a.members[1:] {
		a.members[i].held = target[a.members[i].id]
	}
	b.ReportAllocs()
	for b.Loop() {
		a.assign(AssignorUniform)
	}
}
