package group

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/freshetdb/freshet/broker/metadata"
)

// Names of the assignors of this broker, which Kafka's documentation explains.
const (
	AssignorUniform = "uniform"
	AssignorRange   = "range"
)

// subscriber is a member as assignors see it.
type subscriber struct {
	id       string
	instance string
	topics   []metadata.UUID // sorted, that exist
	held     []Partition     // the target so far, sorted
}

// assignment is an assignor's work in progress.
type assignment struct {
	members []subscriber
	sizes   map[metadata.UUID]int32 // partitions of each subscribed topic
}

// assign computes everybody's partitions, sorted, with the assignor of a name.
func (a *assignment) assign(assignor string) map[string][]Partition {
	slices.SortFunc(a.members, func(x, y subscriber) int {
		// Instance ids outlive restarts, so they order first and a restarted member gets what it had.
		return cmp.Or(cmp.Compare(btoi(x.instance == ""), btoi(y.instance == "")), strings.Compare(x.instance, y.instance), strings.Compare(x.id, y.id))
	})
	if len(a.members) == 0 {
		return map[string][]Partition{}
	}
	if assignor == AssignorRange {
		return a.byRange()
	}
	return a.uniformly()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// byRange gives every subscriber a run of neighbouring partitions of each topic; topics of one size and the same
// subscribers are cut alike, so that they can be joined.
func (a *assignment) byRange() map[string][]Partition {
	subscribers := map[metadata.UUID][]int{}
	for i := range a.members {
		for _, t := range a.members[i].topics {
			subscribers[t] = append(subscribers[t], i)
		}
	}
	result := make([][]Partition, len(a.members))
	for t, members := range subscribers {
		n, next := a.sizes[t], int32(0)
		for i, m := range members {
			share := n / int32(len(members))
			if int32(i) < n%int32(len(members)) {
				share++
			}
			for range share {
				result[m] = append(result[m], Partition{t, next})
				next++
			}
		}
	}
	return a.named(result)
}

func (a *assignment) named(result [][]Partition) map[string][]Partition {
	out := make(map[string][]Partition, len(a.members))
	for i := range a.members {
		slices.SortFunc(result[i], comparePartitions)
		out[a.members[i].id] = result[i]
	}
	return out
}

// uniformly spreads partitions as evenly as the subscriptions allow and moves as few as it can.
func (a *assignment) uniformly() map[string][]Partition {
	alike := true
	for i := range a.members {
		alike = alike && slices.Equal(a.members[i].topics, a.members[0].topics)
	}
	if alike {
		return a.named(a.spreadAlike())
	}
	return a.named(a.spreadUnlike())
}

// spreadAlike is for members with one subscription: each keeps what it has up to its share, the rest fills up those below it.
func (a *assignment) spreadAlike() [][]Partition {
	total := 0
	for _, t := range a.members[0].topics {
		total += int(a.sizes[t])
	}
	least, extra := total/len(a.members), total%len(a.members)
	quota := a.quotas(least, extra)
	taken := make(map[Partition]struct{}, total)
	result := make([][]Partition, len(a.members))
	for i := range a.members {
		for _, p := range a.members[i].held {
			if len(result[i]) == quota[i] {
				break
			}
			if _, dup := taken[p]; !dup && a.valid(i, p) {
				result[i] = append(result[i], p)
				taken[p] = struct{}{}
			}
		}
	}
	next := 0
	for _, t := range a.members[0].topics {
		for p := range a.sizes[t] {
			tp := Partition{t, p}
			if _, ok := taken[tp]; ok {
				continue
			}
			for len(result[next]) >= quota[next] {
				next++
			}
			result[next] = append(result[next], tp)
		}
	}
	return result
}

// quotas gives the shares; the larger ones go to those who hold more already, so that fewer partitions move.
func (a *assignment) quotas(least, extra int) []int {
	quota := make([]int, len(a.members))
	order := make([]int, len(a.members))
	for i := range order {
		quota[i], order[i] = least, i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Compare(len(a.members[y].held), len(a.members[x].held))
	})
	for _, i := range order[:extra] {
		quota[i]++
	}
	return quota
}

// valid tells whether a member may have a partition: it is subscribed and the partition exists.
func (a *assignment) valid(member int, p Partition) bool {
	_, subscribed := slices.BinarySearchFunc(a.members[member].topics, p.Topic, compareIDs)
	return subscribed && p.Partition < a.sizes[p.Topic]
}

func compareIDs(a, b metadata.UUID) int { return slices.Compare(a[:], b[:]) }

// spreadUnlike is for members with different subscriptions: what is held stays, what is free goes to the subscriber with
// least, topics with few subscribers first; then partitions move from who has two more than another that could take them.
func (a *assignment) spreadUnlike() [][]Partition {
	subscribers := map[metadata.UUID][]int{}
	for i := range a.members {
		for _, t := range a.members[i].topics {
			subscribers[t] = append(subscribers[t], i)
		}
	}
	topics := slices.SortedFunc(maps.Keys(subscribers), func(x, y metadata.UUID) int {
		return cmp.Or(cmp.Compare(len(subscribers[x]), len(subscribers[y])), compareIDs(x, y))
	})
	load := make([]int, len(a.members))
	owner := map[Partition]int{}
	for i := range a.members {
		for _, p := range a.members[i].held {
			if _, dup := owner[p]; !dup && a.valid(i, p) {
				owner[p] = i
				load[i]++
			}
		}
	}
	least := func(t metadata.UUID) int {
		return slices.MinFunc(subscribers[t], func(x, y int) int { return cmp.Compare(load[x], load[y]) })
	}
	for _, t := range topics {
		for p := range a.sizes[t] {
			if _, ok := owner[Partition{t, p}]; !ok {
				m := least(t)
				owner[Partition{t, p}] = m
				load[m]++
			}
		}
	}
	for range len(a.members) + 1 { // every round evens out; a bound in case of a mistake in this reasoning
		moved := false
		for _, t := range topics {
			for p := range a.sizes[t] {
				from, to := owner[Partition{t, p}], least(t)
				if load[from] > load[to]+1 {
					owner[Partition{t, p}] = to
					load[from]--
					load[to]++
					moved = true
				}
			}
		}
		if !moved {
			break
		}
	}
	result := make([][]Partition, len(a.members))
	for p, m := range owner {
		result[m] = append(result[m], p)
	}
	return result
}
