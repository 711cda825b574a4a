package group

import (
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// waitingMax bounds the requests that wait for one group's write; more are told to come back.
const waitingMax = 16 << 10

// waiting is a request that came while its group was being written: exactly one of both is called.
type waiting struct {
	run  func(now time.Time)
	drop func(coordinator.Code)
}

// wait parks a request while the group's last change is not committed, and tells whether it did. Changes of a group happen
// one after the other, so each starts from a committed state and a failed write needs no undoing.
func (s *Shard) wait(g *group, run func(now time.Time), drop func(coordinator.Code)) bool {
	switch {
	case g == nil || !g.busy:
		return false
	case s.stopped != nil:
		drop(codeOf(s.stopped))
	case len(g.waiting) >= waitingMax:
		drop(coordinator.NotAvailable)
	default:
		g.waiting = append(g.waiting, waiting{run, drop})
	}
	return true
}

// change is what an event does to a consumer group: a copy of its state, and the records that say the same.
type change struct {
	s       *Shard
	g       *group
	c       *consumers
	now     time.Time
	records []coordinator.Record
	// applied is called when the records are committed, before the answer.
	applied []func(now time.Time)
}

// begin starts a change of a group, which need not be a consumer group yet.
func (s *Shard) begin(now time.Time, g *group) *change {
	ch := &change{s: s, g: g, now: now}
	if g.consumers == nil {
		ch.c = newConsumers()
	} else {
		ch.c = g.consumers.clone()
	}
	return ch
}

// commit writes the change and, when it is committed, makes it the group's state. done gets the outcome; with nothing to
// write it is called at once.
func (ch *change) commit(done func(now time.Time, err error)) {
	s, g := ch.s, ch.g
	if len(ch.records) == 0 {
		ch.apply(ch.now)
		done(ch.now, nil)
		s.settle(g)
		return
	}
	g.busy = true
	s.out.Write(coordinator.Write{Records: ch.records, Done: func(now time.Time, err error) {
		g.busy = false
		if err == nil {
			ch.apply(now)
		}
		done(now, err)
		s.resume(now, g)
	}})
}

func (ch *change) apply(now time.Time) {
	if ch.c != nil {
		ch.g.adopt(ch.c, now)
	}
	for _, fn := range ch.applied {
		fn(now)
	}
}

// resume lets those run that waited for a group's write, up to the next one.
func (s *Shard) resume(now time.Time, g *group) {
	if g.overdue {
		g.overdue = false
		s.plan(now)
	}
	for len(g.waiting) > 0 && !g.busy && s.stopped == nil {
		w := g.waiting[0]
		g.waiting = g.waiting[1:]
		w.run(now)
	}
	if len(g.waiting) == 0 {
		g.waiting = nil
	}
	if s.groups[g.id] == g {
		s.settle(g)
	}
}

// adopt makes c the state of the group. Clocks of members that are gone stop.
func (g *group) adopt(c *consumers, now time.Time) {
	if g.consumers == nil || g.consumers.state() != c.state() {
		g.changed = now
	}
	g.consumers = c
	if g.clocks == nil {
		g.clocks = map[string]clock{}
	}
	maps.DeleteFunc(g.clocks, func(id string, _ clock) bool { return c.members[id] == nil })
	g.state, g.protocolType = c.state(), consumerProtocol
}

func (ch *change) add(r coordinator.Record) { ch.records = append(ch.records, r) }

// describe puts a member's own words in, when they are new.
func (ch *change) describe(m *consumer) {
	if old := ch.c.members[m.id]; old == nil || !old.sameMetadata(m) {
		ch.add(memberRecord(ch.g.id, m))
	}
	ch.c.set(m)
}

// move puts a member's next step in, when there is one.
func (ch *change) move(from, to *consumer) {
	if from == to || from.sameAssignment(to) {
		return
	}
	ch.c.set(to)
	ch.add(currentRecord(ch.g.id, to))
}

// bump starts a new group epoch.
func (ch *change) bump() {
	ch.c.epoch++
	ch.add(epochRecord(ch.g.id, ch.c))
	ch.s.metrics.rebalances.Inc()
}

// retarget computes the target of the current epoch and writes what differs.
func (ch *change) retarget() {
	s := ch.s
	target := ch.c.assignAll(s.topics(), ch.c.assignorName(s.options().defaultAssignor()))
	for _, id := range slices.Sorted(maps.Keys(target)) {
		if old, ok := ch.c.target[id]; !ok || !slices.Equal(old, target[id]) {
			ch.add(targetRecord(ch.g.id, id, target[id]))
		}
	}
	ch.c.target, ch.c.targetEpoch = target, ch.c.epoch
	ch.add(targetEpochRecord(ch.g.id, ch.c.targetEpoch, ch.now))
}

// drop takes a member out with everything that is in the log of it.
func (ch *change) drop(m *consumer) {
	ch.c.remove(m)
	ch.add(tombstone(currentKey(ch.g.id, m.id)))
	if _, ok := ch.c.target[m.id]; ok {
		ch.add(tombstone(targetKey(ch.g.id, m.id)))
		delete(ch.c.target, m.id)
	}
	ch.add(tombstone(memberKey(ch.g.id, m.id)))
	ch.dropRegex(m.regex)
}

// dropRegex forgets a regular expression that nobody is subscribed to any more.
func (ch *change) dropRegex(regex string) {
	if _, ok := ch.c.regexes[regex]; !ok {
		return
	}
	for _, m := range ch.c.members {
		if m.regex == regex {
			return
		}
	}
	delete(ch.c.regexes, regex)
	ch.add(tombstone(regexKey(ch.g.id, regex)))
}

// shrink ends a change that took members out: the group, now without them, gets a new epoch, or becomes a classic one.
func (ch *change) shrink() {
	if ch.downgrade() {
		return
	}
	ch.c.hash = ch.c.topicsHash(ch.s.topics())
	ch.bump()
}

// dissolve forgets everything the log knows of the group as a consumer group.
func (ch *change) dissolve() {
	for _, m := range ch.c.sortedMembers() {
		ch.add(tombstone(currentKey(ch.g.id, m.id)))
	}
	for _, id := range slices.Sorted(maps.Keys(ch.c.target)) {
		ch.add(tombstone(targetKey(ch.g.id, id)))
	}
	ch.add(tombstone(targetEpochKey(ch.g.id)))
	for _, m := range ch.c.sortedMembers() {
		ch.add(tombstone(memberKey(ch.g.id, m.id)))
	}
	for _, regex := range slices.Sorted(maps.Keys(ch.c.regexes)) {
		ch.add(tombstone(regexKey(ch.g.id, regex)))
	}
	ch.add(tombstone(epochKey(ch.g.id)))
}
